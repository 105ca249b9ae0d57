//! Every limit of the HTTP side, in one place.

use std::time::Duration;

/// The request line, as the real API's edge has it.
pub const REQUEST_LINE_BYTES_MAX: usize = 16 * 1024;
/// The head of a request, headers and all.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// A body that is no file.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// How long a client may take to send a request's head, and a connection may idle.
pub const HEAD_READ_TIMEOUT: Duration = Duration::from_secs(75);
/// How long a client may take to send a body.
pub const BODY_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections served at once; more wait to be accepted.
pub const CONNECTIONS_MAX: usize = 4096;
/// How long requests in progress may take to end when the server stops.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Characters of an idempotency key.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// Keys whose workspace is remembered between requests.
pub const CALLERS_CACHED_MAX: usize = 10_000;
/// How long a wait for deliveries may last.
pub const WAIT_MS_MAX: u64 = 60_000;
/// Events listed in the answer of a clock's move.
pub const CLOCK_EVENTS_MAX: usize = 1000;
/// How many times a clock may be stopped on its way to where it is moved.
pub const CLOCK_STEPS_MAX: usize = 100_000;
