//! Restricted keys, and keys that only some addresses may use.

use exchequer_tests::{Answer, Folder, Sandbox, Server, random_key, random_text, run_program};

use super::server_with_keys;

const INVALID: &str = "invalid_request_error";
const ACCOUNT: &str = "acct_1Known0000000000";

/// A server with a secret key and a restricted one, both of the same account.
struct Office {
    server: Server,
    _folder: Folder,
    owner: Sandbox,
    clerk: Sandbox,
}

fn office(permissions: &str) -> Office {
    let (secret, restricted) = (random_key(), format!("rk_test_{}", random_text(24)));
    let (server, folder) = server_with_keys(
        &format!(
            "[[key]]\nsecret = \"{secret}\"\naccount = \"{ACCOUNT}\"\n\n\
             [[key]]\nsecret = \"{restricted}\"\naccount = \"{ACCOUNT}\"\n\
             permissions = [{permissions}]\n"
        ),
        &[],
    );
    let owner = Sandbox::with_key(&server, &secret);
    let clerk = Sandbox::with_key(&server, &restricted);
    Office { server, _folder: folder, owner, clerk }
}

#[track_caller]
fn expect_lacking(answer: &Answer, key: &str, label: &str, slug: &str) {
    answer.expect_error(403, INVALID, "more_permissions_required", None);
    answer.expect_absent("error.param");
    let masked = format!("rk_test_{}{}", "*".repeat(20), &key[key.len() - 4..]);
    let message = answer.message().to_owned();
    let start = format!(
        "Permission denied. The provided key '{masked}' does not have the required permissions \
         for this endpoint on account '{ACCOUNT}'. Enabling {label} ('{slug}') permissions on this \
         key would allow this request to continue. You can edit permissions at \
         https://dashboard.stripe.com/b/{ACCOUNT}?destination=%2Fapikeys%2Fmk_1"
    );
    assert!(message.starts_with(&start), "{message}\n{start}");
    assert!(message.ends_with("%2Fedit"), "{message}");
    assert!(!message.contains(key), "the key is shown masked: {message}");
    answer.request_id();
}

#[test]
fn platform_06_a_restricted_key_without_the_permission() {
    let given = office("\"customer_write\", \"webhook_read\"");
    let params = [("url", "https://example.com/hook"), ("enabled_events[]", "*")];
    let answer = given.clerk.post("/v1/webhook_endpoints", &params);
    expect_lacking(&answer, given.clerk.key(), "Webhook Endpoints Write", "webhook_write");
    given.clerk.get("/v1/webhook_endpoints").ok();
    let answer = given.clerk.get("/v1/treasury/outbound_payments/obp_x");
    expect_lacking(
        &answer,
        given.clerk.key(),
        "Treasury Outbound Payments Read",
        "treasury_outbound_payment_read",
    );
    given.owner.get("/v1/webhook_endpoints").ok();
}

#[test]
fn platform_06_a_refused_request_does_nothing() {
    let given = office("\"customer_read\"");
    let clerk = given.clerk.idempotency_key("once");
    clerk.post("/v1/customers", &[("name", "Ann")]).expect_status(403);
    let list = given.owner.get("/v1/customers");
    assert_eq!(list.ok().body["data"].as_array().map(Vec::len), Some(0));
    // Nothing was kept for the idempotency key either.
    given.owner.idempotency_key("once").post("/v1/customers", &[("name", "Bob")]).ok();
}

#[test]
fn platform_06_the_permission_is_checked_after_the_route_and_before_the_parameters() {
    let given = office("");
    given.clerk.get("/v1/nope").expect_error(404, INVALID, None, None);
    let answer = given.clerk.post("/v1/customers", &[("nope", "1")]);
    answer.expect_error(403, INVALID, "more_permissions_required", None);
    let answer = given.clerk.header("Stripe-Version", "2001-01-01").get("/v1/customers");
    answer.expect_error(400, INVALID, None, None);
    let answer = given.clerk.on("acct_1Nobody0000000000").get("/v1/customers");
    answer.expect_error(403, INVALID, "account_invalid", None);
}

