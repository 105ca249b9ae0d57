//! What is not paid, and what the caller is told.

use super::{Given, INVALID, PAYMENTS, ROUTING, WAITS, bank_of};

const DATA: &str = "destination_payment_method_data";
const NO_ADDRESS: &str = "payment_method_billing_details_address_missing";

#[test]
fn treasury_18_more_than_there_is() {
    let given = Given::with(10_000);
    let answer = given.refuses(|| given.a.pays(10_001).bank(ROUTING, WAITS).send());
    answer.expect_error(400, INVALID, "balance_insufficient", "amount");
    given.a.expect_balance(10_000, 0);
    given.a.pays(10_000).to_bank(ROUTING, WAITS);
    given.a.expect_balance(0, 10_000);
    let answer = given.refuses(|| given.a.pays(1).bank(ROUTING, WAITS).send());
    answer.expect_error(400, INVALID, "balance_insufficient", "amount");
}

#[test]
fn treasury_19_two_at_once() {
    let given = Given::with(1_000);
    let draft = given.a.pays(700).bank(ROUTING, WAITS);
    let mut statuses = std::thread::scope(|scope| {
        let calls = [(); 2].map(|()| scope.spawn(|| draft.send().status));
        calls.map(|call| call.join().expect("an answer"))
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    given.a.expect_balance(300, 700);
    assert_eq!(given.a.payments().len(), 1);
}

#[test]
fn treasury_20_statement_descriptors() {
    let given = Given::with(10_000);
    let draft = given.a.pays(100);
    let described = |text: &str| draft.clone().with("statement_descriptor", text);
    let ach = |text: &str| described(text).bank(ROUTING, WAITS);
    let wire = |text: &str| ach(text).network("us_domestic_wire").address();
    let inside = |text: &str| described(text).financial_account(&given.b);
    for (draft, text) in [
        (ach("Invoice 12"), "Invoice 12".to_owned()),
        (ach("A-#.$&*_z9"), "A-#.$&*_z9".to_owned()),
        (wire(&"w".repeat(140)), "w".repeat(140)),
        (inside(&"s".repeat(500)), "s".repeat(500)),
        (draft.clone().bank(ROUTING, WAITS), "payment".to_owned()),
    ] {
        draft.send().ok().expect("statement_descriptor", text);
    }
    for draft in [ach("Invoice 123"), wire(&"w".repeat(141)), inside(&"s".repeat(501))] {
        let answer = given.refuses(|| draft.send());
        answer.expect_error(400, INVALID, None, "statement_descriptor");
    }
    for draft in [ach("bad!"), wire("b@d"), inside("b/d")] {
        let answer = given.refuses(|| draft.send());
        answer.expect_error(400, INVALID, "invalid_characters", "statement_descriptor");
    }
    given.refuses(|| ach("").send()).expect("error.param", "statement_descriptor");
}

#[test]
fn treasury_21_a_wire_needs_a_whole_address() {
    let given = Given::with(10_000);
    let draft = given.a.pays(100).bank(ROUTING, WAITS).network("us_domestic_wire");
    let answer = given.refuses(|| draft.send());
    answer.expect_error(400, INVALID, NO_ADDRESS, DATA);
    for line in ["line1", "city", "state", "postal_code", "country"] {
        let name = format!("{DATA}[billing_details][address][{line}]");
        let partial = draft.clone().address().without(&name);
        let answer = given.refuses(|| partial.send());
        answer.expect_error(400, INVALID, NO_ADDRESS, DATA);
    }
    let payment = draft.address().create();
    let network = "destination_payment_method_details.us_bank_account.network";
    payment.created.expect(network, "us_domestic_wire");
    let postal_code = "destination_payment_method_details.billing_details.address.postal_code";
    payment.created.expect(postal_code, "62701");
}

#[test]
fn treasury_21_a_wire_needs_its_feature() {
    let given = Given::with(10_000);
    let path = format!("{}/features", given.a.path());
    let wires = ("outbound_payments[us_domestic_wire][requested]", "false");
    given.k1.post(&path, &[wires]).ok();
    let draft = given.a.pays(100).bank(ROUTING, WAITS).network("us_domestic_wire").address();
    let answer = given.refuses(|| draft.send());
    answer.expect_error(400, INVALID, None, "financial_account");
    answer.expect_message_contains("outbound_payments.us_domestic_wire");
    given.a.pays(100).to_bank(ROUTING, WAITS);
}

#[test]
fn treasury_22_end_users() {
    let given = Given::with(10_000);
    let (present, ip) = ("end_user_details[present]", "end_user_details[ip_address]");
    let draft = given.a.pays(100).bank(ROUTING, WAITS);
    let answer = given.refuses(|| draft.clone().with(present, "true").send());
    answer.expect_error(400, INVALID, "parameter_missing", ip);
    let answer = given.refuses(|| draft.clone().with(present, "true").with(ip, "here").send());
    answer.expect_error(400, INVALID, None, ip);
    let answer = given.refuses(|| draft.clone().with(ip, "127.0.0.1").send());
    answer.expect_error(400, INVALID, "parameter_missing", present);
    for address in ["127.0.0.1", "2001:db8::7"] {
        let payment = draft.clone().with(present, "true").with(ip, address).create();
        payment.created.expect("end_user_details.ip_address", address);
        payment.created.expect("end_user_details.present", true);
    }
    let absent = draft.clone().with(present, "false").with(ip, "127.0.0.1").create();
    absent.created.expect("end_user_details.ip_address", ());
    let default = draft.create().created;
    default.expect("end_user_details.ip_address", ()).expect("end_user_details.present", false);
}

#[test]
fn treasury_23_one_destination() {
    let given = Given::with(10_000);
    let ann = given.k1.post("/v1/customers", &[("name", "Ann")]).id();
    let bank = given.a.pays(100).bank(ROUTING, WAITS);
    let both = bank.clone().payment_method("pm_usBankAccount", &ann);
    given.refuses(|| both.send()).expect_absent("error.code");
    let answer = given.refuses(|| given.a.pays(100).send());
    answer.expect("error.code", "parameter_missing");
    // A one-off bank account may be paid for a customer.
    bank.with("customer", &ann).create().created.expect("customer", &ann);
}

#[test]
fn treasury_23_a_payment_method_is_its_customers() {
    let given = Given::with(10_000);
    let ann = given.k1.post("/v1/customers", &[("name", "Ann")]).id();
    let bea = given.k1.post("/v1/customers", &[("name", "Bea")]).id();
    let method = bank_of(&given.k1, &ann, WAITS);
    given.refuses(|| given.a.pays(100).payment_method(&method, &bea).send());
    let draft = given.a.pays(100).payment_method(&method, &ann);
    given.refuses(|| draft.clone().without("customer").send());
    draft.create().created.expect("destination_payment_method", &method);
    let loose = given.k1.post(
        "/v1/payment_methods",
        &[
            ("type", "us_bank_account"),
            ("us_bank_account[account_holder_type]", "individual"),
            ("us_bank_account[account_number]", WAITS),
            ("us_bank_account[routing_number]", ROUTING),
            ("billing_details[name]", "Ann Vendor"),
        ],
    );
    given.refuses(|| given.a.pays(100).payment_method(&loose.id(), &ann).send());
    let answer = given.refuses(|| given.a.pays(100).payment_method("pm_nope", &ann).send());
    answer.expect_error(400, INVALID, "resource_missing", "destination_payment_method");
    let answer = given.refuses(|| given.a.pays(100).payment_method(&method, "cus_nope").send());
    answer.expect_error(400, INVALID, "resource_missing", "customer");
}

#[test]
fn treasury_23_cards_take_no_payments() {
    let given = Given::with(10_000);
    let ann = given.k1.post("/v1/customers", &[("name", "Ann")]).id();
    let attach = "/v1/payment_methods/pm_card_visa/attach";
    let card = given.k1.post(attach, &[("customer", &ann)]).id();
    given.refuses(|| given.a.pays(100).payment_method(&card, &ann).send());
}

#[test]
fn treasury_54_parameters() {
    let given = Given::with(10_000);
    let draft = given.a.pays(100).bank(ROUTING, WAITS);
    let refused =
        |name: &str, value: &str| given.refuses(|| draft.clone().with(name, value).send());
    refused("currency", "eur").expect_error(400, INVALID, None, "currency");
    for amount in ["0", "-1", "1.5", "ten"] {
        let answer = refused("amount", amount);
        answer.expect_error(400, INVALID, "parameter_invalid_integer", "amount");
    }
    let answer = refused("amount", "10000000000");
    answer.expect_error(400, INVALID, "amount_too_large", "amount");
    for name in
        ["purpose", "network_details[type]", "nope", "destination_payment_method_data[nope]"]
    {
        let answer = refused(name, "ach");
        answer.expect("error.code", "parameter_unknown");
    }
    let same_day = "destination_payment_method_options[us_bank_account][ach][submission]";
    refused(same_day, "same_day").expect("error.code", "parameter_unknown");
    let network = "destination_payment_method_options[us_bank_account][network]";
    refused(network, "rtp").expect_error(400, INVALID, None, network);
    let kind = format!("{DATA}[type]");
    refused(&kind, "card").expect_error(400, INVALID, None, &*kind);
    for name in ["amount", "currency", "financial_account"] {
        let answer = given.refuses(|| draft.clone().without(name).send());
        answer.expect_error(400, INVALID, "parameter_missing", name);
    }
    let answer = refused("financial_account", "fa_nope");
    answer.expect_error(400, INVALID, "resource_missing", "financial_account");
}

#[test]
fn treasury_54_what_a_bank_account_needs() {
    let given = Given::with(10_000);
    let draft = given.a.pays(100).bank(ROUTING, WAITS);
    for name in [
        "[type]",
        "[us_bank_account][account_holder_type]",
        "[us_bank_account][account_number]",
        "[us_bank_account][routing_number]",
        "[billing_details][name]",
    ] {
        let partial = draft.clone().without(&format!("{DATA}{name}"));
        given.refuses(|| partial.send());
    }
    let holder = format!("{DATA}[us_bank_account][account_holder_type]");
    let answer = given.refuses(|| draft.clone().with(&holder, "robot").send());
    answer.expect_error(400, INVALID, None, &*holder);
    let savings = draft.with(&format!("{DATA}[us_bank_account][account_type]"), "savings").create();
    let kind = "destination_payment_method_details.us_bank_account.account_type";
    savings.created.expect(kind, "savings");
}

#[test]
fn treasury_54_currency_in_capitals_and_metadata() {
    let given = Given::with(10_000);
    let draft = given.a.pays(100).with("currency", "USD").with("metadata[order]", "7");
    let payment = draft.to_bank(ROUTING, WAITS);
    payment.created.expect("currency", "usd").expect("metadata.order", "7");
}

#[test]
fn treasury_54_a_payment_cannot_be_changed() {
    let given = Given::with(10_000);
    let payment = given.a.pays(100).to_bank(ROUTING, WAITS);
    let answer = given.k1.post(&payment.path(), &[("metadata[order]", "7")]);
    answer.expect_error(404, INVALID, None, None);
    answer.expect_message_starts(&format!(
        "Unrecognized request URL (POST: {PAYMENTS}/{}).",
        payment.id
    ));
    given.k1.delete(&payment.path()).expect_error(404, INVALID, None, None);
    payment.expect("metadata", serde_json::json!({}));
}
