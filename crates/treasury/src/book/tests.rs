use super::*;
use crate::testing::{NOW, in_transaction};
use ledger::Impact;

const ACCOUNT: &str = "fa_1";

fn flow(cents: i64) -> Flow<'static> {
    Flow {
        account: ACCOUNT,
        id: Some("obp_1"),
        kind: FlowType::OutboundPayment,
        amount: Amount::new(cents).unwrap(),
        currency: Currency::USD,
        description: "rent".into(),
    }
}

fn open_account(tx: &mut Tx<'_>) {
    tx.save(FinancialAccount::new(ACCOUNT.into(), NOW)).unwrap();
}

fn fund(tx: &mut Tx<'_>, cents: i64) -> String {
    credit(tx, &flow(cents), EntryType::ReceivedCredit, Contra::AchClearing).unwrap()
}

fn impact(cash: i64, outbound_pending: i64) -> Impact {
    Impact { cash, inbound_pending: 0, outbound_pending }
}

/// The account's balance, which must be the sum of the entries of these Transactions, each of
/// which must be the sum of its own.
#[track_caller]
fn expect(tx: &Tx<'_>, balance: (i64, i64), transactions: &[&str]) {
    let mut sum = Impact::default();
    for id in transactions {
        let transaction = tx.load::<Transaction>(id).unwrap().unwrap();
        let mut of_transaction = Impact::default();
        for entry in &transaction.entries {
            of_transaction = of_transaction.plus(&row(tx, entry).1.impact()).unwrap();
        }
        assert_eq!(transaction.impact(), of_transaction, "{transaction:?}");
        sum = sum.plus(&of_transaction).unwrap();
    }
    let account = tx.load::<FinancialAccount>(ACCOUNT).unwrap().unwrap();
    assert_eq!(account.balance, impact(balance.0, balance.1));
    assert_eq!(account.balance, sum);
}

fn row(tx: &Tx<'_>, id: &str) -> (PostingRow, Posting) {
    let row = tx.session.posting(0, id).unwrap().unwrap();
    let account = |name: &str| Account::parse(name).unwrap();
    let amount = Amount::new(row.amount).unwrap();
    let posting = Posting::new(account(&row.from), account(&row.to), amount);
    (row, posting)
}

/// Type, amount, source and target of a Transaction's entries, oldest first.
fn journal(tx: &Tx<'_>, transaction: &str) -> Vec<(String, i64, String, String)> {
    let transaction = tx.load::<Transaction>(transaction).unwrap().unwrap();
    let rows = transaction.entries.iter().map(|id| row(tx, id).0);
    rows.map(|row| {
        assert_eq!((&*row.book, &row.transaction), (ACCOUNT, &transaction.id));
        assert_eq!((&*row.currency, row.created), ("usd", NOW));
        (row.kind, row.amount, row.from, row.to)
    })
    .collect()
}

fn entry(kind: &str, cents: i64, from: &str, to: &str) -> (String, i64, String, String) {
    (kind.into(), cents, from.into(), to.into())
}

#[track_caller]
fn refused(outcome: Result<String>) {
    let Err(Failure::Refused(error)) = outcome else { unreachable!("{outcome:?}") };
    assert_eq!((error.status, error.code), (400, Some("balance_insufficient")));
    assert_eq!(error.param.as_deref(), Some("amount"));
}

#[test]
fn money_comes_in_and_is_posted_at_once() {
    in_transaction(|tx| {
        open_account(tx);
        let id = fund(tx, 1_000);
        expect(tx, (1_000, 0), &[&id]);
        let transaction = tx.load::<Transaction>(&id).unwrap().unwrap();
        assert_eq!((transaction.amount, transaction.status), (1_000, Status::Posted(NOW)));
        assert_eq!(transaction.flow.as_deref(), Some("obp_1"));
        let wanted = entry("received_credit", 1_000, "ach_clearing", "cash");
        assert_eq!(journal(tx, &id), [wanted]);
    });
}