#[test]
fn platform_07_write_implies_read() {
    let given = office("\"customer_write\"");
    let customer = given.clerk.post("/v1/customers", &[("name", "Ann")]);
    let path = format!("/v1/customers/{}", customer.ok().id());
    given.clerk.get(&path).ok();
    given.clerk.get("/v1/customers").ok();
    given.clerk.delete(&path).ok();
}

#[test]
fn platform_07_read_does_not_imply_write() {
    let given = office("\"customer_read\"");
    let customer = given.owner.post("/v1/customers", &[("name", "Ann")]);
    let path = format!("/v1/customers/{}", customer.ok().id());
    given.clerk.get(&path).ok();
    for answer in [given.clerk.post(&path, &[("name", "Bob")]), given.clerk.delete(&path)] {
        expect_lacking(&answer, given.clerk.key(), "Customers Write", "customer_write");
    }
}

#[test]
fn an_event_needs_the_permission_to_read_what_it_carries() {
    let given = office("\"event_write\", \"customer_read\"");
    let ann = given.owner.post("/v1/customers", &[("name", "Ann")]).ok().id();
    let events = given.clerk.get("/v1/events");
    let event = events.ok().body["data"][0]["id"].as_str().expect("an event").to_owned();
    let event = format!("/v1/events/{event}");
    given.clerk.get(&event).ok().expect("data.object.id", ann.as_str());
    given.clerk.get("/v1/events/evt_nope").expect_status(404);

    given.owner.post("/v1/setup_intents", &[("payment_method_types[]", "card")]).ok();
    let events = given.owner.list("/v1/events", &[("type", "setup_intent.created")]);
    let event = events.ok().body["data"][0]["id"].as_str().expect("an event").to_owned();
    let event = format!("/v1/events/{event}");
    let retry = [("webhook_endpoint", "we_nope")];
    for answer in [
        given.clerk.get(&event),
        given.clerk.post(&format!("{event}/retry"), &retry),
        given.clerk.get("/v1/events"),
    ] {
        expect_lacking(&answer, given.clerk.key(), "Setup Intents Read", "setup_intent_read");
    }
    given.clerk.list("/v1/events", &[("type", "customer.created")]).ok();
}

#[test]
fn what_is_expanded_needs_its_permission() {
    let given = office("\"setup_intent_read\"");
    let customer = given.owner.post("/v1/customers", &[("name", "Ann")]).ok().id();
    let params = [("payment_method_types[]", "card"), ("customer", customer.as_str())];
    let intent = given.owner.post("/v1/setup_intents", &params).ok().id();
    let path = format!("/v1/setup_intents/{intent}");
    given.clerk.get(&path).ok().expect("customer", customer.as_str());
    let answer = given.clerk.get(&format!("{path}?expand[]=customer"));
    expect_lacking(&answer, given.clerk.key(), "Customers Read", "customer_read");
    given.owner.get(&format!("{path}?expand[]=customer")).ok().expect("customer.name", "Ann");
}

/// Kept answers are those of the account, so a key may get the answer that another one was given.
#[test]
fn what_is_expanded_in_a_kept_answer_needs_its_permission() {
    let given = office("\"setup_intent_write\"");
    let customer = given.owner.post("/v1/customers", &[("name", "Ann")]).ok().id();
    let plain = [("payment_method_types[]", "card"), ("customer", customer.as_str())];
    let expanded = [plain[0], plain[1], ("expand[]", "customer")];
    let ask = |sandbox: &Sandbox, key: &str, params: &[(&str, &str)]| {
        sandbox.idempotency_key(key).post("/v1/setup_intents", params)
    };
    ask(&given.owner, "expanded", &expanded).ok().expect("customer.name", "Ann");
    let answer = ask(&given.clerk, "expanded", &expanded);
    expect_lacking(&answer, given.clerk.key(), "Customers Read", "customer_read");

    let id = ask(&given.owner, "plain", &plain).ok().id();
    let again = ask(&given.clerk, "plain", &plain);
    again.ok().expect_header("Idempotent-Replayed", "true");
    assert_eq!(again.id(), id);
}

