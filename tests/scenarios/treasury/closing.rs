//! The end of a FinancialAccount.

use exchequer_tests::ALL_FEATURES;
use serde_json::json;

use super::{ACCOUNTS, CREDITS, Given, INVALID, PAYMENTS, ROUTING, WAITS, bank_of, impact};

#[test]
fn treasury_46_an_account_with_money_stays_open() {
    let given = Given::with(1_000);
    given.refuses(|| given.a.close());
    let payment = given.a.pays(1_000).to_bank(ROUTING, WAITS);
    given.a.expect_balance(0, 1_000);
    given.refuses(|| given.a.close());
    payment.test_helper("post", &[]).ok();
    given.a.close().ok().expect("status", "closed");
}

#[test]
fn treasury_46_a_closed_account() {
    let given = Given::new();
    let closed = given.a.close();
    closed.ok().expect("status", "closed");
    closed.expect("status_details", json!({"closed": {"reasons": ["closed_by_platform"]}}));
    closed.expect("active_features", json!([])).expect("pending_features", json!([]));
    closed.expect("restricted_features", json!(ALL_FEATURES));
    given.a.get().expect("", &closed.body);
    let hash = given.k1.get(&format!("{}/features", given.a.path()));
    let because = json!([{"code": "financial_account_closed", "resolution": null}]);
    hash.ok().expect("outbound_payments.ach.status", "restricted");
    hash.expect("outbound_payments.ach.status_details", because);
    assert_eq!(given.k1.events("treasury.financial_account.closed").len(), 1);
    assert_eq!(given.k1.list(ACCOUNTS, &[("status", "closed")]).ids(), [&*given.a.id]);
    assert!(given.k1.list(ACCOUNTS, &[("status", "open")]).ids().is_empty());
}

#[test]
fn treasury_46_what_a_closed_account_refuses() {
    let given = Given::new();
    given.a.close().ok();
    given.refuses(|| given.a.close());
    let answer = given.refuses(|| given.a.pays(1).bank(ROUTING, WAITS).send());
    answer.expect_error(400, INVALID, None, "financial_account");
    given.refuses(|| given.a.update(&[("features[card_issuing][requested]", "true")]));
    let refused = given.a.receives(500, "ach");
    refused.ok().expect("status", "failed").expect("failure_code", "account_closed");
    refused.expect("transaction", ()).expect("reversal_details", ());
    given.a.expect_balance(0, 0);
    given.a.update(&[("nickname", "gone"), ("metadata[a]", "1")]).ok().expect("nickname", "gone");
}

#[test]
fn treasury_46_what_happened_before_can_still_be_read() {
    let given = Given::with(1_000);
    let payment = given.a.pays(1_000).to_bank(ROUTING, WAITS);
    payment.test_helper("post", &[]).ok();
    given.a.close().ok();
    payment.expect("status", "posted");
    assert_eq!(given.a.list(PAYMENTS, &[]).ids(), [&*payment.id]);
    assert_eq!(given.a.list(CREDITS, &[]).ids().len(), 1);
    assert_eq!(given.a.transactions().len(), 2);
}

#[test]
fn cash_is_forwarded_before_the_account_closes() {
    let given = Given::with(700);
    let heir = given.k1.financial_account();
    let forward = [
        ("forwarding_settings[type]", "financial_account"),
        ("forwarding_settings[financial_account]", heir.id.as_str()),
    ];
    let closed = given.k1.post(&format!("{}/close", given.a.path()), &forward);
    closed.ok().expect("status", "closed").expect("balance.cash.usd", 0);
    heir.expect_balance(700, 0);
    for (account, amount) in [(&given.a, -700), (&heir, 700)] {
        let swept = &account.transactions()[0];
        assert_eq!(swept["amount"], amount);
        assert_eq!((&swept["flow"], &swept["flow_type"]), (&json!(null), &json!("other")));
        assert_eq!(swept["balance_impact"], impact(amount, 0));
        assert_eq!(swept["status"], "posted");
        assert_eq!(account.entries()[0]["type"], "other");
    }
}

