//! Treasury in the words of its scenarios: an account that holds money, and pays.

use serde_json::Value;

use crate::answer::{Answer, Expected};
use crate::client::Sandbox;

/// Every feature a FinancialAccount may have, in the order of its arrays.
pub const ALL_FEATURES: [&str; 9] = [
    "card_issuing",
    "deposit_insurance",
    "financial_addresses.aba",
    "inbound_transfers.ach",
    "intra_stripe_flows",
    "outbound_payments.ach",
    "outbound_payments.us_domestic_wire",
    "outbound_transfers.ach",
    "outbound_transfers.us_domestic_wire",
];

/// A FinancialAccount, seen by the account that owns it.
#[derive(Clone)]
pub struct FinancialAccount {
    pub owner: Sandbox,
    pub id: String,
}

/// An OutboundPayment or OutboundTransfer that has not been asked for yet.
#[derive(Clone)]
pub struct Draft {
    owner: Sandbox,
    kind: &'static str,
    params: Vec<(String, String)>,
}

/// An OutboundPayment or OutboundTransfer.
#[derive(Clone)]
pub struct Payment {
    pub owner: Sandbox,
    kind: &'static str,
    pub id: String,
    /// What its creation answered.
    pub created: Answer,
}

impl Sandbox {
    /// A FinancialAccount with every feature, all of them active.
    #[track_caller]
    pub fn financial_account(&self) -> FinancialAccount {
        // Cards cannot be had on the platform's own account.
        self.financial_account_with(&ALL_FEATURES[1..])
    }

    /// A FinancialAccount with these features.
    #[track_caller]
    pub fn financial_account_with(&self, features: &[&str]) -> FinancialAccount {
        let answer = self.post_all("/v1/treasury/financial_accounts", &with_features(features));
        FinancialAccount { owner: self.clone(), id: answer.id() }
    }
}

/// The parameters that create a FinancialAccount with these features.
pub fn with_features(features: &[&str]) -> Vec<(String, String)> {
    let mut params = vec![("supported_currencies[]".to_owned(), "usd".to_owned())];
    for feature in features {
        let path = feature.replace('.', "][");
        params.push((format!("features[{path}][requested]"), "true".to_owned()));
    }
    params
}

impl FinancialAccount {
    /// Lets money come in from outside, by ach.
    #[track_caller]
    pub fn holding(self, amount: i64) -> Self {
        self.receives(amount, "ach").ok().expect("status", "succeeded");
        self
    }

    /// A test ReceivedCredit over this network.
    #[track_caller]
    pub fn receives(&self, amount: i64, network: &str) -> Answer {
        self.receives_with(amount, network, &[])
    }

    #[track_caller]
    pub fn receives_with(&self, amount: i64, network: &str, more: &[(&str, &str)]) -> Answer {
        let amount = amount.to_string();
        let mut params = vec![
            ("amount", amount.as_str()),
            ("currency", "usd"),
            ("financial_account", self.id.as_str()),
            ("network", network),
        ];
        params.extend_from_slice(more);
        self.owner.post("/v1/test_helpers/treasury/received_credits", &params)
    }

    /// A test ReceivedDebit: somebody outside pulls this many cents by ach.
    #[track_caller]
    pub fn is_debited(&self, amount: i64) -> Answer {
        self.is_debited_with(amount, &[])
    }

    #[track_caller]
    pub fn is_debited_with(&self, amount: i64, more: &[(&str, &str)]) -> Answer {
        let amount = amount.to_string();
        let mut params = vec![
            ("amount", amount.as_str()),
            ("currency", "usd"),
            ("financial_account", self.id.as_str()),
        ];
        if !more.iter().any(|(name, _)| *name == "network") {
            params.push(("network", "ach"));
        }
        params.extend_from_slice(more);
        self.owner.post("/v1/test_helpers/treasury/received_debits", &params)
    }

    /// Asks for an InboundTransfer from a bank account of the owner's own, or from a test token.
    #[track_caller]
    pub fn transfers_in(&self, amount: i64, origin: &str) -> Answer {
        self.transfers_in_with(amount, origin, &[])
    }

    #[track_caller]
    pub fn transfers_in_with(&self, amount: i64, origin: &str, more: &[(&str, &str)]) -> Answer {
        let amount = amount.to_string();
        let mut params = vec![
            ("amount", amount.as_str()),
            ("currency", "usd"),
            ("financial_account", self.id.as_str()),
            ("origin_payment_method", origin),
        ];
        params.extend_from_slice(more);
        self.owner.post("/v1/treasury/inbound_transfers", &params)
    }

