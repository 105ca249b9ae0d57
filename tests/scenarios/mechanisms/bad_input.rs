//! What no client should send: refused in the API's words, nothing stored, nothing broken.

use std::fmt::Write;

use exchequer_tests::{Answer, Sandbox, exchange_raw};

const INVALID: &str = "invalid_request_error";
const CUSTOMERS: &str = "/v1/customers";

/// An error of the API, and no customer to show for it.
#[track_caller]
fn expect_refusal(given: &Sandbox, answer: &Answer) {
    assert!((400..500).contains(&answer.status), "{}", answer.request);
    answer.expect("error.type", INVALID);
    assert!(given.get(CUSTOMERS).ids().is_empty(), "nothing may be stored");
}

#[test]
fn a_body_over_the_limit() {
    let given = Sandbox::new();
    let body = format!("name={}", "x".repeat(20 << 20));
    expect_refusal(&given, &given.post_form(CUSTOMERS, &body));
}

#[test]
fn a_body_that_only_claims_to_be_large() {
    let given = Sandbox::new();
    let request = format!(
        "POST {CUSTOMERS} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: \
         application/x-www-form-urlencoded\r\nContent-Length: 99999999999\r\n\r\nname=Ann",
        given.address(),
        given.key()
    );
    let reply = exchange_raw(given.address(), request.as_bytes()).expect("an early answer");
    assert!((400..500).contains(&reply.status), "{reply:?}");
    assert!(given.get(CUSTOMERS).ids().is_empty());
}

#[test]
fn hashes_within_hashes() {
    let given = Sandbox::new();
    for depth in [10, 100, 10_000] {
        let body = format!("metadata{}=1", "[a]".repeat(depth));
        expect_refusal(&given, &given.post_form(CUSTOMERS, &body));
    }
}

#[test]
fn more_parameters_than_anyone_needs() {
    let given = Sandbox::new();
    let mut body = String::new();
    for number in 0..20_000 {
        write!(body, "metadata[k{number}]=1&").expect("a string takes any text");
    }
    expect_refusal(&given, &given.post_form(CUSTOMERS, &body));
}

#[test]
fn bytes_that_are_no_text() {
    let given = Sandbox::new();
    let sender = given.header("Content-Type", "application/x-www-form-urlencoded");
    for body in ["name=%FF%FE", "name=%C3%28", "name=%ED%A0%80", "%FF=Ann", "name=%C0%AF"] {
        expect_refusal(&given, &given.post_form(CUSTOMERS, body));
    }
    expect_refusal(&given, &sender.send("POST", CUSTOMERS, b"name=\xff\xfe"));
    expect_refusal(&given, &given.get("/v1/customers?starting_after=%FF"));
}

#[test]
fn integers_beyond_all_bounds() {
    let account = Sandbox::new().financial_account().holding(1_000);
    let draft = account.pays(1).bank("110000000", "000000000009");
    for amount in
        ["-9223372036854775809", "1e3", "0x10", " 1", "1 ", "+", "-", "NaN", "Infinity", "١"]
    {
        let answer = draft.clone().with("amount", amount).send();
        answer.expect_error(400, INVALID, "parameter_invalid_integer", "amount");
    }
    for amount in
        ["10000000000", "9223372036854775808", "99999999999999999999999999999999999999999"]
    {
        let answer = draft.clone().with("amount", amount).send();
        answer.expect_error(400, INVALID, "amount_too_large", "amount");
    }
    let answer = draft.with("amount", "-1").send();
    answer.expect_error(400, INVALID, "parameter_invalid_integer", "amount");
    assert!(account.payments().is_empty());
    account.expect_balance(1_000, 0);
}

#[test]
fn structures_that_contradict_themselves() {
    let given = Sandbox::new();
    for body in [
        "metadata=1&metadata[a]=2",
        "name[]=1&name=2&name[a]=3",
        "address[city][]=a",
        "]=1",
        "[a]=1",
        "address[city=1",
        "metadata[a]]=1",
    ] {
        expect_refusal(&given, &given.post_form(CUSTOMERS, body));
    }
}

