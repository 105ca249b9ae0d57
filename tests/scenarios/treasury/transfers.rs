//! OutboundTransfers: to a bank account of one's own, or to another FinancialAccount of one's own.

use exchequer_tests::{Answer, Payment};
use serde_json::json;

use super::{
    CREDITS, Given, INVALID, ROUTING, TRANSFERS, WAITS, bank_of, expect_entries, expect_keys,
    expect_wrong_state, own_bank,
};

const PROCESSING: &str = "pm_usBankAccount_processing";
const METHOD: &str = "destination_payment_method";
const DATA: &str = "destination_payment_method_data";

/// 500 of A's 10000 are on their way to the bank of its owner.
fn on_its_way() -> (Given, Payment) {
    let given = Given::with(10_000);
    let transfer = given.a.transfers(500).to_own_method(PROCESSING);
    (given, transfer)
}

/// A transfer that was brought to this status by the calls that lead there.
#[track_caller]
fn transfer_that_is(status: &str, given: &Given) -> Payment {
    let transfer = given.a.transfers(100).to_own_method(PROCESSING);
    let answer = match status {
        "canceled" => transfer.cancel(),
        "failed" => transfer.test_helper("fail", &[]),
        "posted" => transfer.test_helper("post", &[]),
        "returned" => transfer.test_helper("return", &[]),
        _ => transfer.created.clone(),
    };
    answer.ok().expect("status", status);
    transfer
}

#[test]
fn treasury_28_a_transfer_is_held_and_returned() {
    let (given, transfer) = on_its_way();
    transfer.created.expect("statement_descriptor", "transfer").expect("cancelable", true);
    given.a.expect_balance(9_500, 500);
    let transaction = transfer.transaction();
    transaction.expect("description", "Jane Austen (6789) | Outbound transfer | transfer");
    transaction.expect("flow_type", "outbound_transfer").expect("flow", &transfer.id);
    let returned = transfer.test_helper("return", &[]);
    returned.ok().expect("status", "returned").expect("returned_details.code", "declined");
    let transitions = "status_transitions";
    returned.expect(
        &format!("{transitions}.posted_at"),
        returned.at(&format!("{transitions}.returned_at")),
    );
    given.a.expect_balance(10_000, 0);
    let back = transfer.transaction_named(returned.text("returned_details.transaction"));
    expect_entries(&back, &[("outbound_transfer_return", 500, 0)]);
    let names = ["treasury.outbound_transfer.created", ".posted", ".returned"];
    given.k1.expect_events(&names);
    assert!(given.k1.events("treasury.outbound_payment.*").is_empty());
}

#[test]
fn treasury_28_what_a_transfer_shows() {
    let (_, transfer) = on_its_way();
    expect_keys(
        &transfer.created,
        "",
        &[
            "id",
            "object",
            "amount",
            "cancelable",
            "created",
            "currency",
            "description",
            "destination_payment_method",
            "destination_payment_method_details",
            "expected_arrival_date",
            "financial_account",
            "hosted_regulatory_receipt_url",
            "livemode",
            "metadata",
            "returned_details",
            "statement_descriptor",
            "status",
            "status_transitions",
            "tracking_details",
            "transaction",
        ],
    );
    transfer.created.expect("object", "treasury.outbound_transfer");
    let method = transfer.created.text(METHOD);
    assert!(method.starts_with("pm_") && method != PROCESSING, "{method}");
    let method = transfer.owner.get(&format!("/v1/payment_methods/{method}"));
    method.ok().expect("customer", ()).expect("us_bank_account.last4", "6789");
}

#[test]
fn treasury_28_what_each_end_does_to_the_book() {
    for (end, status, entry) in [
        ("post", "posted", "outbound_transfer_posting"),
        ("fail", "void", "outbound_transfer_failure"),
        ("cancel", "void", "outbound_transfer_cancellation"),
    ] {
        let (given, transfer) = on_its_way();
        match end {
            "cancel" => transfer.cancel(),
            helper => transfer.test_helper(helper, &[]),
        }
        .ok();
        let cash = if status == "posted" { 9_500 } else { 10_000 };
        given.a.expect_balance(cash, 0);
        let transaction = transfer.transaction();
        transaction.expect("status", status);
        let change = cash - 9_500;
        expect_entries(&transaction, &[(entry, change, -500), ("outbound_transfer", -500, 500)]);
        transfer.expect("cancelable", false);
    }
}

