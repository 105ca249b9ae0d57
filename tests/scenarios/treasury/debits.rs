//! ReceivedDebits: how money is pulled out by others.

use serde_json::json;

use super::{DEBITS, Given, INVALID, events_of, expect_entries, expect_keys, frozen, impact};

const CREATED: &str = "treasury.received_debit.created";
const FROM: &str = "initiating_payment_method_details";

#[test]
fn treasury_36_money_is_pulled() {
    let given = Given::with(1_000);
    let events = events_of(&given.k1).len();
    let failed = given.a.is_debited(54_321);
    failed.ok().expect("status", "failed").expect("failure_code", "insufficient_funds");
    failed.expect("transaction", ()).expect("reversal_details", ());
    given.a.expect_balance(1_000, 0);
    given.k1.expect_events(&[CREATED]);
    assert_eq!(events_of(&given.k1).len(), events + 1, "one event and no other");
    let debit = given.a.is_debited(1_000);
    debit.ok().expect("status", "succeeded").expect("failure_code", ());
    given.a.expect_balance(0, 0);
    let path = format!("/v1/treasury/transactions/{}", debit.text("transaction"));
    let transaction = given.k1.list(&path, &[("expand[]", "entries")]);
    transaction.ok().expect("amount", -1_000).expect("status", "posted");
    transaction.expect("flow", debit.id()).expect("flow_type", "received_debit");
    transaction.expect("balance_impact", impact(-1_000, 0));
    transaction.expect("description", "Jane Austen (6789) | Received debit | Stripe Test");
    expect_entries(&transaction, &[("received_debit", -1_000, 0)]);
    let answer = given.refuses(|| given.a.is_debited_with(1, &[("network", "us_domestic_wire")]));
    answer.expect_error(400, INVALID, None, "network");
}

/// What is held for a payment on its way out cannot be pulled.
#[test]
fn treasury_36_held_money_is_not_there() {
    let given = Given::with(1_000);
    given.a.pays(400).to_bank(super::ROUTING, super::WAITS);
    given.a.is_debited(601).ok().expect("failure_code", "insufficient_funds");
    given.a.is_debited(600).ok().expect("status", "succeeded");
    given.a.expect_balance(0, 400);
}

#[test]
fn what_a_debit_shows() {
    let given = Given::with(1_000);
    let debit = given.a.is_debited(500);
    expect_keys(
        &debit,
        "",
        &[
            "id",
            "object",
            "amount",
            "created",
            "currency",
            "description",
            "failure_code",
            "financial_account",
            "hosted_regulatory_receipt_url",
            "initiating_payment_method_details",
            "linked_flows",
            "livemode",
            "network",
            "reversal_details",
            "status",
            "transaction",
        ],
    );
    assert!(debit.id().starts_with("rd_"), "{debit:?}");
    debit.expect("object", "treasury.received_debit").expect("network", "ach");
    debit.expect("amount", 500).expect("currency", "usd").expect("livemode", false);
    debit.expect("created", super::WEDNESDAY).expect("financial_account", &given.a.id);
    debit.expect(
        "linked_flows",
        json!({
            "debit_reversal": null,
            "inbound_transfer": null,
            "issuing_authorization": null,
            "issuing_transaction": null,
            "payout": null,
            "topup": null,
        }),
    );
    given.k1.get(&format!("{DEBITS}/{}", debit.id())).ok().expect("", &debit.body);
    let expanded = given
        .k1
        .list(&format!("{DEBITS}/{}", debit.id()), &[("expand[]", "transaction.flow_details")]);
    expanded.ok().expect("transaction.flow_details.type", "received_debit");
    expanded.expect("transaction.flow_details.received_debit", &debit.body);
}

#[test]
fn what_the_test_helper_is_told() {
    let given = Given::with(1_000);
    let bank = format!("{FROM}[us_bank_account]");
    let debit = given.a.is_debited_with(
        500,
        &[
            ("description", "Rent 7"),
            (&format!("{FROM}[type]"), "us_bank_account"),
            (&format!("{bank}[account_holder_name]"), "Ann Landlord"),
            (&format!("{bank}[account_number]"), "000999991234"),
            (&format!("{bank}[routing_number]"), "021000021"),
        ],
    );
    debit.ok().expect("description", "Rent 7").expect(&format!("{FROM}.type"), "us_bank_account");
    debit.expect(&format!("{FROM}.billing_details.name"), "Ann Landlord");
    debit.expect(&format!("{FROM}.us_bank_account.last4"), "1234");
    debit.expect(&format!("{FROM}.us_bank_account.routing_number"), "021000021");
}

