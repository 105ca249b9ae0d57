//! PaymentMethods: cards and bank accounts, attached and detached.

use exchequer_tests::{Answer, Sandbox};
use serde_json::json;

use super::{INVALID, bank_account, customer};

const METHODS: &str = "/v1/payment_methods";
const CARD: [(&str, &str); 5] = [
    ("type", "card"),
    ("card[number]", "4242424242424242"),
    ("card[exp_month]", "8"),
    ("card[exp_year]", "2040"),
    ("card[cvc]", "314"),
];

#[track_caller]
fn attach(given: &Sandbox, method: &str, to: &str) -> Answer {
    given.post(&format!("{METHODS}/{method}/attach"), &[("customer", to)])
}

#[test]
fn a_card() {
    let given = Sandbox::new();
    let created = given.post(METHODS, &CARD);
    created.ok().expect("object", "payment_method").expect("type", "card");
    assert!(created.id().starts_with("pm_"), "{created:?}");
    created.expect("customer", ()).expect("livemode", false).expect("metadata", json!({}));
    created.expect("allow_redisplay", "unspecified").expect_absent("us_bank_account");
    created.expect("card.brand", "visa").expect("card.last4", "4242");
    created.expect("card.exp_month", 8).expect("card.exp_year", 2040);
    created.expect("card.funding", "credit").expect("card.country", "US");
    created.expect_absent("card.number").expect_absent("card.cvc");
    created.expect("billing_details.name", ()).expect("billing_details.address.city", ());
    let text = String::from_utf8_lossy(&created.bytes);
    assert!(!text.contains("4242424242424242"), "{created:?}");
    let twin = given.post(METHODS, &CARD);
    assert_ne!(twin.id(), created.id());
    twin.expect("card.fingerprint", created.at("card.fingerprint"));
    given.get(&format!("{METHODS}/{}", created.id())).ok().expect("", &created.body);
}

#[test]
fn a_bank_account() {
    let given = Sandbox::new();
    let method = given.get(&format!("{METHODS}/{}", bank_account(&given, "000123456789")));
    method.ok().expect("type", "us_bank_account").expect_absent("card");
    method.expect("billing_details.name", "Ann Vendor").expect("customer", ());
    let fingerprint = method.text("us_bank_account.fingerprint").to_owned();
    method.expect(
        "us_bank_account",
        json!({
            "account_holder_type": "individual",
            "account_type": "checking",
            "bank_name": "STRIPE TEST BANK",
            "financial_connections_account": null,
            "fingerprint": fingerprint,
            "last4": "6789",
            "networks": {"preferred": "ach", "supported": ["ach", "us_domestic_wire"]},
            "routing_number": "110000000",
            "status_details": {},
        }),
    );
    let print = |number: &str| {
        let path = format!("{METHODS}/{}", bank_account(&given, number));
        given.get(&path).text("us_bank_account.fingerprint").to_owned()
    };
    assert_eq!(print("000123456789"), fingerprint);
    assert_ne!(print("000000000009"), fingerprint);
}

#[test]
fn what_a_payment_method_needs() {
    let given = Sandbox::new();
    let answer = given.post(METHODS, &[("card[number]", "4242424242424242")]);
    answer.expect_error(400, INVALID, "parameter_missing", "type");
    let answer = given.post(METHODS, &[("type", "cheque")]);
    answer.expect_error(400, INVALID, None, "type");
    let bank = [
        ("type", "us_bank_account"),
        ("us_bank_account[account_holder_type]", "individual"),
        ("us_bank_account[account_number]", "000123456789"),
        ("us_bank_account[routing_number]", "110000000"),
        ("billing_details[name]", "Ann Vendor"),
    ];
    for name in ["us_bank_account[account_number]", "us_bank_account[routing_number]"] {
        let partial: Vec<(&str, &str)> = bank.into_iter().filter(|(key, _)| *key != name).collect();
        given.post(METHODS, &partial).expect_status(400).expect("error.type", INVALID);
    }
    given.post(METHODS, &bank).ok();
}

