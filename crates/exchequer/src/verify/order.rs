//! Ids sort by creation: within a kind no later id is of an earlier time, and no id of the future.
//!
//! The second in an id is that of `created`, or later by no more than the workspace's drift, where
//! more ids were made in one second than a second has room for.

use api::View;
use api::audit::Row;
use store::{Millis, id};

use super::objects::prefix_of;
use super::walk::{Place, Walk};

/// The parts of an id that is made of a time, an account and a counter; others have none.
#[derive(Debug, PartialEq, Eq)]
struct Parts<'a> {
    second: i64,
    account: &'a str,
    counter: i64,
}

impl Parts<'_> {
    fn of(id: &str) -> Option<Parts<'_>> {
        let tail = id.split_once('_')?.1;
        if tail.len() != 24 || !tail.starts_with('1') {
            return None;
        }
        // The last five are random, but digits all the same.
        base62(tail)?;
        let second = id::EPOCH_SECOND + base62(tail.get(1..6)?)?;
        let (account, counter) = (tail.get(6..16)?, base62(tail.get(16..19)?)?);
        Some(Parts { second, account, counter })
    }
}

/// The number that digits of base62 stand for; what is too long wraps around.
fn base62(digits: &str) -> Option<i64> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'Z' => Some(byte - b'A' + 10),
        b'a'..=b'z' => Some(byte - b'a' + 36),
        _ => None,
    };
    digits
        .bytes()
        .try_fold(0i64, |sum, byte| Some(sum.wrapping_mul(62).wrapping_add(digit(byte)?.into())))
}

/// Goes along the rows of an account in the order of their ids.
pub struct Order {
    /// The part of the account's id that each of its ids has; none where the account is gone.
    account: Option<String>,
    drift: i64,
    /// Up to this second ids may be of the account of the sandbox that this one is a fork of.
    forked_until: i64,
    /// The kind that was seen last, and when its last one was created.
    last: (String, Millis),
    /// The second and counter of the newest id so far.
    pub newest: (i64, i64),
}

impl Order {
    pub fn new(place: &Place, view: &View<'_>) -> Order {
        let owner = &view.owner.id;
        let account = (!owner.is_empty()).then(|| id::account_part(owner).to_owned());
        let last = (String::new(), Millis::MIN);
        let (drift, forked_until) = (place.state.id_drift, place.state.forked_until);
        Order { account, drift, forked_until, last, newest: (0, 0) }
    }

    /// The next row.
    pub fn check(&mut self, id: &str, created: Millis, row: &mut Row<'_>) {
        let Some(parts) = Parts::of(id) else { return };
        let is_own = self.account.as_ref().is_none_or(|account| account == parts.account)
            || parts.second <= self.forked_until;
        row.must(is_own, "its id is one of another account");
        let ahead = parts.second - created.div_euclid(1000);
        let is_near = (0..=self.drift).contains(&ahead);
        let rule = format!("its id is of the second {}, it was created at {created}", parts.second);
        row.must(is_near, rule);
        let kind = prefix_of(id);
        if self.last.0 == kind {
            let before = self.last.1;
            let rule = format!("it was created at {created}, the one before it at {before}");
            row.must(created >= before, rule);
        }
        self.last = (kind.to_owned(), created);
        self.newest = self.newest.max((parts.second, parts.counter));
    }
}

impl Walk<'_> {
    /// The next id of a workspace comes after all that it has.
    pub fn ids(&mut self, place: &Place) {
        let (at, newest) = ((place.state.id_second, place.state.id_counter), self.newest_id);
        let id = format!("ws {}", place.ws);
        let rule = format!("its last id is said to be {at:?}, but it has {newest:?}");
        self.findings.at_row("workspaces", &id).must(at >= newest, rule);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use api::audit::Findings;
    use store::Scope;

    const ACCOUNT: &str = "acct_1AAAAA0123456789";

    fn id_of(second: i64, counter: i64) -> String {
        id::object_id("cus", second, ACCOUNT, counter, 7)
    }

    #[test]
    fn an_id_is_read_back() {
        let id = id_of(1_700_000_000, 61 * 62 + 5);
        let parts = Parts::of(&id).unwrap();
        let account = "0123456789";
        let expected = Parts { second: 1_700_000_000, account, counter: 61 * 62 + 5 };
        assert_eq!(parts, expected);
        for other in ["weset_1", ACCOUNT, "gone_cus_1", "nothing", &id.replace('5', "-")] {
            assert_eq!(Parts::of(other), None, "{other}");
        }
    }

    #[test]
    fn times_follow_ids() {
        let found = |drift: i64, rows: &[(i64, i64, Millis)]| {
            let (account, last) = (Some("0123456789".to_owned()), (String::new(), Millis::MIN));
            let mut order = Order { account, drift, forked_until: 0, last, newest: (0, 0) };
            let mut findings = Findings::default();
            for (second, counter, created) in rows {
                let id = id_of(*second, *counter);
                let mut row = findings.at("objects", Scope { ws: 1, acct: 0 }, &id);
                order.check(&id, *created, &mut row);
            }
            (findings.count(), order.newest)
        };
        let s = 1_700_000_000;
        let good = [(s, 0, s * 1000), (s, 1, s * 1000 + 999), (s + 1, 0, s * 1000 + 1000)];
        assert_eq!(found(0, &good), (0, (s + 1, 0)));
        assert_eq!(found(0, &[(s, 0, s * 1000 + 999), (s, 1, s * 1000)]).0, 1);
        assert_eq!(found(0, &[(s, 0, (s - 1) * 1000)]).0, 1);
        assert_eq!(found(1, &[(s, 0, (s - 1) * 1000)]).0, 0);
        assert_eq!(found(1, &[(s, 0, (s + 1) * 1000)]).0, 1);
    }
}
