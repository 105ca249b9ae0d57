//! Where a `:memory:` store lies, and what one leaves behind that was killed.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::unusable;
use crate::Result;
use crate::id::random_text;

/// What the directories of such stores begin with.
const PREFIX: &str = "exchequer-memory-";
/// Held by the program that uses the directory; the system lets go of it whatever ends the program.
const LOCK: &str = "in-use";
/// The memory file system is used where it has this much room: a container may have a tiny one.
const ROOM_BYTES_MIN: u64 = 1 << 30;

/// Makes a private directory, locked for as long as the file is open.
pub(super) fn directory() -> Result<(PathBuf, File)> {
    let parent = parent();
    remove_abandoned(&parent);
    let directory = parent.join(format!("{PREFIX}{}", random_text(12)));
    let make = || {
        std::fs::create_dir(&directory)?;
        // It gets its name when it is locked: under that name another program would find it free.
        let unnamed = directory.join("new");
        let lock = File::create(&unnamed)?;
        lock.lock()?;
        std::fs::rename(unnamed, directory.join(LOCK))?;
        Ok(lock)
    };
    let lock = make().map_err(|e: std::io::Error| unusable(&directory, &e))?;
    Ok((directory, lock))
}

/// The memory file system where it is roomy, else the place of other temporary files.
fn parent() -> PathBuf {
    let shared = Path::new("/dev/shm");
    match fs4::available_space(shared) {
        Ok(room) if room >= ROOM_BYTES_MIN => shared.to_owned(),
        _ => std::env::temp_dir(),
    }
}

/// Removes the stores of programs that were killed: nobody holds their locks.
fn remove_abandoned(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        // One without a lock is being made this moment.
        let Ok(lock) = File::open(entry.path().join(LOCK)) else { continue };
        if lock.try_lock().is_ok() {
            // Another program may be quicker; either way it is gone.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_holds_is_removed() {
        let (held, lock) = directory().unwrap();
        let parent = held.parent().unwrap();
        let left = parent.join(format!("{PREFIX}{}", random_text(12)));
        std::fs::create_dir(&left).unwrap();
        File::create(left.join(LOCK)).unwrap();
        remove_abandoned(parent);
        assert!(held.is_dir());
        assert!(!left.exists());
        drop(lock);
        std::fs::remove_dir_all(held).unwrap();
    }
}
