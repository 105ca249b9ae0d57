//! Every limit of deliveries, in one place.

use std::time::Duration;

/// The whole of an attempt: name, connection, handshake, request and the answer's head.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long and how far an answer's body is read, only so that the connection can be used again.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(1);
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// How many addresses of a host are tried in one attempt.
pub const ADDRESSES_MAX: usize = 8;

/// Idle connections that are kept, and how long.
pub const IDLE_MAX: usize = 64;
pub const IDLE_KEPT: Duration = Duration::from_secs(10);

/// Attempts under way to one endpoint, and to all of them.
pub const LANES_MAX: usize = 16;
pub const ATTEMPTS_MAX: usize = 512;
/// While an answer is outstanding, the next first attempt to the same endpoint waits this long: a
/// receiver that is quick hears everything in order, one after the other. With many of them behind
/// it, it waits less.
pub const PATIENCE: Duration = Duration::from_millis(250);
pub const PATIENCE_CROWDED: Duration = Duration::from_millis(2);
/// From how many on they are many.
pub const CROWD: usize = 32;

/// Deliveries of one endpoint that are held in memory; the others wait in the store.
pub const WAITING_MAX: usize = 256;
/// Rows that are read at a time.
pub const PAGE_ROWS: usize = 256;
/// New deliveries of a workspace that its desk has not looked at yet; beyond that it reads them
/// from the store.
pub const INBOX_MAX: usize = 1024;

/// The longest sleep: the machine's clock may be set.
pub const SLEEP_MAX: Duration = Duration::from_secs(60);
/// How long a workspace pauses when the store failed it.
pub const FAULT_PAUSE: Duration = Duration::from_secs(1);
/// How often one that cannot be read stops those behind it.
pub const READ_TRIES_MAX: u32 = 3;
/// How often the rows are asked where another program makes the deliveries.
pub const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long a command waits when the committer's queue is full.
pub const QUEUE_PAUSE: Duration = Duration::from_millis(10);
/// How long attempts under way may take when the program stops.
pub const STOP_GRACE: Duration = Duration::from_secs(2);

/// Attempts of one delivery that are remembered; the oldest are dropped.
pub const ATTEMPTS_KEPT_MAX: usize = 50;
/// Rows of the delivery log that one request gets, and that it looks at.
pub const LOG_ROWS_MAX: usize = 100;
pub const LOG_LOOKED_AT_MAX: usize = 1000;
/// How many deliveries are counted as still to be made.
pub const COUNTED_MAX: usize = 10_000;
