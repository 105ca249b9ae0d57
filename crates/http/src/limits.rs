//! Every limit of the HTTP side, in one place, and those that can be set.

use std::time::Duration;

/// The request line, as the real API's edge has it.
pub const REQUEST_LINE_BYTES_MAX: usize = 16 * 1024;
/// The head of a request, headers and all.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// A body that is no file.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// The bodies of all requests that are not answered yet.
pub const BODIES_BYTES_MAX: usize = 64 << 20;
/// Connections that are being told that there are too many; those beyond are dropped.
pub const TURNED_AWAY_MAX: usize = 256;
/// How long such a connection is given to hear it.
pub const TURNED_AWAY_TIMEOUT: Duration = Duration::from_secs(1);
/// For how long a failed commit, if none has stood since, makes the server say it is not ready.
pub const FAILING_FOR: Duration = Duration::from_secs(10);
/// How long requests in progress may take to end when the server stops.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(4);
/// Characters of an idempotency key.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// Keys whose workspace is remembered between requests.
pub const CALLERS_CACHED_MAX: usize = 10_000;
/// Accounts whose rate is remembered at once; one that has rested for a second needs no memory.
pub const RATE_BUCKETS_MAX: usize = 10_000;
/// The highest rate that can be set.
pub const RATE_PER_SECOND_MAX: u32 = 1_000_000;
/// How long a wait for deliveries may last.
pub const WAIT_MS_MAX: u64 = 60_000;
/// Events listed in the answer of a clock's move.
pub const CLOCK_EVENTS_MAX: usize = 1000;
/// How many times a clock may be stopped on its way to where it is moved.
pub const CLOCK_STEPS_MAX: usize = 100_000;

/// Snapshots that a sandbox keeps.
pub const SNAPSHOTS_MAX: usize = 16;
/// Characters of a snapshot's name.
pub const SNAPSHOT_NAME_CHARS_MAX: usize = 64;

/// The limits that whoever runs the server can set.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections served at once; more are refused.
    pub connections: usize,
    /// Commands that may wait for the committer before requests are refused. It is less than the
    /// committer's own queue holds, so that jobs and the results of deliveries still get in.
    pub queued: usize,
    /// How long a client may take to send a head or a body, to take an answer, and to idle.
    pub client_timeout: Duration,
}

impl Limits {
    pub const CONNECTIONS: usize = 4096;
    /// Less than half a second of work.
    pub const QUEUED: usize = 2048;
    pub const QUEUED_MAX: usize = store::committer::QUEUE_MAX / 4 * 3;
    pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(30);
}