#[test]
fn treasury_28_in_which_states() {
    let given = Given::with(10_000);
    let takes = |status: &str, action: &str| match status {
        "processing" => action != "track",
        "posted" => ["return", "track"].contains(&action),
        "returned" => action == "track",
        _ => false,
    };
    for status in ["processing", "canceled", "failed", "posted", "returned"] {
        for action in ["cancel", "fail", "post", "return", "track"] {
            let transfer = transfer_that_is(status, &given);
            let act = || match action {
                "cancel" => transfer.cancel(),
                "track" => transfer.test_helper("", &TRACE),
                helper => transfer.test_helper(helper, &[]),
            };
            if takes(status, action) {
                act().ok();
            } else {
                expect_wrong_state(&given.refuses(act));
            }
        }
    }
}

const TRACE: [(&str, &str); 2] =
    [("tracking_details[type]", "ach"), ("tracking_details[ach][trace_id]", "841042400123450")];

#[test]
fn a_transfers_tracking_details_are_set_once() {
    let (given, transfer) = on_its_way();
    transfer.test_helper("post", &[]).ok();
    let tracked = transfer.test_helper("", &TRACE);
    tracked.ok().expect("tracking_details.ach.trace_id", "841042400123450");
    given.refuses(|| transfer.test_helper("", &TRACE));
    let wire = [("tracking_details[type]", "us_domestic_wire")];
    let other = transfer_that_is("posted", &given);
    given.refuses(|| other.test_helper("", &wire));
    let event = "treasury.outbound_transfer.tracking_details_updated";
    let before = &given.k1.events(event)[0]["data"]["previous_attributes"];
    assert_eq!(before, &json!({"tracking_details": null}));
}

#[test]
fn treasury_29_only_to_oneself() {
    let given = Given::with(10_000);
    let ann = given.k1.post("/v1/customers", &[("name", "Ann")]).id();
    let theirs = bank_of(&given.k1, &ann, WAITS);
    let answer = given.refuses(|| given.a.transfers(500).own_method(&theirs).send());
    answer.expect("error.param", METHOD);
    // Nor to what belongs to nobody, or is no bank account, or is not there.
    let nobodys = given.k1.post(
        "/v1/payment_methods",
        &[
            ("type", "us_bank_account"),
            ("us_bank_account[account_holder_type]", "company"),
            ("us_bank_account[account_number]", WAITS),
            ("us_bank_account[routing_number]", ROUTING),
            ("billing_details[name]", "Rocket Rides"),
        ],
    );
    for method in [nobodys.id().as_str(), "pm_card_visa", "pm_nope", "ba_nope"] {
        let answer = given.refuses(|| given.a.transfers(500).own_method(method).send());
        answer.expect("error.param", METHOD);
    }
    let own = own_bank(&given.k1, WAITS);
    let transfer = given.a.transfers(500).to_own_method(&own);
    transfer.created.expect(METHOD, &own);
    // What is K1's own is not K2's.
    let from_b = given.b.clone().holding(1_000).transfers(500).own_method(&own);
    let answer = given.refuses(|| from_b.send());
    answer.expect_error(400, INVALID, "resource_missing", METHOD);
}

/// The numbers of a bank account, as they are told the older way.
fn numbers(name: &str, account: &str) -> Vec<(String, String)> {
    let at = |key: &str, value: &str| (format!("{name}[{key}]"), value.to_owned());
    vec![
        at("object", "bank_account"),
        at("country", "US"),
        at("currency", "usd"),
        at("routing_number", ROUTING),
        at("account_number", account),
        at("account_holder_name", "Rocket Rides"),
        at("account_holder_type", "company"),
    ]
}