#[test]
fn attach_update_detach() {
    let given = Sandbox::new();
    let ann = customer(&given, "Ann");
    let id = given.post(METHODS, &CARD).id();
    let path = format!("{METHODS}/{id}");
    attach(&given, &id, &ann).ok().expect("id", &id).expect("customer", &ann);
    let update = [
        ("billing_details[email]", "ann@example.com"),
        ("card[exp_year]", "2041"),
        ("metadata[a]", "1"),
    ];
    let updated = given.post(&path, &update);
    updated.ok().expect("billing_details.email", "ann@example.com");
    updated.expect("card.exp_year", 2041).expect("metadata", json!({"a": "1"}));
    let detached = given.post(&format!("{path}/detach"), &[]);
    detached.ok().expect("customer", ());
    attach(&given, &id, &ann).expect_status(400).expect("error.type", INVALID);
    given.expect_events(&["payment_method.attached", ".updated", ".detached"]);
}

#[test]
fn the_payment_methods_of_a_customer() {
    let given = Sandbox::new();
    let (ann, bea) = (customer(&given, "Ann"), customer(&given, "Bea"));
    let first = attach(&given, "pm_card_visa", &ann).id();
    let second = attach(&given, "pm_card_mastercard", &ann).id();
    attach(&given, "pm_card_visa", &bea).ok();
    let list = |params: &[(&str, &str)]| given.list(METHODS, params).ids();
    assert_eq!(list(&[("customer", &ann)]), [&*second, &*first]);
    assert_eq!(list(&[("customer", &ann), ("type", "card"), ("limit", "1")]), [&*second]);
    assert!(list(&[("customer", &ann), ("type", "us_bank_account")]).is_empty());
    let path = format!("/v1/customers/{ann}/payment_methods");
    let own = given.get(&path);
    assert_eq!(own.ids(), [&*second, &*first]);
    own.expect("url", &path);
    given.get(&format!("{path}/{first}")).ok().expect("id", &first);
    let answer = given.list(METHODS, &[("customer", "cus_nope")]);
    answer.expect_error(400, INVALID, "resource_missing", "customer");
}

#[test]
fn the_payment_methods_of_nobody() {
    let given = Sandbox::new();
    let loose = bank_account(&given, "000123456789");
    attach(&given, "pm_card_visa", &customer(&given, "Ann")).ok();
    let all = given.list(METHODS, &[("type", "us_bank_account")]);
    assert_eq!(all.ids(), [&*loose]);
    assert_eq!(given.get(METHODS).ids(), [&*loose]);
}

#[test]
fn a_token_is_a_new_payment_method_each_time() {
    let given = Sandbox::new();
    let ann = customer(&given, "Ann");
    let first = attach(&given, "pm_card_visa", &ann);
    let second = attach(&given, "pm_card_visa", &ann);
    assert_ne!(first.id(), second.id());
    assert_ne!(first.id(), "pm_card_visa");
    first.expect("card.last4", "4242").expect("card.brand", "visa").expect("customer", &ann);
    second.expect("card.fingerprint", first.at("card.fingerprint"));
}

#[test]
fn a_token_of_a_bank_account() {
    let given = Sandbox::new();
    for token in ["pm_usBankAccount", "pm_usBankAccount_processing"] {
        let method = given.get(&format!("{METHODS}/{token}"));
        method.ok().expect("type", "us_bank_account");
        method.expect("us_bank_account.last4", "6789");
        method.expect("us_bank_account.routing_number", "110000000");
        method.expect("billing_details.name", "Jane Austen");
    }
}

#[test]
fn a_bank_account_is_not_attached_without_a_set_up() {
    let given = Sandbox::new();
    let (ann, loose) = (customer(&given, "Ann"), bank_account(&given, "000123456789"));
    attach(&given, &loose, &ann).expect_status(400).expect("error.type", INVALID);
    given.get(&format!("{METHODS}/{loose}")).ok().expect("customer", ());
}

#[test]
fn payment_methods_that_are_not_there() {
    let given = Sandbox::new();
    let ann = customer(&given, "Ann");
    for answer in [
        given.get(&format!("{METHODS}/pm_nope")),
        attach(&given, "pm_nope", &ann),
        given.post(&format!("{METHODS}/pm_nope/detach"), &[]),
    ] {
        answer.expect_status(404).expect("error.code", "resource_missing");
    }
    let answer = attach(&given, "pm_card_visa", "cus_nope");
    answer.expect_error(400, INVALID, "resource_missing", "customer");
}
