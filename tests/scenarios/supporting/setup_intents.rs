//! SetupIntents, as far as payments out need them.

use exchequer_tests::{Answer, Folder, Sandbox, Server};
use serde_json::json;

use super::{INVALID, bank_account, customer};

const INTENTS: &str = "/v1/setup_intents";
const OUT: [(&str, &str); 3] = [
    ("payment_method_types[]", "us_bank_account"),
    ("flow_directions[]", "outbound"),
    ("confirm", "true"),
];

#[track_caller]
fn set_up(given: &Sandbox, more: &[(&str, &str)]) -> Answer {
    let mut params = OUT.to_vec();
    params.extend_from_slice(more);
    given.post(INTENTS, &params)
}

#[test]
fn supporting_08_payments_out_need_no_verification() {
    let given = Sandbox::new();
    let (ann, method) = (customer(&given, "Ann"), bank_account(&given, "000123456789"));
    let intent = set_up(&given, &[("customer", &ann), ("payment_method", &method)]);
    intent.ok().expect("object", "setup_intent").expect("status", "succeeded");
    assert!(intent.id().starts_with("seti_"), "{intent:?}");
    intent.expect("customer", &ann).expect("payment_method", &method).expect("next_action", ());
    intent.expect("flow_directions", json!(["outbound"])).expect("mandate", ());
    intent.expect("payment_method_types", json!(["us_bank_account"]));
    let secret = intent.text("client_secret");
    assert!(secret.starts_with(&format!("{}_secret_", intent.id())), "{secret}");
    let attached = given.get(&format!("/v1/payment_methods/{method}"));
    attached.ok().expect("customer", &ann);
    given.expect_events(&["setup_intent.created", ".succeeded"]);
    given.get(&format!("{INTENTS}/{}", intent.id())).ok().expect("", &intent.body);
}

#[test]
fn supporting_08_step_by_step() {
    let given = Sandbox::new();
    let (ann, method) = (customer(&given, "Ann"), bank_account(&given, "000123456789"));
    let created = given.post(INTENTS, &[OUT[0], OUT[1], ("customer", &ann)]);
    created.ok().expect("status", "requires_payment_method");
    let path = format!("{INTENTS}/{}", created.id());
    let updated = given.post(&path, &[("payment_method", &method)]);
    updated.ok().expect("status", "requires_confirmation");
    given.post(&format!("{path}/confirm"), &[]).ok().expect("status", "succeeded");
    let answer = given.post(&format!("{path}/cancel"), &[]);
    answer.expect_status(400).expect("error.code", "setup_intent_unexpected_state");
}

#[test]
fn supporting_08_with_the_bank_account_in_the_same_call() {
    let given = Sandbox::new();
    let ann = customer(&given, "Ann");
    let intent = set_up(
        &given,
        &[
            ("customer", &ann),
            ("payment_method_data[type]", "us_bank_account"),
            ("payment_method_data[us_bank_account][account_holder_type]", "individual"),
            ("payment_method_data[us_bank_account][account_number]", "000123456789"),
            ("payment_method_data[us_bank_account][routing_number]", "110000000"),
            ("payment_method_data[billing_details][name]", "Ann Vendor"),
        ],
    );
    intent.ok().expect("status", "succeeded");
    let method = given.get(&format!("/v1/payment_methods/{}", intent.text("payment_method")));
    method.ok().expect("customer", &ann).expect("us_bank_account.last4", "6789");
}

#[test]
fn supporting_09_a_customer_or_the_account_itself() {
    let given = Sandbox::new().connected_account();
    let (ann, method) = (customer(&given, "Ann"), bank_account(&given, "000123456789"));
    let itself = ("attach_to_self", "true");
    let both = set_up(&given, &[itself, ("customer", &ann), ("payment_method", &method)]);
    both.expect_status(400).expect("error.type", INVALID);
    assert!(given.get(INTENTS).ids().is_empty());
    let intent = set_up(&given, &[itself, ("payment_method", &method)]);
    intent.ok().expect("status", "succeeded").expect("attach_to_self", true);
    intent.expect("customer", ());
    given.get(&format!("/v1/payment_methods/{method}")).ok().expect("customer", ());
}

