//! The cards that fail on purpose.

use exchequer_tests::{Answer, Sandbox};

use super::customer;

#[track_caller]
fn attach(given: &Sandbox, token: &str) -> Answer {
    let ann = customer(given, "Ann");
    given.post(&format!("/v1/payment_methods/{token}/attach"), &[("customer", &ann)])
}

#[test]
fn supporting_22_a_card_that_is_declined() {
    let given = Sandbox::new();
    for token in ["pm_card_chargeDeclined", "pm_card_visa_chargeDeclined"] {
        let answer = attach(&given, token);
        answer.expect_status(402).expect("error.type", "card_error");
        answer.expect("error.code", "card_declined");
        answer.expect("error.decline_code", "generic_decline");
    }
    assert!(given.events("payment_method.attached").is_empty());
}

#[test]
fn supporting_22_a_card_that_fails_later() {
    attach(&Sandbox::new(), "pm_card_chargeCustomerFail").ok().expect("card.last4", "0341");
}

#[test]
fn cards_that_cannot_be() {
    for (name, value, code) in [
        ("card[number]", "4242424242424241", "incorrect_number"),
        ("card[exp_month]", "13", "invalid_expiry_month"),
        ("card[exp_year]", "95", "invalid_expiry_year"),
        ("card[cvc]", "99", "invalid_cvc"),
    ] {
        let card = [
            ("card[number]", "4242424242424242"),
            ("card[exp_month]", "8"),
            ("card[exp_year]", "2040"),
            ("card[cvc]", "314"),
        ];
        let mut params: Vec<(&str, &str)> =
            card.into_iter().filter(|(key, _)| *key != name).collect();
        params.extend([("type", "card"), (name, value)]);
        let answer = Sandbox::new().post("/v1/payment_methods", &params);
        assert!((400..500).contains(&answer.status), "{answer:?}");
        answer.expect("error.code", code);
    }
}
