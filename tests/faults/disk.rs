//! A file store whose disk is full: it refuses what it cannot keep, goes on reading, and goes on
//! writing when there is room again.

use std::ffi::CString;
use std::io::Write;
use std::path::{Path, PathBuf};

use exchequer_tests::{Folder, Sandbox, Server, program, run_program};

use crate::load::Load;

const WRITERS: usize = 4;
/// How many answers, or refusals, there are between one event and the next.
const SOME: usize = 100;
const DISK_BYTES: u64 = 48 << 20;

/// Where the store lies, and how its room is taken away and given back.
trait Room {
    fn data(&self) -> String;
    fn take(&self, server: &Server);
    fn give_back(&self, server: &Server);
}

#[track_caller]
fn no_room_loses_nothing(room: &dyn Room, program: &Path) {
    let data = room.data();
    let server = Server::start_program(program, &["--data", &data], &[]);
    let owner = Sandbox::on_server(&server);
    let load = Load::new(owner.clone());
    let path = load.account.path();
    load.run(std::slice::from_ref(&owner), WRITERS, || {
        for _ in 0..2 {
            load.progress(SOME);
            room.take(&server);
            load.refusals(load.refused() + SOME);
            owner.get(&path).ok().expect("id", &load.account.id);
            owner.list("/v1/events", &[]).ok();
            room.give_back(&server);
            load.progress(SOME);
        }
    });
    assert_eq!(owner.get("/_exchequer/ready").status, 200, "it has recovered by itself");
    load.check(&owner);
    assert!(server.stop().success());
    let output = run_program(&["verify", "--data", &data]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
}

/// A small file system in memory, gone at the end.
struct Disk {
    folder: Folder,
}

impl Disk {
    /// None where this machine lets nobody mount one.
    fn mount() -> Option<Disk> {
        let folder = Folder::new();
        let at = CString::new(folder.file("")).expect("a path");
        let options = CString::new(format!("size={DISK_BYTES}")).expect("a text");
        // SAFETY: all are texts that end in a zero and outlive the call.
        let mounted = unsafe {
            libc::mount(
                c"tmpfs".as_ptr(),
                at.as_ptr(),
                c"tmpfs".as_ptr(),
                0,
                options.as_ptr().cast(),
            )
        };
        (mounted == 0).then_some(Disk { folder })
    }

    fn ballast(&self) -> String {
        self.folder.file("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let at = CString::new(self.folder.file("")).expect("a path");
        // SAFETY: the path is one that we mounted.
        unsafe { libc::umount2(at.as_ptr(), libc::MNT_DETACH) };
    }
}

impl Room for Disk {
    fn data(&self) -> String {
        self.folder.file("store.db")
    }

    fn take(&self, _: &Server) {
        let mut ballast = std::fs::File::create(self.ballast()).expect("a file");
        for piece in [1 << 20, 4096, 1] {
            let bytes = vec![7_u8; piece];
            while ballast.write_all(&bytes).is_ok() {}
        }
    }

    fn give_back(&self, _: &Server) {
        std::fs::remove_file(self.ballast()).expect("it can be removed");
    }
}

/// A limit on the length of the server's files, which needs no rights.
struct Limit {
    folder: Folder,
}

impl Limit {
    fn new() -> Limit {
        Limit { folder: Folder::new() }
    }

    /// The program, with the signal ignored that would otherwise end whoever meets the limit.
    fn program(&self) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let script = format!("#!/bin/sh\ntrap '' XFSZ\nexec '{}' \"$@\"\n", program().display());
        let path = PathBuf::from(self.folder.write("exchequer", &script));
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, mode).expect("it can be run");
        path
    }

    fn set(server: &Server, bytes: u64) {
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
        let pid = i32::try_from(server.pid()).expect("a small pid");
        // SAFETY: a process of ours, and a limit that outlives the call.
        let set = unsafe { libc::prlimit(pid, libc::RLIMIT_FSIZE, &limit, std::ptr::null_mut()) };
        assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
    }
}

impl Room for Limit {
    fn data(&self) -> String {
        self.folder.file("store.db")
    }

    /// Nothing may grow any more, and the log has just begun to.
    fn take(&self, server: &Server) {
        let length = |name: &str| std::fs::metadata(self.folder.file(name)).map_or(0, |f| f.len());
        let shortest = length("store.db").min(length("store.db-wal"));
        Limit::set(server, shortest.max(1 << 16));
    }

    fn give_back(&self, server: &Server) {
        Limit::set(server, libc::RLIM_INFINITY);
    }
}

#[test]
fn files_that_may_not_grow() {
    let limit = Limit::new();
    no_room_loses_nothing(&limit, &limit.program());
}

#[test]
fn a_full_disk() {
    if let Some(disk) = Disk::mount() {
        return no_room_loses_nothing(&disk, &program());
    }
    // Past the test's own capture, so that it stands beside the result.
    let told =
        b"a_full_disk: no file system can be mounted here; files that may not grow instead\n";
    std::io::stdout().write_all(told).expect("somebody reads");
    files_that_may_not_grow();
}
