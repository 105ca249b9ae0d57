//! What the server is made of: that it holds under load, loss and malice.

mod backoff;
mod bad_input;
mod clock;
mod crashes;
mod encrypted;
pub mod failpoints;
mod isolation;
mod metrics;
mod nodes;
mod rail_files;
mod reads;
mod secrets;
mod snapshots;
mod transfer;
mod verify;
