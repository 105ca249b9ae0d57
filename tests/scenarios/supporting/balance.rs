//! The balance, which everybody asks for first.

use exchequer_tests::Sandbox;
use serde_json::json;

#[test]
fn supporting_01_a_fresh_account_has_nothing() {
    let given = Sandbox::new();
    let nothing = json!([{"amount": 0, "currency": "usd", "source_types": {"card": 0}}]);
    for owner in [given.connected_account(), given] {
        let balance = owner.get("/v1/balance");
        balance.ok().expect("object", "balance").expect("livemode", false);
        balance.expect("available", &nothing).expect("pending", &nothing);
        balance.expect_absent("id");
    }
}

#[test]
fn the_balance_takes_no_parameters() {
    let answer = Sandbox::new().get("/v1/balance?limit=1");
    answer.expect_error(400, super::INVALID, "parameter_unknown", "limit");
    Sandbox::new().post("/v1/balance", &[]).expect_status(404);
}
