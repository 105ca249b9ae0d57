//! An answer as it went over the wire: taken from the server, given again by the bare one.

use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// What the bare server says to each of the three requests.
#[derive(Clone, Serialize, Deserialize)]
pub struct Answers {
    pub create: Answer,
    pub retrieve: Answer,
    pub list: Answer,
}

impl Answers {
    /// Answers of about the real size, for a run without the server.
    pub fn sample() -> Answers {
        let payment = serde_json::json!({
            "id": "obp_10000000000000000000001", "object": "treasury.outbound_payment",
            "amount": 100, "cancelable": true, "created": 1_700_000_000, "currency": "usd",
            "customer": "cus_10000000000001", "description": "Invoice 4711",
            "destination_payment_method": null,
            "destination_payment_method_details": {
                "billing_details": {
                    "address": {"city": null, "country": null, "line1": null, "line2": null,
                        "postal_code": null, "state": null},
                    "email": null, "name": "Ann Vendor"},
                "type": "us_bank_account",
                "us_bank_account": {"account_holder_type": "company",
                    "account_type": "checking", "bank_name": "STRIPE TEST BANK",
                    "fingerprint": "9fA0000000000000", "last4": "0009", "network": "ach",
                    "routing_number": "110000000"}},
            "end_user_details": {"ip_address": null, "present": false},
            "expected_arrival_date": 1_700_092_800,
            "financial_account": "fa_10000000000000000000001",
            "hosted_regulatory_receipt_url": "http://127.0.0.1:12111/regulatory-receipt/1",
            "livemode": false, "metadata": {"department": "purchasing", "invoice": "in_4711"},
            "returned_details": null, "statement_descriptor": "payment", "status": "processing",
            "status_transitions": {"canceled_at": null, "failed_at": null, "posted_at": null,
                "returned_at": null},
            "tracking_details": null, "transaction": "trxn_1000000000000000000001"});
        let list = serde_json::json!({
            "object": "list", "data": vec![&payment; 10], "has_more": true,
            "url": "/v1/treasury/outbound_payments"});
        let answer = |body: &serde_json::Value| Answer {
            status: 200,
            headers: vec![
                ("content-type".into(), "application/json".into()),
                ("request-id".into(), "req_10000000000001".into()),
                ("stripe-version".into(), "2026-10-28.endive".into()),
            ],
            body: format!("{body:#}"),
        };
        Answers { create: answer(&payment), retrieve: answer(&payment), list: answer(&list) }
    }
}
