//! What every resource shares: keys, forms, errors, lists, idempotency, events, webhooks.

mod accounts;
mod authentication;
mod deliveries;
mod endpoints;
mod errors;
mod events;
mod expansion;
mod idempotency;
mod keys;
mod lists;
mod metadata;
mod parameters;
mod rate;
mod retries;
mod routing;
mod tls;
mod verification;

use exchequer_tests::{Folder, Server};

/// A time at which nothing special happens: a Tuesday in November 2023, in the past.
pub const TUESDAY: i64 = 1_700_000_000;

/// A server that knows these keys alone. The folder must live as long as the server.
pub fn server_with_keys(keys: &str, more: &[&str]) -> (Server, Folder) {
    let folder = Folder::new();
    let file = folder.write("keys.toml", keys);
    let mut args = vec!["--keys", file.as_str()];
    args.extend_from_slice(more);
    (Server::start(&args), folder)
}
