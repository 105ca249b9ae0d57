//! An id of somebody else is told apart from an invented one by nothing at all.
//!
//! The list of operations is the server's own, so that a new operation is tested without being
//! named here; a new kind of object has to be made once, in [`Belongings`].

use std::collections::BTreeMap;

use exchequer_tests::{Answer, Receiver, Sandbox};

/// One object of every kind, all of one connected account: the collection's path, and an id.
struct Belongings {
    owner: Sandbox,
    platform: Sandbox,
    ids: BTreeMap<String, String>,
}

impl Belongings {
    fn new() -> Self {
        let platform = Sandbox::new();
        let owner = platform.connected_account();
        let account = owner.financial_account().holding(10_000);
        let payment = account.pays(100).to_bank("110000000", "000000000009");
        let transfer = account.transfers(100).to_own_method("pm_usBankAccount_processing");
        let bank = [
            ("type", "us_bank_account"),
            ("us_bank_account[account_holder_type]", "company"),
            ("us_bank_account[account_number]", "000123456789"),
            ("us_bank_account[routing_number]", "110000000"),
            ("billing_details[name]", "Ann Vendor"),
        ];
        let intent = [
            ("attach_to_self", "true"),
            ("payment_method_types[]", "us_bank_account"),
            ("flow_directions[]", "outbound"),
        ];
        let agreed = [
            ("payment_method", "pm_usBankAccount"),
            ("payment_method_types[]", "us_bank_account"),
            ("mandate_data[customer_acceptance][type]", "offline"),
            ("confirm", "true"),
        ];
        let token = [
            ("bank_account[country]", "US"),
            ("bank_account[routing_number]", "110000000"),
            ("bank_account[account_number]", "000123456789"),
        ];
        let pays = [("amount", "10000"), ("currency", "usd"), ("source", "tok_bypassPending")];
        let charge = owner.post("/v1/charges", &pays).id();
        let intends = [("amount", "1000"), ("currency", "usd")];
        let sends = [("amount", "100"), ("currency", "usd")];
        let receiver = Receiver::new();
        let newest = |path: &str| owner.list(path, &[("limit", "1")]).ids().remove(0);
        let of_account = |path: &str| account.list(path, &[("limit", "1")]).ids().remove(0);
        let mut ids: BTreeMap<String, String> = BTreeMap::new();
        for (collection, id) in [
            ("accounts", owner.account_id()),
            ("customers", owner.post("/v1/customers", &[("name", "Ann")]).id()),
            ("payment_methods", owner.post("/v1/payment_methods", &bank).id()),
            ("setup_intents", owner.post("/v1/setup_intents", &intent).id()),
            ("mandates", owner.post("/v1/setup_intents", &agreed).text("mandate").to_owned()),
            ("charges", charge.clone()),
            ("refunds", owner.post("/v1/refunds", &[("charge", &charge), ("amount", "1")]).id()),
            ("payment_intents", owner.post("/v1/payment_intents", &intends).id()),
            ("payouts", owner.post("/v1/payouts", &sends).id()),
            ("topups", owner.post("/v1/topups", &sends).id()),
            ("balance_transactions", newest("/v1/balance_transactions")),
            ("balance/history", newest("/v1/balance/history")),
            ("tokens", owner.post("/v1/tokens", &token).id()),
            ("webhook_endpoints", owner.webhook(&receiver, &["customer.created"]).id),
            ("treasury/financial_accounts", account.id.clone()),
            ("treasury/outbound_payments", payment.id.clone()),
            (
                "treasury/credit_reversals",
                account.sends_back(&account.receives(100, "ach").id()).id(),
            ),
            ("treasury/debit_reversals", account.takes_back(&account.is_debited(100).id()).id()),
            ("treasury/outbound_transfers", transfer.id.clone()),
            (
                "treasury/inbound_transfers",
                account.transfers_in(100, "pm_usBankAccount_processing").id(),
            ),
            ("treasury/received_credits", of_account("/v1/treasury/received_credits")),
            ("treasury/received_debits", account.is_debited(100).id()),
            ("treasury/transactions", of_account("/v1/treasury/transactions")),
            ("treasury/transaction_entries", of_account("/v1/treasury/transaction_entries")),
            ("events", newest("/v1/events")),
        ] {
            ids.insert(format!("/v1/{collection}"), id);
        }
        Self { owner, platform, ids }
    }

