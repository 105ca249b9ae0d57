//! Bodies, the form grammar, and what a wrong parameter is told.

use exchequer_tests::{Answer, Sandbox};

const INVALID: &str = "invalid_request_error";
const HOOK: (&str, &str) = ("url", "http://127.0.0.1:9/hooks");

#[test]
fn platform_17_a_body_of_json() {
    let given = Sandbox::new().header("Content-Type", "application/json");
    let answer = given.send("POST", "/v1/webhook_endpoints", b"{\"url\":\"http://a.b\"}");
    answer.expect_error(400, INVALID, None, None);
    answer.expect_message_starts(
        "Invalid request (check that your POST content type is \
         application/x-www-form-urlencoded).",
    );
}

#[test]
fn platform_18_a_body_of_something_else() {
    let given = Sandbox::new().header("Content-Type", "text/plain");
    let answer = given.send("POST", "/v1/webhook_endpoints", b"url=x");
    answer.expect_error(400, INVALID, None, None);
    answer.expect_message_starts("Invalid request: unsupported Content-Type text/plain.");
}

#[test]
fn platform_19_a_required_parameter_is_missing() {
    let answer = Sandbox::new().post("/v1/webhook_endpoints", &[("enabled_events[]", "*")]);
    answer.expect_error(400, INVALID, "parameter_missing", "url");
    answer.expect_message("Missing required param: url.");
}

#[test]
fn platform_20_an_unknown_parameter() {
    let given = Sandbox::new();
    let params = [HOOK, ("enabled_events[]", "*"), ("foo", "1")];
    let answer = given.post("/v1/webhook_endpoints", &params);
    expect_unknown(&answer, "foo");
    expect_unknown(&given.get("/v1/customers?foo=1"), "foo");
    assert!(given.get("/v1/webhook_endpoints").ids().is_empty(), "nothing was made");
}

#[test]
fn platform_21_an_unknown_nested_parameter() {
    let account = Sandbox::new().financial_account().holding(10_000);
    let payment = account.pays(2_000).to_bank("110000000", "000000000009");
    payment.test_helper("post", &[]).ok();
    let params = [
        ("tracking_details[type]", "ach"),
        ("tracking_details[ach][trace_id]", "841042400123450"),
        ("tracking_details[nope]", "1"),
    ];
    expect_unknown(&payment.test_helper("", &params), "tracking_details[nope]");
    payment.expect("tracking_details", ());
}

#[test]
fn platform_22_an_integer_of_letters() {
    let answer = Sandbox::new().get("/v1/customers?limit=abc");
    answer.expect_error(400, INVALID, "parameter_invalid_integer", "limit");
    answer.expect_message("Invalid integer: abc");
}

#[test]
fn platform_23_an_integer_with_a_point() {
    let answer = Sandbox::new().get("/v1/customers?limit=1.0");
    answer.expect_error(400, INVALID, "parameter_invalid_integer", "limit");
    answer.expect_message("Invalid integer: 1.0");
}

#[test]
fn platform_24_a_limit_out_of_range_is_clamped() {
    let given = Sandbox::new();
    for name in ["Ann", "Bea", "Cleo"] {
        given.post("/v1/customers", &[("name", name)]).ok();
    }
    for (limit, count) in [("0", 1), ("-1", 1), ("2", 2), ("101", 3), ("1000", 3)] {
        let answer = given.list("/v1/customers", &[("limit", limit)]);
        assert_eq!(answer.ids().len(), count, "limit {limit}");
    }
}

#[test]
fn platform_25_a_boolean_is_true_or_false() {
    for value in ["yes", "1", "0", "True"] {
        let answer = Sandbox::new().list("/v1/events", &[("delivery_success", value)]);
        answer.expect_error(400, INVALID, None, "delivery_success");
        answer.expect_message(&format!("Invalid boolean: {value}"));
    }
}

#[test]
fn platform_26_an_amount_below_its_minimum() {
    let account = Sandbox::new().financial_account();
    let answer = account.pays(0).bank("110000000", "000000000009").send();
    answer.expect_error(400, INVALID, "parameter_invalid_integer", "amount");
    answer.expect_message("This value must be greater than or equal to 1.");
}

#[test]
fn platform_27_an_amount_absent_or_empty() {
    let draft = Sandbox::new().financial_account().pays(1).bank("110000000", "000000000009");
    let answer = draft.clone().without("amount").send();
    answer.expect_error(400, INVALID, "parameter_missing", "amount");
    answer.expect_message("Missing required param: amount.");
    let answer = draft.with("amount", "").send();
    answer.expect_error(400, INVALID, "parameter_invalid_empty", "amount");
    answer.expect_message(
        "You passed an empty string for 'amount'. We assume empty values are an attempt to unset \
         a parameter; however 'amount' cannot be unset. You should remove 'amount' from your \
         request or supply a non-empty value.",
    );
}

#[test]
fn platform_28_one_of_three_options() {
    let account = Sandbox::new().financial_account();
    let answer = account.list("/v1/treasury/transactions", &[("status", "gone")]);
    answer.expect_error(400, INVALID, None, "status");
    answer.expect_absent("error.doc_url");
    answer.expect_message("Invalid status: must be one of open, posted, or void");
}