#[test]
fn a_bank_account_kept_the_older_way() {
    let given = Given::with(10_000);
    let external = format!("/v1/accounts/{}/external_accounts", given.k1.account_id());
    let add = |number: &str| {
        let added = given.platform.post_all(&external, &numbers("external_account", number));
        added.ok();
        added.id()
    };
    let (own, closed) = (add(WAITS), add("000111111113"));
    let ann = given.k1.post("/v1/customers", &[("name", "Ann")]).id();
    let token = given.k1.post_all("/v1/tokens", &numbers("bank_account", WAITS)).id();
    let sources = format!("/v1/customers/{ann}/sources");
    let anns = given.k1.post(&sources, &[("source", &token)]).ok().id();

    let transfer = given.a.transfers(500).to_own_method(&own);
    let details = "destination_payment_method_details";
    transfer.created.expect(METHOD, ()).expect(&format!("{details}.destination"), &own);
    transfer.created.expect(&format!("{details}.us_bank_account.last4"), "0009");
    let words = "Rocket Rides (0009) | Outbound transfer | transfer";
    transfer.transaction().expect("description", words);
    let returned = given.a.transfers(500).to_own_method(&closed);
    let payment = given.a.pays(500).to_payment_method(&anns, &ann);
    payment.created.expect(METHOD, ()).expect(&format!("{details}.destination"), &anns);
    given.settle();
    returned.expect("returned_details.code", "account_closed");
    payment.expect("status", "processing");
    // Neither is the other's.
    let refused = [
        given.a.transfers(500).own_method(&anns),
        given.a.pays(500).payment_method(&own, &ann),
        given.a.pays(500).with(METHOD, &anns),
    ];
    for draft in refused {
        given.refuses(|| draft.send());
    }
    let foreign = given.b.clone().holding(1_000).transfers(500).own_method(&own);
    let answer = given.refuses(|| foreign.send());
    answer.expect_error(400, INVALID, "resource_missing", METHOD);
    // A wire needs an address, which such an account has not.
    let wire = given.a.pays(500).payment_method(&anns, &ann).network("us_domestic_wire");
    let code = "payment_method_billing_details_address_missing";
    given.refuses(|| wire.send()).expect_error(400, INVALID, code, METHOD);
}

#[test]
fn one_destination_is_needed_and_one_is_enough() {
    let given = Given::with(10_000);
    let answer = given.refuses(|| given.a.transfers(500).send());
    answer.expect_error(400, INVALID, "parameter_missing", METHOD);
    let second = given.k1.financial_account();
    let both = given.a.transfers(500).own_method(PROCESSING).financial_account(&second);
    given.refuses(|| both.send()).expect("error.param", METHOD);
    // Neither a customer nor a bank account described on the spot is known here.
    for (name, value) in [
        ("customer", "cus_1"),
        ("end_user_details[present]", "false"),
        (&format!("{DATA}[us_bank_account][routing_number]"), ROUTING),
        (&format!("{DATA}[billing_details][name]"), "Ann"),
    ] {
        let draft = given.a.transfers(500).financial_account(&second).with(name, value);
        let answer = given.refuses(|| draft.send());
        answer.expect("error.code", "parameter_unknown");
    }
    let bank = given.a.transfers(500).with(&format!("{DATA}[type]"), "us_bank_account");
    given.refuses(|| bank.send()).expect("error.param", format!("{DATA}[type]").as_str());
    let unnamed = given.a.transfers(500).with(&format!("{DATA}[type]"), "financial_account");
    let param = format!("{DATA}[financial_account]");
    let answer = given.refuses(|| unnamed.send());
    answer.expect_error(400, INVALID, "parameter_missing", param.as_str());
}

/// The one ReceivedCredit that an account has.
#[track_caller]
fn credit_of(account: &exchequer_tests::FinancialAccount, more: &[(&str, &str)]) -> Answer {
    let ids = account.list(CREDITS, more).ids();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let expand = [("expand[]", "linked_flows.source_flow_details")];
    let credit = account.owner.list(&format!("{CREDITS}/{}", ids[0]), &expand);
    credit.ok();
    credit
}

