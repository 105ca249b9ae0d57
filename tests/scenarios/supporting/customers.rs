//! Customers.

use exchequer_tests::Sandbox;
use serde_json::json;

use super::INVALID;

const CUSTOMERS: &str = "/v1/customers";

#[test]
fn a_customer_from_nothing() {
    let given = Sandbox::new();
    let created = given.post(CUSTOMERS, &[]);
    created.ok().expect("object", "customer").expect("livemode", false).expect("balance", 0);
    assert!(created.id().starts_with("cus_"), "{created:?}");
    for unset in ["address", "description", "email", "name", "phone", "shipping"] {
        created.expect(unset, ());
    }
    created.expect("metadata", json!({})).expect("delinquent", false);
    created.expect("preferred_locales", json!([])).expect("tax_exempt", "none");
    created.expect("invoice_settings.default_payment_method", ()).expect_absent("deleted");
    given.get(&format!("{CUSTOMERS}/{}", created.id())).ok().expect("", &created.body);
    given.expect_events(&["customer.created"]);
}

#[test]
fn a_customer_with_everything() {
    let given = Sandbox::new();
    let created = given.post(
        CUSTOMERS,
        &[
            ("name", "Ann Vendor"),
            ("email", "ann@example.com"),
            ("phone", "+15555550123"),
            ("description", "Sells paper"),
            ("address[line1]", "1 Main Street"),
            ("address[city]", "Springfield"),
            ("address[state]", "IL"),
            ("address[postal_code]", "62701"),
            ("address[country]", "US"),
            ("metadata[number]", "7"),
        ],
    );
    created.ok().expect("name", "Ann Vendor").expect("email", "ann@example.com");
    created.expect("phone", "+15555550123").expect("description", "Sells paper");
    created.expect(
        "address",
        json!({
            "city": "Springfield", "country": "US", "line1": "1 Main Street",
            "line2": null, "postal_code": "62701", "state": "IL",
        }),
    );
    created.expect("metadata", json!({"number": "7"}));
}

#[test]
fn a_customer_is_updated() {
    let given = Sandbox::new();
    let first = [("name", "Ann"), ("email", "ann@example.com"), ("metadata[a]", "1")];
    let path = format!("{CUSTOMERS}/{}", given.post(CUSTOMERS, &first).id());
    let updated = given.post(&path, &[("name", "Bea"), ("email", ""), ("metadata[b]", "2")]);
    updated.ok().expect("name", "Bea").expect("email", ());
    updated.expect("metadata", json!({"a": "1", "b": "2"}));
    given.get(&path).ok().expect("", &updated.body);
    given.expect_events(&["customer.created", ".updated"]);
}

#[test]
fn customers_by_email() {
    let given = Sandbox::new();
    let create = |email: &str| given.post(CUSTOMERS, &[("email", email)]).id();
    let (first, _, third) =
        (create("ann@example.com"), create("bea@example.com"), create("ann@example.com"));
    let list = |email: &str| given.list(CUSTOMERS, &[("email", email)]).ids();
    assert_eq!(list("ann@example.com"), [&*third, &*first]);
    assert!(list("cleo@example.com").is_empty());
    assert_eq!(given.get(CUSTOMERS).ids().len(), 3);
}

#[test]
fn supporting_21_a_deleted_customer() {
    let given = Sandbox::new();
    let id = given.post(CUSTOMERS, &[("name", "Ann")]).id();
    let path = format!("{CUSTOMERS}/{id}");
    let stub = json!({"id": id, "object": "customer", "deleted": true});
    given.delete(&path).ok().expect("", &stub);
    given.get(&path).ok().expect("", &stub);
    assert!(given.get(CUSTOMERS).ids().is_empty());
    given.post(&path, &[("name", "Bea")]).expect_status(404).expect("error.type", INVALID);
    given.delete(&path).expect_status(404);
    given.expect_events(&["customer.created", ".deleted"]);
    let deleted = &given.events("customer.deleted")[0]["data"]["object"];
    assert_eq!(deleted["id"], id.as_str());
}

#[test]
fn what_a_customer_refuses() {
    let given = Sandbox::new();
    let refused = |name: &str, value: &str| given.post(CUSTOMERS, &[(name, value)]);
    refused("email", "nowhere").expect_error(400, INVALID, "email_invalid", "email");
    refused("nope", "1").expect_error(400, INVALID, "parameter_unknown", "nope");
    let nested = "address[planet]";
    refused(nested, "Mars").expect_error(400, INVALID, "parameter_unknown", nested);
    let long = "d".repeat(5_001);
    refused("description", &long).expect_error(400, INVALID, None, "description");
    assert!(given.get(CUSTOMERS).ids().is_empty());
    let answer = given.get("/v1/customers/cus_nope");
    answer.expect_error(404, INVALID, "resource_missing", "id");
}

#[test]
fn a_customer_is_created_with_a_payment_method() {
    let given = Sandbox::new();
    let created = given.post(CUSTOMERS, &[("payment_method", "pm_card_visa")]);
    let methods = given.list("/v1/payment_methods", &[("customer", &created.id())]);
    assert_eq!(methods.ids().len(), 1);
    methods.expect("data.0.customer", created.id()).expect("data.0.card.last4", "4242");
}

#[test]
fn an_address_is_in_a_country() {
    let given = Sandbox::new();
    for country in ["XX", "us", "USA", "Germany"] {
        let refused = |path: &str, param: &str, more: &[(&str, &str)]| {
            let params = [more, &[(param, country)]].concat();
            let answer = given.post(path, &params);
            answer.expect_error(400, INVALID, "country_code_invalid", param);
            answer.expect_message_starts(&format!("Country '{country}' is unknown."));
        };
        refused(CUSTOMERS, "address[country]", &[]);
        refused(CUSTOMERS, "shipping[address][country]", &[("shipping[name]", "Ann")]);
        let card = [("type", "card"), ("card[token]", "tok_visa")];
        refused("/v1/payment_methods", "billing_details[address][country]", &card);
    }
    let created = given.post(CUSTOMERS, &[("address[country]", "DE")]);
    created.ok().expect("address.country", "DE");
    let path = format!("{CUSTOMERS}/{}", created.id());
    let cleared = given.post(&path, &[("address[country]", ""), ("address[city]", "Bonn")]);
    cleared.ok().expect("address.country", ()).expect("address.city", "Bonn");
}