#[test]
fn held_money_leaves_or_comes_back() {
    in_transaction(|tx| {
        open_account(tx);
        let funds = fund(tx, 1_000);
        let id = hold(tx, &flow(700), EntryType::OutboundPayment).unwrap();
        expect(tx, (300, 700), &[&funds, &id]);
        let open = tx.load::<Transaction>(&id).unwrap().unwrap();
        assert_eq!((open.amount, open.status), (-700, Status::Open));
        // Held money is spent already.
        refused(hold(tx, &flow(301), EntryType::OutboundPayment));
        let other = hold(tx, &flow(300), EntryType::OutboundPayment).unwrap();
        expect(tx, (0, 1_000), &[&funds, &id, &other]);
        settle(tx, &id, EntryType::OutboundPaymentPosting, Contra::WireClearing).unwrap();
        expect(tx, (0, 300), &[&funds, &id, &other]);
        release(tx, &other, EntryType::OutboundPaymentCancellation).unwrap();
        expect(tx, (300, 0), &[&funds, &id, &other]);
        let posted = tx.load::<Transaction>(&id).unwrap().unwrap();
        assert_eq!((posted.amount, posted.status), (-700, Status::Posted(NOW)));
        let void = tx.load::<Transaction>(&other).unwrap().unwrap();
        assert_eq!((void.amount, void.status), (0, Status::Void(NOW)));
        assert_eq!(
            journal(tx, &id),
            [
                entry("outbound_payment", 700, "cash", "outbound_pending"),
                entry("outbound_payment_posting", 700, "outbound_pending", "wire_clearing"),
            ]
        );
        assert_eq!(
            journal(tx, &other),
            [
                entry("outbound_payment", 300, "cash", "outbound_pending"),
                entry("outbound_payment_cancellation", 300, "outbound_pending", "cash"),
            ]
        );
    });
}

#[test]
fn a_transaction_ends_once() {
    in_transaction(|tx| {
        open_account(tx);
        let funds = fund(tx, 1_000);
        let id = hold(tx, &flow(700), EntryType::OutboundPayment).unwrap();
        release(tx, &id, EntryType::OutboundPaymentFailure).unwrap();
        for ended in [&*id, &*funds, "trxn_nope"] {
            let posting = EntryType::OutboundPaymentPosting;
            let again = settle(tx, ended, posting, Contra::AchClearing);
            assert!(matches!(again, Err(Failure::Fault(_))), "{again:?}");
            let again = release(tx, ended, EntryType::OutboundPaymentFailure);
            assert!(matches!(again, Err(Failure::Fault(_))), "{again:?}");
        }
        expect(tx, (1_000, 0), &[&funds, &id]);
    });
}

#[test]
fn some_flows_may_leave_a_debt() {
    in_transaction(|tx| {
        open_account(tx);
        let funds = fund(tx, 1_000);
        let (kind, contra) = (EntryType::ReceivedDebit, Contra::AchClearing);
        refused(debit(tx, &flow(1_001), kind, contra, false));
        expect(tx, (1_000, 0), &[&funds]);
        let all = debit(tx, &flow(1_000), kind, contra, false).unwrap();
        expect(tx, (0, 0), &[&funds, &all]);
        let debt = debit(tx, &flow(500), kind, contra, true).unwrap();
        expect(tx, (-500, 0), &[&funds, &all, &debt]);
        assert_eq!(journal(tx, &debt), [entry("received_debit", 500, "cash", "ach_clearing")]);
        refused(hold(tx, &flow(1), EntryType::OutboundPayment));
        let filled = fund(tx, 600);
        expect(tx, (100, 0), &[&funds, &all, &debt, &filled]);
    });
}

#[test]
fn what_cannot_be_is_a_fault() {
    in_transaction(|tx| {
        let nowhere = credit(tx, &flow(1), EntryType::Other, Contra::Other);
        assert!(matches!(nowhere, Err(Failure::Fault(_))), "{nowhere:?}");
        open_account(tx);
        fund(tx, i64::MAX);
        let too_much = credit(tx, &flow(1), EntryType::Other, Contra::Other);
        assert!(matches!(too_much, Err(Failure::Fault(_))), "{too_much:?}");
    });
}