    /// The id that belongs in the first gap of `/v1/customers/{customer}/…`.
    #[track_caller]
    fn id_for(&self, path: &str) -> &str {
        let collection = path.split("/{").next().expect("a path");
        let collection = collection.replace("/test_helpers/", "/");
        let found = self.ids.get(&collection);
        found.unwrap_or_else(|| panic!("make one of {collection} in Belongings, for {path}"))
    }
}

/// What an operation must be given before it looks for the object.
const REQUIRED: &[(&str, &[(&str, &str)])] = &[
    (
        "POST /v1/test_helpers/treasury/outbound_payments/{}",
        &[("tracking_details[type]", "ach"), ("tracking_details[ach][trace_id]", "1")],
    ),
    (
        "POST /v1/test_helpers/treasury/outbound_transfers/{}",
        &[("tracking_details[type]", "ach"), ("tracking_details[ach][trace_id]", "1")],
    ),
    ("POST /v1/payment_methods/{}/attach", &[("customer", "cus_any")]),
    ("POST /v1/events/{}/retry", &[("webhook_endpoint", "we_any")]),
    ("POST /v1/accounts/{}/capabilities/{}", &[("requested", "true")]),
    ("POST /v1/accounts/{}/external_accounts", &[("external_account", "btok_any")]),
    ("POST /v1/customers/{}/sources", &[("source", "btok_any")]),
    ("POST /v1/customers/{}/sources/{}/verify", &[("amounts[]", "32")]),
    ("POST /v1/accounts/{}/reject", &[("reason", "fraud")]),
];

/// Method and path of every declared operation that has an id in its path.
fn operations_with_id(given: &Sandbox) -> Vec<(String, String)> {
    let document = given.get("/openapi.json");
    let paths = document.ok().at("paths").as_object().expect("the paths").clone();
    let mut operations = Vec::new();
    for (path, methods) in paths {
        if !path.starts_with("/v1/") || !path.contains('{') {
            continue;
        }
        for method in methods.as_object().expect("methods").keys() {
            if ["get", "post", "delete"].contains(&method.as_str()) {
                operations.push((method.to_uppercase(), path.clone()));
            }
        }
    }
    operations
}