    /// Asks for the CreditReversal of a ReceivedCredit of the same owner.
    #[track_caller]
    pub fn sends_back(&self, credit: &str) -> Answer {
        self.owner.post("/v1/treasury/credit_reversals", &[("received_credit", credit)])
    }

    /// Asks for the DebitReversal of a ReceivedDebit of the same owner.
    #[track_caller]
    pub fn takes_back(&self, debit: &str) -> Answer {
        self.owner.post("/v1/treasury/debit_reversals", &[("received_debit", debit)])
    }

    /// Makes its address an external account of its owner, whose payouts can go there; gives the id.
    #[track_caller]
    pub fn as_external_account(&self) -> String {
        let path = format!("{}?expand[]=financial_addresses.aba.account_number", self.path());
        let shown = self.owner.get(&path);
        let aba = |name: &str| shown.text(&format!("financial_addresses.0.aba.{name}"));
        let params = [
            ("external_account[object]", "bank_account"),
            ("external_account[country]", "US"),
            ("external_account[routing_number]", aba("routing_number")),
            ("external_account[account_number]", aba("account_number")),
            ("default_for_currency", "true"),
        ];
        let owner = self.owner.get("/v1/account").id();
        self.owner.post(&format!("/v1/accounts/{owner}/external_accounts"), &params).id()
    }

    /// Starts an OutboundPayment of this many cents.
    pub fn pays(&self, amount: i64) -> Draft {
        self.sends("outbound_payments", amount)
    }

    /// Starts an OutboundTransfer of this many cents.
    pub fn transfers(&self, amount: i64) -> Draft {
        self.sends("outbound_transfers", amount)
    }

    fn sends(&self, kind: &'static str, amount: i64) -> Draft {
        let draft = Draft { owner: self.owner.clone(), kind, params: Vec::new() };
        draft
            .with("amount", &amount.to_string())
            .with("currency", "usd")
            .with("financial_account", &self.id)
    }

    #[track_caller]
    pub fn get(&self) -> Answer {
        let answer = self.owner.get(&self.path());
        answer.ok();
        answer
    }

    #[track_caller]
    pub fn update(&self, params: &[(&str, &str)]) -> Answer {
        self.owner.post(&self.path(), params)
    }

    #[track_caller]
    pub fn close(&self) -> Answer {
        self.owner.post(&format!("{}/close", self.path()), &[])
    }

    pub fn path(&self) -> String {
        format!("/v1/treasury/financial_accounts/{}", self.id)
    }

    /// What can be spent, and what is on its way out. Nothing is ever pending inwards.
    #[track_caller]
    pub fn balance(&self) -> (i64, i64) {
        let account = self.get();
        account.expect("balance.inbound_pending.usd", 0);
        (account.int("balance.cash.usd"), account.int("balance.outbound_pending.usd"))
    }

    #[track_caller]
    pub fn expect_balance(&self, cash: i64, outbound_pending: i64) {
        assert_eq!(self.balance(), (cash, outbound_pending), "(cash, outbound_pending)");
    }

    /// A list of things that belong to this FinancialAccount.
    #[track_caller]
    pub fn list(&self, path: &str, more: &[(&str, &str)]) -> Answer {
        let mut params = vec![("financial_account", self.id.as_str())];
        params.extend_from_slice(more);
        self.owner.list(path, &params)
    }

    /// Its Transactions, newest first.
    #[track_caller]
    pub fn transactions(&self) -> Vec<Value> {
        self.list("/v1/treasury/transactions", &[("limit", "100")]).data().to_vec()
    }

    /// Its TransactionEntries, newest first.
    #[track_caller]
    pub fn entries(&self) -> Vec<Value> {
        self.list("/v1/treasury/transaction_entries", &[("limit", "100")]).data().to_vec()
    }

    /// Its OutboundPayments, newest first.
    #[track_caller]
    pub fn payments(&self) -> Vec<Value> {
        self.list("/v1/treasury/outbound_payments", &[("limit", "100")]).data().to_vec()
    }
}

