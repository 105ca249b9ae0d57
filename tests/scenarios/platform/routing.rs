//! Addresses that lead nowhere.

use serde_json::json;

use exchequer_tests::Sandbox;

const INVALID: &str = "invalid_request_error";
const HELP: &str =
    "Please see https://stripe.com/docs or we can help at https://support.stripe.com/.";

#[test]
fn platform_08_an_unknown_url() {
    let answer = Sandbox::new().get("/v1/nope");
    answer.expect_error(404, INVALID, None, None);
    answer.expect_message(&format!("Unrecognized request URL (GET: /v1/nope). {HELP}"));
}

#[test]
fn platform_10_a_trailing_slash() {
    let answer = Sandbox::new().get("/v1/events/");
    answer.expect_error(404, INVALID, None, None);
    answer.expect_message_starts(
        "Unrecognized request URL (GET: /v1/events/). If you are trying to list objects, \
         remove the trailing slash.",
    );
    answer.expect_message_ends(HELP);
}

#[test]
fn platform_11_the_query_is_not_quoted() {
    let answer = Sandbox::new().get("/v1/nope?x=1");
    answer.expect_status(404);
    answer.expect_message(&format!("Unrecognized request URL (GET: /v1/nope). {HELP}"));
}

#[test]
fn platform_11_an_empty_id_is_quoted_as_it_came() {
    let answer = Sandbox::new().get("/v1/customers//cards");
    answer.expect_status(404);
    answer.expect_message_starts("Unrecognized request URL (GET: /v1/customers//cards).");
}

#[test]
fn platform_11_slashes_in_front_may_be_doubled() {
    Sandbox::new().get("//v1/customers").ok().expect("url", "/v1/customers");
}

#[test]
fn platform_12_a_verb_that_no_route_has() {
    let given = Sandbox::new();
    for (verb, path) in [
        ("PATCH", "/v1/webhook_endpoints/we_x"),
        ("PUT", "/v1/customers/cus_x"),
        ("DELETE", "/v1/events/evt_x"),
        ("POST", "/v1/events"),
    ] {
        let answer = given.send(verb, path, b"");
        answer.expect_error(404, INVALID, None, None);
        answer.expect_message_starts(&format!("Unrecognized request URL ({verb}: {path})."));
    }
}

#[test]
fn platform_13_an_account_without_treasury() {
    let given = Sandbox::new();
    given.post_json("/_exchequer/account", &json!({"treasury": false})).ok();
    let answer = given.get("/v1/treasury/transactions?financial_account=fa_x");
    answer.expect_error(404, INVALID, None, None);
    answer.expect_message_starts("Unrecognized request URL (GET: /v1/treasury/transactions).");
    answer.expect_message_ends(
        "(Hint: Have you onboarded to Treasury? You can learn more about the steps needed at \
         https://stripe.com/docs/treasury/access)",
    );
    given.get("/v1/customers").ok();
    given.post_json("/_exchequer/account", &json!({"treasury": true})).ok();
    let answer = given.get("/v1/treasury/transactions?financial_account=fa_x");
    answer.expect_error(400, INVALID, "resource_missing", "financial_account");
}