#[test]
fn treasury_26_between_accounts_of_one_owner() {
    let given = Given::with(5_000);
    let second = given.k1.financial_account();
    let transfer = given.a.transfers(1_000).to_financial_account(&second);
    transfer.created.expect("expected_arrival_date", transfer.created.at("created"));
    given.a.expect_balance(4_000, 1_000);
    second.expect_balance(0, 0);
    given.settle();
    transfer.expect("status", "posted");
    given.a.expect_balance(4_000, 0);
    second.expect_balance(1_000, 0);
    let filter = [("linked_flows[source_flow_type]", "outbound_transfer")];
    let credit = credit_of(&second, &filter);
    credit.expect("network", "stripe").expect("description", "transfer");
    credit.expect("linked_flows.source_flow", &transfer.id);
    credit.expect("linked_flows.source_flow_type", "outbound_transfer");
    credit.expect("linked_flows.source_flow_details.type", "outbound_transfer");
    let details = "linked_flows.source_flow_details.outbound_transfer";
    credit.expect(details, &transfer.get().body);
    let reversal = json!({"deadline": null, "restricted_reason": "source_flow_restricted"});
    credit.expect("reversal_details", reversal);
    let payments = [("linked_flows[source_flow_type]", "outbound_payment")];
    assert!(second.list(CREDITS, &payments).ids().is_empty());
    given.refuses(|| transfer.test_helper("return", &[]));
}

#[test]
fn treasury_26_not_to_another_owner() {
    let given = Given::with(5_000);
    let answer = given.refuses(|| given.a.transfers(1_000).financial_account(&given.b).send());
    answer.expect("error.param", format!("{DATA}[financial_account]").as_str());
    given.refuses(|| given.a.transfers(1_000).financial_account(&given.a).send());
    given.b.expect_balance(0, 0);
    let second = given.k1.financial_account_with(&["financial_addresses.aba"]);
    let answer = given.refuses(|| given.a.transfers(1_000).financial_account(&second).send());
    answer.expect_message_contains("intra_stripe_flows");
}

#[test]
fn a_transfer_to_an_account_that_closed_meanwhile() {
    let given = Given::with(5_000);
    let second = given.k1.financial_account();
    let transfer = given.a.transfers(1_000).to_financial_account(&second);
    second.close().ok();
    given.settle();
    transfer.expect("status", "returned").expect("returned_details.code", "account_closed");
    given.a.expect_balance(5_000, 0);
    credit_of(&second, &[]).expect("failure_code", "account_closed");
}

#[test]
fn every_token_decides_over_a_transfer() {
    let given = Given::with(10_000);
    for (token, number, status, code) in [
        ("pm_usBankAccount", "000123456789", "posted", None),
        (PROCESSING, WAITS, "processing", None),
        ("pm_usBankAccount_expectedArrivalDateUpdated", "000123457890", "posted", None),
        ("pm_usBankAccount_canceledByUser", "000000000123", "canceled", None),
        ("pm_usBankAccount_internalFailure", "000000000234", "failed", None),
        ("pm_usBankAccount_accountClosed", "000111111113", "returned", Some("account_closed")),
        ("pm_usBankAccount_noAccount", "000111111116", "returned", Some("no_account")),
        (
            "pm_usBankAccount_invalidAccountNumber",
            "000111111119",
            "returned",
            Some("invalid_account_number"),
        ),
    ] {
        let own = own_bank(&given.k1, number);
        for method in [token, &own] {
            let transfer = given.a.transfers(100).to_own_method(method);
            given.settle();
            let now = transfer.expect_status(status);
            assert_eq!(now.body["returned_details"]["code"].as_str(), code, "{method}");
        }
    }
    given.a.expect_balance(9_400, 200);
}

#[test]
fn an_arrival_that_is_put_off_is_told() {
    let given = Given::with(10_000);
    let transfer =
        given.a.transfers(100).to_own_method("pm_usBankAccount_expectedArrivalDateUpdated");
    let promised = transfer.created.int("expected_arrival_date");
    given.settle();
    transfer.expect("expected_arrival_date", promised + 86_400);
    given.k1.expect_events(&[
        "treasury.outbound_transfer.created",
        ".expected_arrival_date_updated",
        ".posted",
    ]);
}

