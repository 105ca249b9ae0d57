//! What a user would run: every scenario drives a real server over HTTP.
//!
//! Names carry the numbers of the acceptance list: `platform_36_…`, `treasury_10_…`; the test in
//! `numbers.rs` fails when a listed number has no test.

mod platform;
