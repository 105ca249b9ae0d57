//! What was delivered, in the eyes of the official SDKs' own verifiers.

use std::process::Command;

use exchequer_tests::{Received, Receiver, Sandbox, hmac_sha256_hex, node, python};

/// One delivered request and the secret of its endpoint.
fn delivered() -> (Sandbox, Received, String) {
    let given = Sandbox::new();
    let receiver = Receiver::new();
    let endpoint = given.webhook(&receiver, &["customer.created"]);
    given.post("/v1/customers", &[("name", "Zoë – “quoted” 💶")]).ok();
    (given, receiver.wait_for_one(), endpoint.secret)
}

/// What one verifier says of each case: the good one, and three bad ones.
#[track_caller]
fn expect_verdicts(mut command: Command, name: &str) {
    let (given, sent, secret) = delivered();
    let body = String::from_utf8(sent.body.clone()).expect("UTF-8");
    let header = sent.header("Stripe-Signature").expect("a signature").to_owned();
    let t = sent.signature().timestamp - 301;
    let old = hmac_sha256_hex(secret.as_bytes(), format!("{t}.{body}").as_bytes());
    command.env("BODY", &body).env("HEADER", &header).env("SECRET", &secret);
    command.env("FLIPPED", body.replacen("customer", "custoner", 1));
    command.env("OLD_HEADER", format!("t={t},v1={old}"));
    let story = given.story(command, name);
    let verdicts = story.json();
    assert_eq!(verdicts["good"], sent.event_id().as_str());
    for bad in ["flipped", "other_secret", "old"] {
        assert_eq!(verdicts[bad], "refused", "{bad}: {verdicts}");
    }
    // The SDK's own signature of the same body, time and secret is the server's, byte by byte.
    assert_eq!(verdicts["generated"], sent.signature().v1[0].as_str());
}

#[test]
fn platform_91_python_verifies() {
    let mut command = python();
    command.args(["-c", PYTHON_VERIFIES]);
    expect_verdicts(command, "verification_python");
}

#[test]
fn platform_91_node_verifies() {
    let mut command = node();
    command.args(["-e", NODE_VERIFIES]);
    expect_verdicts(command, "verification_node");
}

#[test]
fn platform_106_the_sdks_sign_alike() {
    for (mut command, script, name) in [
        (python(), ["-c", PYTHON_VERIFIES], "signing_python"),
        (node(), ["-e", NODE_VERIFIES], "signing_node"),
    ] {
        command.args(script);
        expect_verdicts(command, name);
    }
}

const PYTHON_VERIFIES: &str = r#"
import json, os, stripe
env = os.environ
stamp = int(env["HEADER"].split(",")[0].removeprefix("t="))

def verdict(body, header, secret):
    try:
        return stripe.Webhook.construct_event(body, header, secret, api_key="sk_test_x").id
    except stripe.SignatureVerificationError:
        return "refused"

generated = stripe.WebhookSignature.generate_signature_header(env["BODY"], env["SECRET"], stamp)
print(json.dumps({
    "good": verdict(env["BODY"], env["HEADER"], env["SECRET"]),
    "flipped": verdict(env["FLIPPED"], env["HEADER"], env["SECRET"]),
    "other_secret": verdict(env["BODY"], env["HEADER"], "whsec_other"),
    "old": verdict(env["BODY"], env["OLD_HEADER"], env["SECRET"]),
    "generated": generated.split("v1=")[1],
}))
"#;

const NODE_VERIFIES: &str = r#"
const Stripe = require("stripe");
const stripe = new Stripe("sk_test_x");
const env = process.env;
const timestamp = Number(env.HEADER.split(",")[0].slice(2));

function verdict(body, header, secret) {
  try {
    return stripe.webhooks.constructEvent(body, header, secret).id;
  } catch (error) {
    if (error.type !== "StripeSignatureVerificationError") throw error;
    return "refused";
  }
}

const generated = stripe.webhooks.generateTestHeaderString({
  payload: env.BODY, secret: env.SECRET, timestamp,
});
console.log(JSON.stringify({
  good: verdict(env.BODY, env.HEADER, env.SECRET),
  flipped: verdict(env.FLIPPED, env.HEADER, env.SECRET),
  other_secret: verdict(env.BODY, env.HEADER, "whsec_other"),
  old: verdict(env.BODY, env.OLD_HEADER, env.SECRET),
  generated: generated.split("v1=")[1],
}));
"#;