impl Draft {
    /// One parameter more, or another value for one that is there.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.params.retain(|(key, _)| key != name);
        self.params.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.params.retain(|(key, _)| key != name);
        self
    }

    /// To a bank account given on the spot.
    pub fn bank(self, routing_number: &str, account_number: &str) -> Self {
        const DATA: &str = "destination_payment_method_data";
        self.with(&format!("{DATA}[type]"), "us_bank_account")
            .with(&format!("{DATA}[us_bank_account][account_holder_type]"), "company")
            .with(&format!("{DATA}[us_bank_account][routing_number]"), routing_number)
            .with(&format!("{DATA}[us_bank_account][account_number]"), account_number)
            .with(&format!("{DATA}[billing_details][name]"), "Ann Vendor")
    }

    /// To another FinancialAccount of the same platform.
    pub fn financial_account(self, to: &FinancialAccount) -> Self {
        self.with("destination_payment_method_data[type]", "financial_account")
            .with("destination_payment_method_data[financial_account]", &to.id)
    }

    /// To a customer's PaymentMethod, or to one of the test tokens.
    pub fn payment_method(self, id: &str, customer: &str) -> Self {
        self.with("destination_payment_method", id).with("customer", customer)
    }

    /// To one of the account's own PaymentMethods, or to one of the test tokens.
    pub fn own_method(self, id: &str) -> Self {
        self.with("destination_payment_method", id)
    }

    /// Over this network.
    pub fn network(self, network: &str) -> Self {
        self.with("destination_payment_method_options[us_bank_account][network]", network)
    }

    /// With the complete address that a wire needs.
    pub fn address(self) -> Self {
        let lines = [
            ("line1", "1 Main Street"),
            ("city", "Springfield"),
            ("state", "IL"),
            ("postal_code", "62701"),
            ("country", "US"),
        ];
        lines.into_iter().fold(self, |draft, (name, value)| {
            let path = "destination_payment_method_data[billing_details][address]";
            draft.with(&format!("{path}[{name}]"), value)
        })
    }

    /// Asks for it, whatever the answer.
    #[track_caller]
    pub fn send(&self) -> Answer {
        self.send_as(&self.owner)
    }

    /// The same from another view: with an idempotency key, or from another account.
    #[track_caller]
    pub fn send_as(&self, sender: &Sandbox) -> Answer {
        sender.post_all(&format!("/v1/treasury/{}", self.kind), &self.params)
    }

    /// The parameters, for a test that sends them in its own way.
    pub fn params(&self) -> &[(String, String)] {
        &self.params
    }

    #[track_caller]
    pub fn to_bank(self, routing_number: &str, account_number: &str) -> Payment {
        self.bank(routing_number, account_number).create()
    }

    #[track_caller]
    pub fn to_financial_account(self, to: &FinancialAccount) -> Payment {
        self.financial_account(to).create()
    }

    #[track_caller]
    pub fn to_own_method(self, id: &str) -> Payment {
        self.own_method(id).create()
    }

    #[track_caller]
    pub fn to_payment_method(self, id: &str, customer: &str) -> Payment {
        self.payment_method(id, customer).create()
    }

    /// Asks for it; it must be granted.
    #[track_caller]
    pub fn create(self) -> Payment {
        let created = self.send();
        created.ok().expect("status", "processing");
        self.made(created)
    }

    /// What its creation was answered with.
    pub fn made(self, created: Answer) -> Payment {
        Payment { owner: self.owner, kind: self.kind, id: created.id(), created }
    }
}

impl Payment {
    pub fn path(&self) -> String {
        format!("/v1/treasury/{}/{}", self.kind, self.id)
    }

    #[track_caller]
    pub fn get(&self) -> Answer {
        let answer = self.owner.get(&self.path());
        answer.ok();
        answer
    }

    #[track_caller]
    pub fn get_with(&self, params: &[(&str, &str)]) -> Answer {
        self.owner.list(&self.path(), params)
    }

    #[track_caller]
    pub fn cancel(&self) -> Answer {
        self.owner.post(&format!("{}/cancel", self.path()), &[])
    }

    /// `post`, `fail` or `return`; `""` is the helper that sets tracking details.
    #[track_caller]
    pub fn test_helper(&self, name: &str, params: &[(&str, &str)]) -> Answer {
        let slash = if name.is_empty() { "" } else { "/" };
        let path = format!("/v1/test_helpers/treasury/{}/{}{slash}{name}", self.kind, self.id);
        self.owner.post(&path, params)
    }

    #[track_caller]
    pub fn expect_status(&self, status: &str) -> Answer {
        let answer = self.get();
        answer.expect("status", status);
        answer
    }

    /// As it is now, the value at `path` must be this.
    #[track_caller]
    pub fn expect(&self, path: &str, value: impl Into<Expected>) -> &Self {
        self.get().expect(path, value);
        self
    }

    /// The Transaction its creation named, with the entries shown.
    #[track_caller]
    pub fn transaction(&self) -> Answer {
        self.transaction_named(self.created.text("transaction"))
    }

    #[track_caller]
    pub fn transaction_named(&self, id: &str) -> Answer {
        let path = format!("/v1/treasury/transactions/{id}");
        let answer = self.owner.list(&path, &[("expand[]", "entries")]);
        answer.ok();
        answer
    }
}
