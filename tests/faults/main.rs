//! What the machine below does to the server: databases that restart, standbys that take over,
//! disks that are full, writes that are torn. After each, everything that was answered is there
//! exactly once, the books balance, and every event has been told.
//!
//! They load both cores, so they are a binary of their own.

mod database;
mod disk;
#[path = "../scenarios/mechanisms/failpoints.rs"]
mod failpoints;
mod load;
mod torn;
