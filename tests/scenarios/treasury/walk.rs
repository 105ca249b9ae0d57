//! A random walk: whatever is done in whatever order, the books balance after every step.

use std::collections::BTreeMap;

use exchequer_tests::{Answer, Draft, FinancialAccount, Payment};
use serde_json::Value;

use super::{
    CREDIT_REVERSALS, CREDITS, DEBIT_REVERSALS, DEBITS, ENTRIES, Given, INBOUND, PAYMENTS, ROUTING,
    TRANSACTIONS, TRANSFERS, events_of,
};

const SEED: u64 = 0x5eed_2023_0405_0052;
const STEPS: usize = 200;

/// Numbers with every outcome, and two whose payments wait.
const NUMBERS: [&str; 9] = [
    "000123456789",
    "000000000009",
    "000123457890",
    "000000000123",
    "000000000234",
    "000111111113",
    "000111111116",
    "000111111119",
    "000998877665",
];

/// The same for transfers.
const TOKENS: [&str; 4] = [
    "pm_usBankAccount",
    "pm_usBankAccount_processing",
    "pm_usBankAccount_internalFailure",
    "pm_usBankAccount_noAccount",
];

/// And for what comes from one's own bank.
const ORIGINS: [&str; 4] = [
    "pm_usBankAccount",
    "pm_usBankAccount_processing",
    "pm_usBankAccount_dispute",
    "pm_usBankAccount_noAccount",
];

#[test]
fn treasury_52_a_random_walk() {
    let mut walk = Walk::new();
    println!("seed {SEED:#x}");
    for step in 0..STEPS {
        let what = walk.step();
        println!("{step}: {what}");
        walk.check();
    }
    let ended = walk.payments.iter().filter(|payment| payment.get().at("cancelable") == false);
    assert!(ended.count() > STEPS / 10, "a walk in which little happens proves little");
    let books: Vec<Book> = walk.accounts.iter().map(read).collect();
    for (what, happens) in [
        ("a debit", &|book| !book.debits.is_empty()),
        ("a return", &|book| book.inbound.iter().any(|transfer| transfer["returned"] == true)),
        ("a CreditReversal", &|book| !book.sent_back.is_empty()),
        ("a DebitReversal", &|book| !book.taken_back.is_empty()),
    ] as [(&str, &dyn Fn(&Book) -> bool); 4]
    {
        assert!(books.iter().any(happens), "{what} never happens");
    }
}

struct Walk {
    given: Given,
    accounts: [FinancialAccount; 3],
    payments: Vec<Payment>,
    /// What has come to an end, as it was then: nothing may ever change it.
    ended: BTreeMap<String, Value>,
    random: u64,
}

/// All that one FinancialAccount shows of itself.
struct Book {
    account: Value,
    transactions: Vec<Value>,
    entries: Vec<Value>,
    payments: Vec<Value>,
    credits: Vec<Value>,
    debits: Vec<Value>,
    inbound: Vec<Value>,
    sent_back: Vec<Value>,
    taken_back: Vec<Value>,
}

impl Walk {
    fn new() -> Self {
        let given = Given::with(5_000);
        let third = given.k1.financial_account();
        let accounts = [given.a.clone(), given.b.clone(), third];
        Self { given, accounts, payments: Vec::new(), ended: BTreeMap::new(), random: SEED }
    }

