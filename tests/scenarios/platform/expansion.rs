//! Expansion: ids that become objects on request.

use exchequer_tests::Sandbox;

const INVALID: &str = "invalid_request_error";

#[test]
fn platform_58_a_bad_path_is_seen_before_the_object_is_looked_for() {
    let answer = Sandbox::new().get("/v1/customers/cus_nope?expand[]=bogus");
    answer.expect_error(400, INVALID, None, None);
    answer.expect_message("This property cannot be expanded (bogus).");
}

#[test]
fn platform_59_on_a_list_the_path_starts_with_data() {
    let account = Sandbox::new().financial_account().holding(1_000);
    let path = "/v1/treasury/received_credits";
    let answer = account.list(path, &[("expand[]", "transaction")]);
    answer.expect_error(400, INVALID, None, None);
    answer.expect_message(
        "This property cannot be expanded (transaction). You may want to try expanding \
         'data.transaction' instead.",
    );
    let answer = account.list(path, &[("expand[]", "data.transaction")]);
    answer.ok().expect("data.0.transaction.object", "treasury.transaction");
    account.list(path, &[("expand[]", "data")]).ok();
}

#[test]
fn platform_60_at_most_four_levels() {
    let answer = Sandbox::new().get("/v1/customers?expand[]=data.a.b.c.d");
    answer.expect_error(400, INVALID, None, None);
    answer.expect_message("You cannot expand more than 4 levels of a property.");
}

#[test]
fn platform_61_a_bad_path_prevents_the_creation() {
    let given = Sandbox::new();
    let answer = given.post("/v1/customers", &[("name", "Ann"), ("expand[]", "bogus")]);
    answer.expect_error(400, INVALID, None, None);
    assert!(given.get("/v1/customers").ids().is_empty(), "no customer");
    assert!(given.get("/v1/events").ids().is_empty(), "no event");
}

#[test]
fn platform_62_nothing_expands_to_null() {
    let account = Sandbox::new().financial_account().holding(1_000);
    let payment = account.pays(500).to_bank("110000000", "000000000009");
    let answer = payment.get_with(&[("expand[]", "returned_details.transaction")]);
    answer.ok().expect("returned_details", ());
    payment.cancel().ok();
    account.pays(1_000).to_bank("110000000", "000000000009").test_helper("post", &[]).ok();
    account.close().ok().expect("status", "closed");
    let refused = account.receives_with(700, "ach", &[("expand[]", "transaction")]);
    refused.ok().expect("status", "failed").expect("transaction", ());
}

#[test]
fn platform_62_a_path_may_come_twice() {
    let account = Sandbox::new().financial_account().holding(1_000);
    let twice = [("expand[]", "data.transaction"), ("expand[]", "data.transaction")];
    let answer = account.list("/v1/treasury/received_credits", &twice);
    answer.ok().expect("data.0.transaction.object", "treasury.transaction");
}

#[test]
fn platform_62_an_empty_path_is_refused() {
    let given = Sandbox::new();
    for query in ["expand=", "expand[]="] {
        let answer = given.get(&format!("/v1/customers?{query}"));
        answer.expect_status(400).expect("error.code", "parameter_invalid_empty");
    }
}
