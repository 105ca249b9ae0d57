//! What the products stand on: accounts, customers, payment methods, set-ups, the balance.

mod accounts;
mod balance;
mod bank_accounts;
mod customers;
mod onboarding;
mod payment_methods;
mod setup_intents;
mod test_cards;
mod verification;

use exchequer_tests::Sandbox;

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
