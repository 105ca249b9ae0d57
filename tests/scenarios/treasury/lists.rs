//! Lists of payments: pages and filters.

use super::{Given, INVALID, PAYMENTS, ROUTING, WAITS, WEDNESDAY, payment_that_is};

#[test]
fn treasury_53_page_by_page() {
    let given = Given::with(10_000);
    let mut ids: Vec<String> =
        (0..25).map(|_| given.a.pays(10).to_bank(ROUTING, WAITS).id).collect();
    ids.reverse();
    let list = |params: &[(&str, &str)]| given.a.list(PAYMENTS, params);
    let first = list(&[("limit", "10")]);
    assert_eq!(first.ids(), ids[..10]);
    first.expect("has_more", true).expect("url", PAYMENTS);
    assert_eq!(list(&[]).ids(), ids[..10], "ten is the default");
    let second = list(&[("limit", "10"), ("starting_after", &ids[9])]);
    assert_eq!(second.ids(), ids[10..20]);
    second.expect("has_more", true);
    let last = list(&[("limit", "10"), ("starting_after", &ids[19])]);
    assert_eq!(last.ids(), ids[20..]);
    last.expect("has_more", false);
    let back = list(&[("limit", "10"), ("ending_before", &ids[20])]);
    assert_eq!(back.ids(), ids[10..20]);
    back.expect("has_more", true);
    let all = list(&[("limit", "101")]);
    assert_eq!(all.ids(), ids);
    let answer = list(&[("starting_after", "obp_nope")]);
    answer.expect_error(400, INVALID, "resource_missing", "starting_after");
}

#[test]
fn treasury_53_by_status() {
    let given = Given::with(10_000);
    let states = ["processing", "canceled", "failed", "posted", "returned"];
    let payments = states.map(|status| payment_that_is(status, &given.a).id);
    for (status, id) in states.iter().zip(&payments) {
        assert_eq!(given.a.list(PAYMENTS, &[("status", status)]).ids(), [&**id], "{status}");
    }
    let answer = given.a.list(PAYMENTS, &[("status", "lost")]);
    answer.expect_error(400, INVALID, None, "status");
}

#[test]
fn treasury_53_by_customer() {
    let given = Given::with(10_000);
    let customers =
        ["Ann", "Bea"].map(|name| given.k1.post("/v1/customers", &[("name", name)]).id());
    let pay =
        |customer: &str| given.a.pays(100).bank(ROUTING, WAITS).with("customer", customer).create();
    let (first, _, third) = (pay(&customers[0]), pay(&customers[1]), pay(&customers[0]));
    third.test_helper("post", &[]).ok();
    let ann = ("customer", customers[0].as_str());
    assert_eq!(given.a.list(PAYMENTS, &[ann]).ids(), [&*third.id, &*first.id]);
    assert_eq!(given.a.list(PAYMENTS, &[ann, ("status", "posted")]).ids(), [&*third.id]);
    let answer = given.a.list(PAYMENTS, &[("customer", "cus_nope")]);
    answer.expect_error(400, INVALID, "resource_missing", "customer");
}

#[test]
fn treasury_53_by_date() {
    let given = Given::with(10_000);
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.insert(0, given.a.pays(100).to_bank(ROUTING, WAITS).id);
        given.platform.advance("1s");
    }
    let at = (WEDNESDAY + 1).to_string();
    let list = |name: &str| given.a.list(PAYMENTS, &[(name, &at)]).ids();
    assert_eq!(list("created"), ids[1..2]);
    assert_eq!(list("created[gt]"), ids[..1]);
    assert_eq!(list("created[gte]"), ids[..2]);
    assert_eq!(list("created[lt]"), ids[2..]);
    assert_eq!(list("created[lte]"), ids[1..]);
}

#[test]
fn treasury_53_of_one_account() {
    let given = Given::with(10_000);
    let second = given.k1.financial_account().holding(1_000);
    let one = given.a.pays(100).to_bank(ROUTING, WAITS).id;
    let other = second.pays(100).to_bank(ROUTING, WAITS).id;
    assert_eq!(given.a.list(PAYMENTS, &[]).ids(), [&*one]);
    assert_eq!(second.list(PAYMENTS, &[]).ids(), [&*other]);
    let answer = given.k1.get(PAYMENTS);
    answer.expect_error(400, INVALID, "parameter_missing", "financial_account");
}

#[test]
fn a_list_by_posting_goes_on_from_what_was_posted() {
    let given = Given::with(10_000);
    let open = given.a.pays(100).to_bank(ROUTING, WAITS);
    let posted = given.a.pays(100).to_bank(ROUTING, WAITS);
    posted.test_helper("post", &[]).ok();
    let list = |param: &str, payment: &exchequer_tests::Payment| {
        let cursor = payment.transaction().id();
        let order = [("status", "posted"), ("order_by", "posted_at"), (param, &cursor)];
        given.a.list(super::TRANSACTIONS, &order)
    };
    for param in ["starting_after", "ending_before"] {
        let answer = list(param, &open);
        answer.expect_error(400, INVALID, "resource_missing", param);
    }
    assert_eq!(list("starting_after", &posted).ids().len(), 1, "what A was given");
    assert!(list("ending_before", &posted).ids().is_empty());
}