#[test]
fn the_control_of_the_server_is_not_for_restricted_keys() {
    let given = office("\"customer_write\"");
    given.owner.get("/_exchequer/clock").ok();
    let answer = given.clerk.get("/_exchequer/clock");
    answer.expect_error(403, INVALID, "more_permissions_required", None);
    assert!(
        answer.message().ends_with(
            "This is a restricted API key, but the required permissions are not available for use \
             by restricted keys."
        ),
        "{answer:?}"
    );
    drop(given.server);
}

#[test]
fn an_open_server_lets_restricted_keys_do_everything() {
    let given = Sandbox::new();
    let restricted = given.key().replace("sk_test_", "rk_test_");
    let restricted = Sandbox::at(given.address(), &restricted);
    let customer = restricted.post("/v1/customers", &[("name", "Ann")]).ok().id();
    given.get(&format!("/v1/customers/{customer}")).ok();
    restricted.get("/_exchequer/clock").ok();
}

#[test]
fn a_key_is_for_the_addresses_it_names() {
    let keys = [random_key(), random_key(), random_key()];
    let entry = |key: &str, ips: &str| {
        format!("[[key]]\nsecret = \"{key}\"\naccount = \"{ACCOUNT}\"\nips = [{ips}]\n")
    };
    let (server, _folder) = server_with_keys(
        &[
            entry(&keys[0], "\"127.0.0.1\""),
            entry(&keys[1], "\"127.0.0.0/8\", \"::1\""),
            entry(&keys[2], "\"10.0.0.0/8\", \"::1\""),
        ]
        .concat(),
        &[],
    );
    Sandbox::with_key(&server, &keys[0]).get("/v1/customers").ok();
    Sandbox::with_key(&server, &keys[1]).get("/v1/customers").ok();
    let stranger = Sandbox::with_key(&server, &keys[2]);
    // Before the route, and on the server's own paths too.
    for path in ["/v1/customers", "/v1/nope", "/_exchequer/clock"] {
        let answer = stranger.get(path);
        answer.expect_error(403, INVALID, None, None);
        answer.expect_message(
            "The API key provided does not allow requests from your IP address (127.0.0.1).",
        );
    }
    // What a client says of itself does not count.
    let forged = stranger.header("X-Forwarded-For", "10.0.0.1");
    forged.get("/v1/customers").expect_status(403);
}

#[test]
fn a_wrong_file_of_keys_is_refused_at_the_start() {
    let folder = Folder::new();
    for (keys, why) in [
        (
            "[[key]]\nsecret = \"rk_test_abcdef\"\npermissions = [\"customers_read\"]\n",
            "key 1: 'customers_read' is no permission; the permissions are balance_read, ",
        ),
        (
            "[[key]]\nsecret = \"sk_test_abcdef\"\npermissions = [\"customer_read\"]\n",
            "key 1: only restricted keys (rk_) have permissions",
        ),
        (
            "[[key]]\nsecret = \"rk_test_abcdef\"\n",
            "key 1: a restricted key needs permissions; [] allows nothing",
        ),
        (
            "[[key]]\nsecret = \"sk_test_abcdef\"\nips = [\"localhost\"]\n",
            "key 1: 'localhost' is no IP address and no network such as 10.0.0.0/8",
        ),
    ] {
        let file = folder.write("keys.toml", keys);
        let args =
            ["serve", "--listen", "127.0.0.1:0", "--data", ":memory:", "--keys", file.as_str()];
        let ended = run_program(&args);
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(2), "{said}");
        assert!(said.contains(why), "{said}");
    }
}
