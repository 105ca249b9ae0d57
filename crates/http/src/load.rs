//! The memory that requests hold at once: their bodies are let in as they come, and what does not
//! fit is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Room for a number of bytes.
pub struct Room {
    held: AtomicUsize,
    max: usize,
}

impl Room {
    pub fn new(max: usize) -> Arc<Room> {
        Arc::new(Room { held: AtomicUsize::new(0), max })
    }

    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// A share that holds nothing yet.
    pub fn share(self: &Arc<Self>) -> Share {
        Share { room: self.clone(), bytes: 0 }
    }
}

/// What one request holds of the room, until this is dropped.
pub struct Share {
    room: Arc<Room>,
    bytes: usize,
}

impl Share {
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes so much more; false where it does not fit.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let before = self.room.held.fetch_add(bytes, Ordering::Relaxed);
        let fits = before.checked_add(bytes).is_some_and(|sum| sum <= self.room.max);
        if fits {
            self.bytes += bytes;
        } else {
            self.room.held.fetch_sub(bytes, Ordering::Relaxed);
        }
        fits
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_and_what_ends_makes_room() {
        let room = Room::new(10);
        let (mut first, mut second) = (room.share(), room.share());
        assert!(first.grow(6));
        assert!(!second.grow(5));
        assert!(second.grow(4));
        assert_eq!(room.held(), 10);
        drop(first);
        assert!(second.grow(6));
        assert_eq!((second.bytes(), room.held()), (10, 10));
        drop(second);
        assert_eq!(room.held(), 0);
    }
}
