//! What the products stand on: accounts, customers, payment methods, set-ups, the balance.

mod accounts;
mod balance;
mod bank_accounts;
mod customers;
mod onboarding;
mod payment_methods;
mod payments;
mod payouts;
mod refunds;
mod setup_intents;
mod test_cards;
mod topups;
mod verification;

use exchequer_tests::{Answer, Sandbox};

pub const INVALID: &str = "invalid_request_error";

#[track_caller]
pub fn customer(given: &Sandbox, name: &str) -> String {
    given.post("/v1/customers", &[("name", name)]).id()
}

/// A PaymentMethod for a bank account that nobody has set up yet.
#[track_caller]
pub fn bank_account(given: &Sandbox, account_number: &str) -> String {
    let method = given.post(
        "/v1/payment_methods",
        &[
            ("type", "us_bank_account"),
            ("us_bank_account[account_holder_type]", "individual"),
            ("us_bank_account[account_number]", account_number),
            ("us_bank_account[routing_number]", "110000000"),
            ("billing_details[name]", "Ann Vendor"),
        ],
    );
    method.id()
}

/// A confirmed PaymentIntent of this many cents by a test card.
pub fn pay(given: &Sandbox, cents: i64, card: &str, more: &[(&str, &str)]) -> Answer {
    let cents = cents.to_string();
    let mut params = vec![
        ("amount", cents.as_str()),
        ("payment_method", card),
        ("payment_method_types[]", "card"),
        ("confirm", "true"),
    ];
    if !more.iter().any(|(name, _)| *name == "currency") {
        params.push(("currency", "usd"));
    }
    params.extend_from_slice(more);
    given.post("/v1/payment_intents", &params)
}

/// Brings money that can be paid out at once.
#[track_caller]
pub fn fund(given: &Sandbox, cents: i64) {
    pay(given, cents, "pm_card_bypassPending", &[]).ok().expect("status", "succeeded");
}

/// What is available and what is pending, in cents.
#[track_caller]
pub fn expect_balance(given: &Sandbox, available: i64, pending: i64) {
    let balance = given.get("/v1/balance");
    balance.ok().expect("available.0.amount", available).expect("pending.0.amount", pending);
    balance.expect("available.0.source_types.card", available);
}

/// Makes a bank account of that number the account's own.
#[track_caller]
pub fn external_account(given: &Sandbox, routing_number: &str, number: &str) -> String {
    let account = given.get("/v1/account").id();
    let params = [
        ("external_account[object]", "bank_account"),
        ("external_account[country]", "US"),
        ("external_account[currency]", "usd"),
        ("external_account[routing_number]", routing_number),
        ("external_account[account_number]", number),
        ("default_for_currency", "true"),
    ];
    given.post(&format!("/v1/accounts/{account}/external_accounts"), &params).id()
}
