//! What happens when an answer is lost: the SDKs send the same request again.

use exchequer_tests::{Sandbox, python};

use crate::mechanisms::failpoints;

const CUSTOMERS: &str = "/v1/customers";

#[test]
fn platform_74_a_lost_answer_is_replayed() {
    let server = failpoints::server(&[]);
    let given = Sandbox::on_server(&server);
    failpoints::set(&given, "drop_answer", "1*return");
    let keyed = given.idempotency_key("lost");
    let lost = keyed.try_post(CUSTOMERS, &[("name", "Ann")]);
    assert!(lost.is_err(), "the answer should be lost: {lost:?}");
    let found = keyed.post(CUSTOMERS, &[("name", "Ann")]);
    found.ok().expect_header("Idempotent-Replayed", "true");
    assert_eq!(given.get(CUSTOMERS).ids(), [found.id()]);
    assert_eq!(given.events("customer.created").len(), 1);
}

#[test]
fn platform_74_python_retries_by_itself() {
    let server = failpoints::server(&[]);
    let given = Sandbox::on_server(&server);
    failpoints::set(&given, "drop_answer", "1*return");
    let mut command = python();
    command.args(["-c", CREATES_ONE]);
    let story = given.story(command, "retry_after_lost_answer");
    assert_eq!(given.get(CUSTOMERS).ids(), [story.json()["id"].as_str().expect("an id")]);
    assert_eq!(given.events("customer.created").len(), 1);
}

#[test]
fn platform_75_an_error_of_the_server_is_retried() {
    let server = failpoints::server(&[]);
    let given = Sandbox::on_server(&server);
    failpoints::set(&given, "error_answer", "1*return");
    let answer = given.post(CUSTOMERS, &[("name", "Ann")]);
    answer.expect_status(500).expect("error.type", "api_error");
    assert_eq!(answer.header("Stripe-Should-Retry"), None);
    answer.request_id();
    assert!(given.get(CUSTOMERS).ids().is_empty(), "nothing was done");
    failpoints::set(&given, "error_answer", "1*return");
    let mut command = python();
    command.args(["-c", CREATES_ONE]);
    let story = given.story(command, "retry_after_error");
    assert_eq!(given.get(CUSTOMERS).ids(), [story.json()["id"].as_str().expect("an id")]);
}

const CREATES_ONE: &str = r#"
import json, os, stripe
client = stripe.StripeClient(
    os.environ["EXCHEQUER_KEY"],
    base_addresses={"api": os.environ["EXCHEQUER_URL"]},
    max_network_retries=2,
)
customer = client.v1.customers.create(params={"name": "Ann"})
print(json.dumps({"id": customer.id}))
"#;