#[test]
fn what_the_test_helper_refuses() {
    let given = Given::with(1_000);
    let helper = |name: &str, value: &str| {
        let params = [
            ("amount", "500"),
            ("currency", "usd"),
            ("financial_account", &given.a.id),
            ("network", "ach"),
        ];
        let mut params: Vec<(&str, &str)> =
            params.into_iter().filter(|(key, _)| *key != name).collect();
        if !value.is_empty() {
            params.push((name, value));
        }
        given.refuses(|| given.k1.post("/v1/test_helpers/treasury/received_debits", &params))
    };
    for name in ["amount", "currency", "financial_account", "network"] {
        helper(name, "").expect_error(400, INVALID, "parameter_missing", name);
    }
    helper("amount", "0").expect_error(400, INVALID, "parameter_invalid_integer", "amount");
    helper("amount", "10000000000").expect_error(400, INVALID, "amount_too_large", "amount");
    helper("currency", "eur").expect_error(400, INVALID, None, "currency");
    helper("network", "rtp").expect_error(400, INVALID, None, "network");
    let (code, param) = ("resource_missing", "financial_account");
    helper("financial_account", "fa_nope").expect_error(400, INVALID, code, param);
    helper("metadata[a]", "1").expect_error(400, INVALID, "parameter_unknown", "metadata");
}

#[test]
fn an_account_without_an_address_cannot_be_debited() {
    let given = Given::new();
    let bare = given.k1.financial_account_with(&["intra_stripe_flows"]);
    let answer = bare.is_debited(100);
    answer.expect_error(400, INVALID, None, "financial_account");
    answer.expect_message_contains("financial_addresses.aba");
    assert!(bare.list(DEBITS, &[]).ids().is_empty());
}

#[test]
fn treasury_43_a_restricted_account_gives_nothing() {
    let given = Given::with(1_000);
    let restrict = |name: &str, value: &str| {
        given.a.update(&[(&format!("platform_restrictions[{name}]"), value)]).ok();
    };
    restrict("inbound_flows", "restricted");
    given.a.is_debited(100).ok().expect("status", "succeeded");
    restrict("inbound_flows", "unrestricted");
    restrict("outbound_flows", "restricted");
    let failed = given.a.is_debited(100);
    failed.ok().expect("status", "failed").expect("failure_code", "account_frozen");
    failed.expect("transaction", ());
    // Also where there would be too little.
    given.a.is_debited(5_000).ok().expect("failure_code", "account_frozen");
    given.a.expect_balance(900, 0);
    restrict("outbound_flows", "unrestricted");
    given.a.is_debited(900).ok().expect("status", "succeeded");
    given.a.expect_balance(0, 0);
}

#[test]
fn treasury_46_a_closed_account_gives_nothing() {
    let given = Given::new();
    given.a.close().ok();
    let failed = given.a.is_debited(100);
    failed.ok().expect("status", "failed").expect("failure_code", "account_closed");
    given.a.expect_balance(0, 0);
}

#[test]
fn until_when_a_debit_can_be_taken_back() {
    for (created, deadline) in [(1_680_755_425, 1_681_084_800), (1_721_954_079, 1_722_297_600)] {
        let platform = frozen(created);
        let account = platform.financial_account().holding(100);
        let debit = account.is_debited(100);
        let open = json!({"deadline": deadline, "restricted_reason": null});
        debit.ok().expect("reversal_details", open);
        let path = format!("{DEBITS}/{}", debit.id());
        platform.clock_set(deadline - 1);
        platform.get(&path).ok().expect("reversal_details.restricted_reason", ());
        platform.clock_set(deadline);
        let passed = json!({"deadline": deadline, "restricted_reason": "deadline_passed"});
        platform.get(&path).ok().expect("reversal_details", passed);
    }
}

#[test]
fn debits_by_status() {
    let given = Given::with(500);
    let first = given.a.is_debited(300).id();
    let failed = given.a.is_debited(300).id();
    let second = given.a.is_debited(200).id();
    let list = |params: &[(&str, &str)]| given.a.list(DEBITS, params).ids();
    assert_eq!(list(&[]), [&*second, &*failed, &*first]);
    assert_eq!(list(&[("status", "succeeded")]), [&*second, &*first]);
    assert_eq!(list(&[("status", "failed")]), [&*failed]);
    assert_eq!(list(&[("starting_after", &second)]), [&*failed, &*first]);
    assert_eq!(list(&[("ending_before", &first), ("limit", "1")]), [&*failed]);
    let page = given.a.list(DEBITS, &[("limit", "2")]);
    page.ok().expect("has_more", true).expect("url", DEBITS);
    let answer = given.a.list(DEBITS, &[("status", "posted")]);
    answer.expect_error(400, INVALID, None, "status");
    let answer = given.a.list(DEBITS, &[("created", "1")]);
    answer.expect_error(400, INVALID, "parameter_unknown", "created");
    let answer = given.k1.get(DEBITS);
    answer.expect_error(400, INVALID, "parameter_missing", "financial_account");
    assert!(given.b.list(DEBITS, &[]).ids().is_empty());
}

#[test]
fn a_debit_cannot_be_changed() {
    let given = Given::with(500);
    let path = format!("{DEBITS}/{}", given.a.is_debited(500).id());
    given.k1.post(&path, &[("description", "b")]).expect_error(404, INVALID, None, None);
    given.k1.delete(&path).expect_error(404, INVALID, None, None);
    given.k2.get(&path).expect_error(404, INVALID, "resource_missing", "id");
}