#[test]
fn cash_is_not_forwarded_to_nowhere() {
    let given = Given::with(700);
    let path = format!("{}/close", given.a.path());
    let to = |id: &str| {
        let id = id.to_owned();
        let (path, k1) = (path.clone(), given.k1.clone());
        move || {
            k1.post(
                &path,
                &[
                    ("forwarding_settings[type]", "financial_account"),
                    ("forwarding_settings[financial_account]", &id),
                ],
            )
        }
    };
    given.refuses(to(&given.a.id));
    given.refuses(to("fa_nope"));
    let without = [("forwarding_settings[type]", "financial_account")];
    given.refuses(|| given.k1.post(&path, &without));
}

/// A's 1000 went out by a payment, A closed, and the bank sends them back.
fn money_that_came_late() -> Given {
    let given = Given::with(1_000);
    let payment = given.a.pays(1_000).to_bank(ROUTING, WAITS);
    payment.test_helper("post", &[]).ok();
    given.a.close().ok();
    payment.test_helper("return", &[]).ok().expect("status", "returned");
    given
}

#[test]
fn money_that_comes_back_to_a_closed_account_can_be_taken_away() {
    let given = money_that_came_late();
    given.a.expect_balance(1_000, 0);
    given.refuses(|| given.a.close());
    let account = format!("/v1/accounts/{}", given.k1.account_id());
    let answer = given.refuses(|| given.platform.delete(&account));
    answer.expect_message_contains("holds money");
    let heir = given.k1.financial_account();
    let forward = [
        ("forwarding_settings[type]", "financial_account"),
        ("forwarding_settings[financial_account]", heir.id.as_str()),
    ];
    let again = given.k1.post(&format!("{}/close", given.a.path()), &forward);
    again.ok().expect("status", "closed").expect("balance.cash.usd", 0);
    heir.expect_balance(1_000, 0);
    assert_eq!(given.k1.events("treasury.financial_account.closed").len(), 1);
    given.refuses(|| given.k1.post(&format!("{}/close", given.a.path()), &forward));
    let own = [
        ("forwarding_settings[type]", "payment_method"),
        ("forwarding_settings[payment_method]", &own_bank(&given)),
    ];
    given.k1.post(&format!("{}/close", heir.path()), &own).ok().expect("status", "closed");
    given.platform.delete(&account).ok().expect("deleted", true);
}

#[test]
fn money_that_comes_back_to_a_closed_account_is_forwarded() {
    let given = Given::with(1_000);
    let payment = given.a.pays(1_000).to_bank(ROUTING, WAITS);
    payment.test_helper("post", &[]).ok();
    let heir = given.k1.financial_account();
    let forward = [
        ("forwarding_settings[type]", "financial_account"),
        ("forwarding_settings[financial_account]", heir.id.as_str()),
    ];
    given.k1.post(&format!("{}/close", given.a.path()), &forward).ok();
    payment.test_helper("return", &[]).ok().expect("status", "returned");
    given.a.expect_balance(0, 0);
    heir.expect_balance(1_000, 0);
    assert_eq!(heir.entries()[0]["type"], "other");
}

/// A bank account that was set up for the account itself.
fn own_bank(given: &Given) -> String {
    let intent = given.k1.post(
        "/v1/setup_intents",
        &[
            ("attach_to_self", "true"),
            ("payment_method", "pm_usBankAccount"),
            ("payment_method_types[]", "us_bank_account"),
            ("payment_method_options[us_bank_account][verification_method]", "skip"),
            ("flow_directions[]", "outbound"),
            ("flow_directions[]", "inbound"),
            ("mandate_data[customer_acceptance][type]", "offline"),
            ("confirm", "true"),
        ],
    );
    intent.ok().expect("status", "succeeded").text("payment_method").to_owned()
}

#[test]
fn cash_is_forwarded_to_the_accounts_own_bank_alone() {
    let given = Given::with(700);
    let ann = given.k1.post("/v1/customers", &[]).id();
    let of_ann = bank_of(&given.k1, &ann, "000123456789");
    let path = format!("{}/close", given.a.path());
    let to = |method: &str| {
        given.k1.post(
            &path,
            &[
                ("forwarding_settings[type]", "payment_method"),
                ("forwarding_settings[payment_method]", method),
            ],
        )
    };
    let answer = given.refuses(|| to(&of_ann));
    let param = "forwarding_settings[payment_method]";
    answer.expect_error(400, INVALID, "payment_method_unexpected_state", param);
    to(&own_bank(&given)).ok().expect("status", "closed").expect("balance.cash.usd", 0);
}
