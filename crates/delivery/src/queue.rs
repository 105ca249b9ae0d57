//! The deliveries of one endpoint that are due: a bounded number in memory, in the order they
//! became due, the others left in the store behind a mark.

use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

use store::{DeliveryKey, Millis};

use crate::limits::*;

/// A place in the order of pending deliveries; a scan goes on behind it.
pub type Position = (Millis, DeliveryKey);

/// When it became due, and the event.
pub type Waiting = (Millis, String);

#[derive(Default)]
pub struct Queue {
    /// With the lane, once it is known.
    waiting: BTreeMap<Waiting, Option<String>>,
    /// Everything due that is not in memory lies behind it.
    mark: Option<Position>,
    /// The events and lanes of the attempts under way.
    busy: Vec<(String, String)>,
    /// The events of both.
    held: HashSet<String>,
    last_start: Option<Instant>,
}

impl Queue {
    /// Takes a delivery in, or leaves it behind the mark.
    pub fn add(&mut self, due: Millis, key: &DeliveryKey) {
        if self.held.contains(&key.event) {
            return;
        }
        let before = (due, DeliveryKey { endpoint: String::new(), ..key.clone() });
        match &self.mark {
            Some(mark) if *mark <= before => {}
            Some(_) => self.mark = Some(before),
            None if self.waiting.len() >= WAITING_MAX => self.mark = Some(before),
            None => {
                self.held.insert(key.event.clone());
                self.waiting.insert((due, key.event.clone()), None);
            }
        }
    }

    /// Where to read on, when there is room for more.
    pub fn wants_more(&self) -> Option<Position> {
        self.mark.clone().filter(|_| self.waiting.len() <= WAITING_MAX / 2)
    }

    /// Takes the mark off: what was behind it is being read.
    pub fn unmark(&mut self) {
        self.mark = None;
    }

    /// What was read ends here; there is more behind.
    pub fn mark_at(&mut self, position: Position) {
        self.mark.get_or_insert(position);
    }

    pub fn is_full(&self) -> bool {
        self.mark.is_some()
    }

    /// Whether nothing is left to do.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.mark.is_none() && self.busy.is_empty()
    }

    /// When the next attempt may start; none while all lanes are in use.
    pub fn may_start(&self, now: Instant) -> Option<Instant> {
        if self.busy.len() >= LANES_MAX {
            return None;
        }
        let is_crowded = self.waiting.len() >= CROWD;
        let patience = if is_crowded { PATIENCE_CROWDED } else { PATIENCE };
        match self.last_start {
            Some(last) if !self.busy.is_empty() => Some((last + patience).max(now)),
            _ => Some(now),
        }
    }

    /// The first delivery behind `after` whose lane is free or not known yet.
    pub fn next(&self, after: Option<&Waiting>) -> Option<Waiting> {
        let lanes: HashSet<&String> = self.busy.iter().map(|(_, lane)| lane).collect();
        let is_free = |lane: &Option<String>| lane.as_ref().is_none_or(|l| !lanes.contains(l));
        let rest = self.waiting.iter().filter(|(waiting, _)| after.is_none_or(|a| *waiting > a));
        rest.into_iter().find(|(_, lane)| is_free(lane)).map(|(waiting, _)| waiting.clone())
    }

    pub fn is_busy(&self, lane: &str) -> bool {
        self.busy.iter().any(|(_, busy)| busy == lane)
    }

    pub fn know_lane(&mut self, waiting: &Waiting, lane: String) {
        if let Some(known) = self.waiting.get_mut(waiting) {
            *known = Some(lane);
        }
    }

    pub fn remove(&mut self, waiting: &Waiting) {
        self.waiting.remove(waiting);
        self.held.remove(&waiting.1);
    }

    pub fn start(&mut self, waiting: &Waiting, lane: String, now: Instant) {
        self.waiting.remove(waiting);
        self.busy.push((waiting.1.clone(), lane));
        self.last_start = Some(now);
    }

    /// Keeps only what is under way; the rest is read again.
    pub fn forget_waiting(&mut self) {
        self.waiting.clear();
        self.mark = None;
        self.held = self.busy.iter().map(|(event, _)| event.clone()).collect();
    }

    pub fn finish(&mut self, event: &str) {
        self.busy.retain(|(busy, _)| busy != event);
        self.held.remove(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(event: &str) -> DeliveryKey {
        DeliveryKey { ws: 1, event: event.to_owned(), endpoint: "we_1".to_owned() }
    }

    #[test]
    fn lanes_are_free_again_when_their_attempt_is_over() {
        let mut queue = Queue::default();
        for (due, event) in [(1, "evt_1"), (2, "evt_2"), (3, "evt_3")] {
            queue.add(due, &key(event));
            queue.add(due, &key(event));
        }
        let now = Instant::now();
        let first = queue.next(None).unwrap();
        assert_eq!(first, (1, "evt_1".to_owned()));
        queue.start(&first, "cus_1".to_owned(), now);
        // The next one is about the same object: the one behind it goes first.
        let second = queue.next(None).unwrap();
        queue.know_lane(&second, "cus_1".to_owned());
        assert_eq!(queue.next(None), Some((3, "evt_3".to_owned())));
        // Under way: not taken in again.
        queue.add(1, &key("evt_1"));
        queue.finish("evt_1");
        assert_eq!(queue.next(None), Some(second));
    }

    #[test]
    fn what_does_not_fit_waits_behind_the_mark() {
        let mut queue = Queue::default();
        let event = |at: usize| format!("evt_{at:04}");
        for at in 0..WAITING_MAX + 10 {
            queue.add(1, &key(&event(at)));
        }
        assert_eq!(queue.waiting.len(), WAITING_MAX);
        let mark = queue.mark.clone().unwrap();
        assert!(mark < (1, key(&event(WAITING_MAX))));
        assert!(mark > (1, key(&event(WAITING_MAX - 1))));
        assert_eq!(queue.wants_more(), None);
        for at in 0..WAITING_MAX / 2 {
            queue.remove(&(1, event(at)));
        }
        assert_eq!(queue.wants_more(), Some(mark));
        // A late one from before the mark is read together with the rest.
        queue.add(0, &key("evt_late"));
        assert!(queue.wants_more().unwrap() < (0, key("evt_late")));
    }

    #[test]
    fn a_quick_receiver_is_told_one_at_a_time() {
        let mut queue = Queue::default();
        let now = Instant::now();
        assert_eq!(queue.may_start(now), Some(now));
        queue.start(&(1, "evt_1".to_owned()), "cus_1".to_owned(), now);
        assert_eq!(queue.may_start(now), Some(now + PATIENCE));
        for at in 2..=LANES_MAX {
            queue.start(&(1, format!("evt_{at}")), format!("cus_{at}"), now);
        }
        assert_eq!(queue.may_start(now + PATIENCE), None);
        queue.finish("evt_1");
        assert_eq!(queue.may_start(now + PATIENCE), Some(now + PATIENCE));
    }
}
