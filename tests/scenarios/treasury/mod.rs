//! Treasury: FinancialAccounts, OutboundPayments, and the book behind them.
//!
//! Every scenario has a platform of its own whose clock stands still: the steps that test mode
//! queues happen when the scenario says `settle`, and at no other time.

mod accounts;
mod bank;
mod book;
mod closing;
mod dates;
mod debits;
mod features;
mod inbound;
mod inbound_origins;
mod intra_stripe;
mod lists;
mod money_in;
mod payments;
mod receipts;
mod refusals;
mod reversals;
mod tenancy;
mod timeline;
mod tokens;
mod tracking;
mod transfers;
mod walk;

use exchequer_tests::{ALL_FEATURES, Answer, FinancialAccount, Payment, Sandbox};
use serde_json::{Value, json};

/// The 5th of April 2023, early afternoon in New York, with business days before and after.
pub const WEDNESDAY: i64 = 1_680_716_009;

pub const INVALID: &str = "invalid_request_error";
pub const ACCOUNTS: &str = "/v1/treasury/financial_accounts";
pub const PAYMENTS: &str = "/v1/treasury/outbound_payments";
pub const TRANSFERS: &str = "/v1/treasury/outbound_transfers";
pub const CREDITS: &str = "/v1/treasury/received_credits";
pub const DEBITS: &str = "/v1/treasury/received_debits";
pub const INBOUND: &str = "/v1/treasury/inbound_transfers";
pub const CREDIT_REVERSALS: &str = "/v1/treasury/credit_reversals";
pub const DEBIT_REVERSALS: &str = "/v1/treasury/debit_reversals";
pub const TRANSACTIONS: &str = "/v1/treasury/transactions";
pub const ENTRIES: &str = "/v1/treasury/transaction_entries";

pub const ROUTING: &str = "110000000";
/// The account number whose payments wait for a test helper.
pub const WAITS: &str = "000000000009";

/// A platform with two connected accounts, each with a FinancialAccount that may do everything.
pub struct Given {
    pub platform: Sandbox,
    pub k1: Sandbox,
    pub k2: Sandbox,
    /// Belongs to K1.
    pub a: FinancialAccount,
    /// Belongs to K2.
    pub b: FinancialAccount,
}

impl Given {
    #[track_caller]
    pub fn new() -> Self {
        let platform = frozen(WEDNESDAY);
        let (k1, k2) = (platform.connected_account(), platform.connected_account());
        let a = k1.financial_account_with(&ALL_FEATURES);
        let b = k2.financial_account_with(&ALL_FEATURES);
        a.get().expect("active_features", json!(ALL_FEATURES));
        b.get().expect("active_features", json!(ALL_FEATURES));
        Self { platform, k1, k2, a, b }
    }

    /// The same where A already holds this much.
    #[track_caller]
    pub fn with(cash: i64) -> Self {
        let given = Self::new();
        given.a.clone().holding(cash);
        given
    }

    /// Lets all queued steps happen.
    #[track_caller]
    pub fn settle(&self) -> Answer {
        self.platform.settle()
    }

    /// The call must be answered 400 and must not have changed anything that can be seen.
    #[track_caller]
    pub fn refuses(&self, call: impl FnOnce() -> Answer) -> Answer {
        let before = self.everything();
        let answer = call();
        answer.expect_status(400).expect("error.type", INVALID);
        assert!(self.everything() == before, "a refused call leaves all as it was\n{answer:?}");
        answer
    }

    #[track_caller]
    fn everything(&self) -> Value {
        let seen = |account: &FinancialAccount| {
            json!({
                "account": account.get().body,
                "payments": account.payments(),
                "transfers": account.list(TRANSFERS, &[("limit", "100")]).data(),
                "credits": account.list(CREDITS, &[("limit", "100")]).data(),
                "inbound": account.list(INBOUND, &[("limit", "100")]).data(),
                "credit_reversals": account.list(CREDIT_REVERSALS, &[("limit", "100")]).data(),
                "debit_reversals": account.list(DEBIT_REVERSALS, &[("limit", "100")]).data(),
                "debits": account.list(DEBITS, &[("limit", "100")]).data(),
                "transactions": account.transactions(),
                "entries": account.entries(),
                "events": events_of(&account.owner),
            })
        };
        json!([seen(&self.a), seen(&self.b)])
    }
}