    /// A number below `limit` (xorshift: the walk must be the same in every run).
    fn below(&mut self, limit: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random % limit as u64).expect("a small number")
    }

    fn amount(&mut self) -> i64 {
        i64::try_from(self.below(3_000)).expect("a small number") + 1
    }

    /// Does something, and says what.
    fn step(&mut self) -> String {
        let account = self.accounts[self.below(3)].clone();
        let amount = self.amount();
        match self.below(17) {
            0 | 1 => {
                let network = ["ach", "rtp", "us_domestic_wire"][self.below(3)];
                account.receives(amount, network).ok();
                format!("{} receives {amount} by {network}", account.id)
            }
            2..=4 => {
                let number = NUMBERS[self.below(NUMBERS.len())];
                let draft = account.pays(amount).bank(ROUTING, number);
                self.pay(&account, draft)
            }
            5 => {
                let to = self.accounts[self.below(3)].clone();
                let draft = account.pays(amount).financial_account(&to);
                self.pay(&account, draft)
            }
            6 => {
                let token = TOKENS[self.below(TOKENS.len())];
                let draft = account.transfers(amount).own_method(token);
                self.pay(&account, draft)
            }
            7 => {
                let to = self.accounts[self.below(3)].clone();
                let draft = account.transfers(amount).financial_account(&to);
                self.pay(&account, draft)
            }
            8 => {
                self.given.platform.advance("1s");
                "a second passes".to_owned()
            }
            9 => {
                let answer = account.is_debited(amount);
                format!("{} is debited {amount}: {}", account.id, answer.ok().text("status"))
            }
            10 | 11 => {
                let origin = ORIGINS[self.below(ORIGINS.len())];
                let id = account.transfers_in(amount, origin).ok().id();
                format!("{amount} comes to {} from {origin}: {id}", account.id)
            }
            12 => self.touch_inbound(&account),
            13 => self.reverse(&account),
            _ => self.touch(),
        }
    }

    /// Something happens to a transfer from outside, or is refused.
    fn touch_inbound(&mut self, account: &FinancialAccount) -> String {
        let ids = account.list(INBOUND, &[("limit", "100")]).ids();
        if ids.is_empty() {
            return "there is no transfer yet".to_owned();
        }
        let id = &ids[self.below(ids.len())];
        let call = ["succeed", "fail", "return", "cancel"][self.below(4)];
        let path = if call == "cancel" {
            format!("{INBOUND}/{id}/cancel")
        } else {
            format!("/v1/test_helpers/treasury/inbound_transfers/{id}/{call}")
        };
        let answer = account.owner.post(&path, &[]);
        assert!([200, 400].contains(&answer.status), "{answer:?}");
        format!("{call} {id}: {}", answer.status)
    }

    /// Something received is sent or taken back, or that is refused.
    fn reverse(&mut self, account: &FinancialAccount) -> String {
        let is_credit = self.below(2) == 0;
        let ids = account.list(if is_credit { CREDITS } else { DEBITS }, &[]).ids();
        if ids.is_empty() {
            return "there is nothing to reverse yet".to_owned();
        }
        let id = &ids[self.below(ids.len())];
        let answer: Answer =
            if is_credit { account.sends_back(id) } else { account.takes_back(id) };
        assert!([200, 400].contains(&answer.status), "{answer:?}");
        format!("{id} is reversed: {}", answer.status)
    }

    /// A payment that may be refused, and then must have left nothing behind.
    fn pay(&mut self, account: &FinancialAccount, draft: Draft) -> String {
        let transfers = || account.list(TRANSFERS, &[("limit", "100")]).data().to_vec();
        let flows = || (account.payments(), transfers());
        let seen = || (account.get().body, flows(), events_of(&account.owner));
        let before = seen();
        let answer = draft.send();
        if answer.status == 200 {
            let said = format!("{} pays: {}", account.id, answer.id());
            self.payments.push(draft.made(answer));
            return said;
        }
        answer.expect_status(400);
        assert!(seen() == before, "a refused payment leaves all as it was\n{answer:?}");
        format!("{} is refused: {}", account.id, answer.message())
    }

    /// Something happens to a payment, or is refused.
    fn touch(&mut self) -> String {
        if self.payments.is_empty() {
            return "there is no payment yet".to_owned();
        }
        let chosen = self.below(self.payments.len());
        let payment = self.payments[chosen].clone();
        let call = ["cancel", "post", "fail", "return"][self.below(4)];
        let answer = match call {
            "cancel" => payment.cancel(),
            helper => payment.test_helper(helper, &[]),
        };
        assert!([200, 400].contains(&answer.status), "{answer:?}");
        format!("{call} {}: {}", payment.id, answer.status)
    }

    fn check(&mut self) {
        let books: Vec<Book> = self.accounts.iter().map(read).collect();
        for book in &books {
            check_book(book);
            check_flows(book);
        }
        self.check_terminal(&books);
        let held: i64 = books.iter().map(|book| total(&book.account)).sum();
        assert_eq!(held, came_in(&books) - went_out(&books), "what all accounts hold together");
    }

    /// What has ended stays as it is.
    fn check_terminal(&mut self, books: &[Book]) {
        for transaction in books.iter().flat_map(|book| &book.transactions) {
            if transaction["status"] != "open" {
                let id = text(transaction, "id").to_owned();
                let then = self.ended.entry(id).or_insert_with(|| transaction.clone());
                assert_eq!(then, transaction, "what has ended never changes");
            }
        }
    }
}

/// What came from outside of these accounts.
fn came_in(books: &[Book]) -> i64 {
    let credits = books.iter().flat_map(|book| &book.credits);
    let outside = credits.filter(|credit| credit["network"] != "stripe");
    let transfers = books.iter().flat_map(|book| &book.inbound);
    let came = transfers.filter(|transfer| transfer["status"] == "succeeded");
    let taken_back = books.iter().flat_map(|book| &book.taken_back);
    sum(outside) + sum(came) + sum(taken_back)
}

/// What left for outside, and did not come back.
fn went_out(books: &[Book]) -> i64 {
    let payments = books.iter().flat_map(|book| &book.payments);
    let outside = payments.filter(|payment| {
        payment["status"] == "posted"
            && payment["destination_payment_method_details"]["type"] == "us_bank_account"
    });
    let debits = books.iter().flat_map(|book| &book.debits);
    let pulled = debits.filter(|debit| debit["status"] == "succeeded");
    let sent_back = books.iter().flat_map(|book| &book.sent_back);
    let gone = sent_back.filter(|back| back["status"] == "posted" && back["network"] == "ach");
    sum(outside) + sum(pulled) + sum(gone)
}

fn sum<'a>(flows: impl Iterator<Item = &'a Value>) -> i64 {
    flows.map(|flow| int(&flow["amount"])).sum()
}

