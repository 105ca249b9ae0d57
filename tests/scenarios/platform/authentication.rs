//! Who is asking: keys, their kinds, and what each kind of refusal looks like.

use exchequer_tests::{Answer, Sandbox, Server, random_key};

use super::server_with_keys;

const INVALID: &str = "invalid_request_error";

#[test]
fn platform_01_no_key_at_all() {
    let nobody = Sandbox::new().without_header("Authorization");
    let answer = nobody.get("/v1/events");
    answer.expect_error(401, INVALID, None, None);
    answer.expect_message_starts("You did not provide an API key.");
    answer.expect_absent("error.doc_url");
}

#[test]
fn platform_01_an_empty_key_is_no_key() {
    let nobody = Sandbox::new().header("Authorization", "Bearer ");
    let answer = nobody.get("/v1/events");
    answer.expect_error(401, INVALID, None, None);
    answer.expect_message_starts("You did not provide an API key.");
}

#[test]
fn platform_02_an_unknown_key_is_shown_masked() {
    let (server, _folder) = server_with_keys(
        "[[key]]\nsecret = \"sk_test_known0000000000000000001\"\n\
         account = \"acct_1Known0000000000\"\n",
        &[],
    );
    let stranger = Sandbox::with_key(&server, "sk_test_bogusbogusbogus1234");
    let answer = stranger.get("/v1/events");
    answer.expect_error(401, INVALID, None, None);
    answer.expect_message("Invalid API Key provided: sk_test_***************1234");
}

#[test]
fn platform_02_a_live_key_is_unknown_to_an_open_server() {
    let stranger = Sandbox::with_key(Server::shared(), "sk_live_bogusbogusbogus1234");
    let answer = stranger.get("/v1/events");
    answer.expect_error(401, INVALID, None, None);
    answer.expect_message("Invalid API Key provided: sk_live_***************1234");
}

#[test]
fn platform_03_basic_and_bearer_are_the_same() {
    let given = Sandbox::new();
    given.post("/v1/customers", &[("name", "Ann")]).ok();
    let bearer = given.get("/v1/customers");
    for scheme in ["Basic", "basic", "BASIC"] {
        let header = format!("{scheme} {}", base64(format!("{}:", given.key()).as_bytes()));
        let basic = given.header("Authorization", &header).get("/v1/customers");
        assert_eq!(basic.ok().bytes, bearer.ok().bytes, "{scheme}");
    }
    let lower = given.header("Authorization", &format!("bearer {}", given.key()));
    assert_eq!(lower.get("/v1/customers").ok().bytes, bearer.bytes);
}

#[test]
fn platform_03_a_password_is_ignored() {
    let given = Sandbox::new();
    let header = format!("Basic {}", base64(format!("{}:secret", given.key()).as_bytes()));
    given.header("Authorization", &header).get("/v1/customers").ok();
}

#[test]
fn platform_04_an_expired_key() {
    let key = random_key();
    let (server, _folder) = server_with_keys(
        &format!(
            "[[key]]\nsecret = \"{key}\"\naccount = \"acct_1Known0000000000\"\n\
             expires_at = 1600000000\n"
        ),
        &[],
    );
    let answer = Sandbox::with_key(&server, &key).get("/v1/events");
    answer.expect_error(401, INVALID, "api_key_expired", None);
    answer.expect("error.doc_url", "https://stripe.com/docs/error-codes/api-key-expired");
    answer.expect_message_starts("Expired API Key provided: sk_test_");
    assert!(!answer.message().contains(&key), "the key is shown masked\n{answer:?}");
}

#[test]
fn platform_05_a_publishable_key() {
    let given = Sandbox::new();
    let public = given.key().replace("sk_test_", "pk_test_");
    let answer = Sandbox::at(given.address(), &public).get("/v1/webhook_endpoints");
    answer.expect_error(403, INVALID, "secret_key_required", None);
    answer.expect_message_starts(
        "This API call cannot be made with a publishable API key. Please use a secret API key.",
    );
}

#[test]
fn platform_09_authentication_comes_before_routing() {
    let nobody = Sandbox::new().without_header("Authorization");
    nobody.get("/v1/nope").expect_error(401, INVALID, None, None);
}

#[test]
fn platform_14_every_success_carries_these_headers() {
    let given = Sandbox::new();
    let created = given.post("/v1/customers", &[("name", "Ann")]);
    for answer in [&created, &given.get("/v1/customers"), &given.get("/v1/balance")] {
        expect_platform_headers(answer.ok());
    }
}

#[test]
fn platform_15_each_request_has_its_own_id() {
    let given = Sandbox::new();
    let (first, second) = (given.get("/v1/events"), given.get("/v1/events"));
    assert_ne!(first.request_id(), second.request_id());
}

#[track_caller]
fn expect_platform_headers(answer: &Answer) {
    let id = answer.request_id();
    let tail = id.strip_prefix("req_").unwrap_or_else(|| panic!("a request id: {id}"));
    assert!(tail.len() >= 14 && tail.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    answer.expect_header("Stripe-Version", "2026-10-28.endive");
    answer.expect_header("Content-Type", "application/json");
    answer.expect_header("Access-Control-Allow-Origin", "*");
    let text = std::str::from_utf8(&answer.bytes).expect("a body of UTF-8");
    assert!(text.starts_with("{\n  \"") && text.ends_with("}\n"), "two-space indent: {text}");
}

/// The standard alphabet, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0_u8; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for position in 0..4 {
            let index = (bits >> (18 - 6 * position)) & 63;
            let filled = position <= chunk.len();
            out.push(if filled { ALPHABET[index as usize] as char } else { '=' });
        }
    }
    out
}
