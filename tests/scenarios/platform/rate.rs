//! `--rate-limit`: as many requests per second as an account may make.

use exchequer_tests::{Answer, Sandbox, Server, python, random_key};

use super::server_with_keys;

const INVALID: &str = "invalid_request_error";

/// A server on which an account may read 25 and write 3 times per second.
fn limited() -> Server {
    Server::start(&["--rate-limit", "25,3"])
}

/// Sends requests until one is refused for coming too fast; ten times what a second lets through
/// always is enough.
#[track_caller]
fn exceed(most: usize, mut send: impl FnMut() -> Answer) -> (usize, Answer) {
    for sent in 0..most * 10 {
        let answer = send();
        if answer.status == 429 {
            return (sent, answer);
        }
        answer.ok();
    }
    panic!("{} requests were let through", most * 10);
}

#[test]
fn platform_71_too_many_reads() {
    let server = limited();
    let given = Sandbox::on_server(&server);
    let (sent, answer) = exceed(25, || given.get("/v1/customers"));
    assert!(sent >= 25, "a burst of one second's worth is let through, not {sent}");
    answer.expect_error(429, INVALID, "rate_limit", None);
    answer.expect_message(
        "Testmode request rate limit exceeded, the rate limits in testmode are lower than \
         livemode. You can learn more about rate limits here https://stripe.com/docs/rate-limits.",
    );
    answer.expect("error.doc_url", "https://stripe.com/docs/error-codes/rate-limit");
    answer.expect_absent("error.request_log_url");
    answer.expect_header("Stripe-Rate-Limited-Reason", "global-rate");
    assert_eq!(answer.header("Stripe-Should-Retry"), None);
    answer.request_id();
    // Other accounts are not concerned, nor is the control of the server.
    Sandbox::on_server(&server).get("/v1/customers").ok();
    given.get("/_exchequer/clock").ok();
}

#[test]
fn platform_71_too_many_writes() {
    let server = limited();
    let given = Sandbox::on_server(&server);
    let (sent, _) = exceed(3, || given.post("/v1/customers", &[("name", "Ann")]));
    assert!(sent >= 3, "a burst of one second's worth is let through, not {sent}");
    // Reads have a bucket of their own.
    let list = given.list("/v1/customers", &[("limit", "100")]);
    assert_eq!(list.ok().body["data"].as_array().map(Vec::len), Some(sent));
}

#[test]
fn platform_71_the_limit_comes_before_idempotency() {
    let server = limited();
    let given = Sandbox::on_server(&server).idempotency_key("once");
    let first = given.post("/v1/customers", &[("name", "Ann")]).ok().id();
    let (_, answer) = exceed(3, || given.post("/v1/customers", &[("name", "Ann")]));
    assert_eq!(answer.header("Idempotent-Replayed"), None);
    // The key still gives what it gave first.
    let list = given.get("/v1/customers");
    assert_eq!(list.ok().body["data"][0]["id"].as_str(), Some(first.as_str()));
    assert_eq!(list.body["data"].as_array().map(Vec::len), Some(1));
}

#[test]
fn platform_71_a_bad_key_takes_nothing_from_an_account() {
    let server = limited();
    let given = Sandbox::on_server(&server);
    let nobody = given.without_header("Authorization");
    for _ in 0..40 {
        nobody.get("/v1/customers").expect_status(401);
    }
    given.get("/v1/customers").ok();
}

#[test]
fn platform_71_in_live_mode_the_words_are_others() {
    let key = random_key().replace("sk_test_", "sk_live_");
    let (server, _folder) =
        server_with_keys(&format!("[[key]]\nsecret = \"{key}\"\n"), &["--rate-limit", "2,2"]);
    let given = Sandbox::with_key(&server, &key);
    let (_, answer) = exceed(2, || given.get("/v1/customers"));
    answer.expect_error(429, INVALID, "rate_limit", None);
    answer.expect_message_starts("Request rate limit exceeded");
}

#[test]
fn platform_71_the_sdk_raises_after_one_attempt() {
    let server = Server::start(&["--rate-limit", "1,1"]);
    let mut command = python();
    command.arg("-c").arg(
        "import os, stripe\n\
         class Counting(stripe.RequestsClient):\n\
         \x20   sent = 0\n\
         \x20   def request(self, *args, **kwargs):\n\
         \x20       self.sent += 1\n\
         \x20       return super().request(*args, **kwargs)\n\
         http = Counting()\n\
         client = stripe.StripeClient(os.environ['EXCHEQUER_KEY'], http_client=http,\n\
         \x20   base_addresses={'api': os.environ['EXCHEQUER_URL']}, max_network_retries=2)\n\
         answered = 0\n\
         try:\n\
         \x20   for answered in range(20):\n\
         \x20       client.v1.customers.list()\n\
         \x20   raise SystemExit('no request was refused')\n\
         except stripe.RateLimitError as error:\n\
         \x20   assert error.http_status == 429 and error.error.code == 'rate_limit', error\n\
         assert http.sent == answered + 1, (http.sent, answered)\n",
    );
    Sandbox::on_server(&server).story(command, "python_rate_limit");
}
