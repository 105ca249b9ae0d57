//! Reads never wait for writes, and see every write that was answered.

use std::thread::scope;

use exchequer_tests::Sandbox;

#[test]
fn a_read_shows_what_was_answered_before_it() {
    let given = Sandbox::new();
    scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for round in 0..50 {
                    let name = round.to_string();
                    let id = given.post("/v1/customers", &[("name", &name)]).id();
                    let path = format!("/v1/customers/{id}");
                    given.get(&path).ok().expect("name", name);
                    given.post(&path, &[("name", "changed")]).ok();
                    given.get(&path).ok().expect("name", "changed");
                    let listed = given.get("/v1/customers?limit=100").ids();
                    assert!(listed.contains(&id), "{id} is not listed");
                }
            });
        }
    });
}

/// Checking the balance and setting the money aside is one step, whoever else is paying.
#[test]
fn a_hundred_payments_at_once_from_one_balance() {
    let account = Sandbox::new().financial_account().holding(1_000);
    let draft = account.pays(100).bank("110000000", "000000000009");
    let statuses: Vec<u16> = scope(|threads| {
        let pays = |_| {
            threads.spawn(|| {
                let answer = draft.send();
                if answer.status != 200 {
                    let kind = "invalid_request_error";
                    answer.expect_error(400, kind, "balance_insufficient", "amount");
                }
                answer.status
            })
        };
        let payers: Vec<_> = (0..100).map(pays).collect();
        payers.into_iter().map(|payer| payer.join().expect("an answer")).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 10);
    account.expect_balance(0, 1_000);
    assert_eq!(account.payments().len(), 10);
    assert_eq!(account.owner.events("treasury.outbound_payment.created").len(), 10);
}