/// The events of an account, newest first, whatever they tell of.
#[track_caller]
pub fn events_of(owner: &Sandbox) -> Vec<Value> {
    owner.get("/v1/events?limit=100").data().to_vec()
}

/// An empty platform whose clock stands at this time.
#[track_caller]
pub fn frozen(now: i64) -> Sandbox {
    let platform = Sandbox::new();
    platform.clock_freeze(now);
    platform
}

/// A PaymentMethod that was set up for payments to this customer.
#[track_caller]
pub fn bank_of(owner: &Sandbox, customer: &str, account_number: &str) -> String {
    let method = owner.post(
        "/v1/payment_methods",
        &[
            ("type", "us_bank_account"),
            ("us_bank_account[account_holder_type]", "individual"),
            ("us_bank_account[account_number]", account_number),
            ("us_bank_account[routing_number]", ROUTING),
            ("billing_details[name]", "Ann Vendor"),
        ],
    );
    let intent = owner.post(
        "/v1/setup_intents",
        &[
            ("customer", customer),
            ("payment_method", &method.id()),
            ("payment_method_types[]", "us_bank_account"),
            ("flow_directions[]", "outbound"),
            ("confirm", "true"),
        ],
    );
    intent.ok().expect("status", "succeeded");
    method.id()
}

/// A PaymentMethod of the account's own, set up for transfers to it.
#[track_caller]
pub fn own_bank(owner: &Sandbox, account_number: &str) -> String {
    let data = "payment_method_data";
    let intent = owner.post(
        "/v1/setup_intents",
        &[
            ("attach_to_self", "true"),
            ("payment_method_types[]", "us_bank_account"),
            ("flow_directions[]", "outbound"),
            (&format!("{data}[type]"), "us_bank_account"),
            (&format!("{data}[us_bank_account][account_holder_type]"), "company"),
            (&format!("{data}[us_bank_account][account_number]"), account_number),
            (&format!("{data}[us_bank_account][routing_number]"), ROUTING),
            (&format!("{data}[billing_details][name]"), "Rocket Rides"),
            ("confirm", "true"),
        ],
    );
    intent.ok().expect("status", "succeeded");
    intent.text("payment_method").to_owned()
}

/// A payment that was brought to this status by the calls that lead there.
#[track_caller]
pub fn payment_that_is(status: &str, account: &FinancialAccount) -> Payment {
    let payment = account.pays(100).to_bank(ROUTING, WAITS);
    let answer = match status {
        "processing" => payment.created.clone(),
        "canceled" => payment.cancel(),
        "failed" => payment.test_helper("fail", &[]),
        "posted" => payment.test_helper("post", &[]),
        "returned" => payment.test_helper("return", &[]),
        other => panic!("no way leads to {other}"),
    };
    answer.ok().expect("status", status);
    payment
}

/// What a Transaction or an entry does to the sub-balances; nothing is ever pending inwards.
pub fn impact(cash: i64, outbound_pending: i64) -> Value {
    json!({"cash": cash, "inbound_pending": 0, "outbound_pending": outbound_pending})
}

/// The entries of a Transaction, newest first: their type, and what they do.
#[track_caller]
pub fn expect_entries(transaction: &Answer, wanted: &[(&str, i64, i64)]) {
    let found: Vec<(&Value, &Value)> = transaction
        .list("entries.data")
        .iter()
        .map(|entry| (&entry["type"], &entry["balance_impact"]))
        .collect();
    let wanted: Vec<(Value, Value)> =
        wanted.iter().map(|(kind, cash, pending)| (json!(kind), impact(*cash, *pending))).collect();
    let wanted: Vec<(&Value, &Value)> = wanted.iter().map(|(kind, sum)| (kind, sum)).collect();
    assert_eq!(found, wanted, "{transaction:?}");
}

/// The object at `path` has these keys and no others.
#[track_caller]
pub fn expect_keys(answer: &Answer, path: &str, keys: &[&str]) {
    let mut wanted: Vec<&str> = keys.to_vec();
    wanted.sort_unstable();
    assert_eq!(answer.keys(path), wanted, "keys of {path:?}\n{answer:?}");
}

/// What a call is told for which the object is in the wrong state.
#[track_caller]
pub fn expect_wrong_state(answer: &Answer) {
    answer.expect_error(400, INVALID, "status_transition_invalid", None);
}
