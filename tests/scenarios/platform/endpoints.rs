//! WebhookEndpoints: who wants to be told, and about what.

use exchequer_tests::{Answer, Receiver, Sandbox, Server};
use serde_json::json;

use super::server_with_keys;

const INVALID: &str = "invalid_request_error";
const ENDPOINTS: &str = "/v1/webhook_endpoints";
const HOOK: (&str, &str) = ("url", "http://127.0.0.1:9/hooks");
const ALL: (&str, &str) = ("enabled_events[]", "*");

#[test]
fn platform_82_a_new_endpoint_shows_its_secret() {
    let given = Sandbox::new();
    let answer = given.post(ENDPOINTS, &[HOOK, ALL, ("metadata[a]", "1")]);
    assert!(answer.id().starts_with("we_"), "{answer:?}");
    let secret = answer.text("secret").strip_prefix("whsec_").expect("a secret");
    assert!(secret.len() == 32 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    answer.expect("object", "webhook_endpoint").expect("status", "enabled");
    answer.expect("application", ()).expect("api_version", ()).expect("description", ());
    answer.expect("enabled_events", json!(["*"])).expect("url", HOOK.1);
    answer.expect("metadata", json!({"a": "1"})).expect("livemode", false);
    answer.expect("created", given.now());
}

#[test]
fn platform_83_nothing_else_shows_it() {
    let given = Sandbox::new();
    let path = format!("{ENDPOINTS}/{}", given.post(ENDPOINTS, &[HOOK, ALL]).id());
    given.get(&path).ok().expect_absent("secret");
    given
        .get(ENDPOINTS)
        .ok()
        .expect("data.0.object", "webhook_endpoint")
        .expect_absent("data.0.secret");
    let updated =
        given.post(&path, &[("description", "mine"), ("enabled_events[]", "person.created")]);
    updated.ok().expect_absent("secret").expect("description", "mine");
    updated.expect("enabled_events", json!(["person.created"]));
    given.post(&path, &[("description", "")]).ok().expect("description", ());
}

#[test]
fn platform_84_an_event_that_is_none() {
    let answer = Sandbox::new().post(ENDPOINTS, &[HOOK, ("enabled_events[]", "bogus.event")]);
    answer.expect_error(400, INVALID, None, "enabled_events[0]");
    answer.expect_message_starts(
        "Invalid enabled_events[0]: must be one of account.application.authorized, \
         account.application.deauthorized, account.external_account.created,",
    );
}

#[test]
fn platform_85_what_an_update_cannot_change() {
    let given = Sandbox::new();
    let path = format!("{ENDPOINTS}/{}", given.post(ENDPOINTS, &[HOOK, ALL]).id());
    for (name, value) in [("api_version", "2026-10-28.endive"), ("connect", "true")] {
        let answer = given.post(&path, &[(name, value)]);
        answer.expect_error(400, INVALID, "parameter_unknown", name);
    }
}

#[test]
fn platform_85_a_version_at_creation() {
    let given = Sandbox::new();
    let answer = given.post(ENDPOINTS, &[HOOK, ALL, ("api_version", "2024-06-20")]);
    answer.ok().expect("api_version", "2024-06-20");
    let answer = given.post(ENDPOINTS, &[HOOK, ALL, ("api_version", "never")]);
    answer.expect_error(400, INVALID, None, "api_version");
    answer.expect_message_starts("Invalid api_version: must be one of ");
}

#[test]
fn platform_86_an_endpoint_that_is_switched_off() {
    let given = Sandbox::new();
    let receiver = Receiver::new();
    let path = format!("{ENDPOINTS}/{}", given.webhook(&receiver, &["customer.created"]).id);
    given.post(&path, &[("disabled", "true")]).ok().expect("status", "disabled");
    given.post("/v1/customers", &[("name", "unheard")]).ok();
    given.deliveries_wait();
    given.post(&path, &[("disabled", "false")]).ok().expect("status", "enabled");
    given.post("/v1/customers", &[("name", "heard")]).ok();
    assert_eq!(receiver.wait_for_one().json()["data"]["object"]["name"], "heard");
    given.deliveries_wait();
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn platform_87_only_public_urls_when_told_so() {
    let server = Server::start(&["--webhook-targets", "public"]);
    let given = Sandbox::on_server(&server);
    for url in [
        "http://localhost:1/x",
        "http://127.0.0.1/x",
        "http://127.1/x",
        "http://0x7f000001/x",
        "http://0.0.0.0/x",
        "http://10.0.0.1/x",
        "http://192.168.1.1/x",
        "http://169.254.169.254/x",
        "http://100.64.0.1/x",
        "http://[::1]/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://[fd00::1]/x",
    ] {
        let answer = given.post(ENDPOINTS, &[("url", url), ALL]);
        answer.expect_error(400, INVALID, "url_invalid", "url");
        answer.expect_message(
            "Invalid URL: URL must be publicly accessible. Consider using a tool like the Stripe \
             CLI to test webhooks locally.",
        );
    }
    given.post(ENDPOINTS, &[("url", "https://example.com/hooks"), ALL]).ok();
}

#[test]
fn platform_87_loopback_by_default_but_nothing_else_private() {
    let given = Sandbox::new();
    given.post(ENDPOINTS, &[("url", "http://localhost:8080/x"), ALL]).ok();
    for url in ["http://10.0.0.1/x", "http://169.254.169.254/x", "http://0.0.0.0/x"] {
        given.post(ENDPOINTS, &[("url", url), ALL]).expect_error(
            400,
            INVALID,
            "url_invalid",
            "url",
        );
    }
}

#[test]
fn platform_87_what_is_no_url() {
    let given = Sandbox::new();
    let answer = given.post(ENDPOINTS, &[("url", "example.com/x"), ALL]);
    answer.expect_error(400, INVALID, "url_invalid", "url");
    answer.expect_message("Invalid URL: An explicit scheme (such as https) must be provided.");
    let answer = given.post(ENDPOINTS, &[("url", "http://"), ALL]);
    answer.expect_error(400, INVALID, "url_invalid", "url");
    answer.expect_message("Not a valid URL");
}

#[test]
fn platform_88_live_endpoints_are_encrypted() {
    let (server, _folder) = server_with_keys(
        "[[key]]\nsecret = \"sk_live_known0000000000000000001\"\n\
         account = \"acct_1Known0000000000\"\n",
        &[],
    );
    let live = Sandbox::with_key(&server, "sk_live_known0000000000000000001");
    let answer = live.post(ENDPOINTS, &[("url", "http://example.com/hooks"), ALL]);
    answer.expect_error(400, INVALID, "url_invalid", "url");
    answer.expect_message(
        "Invalid URL: http://example.com/hooks. URLs in livemode must begin with \"https://\"",
    );
    live.post(ENDPOINTS, &[("url", "https://example.com/hooks"), ALL]).ok();
}

#[test]
fn platform_89_at_most_sixteen() {
    let given = Sandbox::new();
    let create = || -> Answer { given.post(ENDPOINTS, &[HOOK, ALL]) };
    let first = create().id();
    for _ in 1..16 {
        create().ok();
    }
    let answer = create();
    answer.expect_status(400).expect("error.type", INVALID).expect_absent("error.code");
    answer.expect_message("You have reached the maximum of 16 test webhook endpoints");
    given.delete(&format!("{ENDPOINTS}/{first}")).ok();
    create().ok();
}

#[test]
fn platform_90_a_deleted_endpoint_is_gone() {
    let given = Sandbox::new();
    let id = given.post(ENDPOINTS, &[HOOK, ALL]).id();
    let path = format!("{ENDPOINTS}/{id}");
    let stub = json!({"id": id, "object": "webhook_endpoint", "deleted": true});
    given.delete(&path).ok().expect("", stub);
    let answer = given.get(&path);
    answer.expect_error(404, INVALID, "resource_missing", "id");
    answer.expect_message(&format!("No such webhook endpoint: '{id}'"));
    assert!(given.get(ENDPOINTS).ids().is_empty());
}
