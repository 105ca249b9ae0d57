//! The journal: every posting takes a positive amount out of one known account and into another, so
//! that all of them sum up to nothing.

use api::params::Currency;
use ledger::{Account, Contra};
use store::{PostingRow, Result, Scope};

use super::objects::prefix_of;
use super::order::Order;
use super::walk::{Place, Walk};

const POSTINGS: &str = "SELECT id, book, txn, type, taken_from, given_to, amount, currency, \
                        created FROM postings WHERE ws = ?1 AND acct = ?2 ORDER BY id";

/// Where money is between two FinancialAccounts of a platform, or between one and a payments
/// balance, as either sees the other: for no longer than a commit.
const TRANSIT: [Account; 3] = [
    Account::Contra(Contra::IntraStripeTransit),
    Account::Contra(Contra::PaymentsBalance),
    Account::Contra(Contra::FinancialAccounts),
];

impl Walk<'_> {
    /// Checks the postings of an account; gives what they left in transit.
    pub fn postings(&mut self, place: &Place, scope: Scope) -> Result<i128> {
        let view = self.view(place, scope);
        let mut in_transit = 0;
        let mut order = Order::new(place, &view);
        let read = |row: &rusqlite::Row<'_>| {
            let posting = PostingRow {
                book: row.get(1)?,
                transaction: row.get(2)?,
                kind: row.get(3)?,
                from: row.get(4)?,
                to: row.get(5)?,
                amount: row.get(6)?,
                currency: row.get(7)?,
                created: row.get(8)?,
            };
            Ok((row.get::<_, String>(0)?, posting))
        };
        self.each("postings", POSTINGS, &[&scope.ws, &scope.acct], read, |walk, (id, posting)| {
            walk.totals.postings += 1;
            let mut row = walk.findings.at("postings", scope, &id);
            let PostingRow { book, amount, created, .. } = &posting;
            order.check(&id, *created, &mut row);
            row.must(*amount > 0, format!("its amount is {amount}, not more than none"));
            let ends = [&posting.from, &posting.to].map(|name| Account::parse(name));
            row.must(ends[0] != ends[1], "it takes from where it gives to");
            for (name, end) in [&posting.from, &posting.to].into_iter().zip(ends) {
                row.must(end.is_some(), format!("{name} is no account"));
            }
            let currency = &posting.currency;
            let is_known = Currency::parse(currency).is_some();
            row.must(is_known, format!("{currency} is no currency"));
            let signed = i128::from(*amount);
            let is_transit = |end: Option<Account>| end.is_some_and(|end| TRANSIT.contains(&end));
            in_transit += if is_transit(ends[1]) { signed } else { 0 };
            in_transit -= if is_transit(ends[0]) { signed } else { 0 };
            let Some(audit) = walk.books.get(prefix_of(book)) else {
                row.wrong(format!("a book such as {book} is not known"));
                return Ok(());
            };
            if let Err(failure) = (audit.check)(&view, &id, &posting, &mut row) {
                let why = api::audit::words(&failure);
                row.wrong(format!("it cannot be checked: {why}"));
            }
            Ok(())
        })?;
        self.newest_id = self.newest_id.max(order.newest);
        Ok(in_transit)
    }
}
