//! A last write that reached the disk in part: the machine lost its power between two sectors. Only
//! what nobody was answered can be in it, because an answer waits for the flush.

use std::fs;
use std::path::Path;

use exchequer_tests::{Folder, Sandbox, Server, run_program};

use crate::failpoints;
use crate::load::Load;

const WRITERS: usize = 4;
/// Of what was answered, one in so many is sent again to each copy.
const RESENT_EVERY: usize = 16;
/// SQLite's log: a head, then frames of a head and a page each.
const LOG_HEAD: usize = 32;
const FRAME_HEAD: usize = 24;

/// The log of a store, as it was found after the crash.
struct Log {
    bytes: Vec<u8>,
    frame: usize,
    /// Where the last transaction begins and ends.
    last: std::ops::Range<usize>,
}

impl Log {
    fn read(path: &Path) -> Log {
        let bytes = fs::read(path).expect("a log");
        let frame = FRAME_HEAD + number(&bytes, 8) as usize;
        let salts = &bytes[16..24];
        let frames = bytes[LOG_HEAD..].chunks_exact(frame);
        // What an earlier round of the log left behind has other salts.
        let current = frames.take_while(|frame| &frame[8..16] == salts);
        let mut ends = vec![LOG_HEAD];
        for (at, one) in current.enumerate() {
            // The last frame of a transaction says how long the store is.
            if number(one, 4) > 0 {
                ends.push(LOG_HEAD + (at + 1) * frame);
            }
        }
        let end = ends.pop().expect("a transaction");
        let begin = ends.pop().expect("two transactions");
        Log { bytes, frame, last: begin..end }
    }

    /// How often the log has begun anew.
    fn round(&self) -> u32 {
        number(&self.bytes, 12)
    }

    /// Every way in which the last transaction did not get through, and how it is called.
    fn torn(&self) -> Vec<(&'static str, Vec<u8>)> {
        let (begin, end) = (self.last.start, self.last.end);
        let cut = |at: usize| self.bytes[..at].to_vec();
        let over = |range: std::ops::Range<usize>, byte: u8| {
            let mut bytes = self.bytes.clone();
            bytes[range].fill(byte);
            bytes
        };
        vec![
            ("no frame of it", cut(begin)),
            ("a byte of it", cut(begin + 1)),
            ("the head of its last frame", cut(end - self.frame + FRAME_HEAD)),
            ("all but a byte", cut(end - 1)),
            ("zeros for its last sector", over(end - 512..end, 0)),
            ("zeros for its last page", over(end - self.frame + FRAME_HEAD..end, 0)),
            ("rubbish for its first frame", over(begin..begin + self.frame, 0xa5)),
        ]
    }

    /// The whole of it, and something behind it that was on its way.
    fn longer(&self) -> Vec<u8> {
        let mut bytes = self.bytes[..self.last.end].to_vec();
        let begun: Vec<u8> =
            self.bytes[self.last.clone()].iter().take(self.frame - 7).copied().collect();
        bytes.extend(begun);
        bytes
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// A store that was left in the middle, copied for each way to tear it.
struct Left<'a> {
    folder: Folder,
    load: &'a Load,
    key: String,
}

impl Left<'_> {
    /// Starts over that log; everything that was answered is there.
    #[track_caller]
    fn survives(&self, what: &str, log: &[u8], has_last: bool) {
        let copy = Folder::new();
        for name in ["store.db", "store.db.key"] {
            fs::copy(self.folder.file(name), copy.file(name)).expect("a copy");
        }
        fs::write(copy.file("store.db-wal"), log).expect("a log");
        let data = copy.file("store.db");
        let server = Server::start(&["--data", &data]);
        let owner = Sandbox::with_key(&server, &self.key);
        let last = owner.idempotency_key("last");
        let answer = last.post("/v1/treasury/outbound_payments", &self.load.form());
        let replayed = answer.ok().header("Idempotent-Replayed");
        assert_eq!(replayed, has_last.then_some("true"), "{what}: the last one was not answered");
        self.load.check_but_others(&owner, RESENT_EVERY);
        assert!(server.stop().success(), "{what}");
        let output = run_program(&["verify", "--data", &data]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{what}: {said}");
    }
}

#[track_caller]
fn a_torn_write(answers: usize, is_first_round: bool) {
    let folder = Folder::new();
    let server = failpoints::server(&["--data", &folder.file("store.db")]);
    let owner = Sandbox::on_server(&server);
    let load = Load::new(owner.clone());
    load.run(std::slice::from_ref(&owner), WRITERS, || load.progress(answers));
    assert_eq!(load.refused(), 0);
    owner.deliveries_wait();
    failpoints::set(&owner, "after_commit", "1*return");
    let last = owner.idempotency_key("last");
    let lost = last.try_post("/v1/treasury/outbound_payments", &load.form());
    assert!(lost.is_err(), "the server should be gone: {lost:?}");
    load.unanswered("last");
    server.kill();

    let log = Log::read(&folder.path().join("store.db-wal"));
    assert_eq!(log.round() == 0, is_first_round, "the log has begun anew: {}", log.round());
    let left = Left { folder, load: &load, key: owner.key().to_owned() };
    left.survives("all of it", &log.bytes, true);
    left.survives("all of it and more", &log.longer(), true);
    for (what, torn) in log.torn() {
        left.survives(what, &torn, false);
    }
}

#[test]
fn a_torn_write_in_a_new_log() {
    a_torn_write(30, true);
}

/// Behind the torn write lies what the log held before.
#[test]
fn a_torn_write_in_a_log_that_has_begun_anew() {
    a_torn_write(700, false);
}