#[test]
fn platform_29_one_of_two_options() {
    let answer = Sandbox::new().list("/v1/treasury/financial_accounts", &[("status", "gone")]);
    answer.expect_error(400, INVALID, None, "status");
    let message = answer.message();
    let either = ["closed or open", "open or closed"];
    let fits = |options: &&str| message == format!("Invalid status: must be one of {options}");
    assert!(either.iter().any(fits), "{message}");
}

#[test]
fn platform_30_a_currency_that_is_none() {
    let account = Sandbox::new().financial_account().holding(1_000);
    let draft = account.pays(500).bank("110000000", "000000000009").with("currency", "xyz");
    let answer = draft.send();
    answer.expect_error(400, INVALID, None, "currency");
    answer.expect_message_starts(
        "Invalid currency: xyz. Stripe currently supports these currencies: usd",
    );
    account.expect_balance(1_000, 0);
}

#[test]
fn platform_31_a_currency_in_capitals() {
    let account = Sandbox::new().financial_account().holding(1_000);
    let draft = account.pays(500).bank("110000000", "000000000009").with("currency", "USD");
    draft.send().ok().expect("currency", "usd");
}

#[test]
fn platform_32_a_scalar_where_an_array_belongs() {
    let answer = Sandbox::new().get("/v1/customers?expand=foo");
    answer.expect_error(400, INVALID, None, "expand");
    answer.expect_message("Invalid array");
}

#[test]
fn platform_33_an_array_that_starts_at_one() {
    let params = [HOOK, ("enabled_events[1]", "*")];
    let answer = Sandbox::new().post("/v1/webhook_endpoints", &params);
    answer.expect_error(400, INVALID, None, "enabled_events");
    answer.expect_message_starts("If passing an array with explicit keys");
    answer.expect_message_ends(
        "You passed the keys `1`, we expected to have a key with the value `0`.",
    );
}

#[test]
fn platform_34_a_hash_where_text_belongs() {
    let answer = Sandbox::new().post("/v1/customers", &[("description[a]", "b")]);
    answer.expect_error(400, INVALID, None, "description");
    answer.expect_message("Invalid string: {\"a\":\"b\"}");
}

#[test]
fn platform_35_a_text_too_long() {
    let given = Sandbox::new();
    let longest = "x".repeat(5_000);
    given.post("/v1/customers", &[("description", &longest)]).ok();
    let answer = given.post("/v1/customers", &[("description", &format!("{longest}x"))]);
    answer.expect_error(400, INVALID, None, "description");
    answer.expect_message_ends("must be at most 5000 characters");
}

#[test]
fn platform_36_an_id_in_the_path_that_is_not_there() {
    let answer = Sandbox::new().get("/v1/customers/cus_nope");
    answer.expect_error(404, INVALID, "resource_missing", "id");
    answer.expect_message("No such customer: 'cus_nope'");
    answer.expect("error.doc_url", "https://stripe.com/docs/error-codes/resource-missing");
}

#[test]
fn platform_37_a_reference_that_is_not_there() {
    let answer = setup_for("cus_nope");
    answer.expect_error(400, INVALID, "resource_missing", "customer");
    answer.expect_message("No such customer: 'cus_nope'");
}

#[test]
fn platform_38_a_reference_to_the_wrong_kind() {
    let answer = setup_for("prod_1");
    answer.expect_error(400, INVALID, "resource_missing", "customer");
    answer.expect_message("No such customer: 'prod_1'");
}

#[test]
fn platform_39_arrays_with_and_without_positions() {
    let given = Sandbox::new();
    let plain = given.post(
        "/v1/webhook_endpoints",
        &[HOOK, ("enabled_events[]", "customer.created"), ("enabled_events[]", "person.created")],
    );
    let counted = given.post(
        "/v1/webhook_endpoints",
        &[HOOK, ("enabled_events[0]", "customer.created"), ("enabled_events[1]", "person.created")],
    );
    assert_eq!(plain.ok().at("enabled_events"), counted.ok().at("enabled_events"));
    assert_eq!(plain.list("enabled_events").len(), 2);
}

#[test]
fn platform_40_brackets_literal_and_encoded() {
    let given = Sandbox::new();
    let literal = given.post_form("/v1/customers", "metadata[a]=1&address[city]=Bern+West");
    let encoded =
        given.post_form("/v1/customers", "metadata%5Ba%5D=1&address%5Bcity%5D=Bern%20West");
    for answer in [literal, encoded] {
        answer.ok().expect("metadata.a", "1").expect("address.city", "Bern West");
    }
}

#[test]
fn platform_40_of_two_scalars_the_last_wins() {
    let answer = Sandbox::new().post_form("/v1/customers", "name=Ann&name=Bea");
    answer.ok().expect("name", "Bea");
}

#[test]
fn platform_40_a_query_on_a_post_counts_too() {
    let answer = Sandbox::new().post("/v1/customers?name=Ann", &[("email", "ann@example.com")]);
    answer.ok().expect("name", "Ann").expect("email", "ann@example.com");
}

fn setup_for(customer: &str) -> Answer {
    let params = [("customer", customer), ("payment_method_types[]", "us_bank_account")];
    Sandbox::new().post("/v1/setup_intents", &params)
}

#[track_caller]
fn expect_unknown(answer: &Answer, path: &str) {
    answer.expect_error(400, INVALID, "parameter_unknown", path);
    answer.expect_message(&format!("Received unknown parameter: {path}"));
}
