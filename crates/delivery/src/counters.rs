//! What became of attempts, counted since the start.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::attempt::Attempt;

#[derive(Default)]
pub struct Counters {
    /// The receiver said 2xx.
    pub delivered: AtomicU64,
    /// It said something else.
    pub refused: AtomicU64,
    /// It said nothing, or could not be reached.
    pub unanswered: AtomicU64,
    /// Given up without an attempt: the endpoint is switched off or gone.
    pub dropped: AtomicU64,
}

impl Counters {
    pub(crate) fn note(&self, attempt: Option<&Attempt>) {
        let counter = match attempt {
            None => &self.dropped,
            Some(attempt) if attempt.is_success() => &self.delivered,
            Some(attempt) if attempt.status.is_some() => &self.refused,
            Some(_) => &self.unanswered,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