/// The path with this id in its first gap, and something harmless in the others.
fn with_id(path: &str, id: &str) -> String {
    let mut gaps = 0;
    let segment = |segment: &str| {
        if !segment.starts_with('{') {
            return segment.to_owned();
        }
        gaps += 1;
        if gaps == 1 { id.to_owned() } else { "treasury".to_owned() }
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn call(caller: &Sandbox, method: &str, path: &str, id: &str) -> Answer {
    let gaps: Vec<&str> =
        path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect();
    let operation = format!("{method} {}", gaps.join("/"));
    let required = REQUIRED.iter().find(|(name, _)| *name == operation);
    let params = required.map_or(&[][..], |(_, params)| *params);
    let path = with_id(path, id);
    match method {
        "POST" => caller.post(&path, params),
        _ => caller.send(method, &path, b""),
    }
}

/// The body without what must differ: the id asked for and the request's own id.
fn without_ids(answer: &Answer, id: &str) -> String {
    let text = String::from_utf8_lossy(&answer.bytes).into_owned();
    let request = answer.header("Request-Id").unwrap_or("no request id");
    text.replace(id, "ID").replace(request, "REQUEST")
}

/// As long as a real one and of the same kind, but nobody's.
fn invented(id: &str) -> String {
    format!("{}zzzzzz", &id[..id.len() - 6])
}

#[track_caller]
fn expect_no_difference(belongings: &Belongings, stranger: &Sandbox) {
    let operations = operations_with_id(stranger);
    assert!(operations.len() >= 20, "{} operations with an id", operations.len());
    for (method, path) in operations {
        let id = belongings.id_for(&path);
        let made_up = invented(id);
        let theirs = call(stranger, &method, &path, id);
        let nobodys = call(stranger, &method, &path, &made_up);
        assert_eq!(theirs.status, nobodys.status, "{theirs:?}\n{nobodys:?}");
        assert_eq!(without_ids(&theirs, id), without_ids(&nobodys, &made_up), "{method} {path}");
        let code = theirs.text("error.code");
        let refused = match theirs.status {
            404 => code == "resource_missing",
            403 => code == "account_invalid" && path.starts_with("/v1/accounts/"),
            _ => false,
        };
        assert!(refused, "this says nothing of isolation: {theirs:?}");
    }
}

#[test]
fn objects_of_another_sandbox_are_as_good_as_absent() {
    expect_no_difference(&Belongings::new(), &Sandbox::new());
}

#[test]
fn objects_of_a_sibling_account_are_as_good_as_absent() {
    let belongings = Belongings::new();
    let sibling = belongings.platform.connected_account();
    expect_no_difference(&belongings, &sibling);
}

/// The same for an id in a parameter.
#[test]
fn references_to_somebody_elses_objects_are_as_good_as_absent() {
    let belongings = Belongings::new();
    let sibling = belongings.platform.connected_account();
    for stranger in [&Sandbox::new(), &sibling] {
        for (collection, list) in [
            ("/v1/treasury/financial_accounts", "/v1/treasury/transactions"),
            ("/v1/treasury/financial_accounts", "/v1/treasury/transaction_entries"),
            ("/v1/treasury/financial_accounts", "/v1/treasury/received_credits"),
            ("/v1/treasury/financial_accounts", "/v1/treasury/received_debits"),
            ("/v1/treasury/financial_accounts", "/v1/treasury/credit_reversals"),
            ("/v1/treasury/financial_accounts", "/v1/treasury/debit_reversals"),
            ("/v1/treasury/financial_accounts", "/v1/treasury/inbound_transfers"),
            ("/v1/treasury/financial_accounts", "/v1/treasury/outbound_payments"),
        ] {
            let id = &belongings.ids[collection];
            let made_up = invented(id);
            let theirs = stranger.list(list, &[("financial_account", id)]);
            let nobodys = stranger.list(list, &[("financial_account", &made_up)]);
            theirs.expect_status(400).expect("error.code", "resource_missing");
            assert_eq!(without_ids(&theirs, id), without_ids(&nobodys, &made_up), "{list}");
        }
        for (collection, list) in [
            ("/v1/balance_transactions", "/v1/balance_transactions"),
            ("/v1/charges", "/v1/charges"),
            ("/v1/customers", "/v1/customers"),
            ("/v1/events", "/v1/events"),
            ("/v1/payment_intents", "/v1/payment_intents"),
            ("/v1/payouts", "/v1/payouts"),
            ("/v1/refunds", "/v1/refunds"),
            ("/v1/topups", "/v1/topups"),
            ("/v1/webhook_endpoints", "/v1/webhook_endpoints"),
        ] {
            let id = &belongings.ids[collection];
            let made_up = invented(id);
            let theirs = stranger.list(list, &[("starting_after", id)]);
            let nobodys = stranger.list(list, &[("starting_after", &made_up)]);
            theirs.expect_status(400).expect("error.param", "starting_after");
            assert_eq!(without_ids(&theirs, id), without_ids(&nobodys, &made_up), "{list}");
        }
    }
    // What was asked for is still its owner's.
    let customer = &belongings.ids["/v1/customers"];
    belongings.owner.get(&format!("/v1/customers/{customer}")).ok();
}