fn read(account: &FinancialAccount) -> Book {
    Book {
        account: account.get().body,
        transactions: all(account, TRANSACTIONS),
        entries: all(account, ENTRIES),
        payments: [all(account, PAYMENTS), all(account, TRANSFERS)].concat(),
        credits: all(account, CREDITS),
        debits: all(account, DEBITS),
        inbound: all(account, INBOUND),
        sent_back: all(account, CREDIT_REVERSALS),
        taken_back: all(account, DEBIT_REVERSALS),
    }
}

/// Every page of a list.
fn all(account: &FinancialAccount, path: &str) -> Vec<Value> {
    let mut items: Vec<Value> = Vec::new();
    loop {
        let last = items.last().map(|item| text(item, "id").to_owned());
        let mut params = vec![("limit", "100")];
        if let Some(last) = &last {
            params.push(("starting_after", last));
        }
        let page = account.list(path, &params);
        items.extend_from_slice(page.data());
        if page.at("has_more") == false {
            return items;
        }
    }
}

fn check_book(book: &Book) {
    let balance = &book.account["balance"];
    for part in ["cash", "inbound_pending", "outbound_pending"] {
        let sum: i64 = book.entries.iter().map(|entry| int(&entry["balance_impact"][part])).sum();
        assert_eq!(int(&balance[part]["usd"]), sum, "{part} is the sum of its entries");
    }
    assert_eq!(int(&balance["inbound_pending"]["usd"]), 0);
    let of = |status: &'static str| {
        book.transactions.iter().filter(move |transaction| transaction["status"] == status)
    };
    let posted: i64 = of("posted").map(|transaction| int(&transaction["amount"])).sum();
    assert_eq!(total(&book.account), posted, "the balance is the sum of what was posted");
    let held: i64 = of("open").map(|open| int(&open["balance_impact"]["outbound_pending"])).sum();
    assert_eq!(int(&balance["outbound_pending"]["usd"]), held, "what is pending is what is open");
    // Only what a bank takes back leaves a debt.
    let is_returned = book.inbound.iter().any(|transfer| transfer["returned"] == true);
    assert!(held >= 0 && (is_returned || int(&balance["cash"]["usd"]) >= 0));
    for transaction in &book.transactions {
        check_transaction(book, transaction);
    }
}

/// Each payment stands where its Transaction stands.
fn check_flows(book: &Book) {
    for payment in &book.payments {
        let of_it = |transaction: &&Value| transaction["id"] == payment["transaction"];
        let transaction = book.transactions.iter().find(of_it).expect("its Transaction");
        assert_eq!(transaction["flow"], payment["id"]);
        let wanted = match text(payment, "status") {
            "processing" => "open",
            "canceled" | "failed" => "void",
            _ => "posted",
        };
        assert_eq!(text(transaction, "status"), wanted, "{payment}");
        assert_eq!(payment["cancelable"], payment["status"] == "processing", "{payment}");
    }
    let open = book.transactions.iter().filter(|transaction| transaction["status"] == "open");
    for transaction in open {
        let mut flows = book.payments.iter().chain(&book.sent_back);
        let of_it = |flow: &Value| flow["id"] == transaction["flow"];
        let is_on_its_way = flows.any(|flow| of_it(flow) && flow["status"] == "processing");
        assert!(is_on_its_way, "{transaction}");
    }
}

fn check_transaction(book: &Book, transaction: &Value) {
    let id = text(transaction, "id");
    assert_eq!(transaction["financial_account"], book.account["id"]);
    assert_eq!(transaction["currency"], "usd");
    let entries: Vec<&Value> =
        book.entries.iter().filter(|entry| entry["transaction"] == id).collect();
    let impact = &transaction["balance_impact"];
    for part in ["cash", "inbound_pending", "outbound_pending"] {
        let sum: i64 = entries.iter().map(|entry| int(&entry["balance_impact"][part])).sum();
        assert_eq!(int(&impact[part]), sum, "{part} of {transaction}");
    }
    let times = &transaction["status_transitions"];
    let (posted_at, void_at) = (&times["posted_at"], &times["void_at"]);
    match text(transaction, "status") {
        "open" => assert!(posted_at.is_null() && void_at.is_null(), "{transaction}"),
        "posted" => {
            assert!(posted_at.is_i64() && void_at.is_null(), "{transaction}");
            assert_eq!(int(&impact["outbound_pending"]), 0, "{transaction}");
        }
        "void" => {
            assert!(posted_at.is_null() && void_at.is_i64(), "{transaction}");
            assert_eq!(int(&transaction["amount"]), 0, "{transaction}");
            assert_eq!(int(&impact["cash"]), 0, "{transaction}");
            assert!(entries.len() >= 2, "{transaction}");
            assert!(entries.iter().all(|entry| int(&entry["created"]) <= int(void_at)));
        }
        other => panic!("no such status: {other}"),
    }
}

fn total(account: &Value) -> i64 {
    let parts = ["cash", "inbound_pending", "outbound_pending"];
    parts.iter().map(|part| int(&account["balance"][part]["usd"])).sum()
}

#[track_caller]
fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("no integer: {value}"))
}

#[track_caller]
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}: {value}"))
}
