//! What each step does to the books.

use super::*;
use crate::book::EntryType;
use crate::features::{Feature, Restriction, Standing};
use crate::financial_account::FinancialAccount;
use crate::outbound::schedule::run;
use crate::outbound::{Stage, Status};
use crate::outbound_payment::{OutboundPayment, ToSomebody};
use crate::testing::{NOW, in_transaction};
use exchequer_core::billing::BillingDetails;
use ledger::Amount;

#[test]
fn a_step_is_taken_once_and_at_its_stage() {
    in_transaction(|tx| {
        let payment = payment(tx);
        let mut step = |detail: &str| {
            run::<ToSomebody>(tx, &payment.id, detail).unwrap();
            let status = tx.load::<OutboundPayment>(&payment.id).unwrap().unwrap().status();
            (status, balance(tx, "fa_1"))
        };
        assert_eq!(step("delay"), (Status::Processing, (300, 700)));
        assert_eq!(step("post"), (Status::Posted, (300, 0)));
        assert_eq!(step("cancel"), (Status::Posted, (300, 0)));
        assert_eq!(step("return no_account"), (Status::Returned, (1_000, 0)));
        assert_eq!(step("return no_account"), (Status::Returned, (1_000, 0)));
        assert!(run::<ToSomebody>(tx, &payment.id, "dance").is_err());
        run::<ToSomebody>(tx, "obp_gone", "post").unwrap();
    });
}

#[test]
fn what_the_network_has_is_named_and_numbered() {
    in_transaction(|tx| {
        let payment = payment(tx);
        for number in ["1", "2"] {
            let id = format!("obp_{number}");
            let copy = OutboundPayment { id: id.clone(), ..api::copy(&payment) };
            tx.save(copy).unwrap();
            run::<ToSomebody>(tx, &id, "submit").unwrap();
            let submitted = tx.load::<OutboundPayment>(&id).unwrap().unwrap();
            assert_eq!(submitted.stage, Stage::Submitted(NOW));
            let trace_id = format!("11000000000000{number}");
            assert_eq!(submitted.tracking_details, Some(TrackingDetails::Ach { trace_id }));
            // It is too late to call it back, and nobody tries to.
            run::<ToSomebody>(tx, &id, "cancel").unwrap();
            let still = tx.load::<OutboundPayment>(&id).unwrap().unwrap();
            assert_eq!((still.status(), still.is_cancelable()), (Status::Processing, false));
        }
        assert_eq!(balance(tx, "fa_1"), (300, 700));
    });
}

#[test]
fn what_was_held_is_given_back() {
    for action in [Action::Cancel, Action::Fail] {
        in_transaction(|tx| {
            let payment = payment(tx);
            assert_eq!(balance(tx, "fa_1"), (300, 700));
            perform(tx, &payment, action).unwrap();
            assert_eq!(balance(tx, "fa_1"), (1_000, 0));
        });
    }
}

#[test]
fn what_a_receiver_cannot_take_comes_back() {
    let open = |_: &mut FinancialAccount| ();
    let frozen = |account: &mut FinancialAccount| {
        account.restrictions.inbound_flows = Restriction::Restricted;
    };
    let closed = |account: &mut FinancialAccount| account.is_closed = true;
    let table: [(fn(&mut FinancialAccount), _, _, _); 3] = [
        (open, None, (300, 0), (700, 0)),
        (frozen, Some(ReturnCode::AccountFrozen), (1_000, 0), (0, 0)),
        (closed, Some(ReturnCode::AccountClosed), (1_000, 0), (0, 0)),
    ];
    for (change, code, sender, receiver) in table {
        in_transaction(|tx| {
            let mut there = FinancialAccount::new("fa_2".into(), NOW);
            there.features.insert(Feature::IntraStripeFlows, Standing::Active);
            change(&mut there);
            tx.save(there).unwrap();
            let mut payment = api::copy(&payment(tx));
            payment.destination = Destination::FinancialAccount { id: "fa_2".into(), owner: 0 };
            let payment = tx.save(payment).unwrap();
            let posted = perform(tx, &payment, Action::Post).unwrap();
            let found = match &posted.stage {
                Stage::Returned { code, .. } => Some(*code),
                _ => None,
            };
            assert_eq!(found, code);
            assert_eq!((balance(tx, "fa_1"), balance(tx, "fa_2")), (sender, receiver));
        });
    }
}

/// Pays 700 of the 1000 cents of `fa_1` by ach.
fn payment(tx: &mut Tx<'_>) -> Arc<OutboundPayment> {
    tx.save(FinancialAccount::new("fa_1".into(), NOW)).unwrap();
    let cents = |cents| Amount::new(cents).unwrap();
    let funds = flow::<ToSomebody>("rc_1", "fa_1", cents(1_000), String::new());
    book::credit(tx, &funds, EntryType::ReceivedCredit, Contra::AchClearing).unwrap();
    let held = flow::<ToSomebody>("obp_1", "fa_1", cents(700), String::new());
    let transaction = book::hold(tx, &held, EntryType::OutboundPayment).unwrap();
    let payment = serde_json::json!({
        "id": "obp_1",
        "created": NOW,
        "financial_account": "fa_1",
        "amount": 700,
        "destination": {"us_bank_account": {
            "network": "ach",
            "routing_number": "110000000",
            "last4": "0009",
            "fingerprint": "f",
            "billing_details": BillingDetails::default(),
        }},
        "transaction": transaction,
        "stage": "processing",
    });
    tx.save(serde_json::from_value::<OutboundPayment>(payment).unwrap()).unwrap()
}

fn balance(tx: &Tx<'_>, account: &str) -> (i64, i64) {
    let balance = tx.load::<FinancialAccount>(account).unwrap().unwrap().balance;
    (balance.cash, balance.outbound_pending)
}
