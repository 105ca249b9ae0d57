//! What a user would run: every scenario drives a real server over HTTP.
//!
//! Names carry the numbers of the acceptance lists: `platform_36_…`, `treasury_10_…`. The test in
//! `numbers.rs` fails when a listed number has no scenario.

mod mechanisms;
mod numbers;
mod platform;
mod sdk;
mod supporting;
mod treasury;