#[test]
fn features_and_descriptors_of_transfers() {
    let given = Given::with(10_000);
    let bare =
        given.k1.financial_account_with(&["financial_addresses.aba", "outbound_payments.ach"]);
    let bare = bare.holding(1_000);
    let draft = bare.transfers(500).own_method(PROCESSING);
    given.refuses(|| draft.send()).expect_message_contains("outbound_transfers.ach");
    let wire = draft.network("us_domestic_wire");
    given.refuses(|| wire.send()).expect_message_contains("outbound_transfers.us_domestic_wire");
    for (descriptor, network, is_fit) in
        [("a", "ach", true), ("ten chars!", "ach", false), ("a", "us_domestic_wire", true)]
    {
        let draft = given.a.transfers(100).own_method(PROCESSING).network(network);
        let draft = draft.with("statement_descriptor", descriptor);
        if is_fit {
            draft.create().created.expect("statement_descriptor", descriptor);
        } else {
            given.refuses(|| draft.send()).expect("error.param", "statement_descriptor");
        }
    }
    let long = given.a.transfers(100).own_method(PROCESSING);
    let long = long.with("statement_descriptor", "elevenchars");
    given.refuses(|| long.send()).expect("error.param", "statement_descriptor");
    let little = given.a.transfers(10_001).own_method(PROCESSING);
    let answer = given.refuses(|| little.send());
    answer.expect_error(400, INVALID, "balance_insufficient", "amount");
}

#[test]
fn a_wire_to_oneself_knows_the_address_of_the_legal_entity() {
    let given = Given::with(10_000);
    let own = own_bank(&given.k1, WAITS);
    let wire = given.a.transfers(500).own_method(&own).network("us_domestic_wire");
    let code = "payment_method_billing_details_address_missing";
    given.refuses(|| wire.send()).expect_error(400, INVALID, code, METHOD);
    let account = format!("/v1/accounts/{}", given.k1.account_id());
    let address = |name: &str| format!("company[address][{name}]");
    let told = [
        (address("line1"), "1 Main Street".to_owned()),
        (address("city"), "Springfield".to_owned()),
        (address("state"), "IL".to_owned()),
        (address("postal_code"), "62701".to_owned()),
        (address("country"), "US".to_owned()),
    ];
    given.platform.post_all(&account, &told).ok();
    let transfer = wire.clone().create();
    let details = "destination_payment_method_details";
    transfer.created.expect(&format!("{details}.us_bank_account.network"), "us_domestic_wire");
    transfer.created.expect(&format!("{details}.billing_details.address.city"), "Springfield");
    // A part of an address is none, and is not made whole by another.
    let update = [("billing_details[address][city]", "Bern")];
    given.k1.post(&format!("/v1/payment_methods/{own}"), &update).ok();
    given.refuses(|| wire.send()).expect_error(400, INVALID, code, METHOD);
    // By ach nobody asks for it.
    let ach = given.a.transfers(500).to_own_method(&own);
    ach.created.expect(&format!("{details}.billing_details.address.city"), "Bern");
}

#[test]
fn transfers_are_listed_by_status() {
    let given = Given::with(10_000);
    let posted = transfer_that_is("posted", &given);
    let waiting = transfer_that_is("processing", &given);
    let ids = |more: &[(&str, &str)]| given.a.list(TRANSFERS, more).ids();
    assert_eq!(ids(&[]), [waiting.id.clone(), posted.id.clone()]);
    assert_eq!(ids(&[("status", "posted")]), [posted.id.as_str()]);
    assert_eq!(ids(&[("starting_after", waiting.id.as_str())]), [posted.id.as_str()]);
    assert!(given.a.payments().is_empty(), "a transfer is no payment");
    // These filters are those of payments alone.
    for filter in [("created", "1"), ("customer", "cus_1")] {
        let answer = given.a.list(TRANSFERS, &[filter]);
        answer.expect("error.code", "parameter_unknown");
    }
    given.k1.get(TRANSFERS).expect_error(400, INVALID, "parameter_missing", "financial_account");
}

#[test]
fn a_transfers_transactions_are_expanded() {
    let given = Given::with(10_000);
    let transfer = transfer_that_is("returned", &given);
    let expand = [("expand[]", "transaction"), ("expand[]", "returned_details.transaction")];
    let seen = transfer.get_with(&expand);
    seen.expect("transaction.flow", &transfer.id);
    seen.expect("returned_details.transaction.amount", 100);
    let path = format!("/v1/treasury/transactions/{}", transfer.created.text("transaction"));
    let transaction = given.k1.list(&path, &[("expand[]", "flow_details")]);
    transaction.expect("flow_details.type", "outbound_transfer");
    transaction.expect("flow_details.outbound_transfer", &transfer.get().body);
}
