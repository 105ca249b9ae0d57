//! Versions, modes, connected accounts: in whose name a call is made.

use exchequer_tests::{Answer, Sandbox, random_text};

use super::server_with_keys;

const INVALID: &str = "invalid_request_error";

/// Two accounts; the first has a live key beside its test key.
struct Keys {
    first: String,
    first_live: String,
    second: String,
    file: String,
}

impl Keys {
    fn new() -> Self {
        let tail = random_text(24);
        let (first, first_live) = (format!("sk_test_{tail}"), format!("sk_live_{tail}"));
        let second = format!("sk_test_{}", random_text(24));
        let owners = [(&first, 'A'), (&first_live, 'A'), (&second, 'B')];
        let entry = |(key, name): (&String, char)| {
            format!("[[key]]\nsecret = \"{key}\"\naccount = \"acct_1{name}ccount000000000\"\n")
        };
        let file = owners.into_iter().map(entry).collect();
        Self { first, first_live, second, file }
    }
}

#[test]
fn platform_16_the_other_mode() {
    let keys = Keys::new();
    let (server, _folder) = server_with_keys(&keys.file, &[]);
    let test = Sandbox::with_key(&server, &keys.first);
    let live = Sandbox::with_key(&server, &keys.first_live);
    let id = live.post("/v1/customers", &[("name", "Ann")]).id();
    live.get(&format!("/v1/customers/{id}")).ok().expect("livemode", true);
    let answer = test.get(&format!("/v1/customers/{id}"));
    answer.expect_error(404, INVALID, "resource_missing", "id");
    answer.expect_message(&format!(
        "No such customer: '{id}'; a similar object exists in live mode, but a test mode key was \
         used to make this request."
    ));
    let id = test.post("/v1/customers", &[("name", "Bea")]).id();
    let answer = live.get(&format!("/v1/customers/{id}"));
    answer.expect_error(404, INVALID, "resource_missing", "id");
    answer.expect_message_ends(
        "; a similar object exists in test mode, but a live mode key was used to make this \
         request.",
    );
    assert!(live.get("/v1/customers").ids().len() == 1, "the two sets are disjoint");
}

#[test]
fn platform_66_an_unknown_version() {
    let given = Sandbox::new();
    for version in ["2019-2-19", "2026-10-29.endive", "2026-10-28", "2026-10-28.preview", "latest"]
    {
        let answer = given.header("Stripe-Version", version).get("/v1/customers");
        answer.expect_error(400, INVALID, None, None);
        answer.expect_message(&format!("Invalid Stripe API version: {version}"));
    }
}

#[test]
fn platform_67_a_known_version_is_echoed() {
    let given = Sandbox::new();
    for version in ["2026-10-28.endive", "2026-09-30.endive", "2024-06-20", "2011-01-01"] {
        let answer = given.header("Stripe-Version", version).get("/v1/customers");
        answer.ok().expect_header("Stripe-Version", version);
    }
}

#[test]
fn platform_68_an_unknown_account() {
    let given = Sandbox::new();
    let answer = given.on("acct_unknown").get("/v1/customers");
    answer.expect_error(403, INVALID, "account_invalid", None);
    answer.expect("error.doc_url", "https://stripe.com/docs/error-codes/account-invalid");
    let tail = &given.key()[given.key().len() - 4..];
    let masked = format!("sk_test_{}{tail}", "*".repeat(20));
    answer.expect_message(&format!(
        "The provided key '{masked}' does not have access to account 'acct_unknown' (or that \
         account does not exist). Application access may have been revoked."
    ));
}

#[test]
fn platform_69_somebody_elses_account() {
    let keys = Keys::new();
    let (server, _folder) = server_with_keys(&keys.file, &[]);
    let other = Sandbox::with_key(&server, &keys.second).account_id();
    let answer = Sandbox::with_key(&server, &keys.first).on(&other).get("/v1/customers");
    answer.expect_status(403).expect("error.type", INVALID);
    let code = answer.text("error.code");
    assert!(["platform_account_required", "account_invalid"].contains(&code), "{answer:?}");
    // A connected account of another sandbox is no different.
    let stranger = Sandbox::new().connected_account().account_id();
    Sandbox::new().on(&stranger).get("/v1/customers").expect_status(403);
}

#[test]
fn platform_70_a_connected_account() {
    let given = Sandbox::new();
    let connected = given.connected_account();
    let account = connected.account_id();
    let created = connected.post("/v1/customers", &[("name", "Ann")]);
    created.ok().expect_header("Stripe-Account", &account);
    let path = format!("/v1/customers/{}", created.id());
    connected.get(&path).ok().expect_header("Stripe-Account", &account);
    let answer = given.get(&path);
    answer.expect_error(404, INVALID, "resource_missing", "id");
    assert_eq!(answer.header("Stripe-Account"), None);
    // The platform's own id is as good as none.
    given.on(&given.account_id()).get("/v1/customers").ok();
}

#[test]
fn platform_103_another_accounts_object_is_as_good_as_absent() {
    let (ann, bea) = (Sandbox::new(), Sandbox::new());
    let id = ann.post("/v1/customers", &[("name", "Ann")]).id();
    let stolen = bea.get(&format!("/v1/customers/{id}"));
    stolen.expect_error(404, INVALID, "resource_missing", "id");
    let invented = format!("{}zzzz", &id[..id.len() - 4]);
    let absent = bea.get(&format!("/v1/customers/{invented}"));
    assert_eq!(without_ids(&stolen, &id), without_ids(&absent, &invented));
    bea.delete(&format!("/v1/customers/{id}")).expect_status(404);
    bea.post(&format!("/v1/customers/{id}"), &[("name", "Bea")]).expect_status(404);
    ann.get(&format!("/v1/customers/{id}")).ok().expect("name", "Ann");
}

#[test]
fn platform_104_whose_key_it_is() {
    let given = Sandbox::new();
    let platform = given.get("/v1/account");
    platform.ok().expect("object", "account");
    assert!(platform.id().starts_with("acct_"), "{platform:?}");
    assert_eq!(given.account_id(), platform.id(), "the same at every call");
    let account = given.connected_account();
    let seen = account.get("/v1/account");
    assert_ne!(seen.id(), platform.id());
    assert_eq!(given.get(&format!("/v1/accounts/{}", seen.id())).id(), seen.id());
}

#[test]
fn platform_105_test_helpers_refuse_a_live_key() {
    let keys = Keys::new();
    let (server, _folder) = server_with_keys(&keys.file, &[]);
    let live = Sandbox::with_key(&server, &keys.first_live);
    let params = [
        ("amount", "1000"),
        ("currency", "usd"),
        ("financial_account", "fa_x"),
        ("network", "ach"),
    ];
    let answer = live.post("/v1/test_helpers/treasury/received_credits", &params);
    assert!((400..500).contains(&answer.status), "{answer:?}");
    answer.expect("error.type", INVALID);
    let account = Sandbox::with_key(&server, &keys.first).financial_account().holding(1_000);
    let payment = account.pays(500).to_bank("110000000", "000000000009");
    let path = format!("/v1/test_helpers/treasury/outbound_payments/{}/post", payment.id);
    let answer = live.post(&path, &[]);
    assert!((400..500).contains(&answer.status), "{answer:?}");
    payment.expect("status", "processing");
}

/// The body without what must differ: the id asked for and the request's own id.
fn without_ids(answer: &Answer, id: &str) -> String {
    let text = String::from_utf8_lossy(&answer.bytes).into_owned();
    text.replace(id, "ID").replace(answer.request_id(), "REQUEST")
}