#[test]
fn a_set_up_is_canceled() {
    let given = Sandbox::new();
    let ann = customer(&given, "Ann");
    let created = given.post(INTENTS, &[OUT[0], OUT[1], ("customer", &ann)]);
    let path = format!("{INTENTS}/{}/cancel", created.id());
    let canceled = given.post(&path, &[("cancellation_reason", "abandoned")]);
    canceled.ok().expect("status", "canceled").expect("cancellation_reason", "abandoned");
    let answer = given.post(&path, &[]);
    answer.expect_status(400).expect("error.code", "setup_intent_unexpected_state");
    given.expect_events(&["setup_intent.created", ".canceled"]);
}

#[test]
fn set_ups_of_a_customer() {
    let given = Sandbox::new();
    let (ann, bea) = (customer(&given, "Ann"), customer(&given, "Bea"));
    let create = |who: &str| given.post(INTENTS, &[OUT[0], OUT[1], ("customer", who)]).id();
    let (first, _, third) = (create(&ann), create(&bea), create(&ann));
    let list = given.list(INTENTS, &[("customer", &ann)]);
    assert_eq!(list.ids(), [&*third, &*first]);
    assert_eq!(given.get(INTENTS).ids().len(), 3);
    let answer = given.get(&format!("{INTENTS}/seti_nope"));
    answer.expect_error(404, INVALID, "resource_missing", "intent");
}

#[test]
fn a_set_up_for_a_deleted_customer_is_refused() {
    let given = Sandbox::new();
    let (ann, method) = (customer(&given, "Ann"), bank_account(&given, "000123456789"));
    let created =
        given.post(INTENTS, &[OUT[0], OUT[1], ("customer", &ann), ("payment_method", &method)]);
    let path = format!("{INTENTS}/{}", created.id());
    given.delete(&format!("/v1/customers/{ann}")).ok();
    let answer = given.post(&format!("{path}/confirm"), &[]);
    answer.expect_error(400, INVALID, "resource_missing", "customer");
    given.get(&path).ok().expect("status", "requires_confirmation");
    given.get(&format!("/v1/payment_methods/{method}")).ok().expect("customer", ());
}

#[test]
fn a_set_up_for_money_going_out_is_somebodys() {
    let given = Sandbox::new().connected_account();
    for nobody in [&[][..], &[("attach_to_self", "false")][..]] {
        let params = [&OUT[..2], nobody].concat();
        let answer = given.post(INTENTS, &params);
        answer.expect_error(400, INVALID, None, "flow_directions");
    }
    assert!(given.get(INTENTS).ids().is_empty());
    given.post(INTENTS, &OUT[..1]).ok();
    given.post(INTENTS, &[]).ok();
    given.post(INTENTS, &[OUT[0], OUT[1], ("attach_to_self", "true")]).ok();
}

#[test]
fn the_client_secret_stands_in_events_and_nowhere_in_the_store() {
    let folder = Folder::new();
    let data = folder.file("store.db");
    let server = Server::start(&["--data", &data]);
    let given = Sandbox::on_server(&server);
    let (ann, method) = (customer(&given, "Ann"), bank_account(&given, "000123456789"));
    let confirm = [("customer", ann.as_str()), ("payment_method", &method)];
    let given = given.idempotency_key("once");
    let intent = set_up(&given, &confirm);
    let secret = intent.ok().text("client_secret").to_owned();
    set_up(&given, &confirm).ok().expect("", &intent.body);
    let events = given.events("setup_intent.*");
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["data"]["object"], intent.body);
    assert_eq!(events[1]["data"]["object"]["client_secret"], secret.as_str());
    // Killed, so that the write-ahead log is still there to be searched.
    server.kill();
    for entry in std::fs::read_dir(folder.path()).expect("the folder") {
        let name = entry.expect("an entry").path();
        let bytes = std::fs::read(&name).expect("a file of the store");
        let is_there = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!is_there, "{secret} stands in {}", name.display());
    }
}
