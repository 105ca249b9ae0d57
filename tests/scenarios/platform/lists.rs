//! Lists: pages, cursors, and the dates they can be asked for.

use serde_json::Value;

use exchequer_tests::{Sandbox, node, python};

use super::TUESDAY;

const INVALID: &str = "invalid_request_error";

/// This many customers, named by their number; their ids, newest first as lists show them.
fn customers(given: &Sandbox, count: usize) -> Vec<String> {
    let create = |number: usize| given.post("/v1/customers", &[("name", &number.to_string())]).id();
    let mut ids: Vec<String> = (0..count).map(create).collect();
    ids.reverse();
    ids
}

#[test]
fn platform_51_a_first_page() {
    let given = Sandbox::new();
    let ids = customers(&given, 25);
    let page = given.get("/v1/customers");
    assert_eq!(page.ids(), ids[..10]);
    assert_eq!(page.keys(""), ["data", "has_more", "object", "url"]);
    page.expect("object", "list").expect("has_more", true).expect("url", "/v1/customers");
}

#[test]
fn platform_51_an_empty_list() {
    let page = Sandbox::new().get("/v1/customers");
    assert!(page.ids().is_empty());
    page.expect("has_more", false).expect("url", "/v1/customers");
}

#[test]
fn platform_52_to_the_end_page_by_page() {
    let given = Sandbox::new();
    let ids = customers(&given, 25);
    let mut seen: Vec<String> = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let page = match seen.last() {
            Some(last) => given.list("/v1/customers", &[("starting_after", last)]),
            None => given.get("/v1/customers"),
        };
        sizes.push(page.ids().len());
        seen.extend(page.ids());
        if page.at("has_more") == false {
            break;
        }
    }
    assert_eq!((sizes, seen), (vec![10, 10, 5], ids));
}

#[test]
fn platform_53_the_page_before() {
    let given = Sandbox::new();
    let ids = customers(&given, 25);
    let page = given.list("/v1/customers", &[("ending_before", &ids[20]), ("limit", "10")]);
    assert_eq!(page.ids(), ids[10..20]);
    page.expect("has_more", true);
    let first = given.list("/v1/customers", &[("ending_before", &ids[10]), ("limit", "10")]);
    assert_eq!(first.ids(), ids[..10]);
    first.expect("has_more", false);
}

#[test]
fn platform_54_both_cursors() {
    let given = Sandbox::new();
    let ids = customers(&given, 2);
    let cursors = [("starting_after", ids[0].as_str()), ("ending_before", ids[1].as_str())];
    let answer = given.list("/v1/customers", &cursors);
    answer.expect_status(400).expect("error.type", INVALID).expect_absent("error.code");
    answer.expect_message(
        "Received both starting_after and ending_before parameters. Please pass in only one.",
    );
}

#[test]
fn platform_55_a_cursor_that_is_not_there() {
    let given = Sandbox::new();
    for cursor in ["starting_after", "ending_before"] {
        let answer = given.list("/v1/customers", &[(cursor, "nope")]);
        answer.expect_error(400, INVALID, "resource_missing", cursor);
        answer.expect_message("No such customer: 'nope'");
    }
}

#[test]
fn platform_56_by_date() {
    let given = Sandbox::new();
    given.clock_freeze(TUESDAY);
    let mut ids = customers(&given, 2);
    for _ in 0..2 {
        given.advance("1s");
        ids.splice(0..0, customers(&given, 2));
    }
    let second = (TUESDAY + 1).to_string();
    let third = (TUESDAY + 2).to_string();
    let list = |params: &[(&str, &str)]| given.list("/v1/customers", params).ids();
    assert_eq!(list(&[("created[gte]", &second), ("created[lt]", &third)]), ids[2..4]);
    assert_eq!(list(&[("created", &second)]), ids[2..4]);
    assert_eq!(list(&[("created[gt]", &second)]), ids[..2]);
    assert_eq!(list(&[("created[lte]", &second)]), ids[2..]);
    assert_eq!(list(&[("created[gte]", &second), ("limit", "3")]), ids[..3]);
    let answer = given.list("/v1/customers", &[("created[foo]", "1")]);
    answer.expect_error(400, INVALID, "parameter_unknown", "created[foo]");
}

#[test]
fn platform_57_python_pages_by_itself() {
    let given = Sandbox::new();
    let ids = customers(&given, 250);
    let mut command = python();
    command.args(["-c", PYTHON_PAGES]);
    let story = given.story(command, "paging_python");
    assert_eq!(story.json(), Value::from(ids));
}

#[test]
fn platform_57_node_pages_by_itself() {
    let given = Sandbox::new();
    let ids = customers(&given, 250);
    let mut command = node();
    command.args(["-e", NODE_PAGES]);
    let story = given.story(command, "paging_node");
    assert_eq!(story.json(), Value::from(ids));
}

const PYTHON_PAGES: &str = r#"
import json, os, stripe
client = stripe.StripeClient(
    os.environ["EXCHEQUER_KEY"], base_addresses={"api": os.environ["EXCHEQUER_URL"]}
)
pages = client.v1.customers.list(params={"limit": 30})
print(json.dumps([customer.id for customer in pages.auto_paging_iter()]))
"#;

const NODE_PAGES: &str = r#"
const Stripe = require("stripe");
const url = new URL(process.env.EXCHEQUER_URL);
const stripe = new Stripe(process.env.EXCHEQUER_KEY, {
  host: url.hostname, port: url.port, protocol: "http",
});
(async () => {
  const ids = [];
  for await (const customer of stripe.customers.list({ limit: 30 })) ids.push(customer.id);
  console.log(JSON.stringify(ids));
})();
"#;