/// Text is kept as it came, whatever it is made of.
#[test]
fn odd_but_honest_text() {
    let given = Sandbox::new();
    for name in [
        "Zoë",
        "Zoe\u{308}",
        "李雷",
        "👩‍👩‍👧‍👦",
        "\u{202e}drawkcab",
        "\u{feff}marked",
        "a\u{200b}b",
        "\u{10ffff}",
        "quote \" backslash \\ slash / <script>&amp;",
        "' OR 1=1; --",
        "tab\there",
        "line\nbreak",
        "bell\u{7}",
        "%00",
    ] {
        let id = given.post(CUSTOMERS, &[("name", name)]).id();
        given.get(&format!("{CUSTOMERS}/{id}")).ok().expect("name", name);
    }
    // A zero byte either comes back whole or is refused: it may not cut the text short.
    let answer = given.post(CUSTOMERS, &[("name", "a\0b")]);
    match answer.status {
        200 => answer.expect("name", "a\0b"),
        _ => answer.expect_status(400).expect("error.type", INVALID),
    };
}

#[test]
fn paths_that_lead_astray() {
    let given = Sandbox::new();
    let long = format!("/v1/customers/{}", "x".repeat(10_000));
    for path in [
        "/v1/customers/%FF",
        "/v1/customers/%",
        "/v1/customers/%2e%2e",
        "/v1/customers/..%2f..%2fetc",
        "/v1/../_exchequer/health/x",
        "/v1/customers/cus_%00",
        "/v1/customers/'",
        long.as_str(),
    ] {
        let answer = given.get(path);
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
}

#[test]
fn a_request_line_over_the_limit() {
    let given = Sandbox::new();
    let request = format!("GET /v1/{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(100 << 10));
    if let Ok(reply) = exchange_raw(given.address(), request.as_bytes()) {
        assert!((400..500).contains(&reply.status), "{reply:?}");
    }
    given.get(CUSTOMERS).ok();
}

#[test]
fn requests_that_are_no_http() {
    let given = Sandbox::new();
    for request in [
        &b"\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /v1/customers HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"POST /v1/customers HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"GET /v1/customers HTTP/1.1\r\nHost: a\r\nBad Header: \x01\r\n\r\n",
    ] {
        if request.ends_with(b"\xfc\x03\x03") {
            // The start of a TLS greeting: nothing ends it, so only its acceptance is tested.
            drop(std::net::TcpStream::connect(given.address()).map(|mut stream| {
                std::io::Write::write_all(&mut stream, request).ok();
            }));
            continue;
        }
        if let Ok(reply) = exchange_raw(given.address(), request) {
            assert!((400..500).contains(&reply.status), "{reply:?}");
        }
    }
    given.get(CUSTOMERS).ok();
}

#[test]
fn control_calls_with_bad_json() {
    let given = Sandbox::new();
    let sender = given.header("Content-Type", "application/json");
    for body in [
        &b"{"[..],
        b"null",
        b"[]",
        b"{\"action\": \"fly\"}",
        b"{\"action\": \"advance\"}",
        b"{\"action\": \"advance\", \"by\": \"-3d\"}",
        b"{\"action\": \"advance\", \"by\": \"99999999999999999999d\"}",
        b"{\"action\": \"set\", \"to\": 1}",
        b"\xff",
    ] {
        given.post(CUSTOMERS, &[]).ok();
        let answer = sender.send("POST", "/_exchequer/clock", body);
        assert!((400..500).contains(&answer.status), "{answer:?}");
        answer.expect("error.type", INVALID);
    }
    let nested = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    let answer = sender.send("POST", "/_exchequer/clock", nested.as_bytes());
    assert!((400..500).contains(&answer.status), "{}", answer.status);
}

#[test]
fn control_calls_need_the_secret_key() {
    let given = Sandbox::new();
    let nobody = given.without_header("Authorization");
    nobody.get("/_exchequer/health").ok();
    for path in ["clock", "deliveries"] {
        nobody.get(&format!("/_exchequer/{path}")).expect_status(401);
    }
    let public = Sandbox::at(given.address(), &given.key().replace("sk_", "pk_"));
    public.get("/_exchequer/clock").expect_status(403);
}

#[test]
fn a_form_in_parts_is_a_form_too() {
    let given = Sandbox::new();
    let sender = given.header("Content-Type", "multipart/form-data; boundary=cut");
    let part = |name: &str, value: &str| {
        format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let whole = format!("{}{}--cut--\r\n", part("name", "Ann"), part("metadata[a]", "1"));
    let answer = sender.send("POST", CUSTOMERS, whole.as_bytes());
    answer.ok().expect("name", "Ann").expect("metadata.a", "1");
    let answer = sender.send("POST", CUSTOMERS, part("name", "cut off").as_bytes());
    assert!((400..500).contains(&answer.status), "{answer:?}");
    assert_eq!(given.get(CUSTOMERS).ids().len(), 1);
}
