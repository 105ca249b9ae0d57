//! The rate limiter: a bucket of reads and one of writes for each account and mode. It runs before
//! idempotency, on the machine's clock, and is off unless asked for.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use api::ApiError;
use store::Workspace;
use store::workspace::Tail;

use crate::limits::{RATE_BUCKETS_MAX, RATE_PER_SECOND_MAX};

/// A bucket holds the requests of one second: so many may come at once.
const FULL: Duration = Duration::from_secs(1);

/// Requests per second of one account and mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub reads: u32,
    pub writes: u32,
}

impl FromStr for Rate {
    type Err = String;

    /// `R,W`.
    fn from_str(text: &str) -> Result<Rate, String> {
        let number = |text: &str| {
            let number = text.trim().parse().ok();
            number.filter(|number| (1..=RATE_PER_SECOND_MAX).contains(number))
        };
        let both = text.split_once(',').and_then(|(r, w)| Some((number(r)?, number(w)?)));
        let (reads, writes) = both.ok_or(format!(
            "two numbers from 1 to {RATE_PER_SECOND_MAX}: reads and writes per second, as in 25,25"
        ))?;
        Ok(Rate { reads, writes })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Read,
    Write,
}

impl Kind {
    pub fn of(method: &str) -> Kind {
        match method {
            "GET" | "HEAD" => Kind::Read,
            _ => Kind::Write,
        }
    }
}

/// When each bucket will be full again. One that is full need not be remembered.
struct Buckets {
    reads: Instant,
    writes: Instant,
}

pub struct Limiter {
    rate: Rate,
    buckets: Mutex<HashMap<Tail, Buckets>>,
    held_max: usize,
}

impl Limiter {
    pub fn new(rate: Rate) -> Limiter {
        Limiter { rate, buckets: Mutex::default(), held_max: RATE_BUCKETS_MAX }
    }

    /// Takes a request from the caller's bucket, or refuses it.
    pub fn admit(&self, workspace: &Workspace, method: &str) -> Result<(), ApiError> {
        if self.take(workspace.tail, Kind::of(method), Instant::now()) {
            return Ok(());
        }
        Err(exceeded(workspace.livemode))
    }

    fn take(&self, tail: Tail, kind: Kind, now: Instant) -> bool {
        let mut held = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= self.held_max && !held.contains_key(&tail) {
            held.retain(|_, buckets| buckets.reads > now || buckets.writes > now);
            // That many accounts within a second: starting anew lets through at most a second's
            // worth of requests more, and memory stays bounded.
            if held.len() >= self.held_max {
                held.clear();
            }
        }
        let buckets = held.entry(tail).or_insert(Buckets { reads: now, writes: now });
        let (full_at, per_second) = match kind {
            Kind::Read => (&mut buckets.reads, self.rate.reads),
            Kind::Write => (&mut buckets.writes, self.rate.writes),
        };
        let after = (*full_at).max(now) + FULL / per_second;
        let has_room = after <= now + FULL;
        if has_room {
            *full_at = after;
        }
        has_room
    }
}

fn exceeded(livemode: bool) -> ApiError {
    let what = if livemode {
        "Request rate limit exceeded."
    } else {
        "Testmode request rate limit exceeded, the rate limits in testmode are lower than livemode."
    };
    ApiError::invalid(format!(
        "{what} You can learn more about rate limits here https://stripe.com/docs/rate-limits."
    ))
    .code("rate_limit")
    .status(429)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Tail = [1; 32];
    const BOB: Tail = [2; 32];

    fn limiter() -> Limiter {
        Limiter::new(Rate { reads: 3, writes: 2 })
    }

    /// How many of ten requests at once get through.
    fn burst(limiter: &Limiter, tail: Tail, kind: Kind, now: Instant) -> usize {
        (0..10).filter(|_| limiter.take(tail, kind, now)).count()
    }

    #[test]
    fn a_burst_is_one_seconds_worth() {
        let (limiter, now) = (limiter(), Instant::now());
        assert_eq!(burst(&limiter, ANN, Kind::Read, now), 3);
        assert_eq!(burst(&limiter, ANN, Kind::Write, now), 2);
        assert_eq!(burst(&limiter, BOB, Kind::Read, now), 3, "each account has its own");
    }

    #[test]
    fn buckets_fill_with_time_and_no_further_than_full() {
        let (limiter, now) = (limiter(), Instant::now());
        burst(&limiter, ANN, Kind::Write, now);
        assert!(!limiter.take(ANN, Kind::Write, now + Duration::from_millis(499)));
        assert!(limiter.take(ANN, Kind::Write, now + Duration::from_millis(500)));
        assert!(!limiter.take(ANN, Kind::Write, now + Duration::from_millis(501)));
        assert_eq!(burst(&limiter, ANN, Kind::Write, now + Duration::from_secs(60)), 2);
    }

    #[test]
    fn what_is_refused_takes_nothing() {
        let (limiter, now) = (limiter(), Instant::now());
        burst(&limiter, ANN, Kind::Write, now);
        burst(&limiter, ANN, Kind::Write, now);
        assert!(limiter.take(ANN, Kind::Write, now + Duration::from_millis(500)));
    }

    #[test]
    fn few_buckets_are_held() {
        let now = Instant::now();
        let limiter = Limiter { held_max: 2, ..limiter() };
        for number in 0..100 {
            assert!(limiter.take([number; 32], Kind::Read, now));
            assert!(limiter.buckets.lock().unwrap().len() <= 2);
        }
        // The account in use is not forgotten for the sake of those that are not.
        burst(&limiter, ANN, Kind::Read, now + Duration::from_secs(9));
        limiter.take(BOB, Kind::Read, now + Duration::from_secs(9));
        assert!(!limiter.take(ANN, Kind::Read, now + Duration::from_secs(9)));
    }

    #[test]
    fn a_rate_is_two_numbers() {
        assert_eq!("25,100".parse(), Ok(Rate { reads: 25, writes: 100 }));
        for wrong in ["", "25", "25,", "0,25", "25,0", "-1,2", "a,b", "1,2,3", "1,1000000001"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
