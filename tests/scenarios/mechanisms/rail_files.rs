//! Ach files: what was handed over is written, and what comes back is read, each entry once.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use exchequer_tests::{FinancialAccount, Folder, Payment, Sandbox, Server, python, run_program};
use serde_json::{Value, json};

use super::failpoints;

/// Wednesday, the 5th of April 2023, early afternoon in New York; the cut-off of that day, and the
/// next morning.
const WEDNESDAY: i64 = 1_680_716_009;
const CUTOFF: i64 = 1_680_741_000;
const ARRIVAL: i64 = 1_680_784_200;

const ROUTING: &str = "110000000";
const NUMBER: &str = "000998877665";
const WITHIN: Duration = Duration::from_secs(20);

/// A server whose bank moves money by the clock and exchanges files.
struct Bank {
    folder: Folder,
    server: Server,
}

impl Bank {
    fn new() -> Bank {
        let folder = Folder::new();
        let server = Self::serve(&folder);
        Bank { folder, server }
    }

    fn serve(folder: &Folder) -> Server {
        let (data, rails) = (folder.file("store.db"), folder.file("rails"));
        failpoints::server(&["--data", &data, "--settle", "auto", "--rail-dir", &rails])
    }

    /// The same store and folder, on a new server.
    fn again(self) -> Bank {
        let server = Self::serve(&self.folder);
        Bank { folder: self.folder, server }
    }

    fn platform(&self) -> Sandbox {
        let platform = Sandbox::on_server(&self.server);
        platform.clock_freeze(WEDNESDAY);
        platform
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("rails").join(name)
    }

    /// The first file of that day that a platform hands over, when it stands.
    #[track_caller]
    fn file_of(&self, platform: &Sandbox, day: &str) -> PathBuf {
        let path = self.path(&format!("out/{}-{day}-01.ach", platform.account_id()));
        wait_for(&path);
        path
    }

    /// Drops a file of returns and waits for the report on it.
    #[track_caller]
    fn returns(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(&format!("in/{name}")), text).expect("a file");
        self.report("done", name)
    }

    #[track_caller]
    fn report(&self, kind: &str, name: &str) -> String {
        wait_for(&self.path(&format!("in/{kind}/{name}")));
        std::fs::read_to_string(self.path(&format!("in/{kind}/{name}.txt"))).expect("a report")
    }
}

#[track_caller]
fn wait_for(path: &Path) {
    let until = Instant::now() + WITHIN;
    while !path.exists() {
        assert!(Instant::now() < until, "{} does not come", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What an independent parser reads, which finds nothing wrong.
#[track_caller]
fn parsed(path: &Path) -> Value {
    let output = python().arg("../read_ach.py").arg(path).output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).expect("one line of JSON");
    assert_eq!(read["errors"], json!([]), "{}", std::fs::read_to_string(path).expect("a file"));
    read["file"].clone()
}

/// A file that sends these entries back: batch's company, trace, amount and reason of each. What
/// was a debit has a negative amount.
fn return_file(entries: &[(&str, &str, i64, &str)]) -> String {
    let amounts = || entries.iter().map(|(_, _, amount, _)| *amount);
    let credits: i64 = amounts().filter(|amount| *amount > 0).sum();
    let debits: i64 = -amounts().filter(|amount| *amount < 0).sum::<i64>();
    let mut records = vec![
        "101 110000000 0610001462304071200A094101STRIPE TEST BANK       FEDACH                         "
            .to_owned(),
    ];
    for (number, (company, trace, amount, code)) in (1..).zip(entries) {
        let (kind, debit, credit) =
            if *amount < 0 { ("26", -amount, 0) } else { ("21", 0, *amount) };
        let amount = amount.abs();
        records.push(format!(
            "5220ROCKET RIDES    {:20}{company}CCDPAYMENT         230407   106100014{number:07}",
            ""
        ));
        records.push(format!(
            "6{kind}{ROUTING}{NUMBER:17}{amount:010}{:15}{:22}  106100014{number:07}",
            "", "ANN"
        ));
        records.push(format!("799{code}{trace}      11000000{:44}06100014{number:07}", ""));
        records.push(format!(
            "82000000020011000000{debit:012}{credit:012}{company}{:25}06100014{number:07}",
            ""
        ));
    }
    let (count, hash) = (entries.len(), entries.len() * 11_000_000);
    let blocks = (records.len() + 1).div_ceil(10);
    records.push(format!(
        "9{count:06}{blocks:06}{:08}{hash:010}{debits:012}{credits:012}{:39}",
        count * 2,
        ""
    ));
    while records.len() % 10 != 0 {
        records.push("9".repeat(94));
    }
    assert!(records.iter().all(|record| record.len() == 94), "{records:#?}");
    records.join("\n") + "\n"
}

fn pays(account: &FinancialAccount, amount: i64) -> Payment {
    account.pays(amount).to_bank(ROUTING, NUMBER)
}

fn trace_of(payment: &Payment) -> String {
    payment.get().text("tracking_details.ach.trace_id").to_owned()
}

#[test]
fn what_is_handed_over_stands_in_a_file() {
    let bank = Bank::new();
    let platform = bank.platform();
    let account = platform.connected_account().financial_account().holding(100_000);
    let own = platform.financial_account().holding(100_000);
    let first = pays(&account, 1_000);
    let second = account
        .pays(2_000)
        .bank("021000021", "12345678901234567")
        .with("destination_payment_method_data[us_bank_account][account_holder_type]", "individual")
        .with("destination_payment_method_data[us_bank_account][account_type]", "savings")
        .with("destination_payment_method_data[billing_details][name]", "Zoë Müller")
        .with("statement_descriptor", "Invoice 12")
        .create();
    let third = own.transfers(3_000).to_own_method("pm_usBankAccount");
    pays(&account, 4_000).cancel().ok();
    account.pays(5_000).network("us_domestic_wire").address().to_bank(ROUTING, NUMBER);
    platform.clock_set(CUTOFF + 1);
    let path = bank.file_of(&platform, "20230405");
    let file = parsed(&path);
    assert_eq!(file["origin_routing"], ROUTING);
    assert_eq!(
        (&file["creation_date"], &file["creation_time"]),
        (&json!("230405"), &json!("2030"))
    );
    let batches = file["batches"].as_array().expect("batches");
    let seen: Vec<_> = batches
        .iter()
        .map(|batch| {
            let entry = &batch["entries"][0];
            assert_eq!(batch["entries"].as_array().map(Vec::len), Some(1), "{batch}");
            assert_eq!(batch["effective_date"], "230406");
            json!([
                batch["sec"],
                batch["description"],
                entry["txn_code"],
                entry["routing"],
                entry["account"],
                entry["amount_cents"],
                entry["name"],
                entry["trace_number"],
            ])
        })
        .collect();
    assert_eq!(
        seen,
        [
            json!([
                "CCD",
                "TRANSFER",
                22,
                ROUTING,
                "000123456789",
                3_000,
                "JANE AUSTEN",
                trace_of(&third)
            ]),
            json!(["CCD", "PAYMENT", 22, ROUTING, NUMBER, 1_000, "ANN VENDOR", trace_of(&first)]),
            json!([
                "PPD",
                "INVOICE 12",
                32,
                "021000021",
                "12345678901234567",
                2_000,
                "ZO  M LLER",
                trace_of(&second)
            ]),
        ]
    );
    assert_eq!(file["control"]["total_credit"], 6_000);
    // The next cut-off has a file of its own, and only what is new.
    pays(&account, 7_000);
    platform.advance("1d");
    let file = parsed(&bank.file_of(&platform, "20230406"));
    assert_eq!(file["control"]["entry_addenda_count"], 1);
    assert_eq!(file["control"]["total_credit"], 7_000);
    let number = std::fs::read(bank.folder.file("store.db")).expect("the store");
    let is_there = number.windows(NUMBER.len()).any(|bytes| bytes == NUMBER.as_bytes());
    assert!(!is_there, "no account number is kept in clear");
    bank.server.stop();
    let output = run_program(&["verify", "--data", &bank.folder.file("store.db")]);
    assert!(output.status.success(), "{output:?}");
}

/// Two payments of 1000 and 2000 and a transfer of 3000 that have arrived, with the company of
/// their batches.
fn arrived(bank: &Bank) -> (FinancialAccount, [Payment; 3], String) {
    let platform = bank.platform();
    let account = platform.connected_account().financial_account().holding(100_000);
    let transfer = account.transfers(3_000).to_own_method("pm_usBankAccount_processing");
    let payments = [pays(&account, 1_000), pays(&account, 2_000), transfer];
    platform.clock_set(ARRIVAL);
    let file = parsed(&bank.file_of(&platform, "20230405"));
    let company = file["batches"][0]["company_id"].as_str().expect("a company").to_owned();
    account.expect_balance(94_000, 0);
    (account, payments, company)
}

#[test]
fn what_comes_back_is_applied_once() {
    let bank = Bank::new();
    let (account, payments, company) = arrived(&bank);
    let traces = payments.each_ref().map(trace_of);
    let both =
        return_file(&[(&company, &traces[0], 1_000, "R03"), (&company, &traces[2], 3_000, "R16")]);
    let report = bank.returns("monday.ach", &both);
    let expected = format!(
        "{} R03 {} returned: no_account\n{} R16 {} returned: account_frozen\n",
        traces[0], payments[0].id, traces[2], payments[2].id
    );
    assert_eq!(report, expected);
    payments[0].expect("status", "returned").expect("returned_details.code", "no_account");
    payments[0].expect("status_transitions.returned_at", ARRIVAL);
    payments[1].expect("status", "posted");
    payments[2].expect("returned_details.code", "account_frozen");
    account.expect_balance(98_000, 0);
    // The same once more, under another name and under the same; and the same entry in another.
    for name in ["tuesday.ach", "monday.ach.2"] {
        let text = bank.returns(name, &both);
        assert_eq!(text.matches("applied before").count(), 2, "{text}");
    }
    let again = return_file(&[(&company, &traces[0], 1_000, "R02")]);
    assert!(bank.returns("again.ach", &again).contains("refused: "));
    payments[0].expect("returned_details.code", "no_account");
    account.expect_balance(98_000, 0);
    let names = ["treasury.outbound_payment.returned", "treasury.outbound_transfer.returned"];
    assert_eq!(names.map(|name| account.owner.events(name).len()), [1, 1]);
}

/// The company of a batch names the sandbox, wherever its rows are.
#[test]
fn what_comes_back_finds_a_sandbox_that_was_put_back() {
    let bank = Bank::new();
    let (account, payments, company) = arrived(&bank);
    let platform = account.owner.without_header("Stripe-Account");
    platform.post_json("/_exchequer/snapshots", &json!({"name": "arrived"})).ok();
    account.owner.post("/v1/customers", &[]).ok();
    platform.post_json("/_exchequer/snapshots/arrived/restore", &Value::Null).ok();
    let trace = trace_of(&payments[0]);
    bank.returns("monday.ach", &return_file(&[(&company, &trace, 1_000, "R03")]));
    payments[0].expect("status", "returned").expect("returned_details.code", "no_account");
    let later = pays(&account, 500);
    platform.advance("1d");
    let file = parsed(&bank.file_of(&platform, "20230406"));
    assert_eq!(file["batches"][0]["company_id"], company.as_str());
    let back = return_file(&[(&company, &trace_of(&later), 500, "R02")]);
    bank.returns("tuesday.ach", &back);
    later.expect("status", "returned").expect("returned_details.code", "account_closed");
}

#[test]
fn what_cannot_be_applied_is_told() {
    let bank = Bank::new();
    let (account, payments, company) = arrived(&bank);
    let trace = trace_of(&payments[0]);
    let text = return_file(&[
        (&company, "110000009999999", 1_000, "R03"),
        (&company, &trace, 999, "R03"),
        ("E000ZZ0001", &trace, 1_000, "R03"),
        ("1234567890", &trace, 1_000, "R03"),
    ]);
    let report = bank.returns("wrong.ach", &text);
    assert_eq!(report.matches("refused: ").count(), 4, "{report}");
    assert!(report.contains("another amount"), "{report}");
    // A file that is not whole is not read at all.
    let whole = return_file(&[(&company, &trace, 1_000, "R03")]);
    let cut: String = whole.lines().take(4).map(|line| format!("{line}\n")).collect();
    for (name, text) in
        [("cut.ach", cut), ("sum.ach", whole.replacen("0000001000", "0000001001", 1))]
    {
        std::fs::write(bank.path(&format!("in/{name}")), text).expect("a file");
        let why = bank.report("refused", name);
        assert!(!why.trim().is_empty());
    }
    payments[0].expect("status", "posted");
    account.expect_balance(94_000, 0);
}

#[test]
fn debits_are_handed_over_and_come_back() {
    let bank = Bank::new();
    let platform = bank.platform();
    let account = platform.financial_account().holding(10_000);
    let pull = |amount: i64| {
        let answer = account.transfers_in(amount, "pm_usBankAccount_processing");
        format!("/v1/treasury/inbound_transfers/{}", answer.ok().id())
    };
    let (unpaid, disputed) = (pull(1_000), pull(2_000));
    pays(&account, 4_000);
    platform.clock_set(CUTOFF + 1);
    let file = parsed(&bank.file_of(&platform, "20230405"));
    assert_eq!(
        (&file["control"]["total_debit"], &file["control"]["total_credit"]),
        (&json!(3_000), &json!(4_000))
    );
    let debits = &file["batches"][1];
    assert_eq!(
        (&debits["service_class"], &debits["description"]),
        (&json!(225), &json!("TRANSFER"))
    );
    let traces: Vec<&str> = debits["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| {
            assert_eq!(
                (&entry["txn_code"], &entry["account"]),
                (&json!(27), &json!("000123456789"))
            );
            entry["trace_number"].as_str().expect("a trace number")
        })
        .collect();
    let company = debits["company_id"].as_str().expect("a company");
    bank.returns("unpaid.ach", &return_file(&[(company, traces[0], -1_000, "R01")]));
    let failed = platform.get(&unpaid);
    failed.expect("status", "failed").expect("failure_details.code", "insufficient_funds");
    platform.advance("7d");
    platform.get(&disputed).expect("status", "succeeded");
    account.expect_balance(8_000, 0);
    let both = [(company, traces[1], -2_000, "R10"), (company, traces[0], -1_000, "R10")];
    let report = bank.returns("disputed.ach", &return_file(&both));
    assert!(report.contains("returned: debit_not_authorized"), "{report}");
    assert!(report.contains("refused: "), "{report}");
    let taken = platform.get(&disputed);
    taken.expect("returned", true).expect("failure_details.code", "debit_not_authorized");
    account.expect_balance(6_000, 0);
}

#[test]
fn a_return_can_come_before_the_money_arrives() {
    let bank = Bank::new();
    let platform = bank.platform();
    let account = platform.financial_account().holding(10_000);
    let payment = pays(&account, 1_000);
    platform.clock_set(CUTOFF + 1);
    let file = parsed(&bank.file_of(&platform, "20230405"));
    let company = file["batches"][0]["company_id"].as_str().expect("a company");
    bank.returns("early.ach", &return_file(&[(company, &trace_of(&payment), 1_000, "R04")]));
    payment.expect("status", "returned").expect("returned_details.code", "invalid_account_number");
    platform.advance("7d");
    payment.expect("status", "returned");
    account.expect_balance(10_000, 0);
}

/// A payment of 1000 cents from the platform itself, and what its day's file will be called.
fn one_payment(bank: &Bank) -> (Sandbox, Payment, String) {
    let platform = bank.platform();
    let name = format!("out/{}-20230405-01.ach", platform.account_id());
    let payment = pays(&platform.financial_account().holding(10_000), 1_000);
    (platform, payment, name)
}

#[test]
fn a_file_is_written_once_more_after_a_crash() {
    let bank = Bank::new();
    let (platform, _, name) = one_payment(&bank);
    failpoints::set(&platform, "rails_written", "return");
    // The answer is lost where the server ends before it.
    let _ = platform.try_send("POST", "/_exchequer/clock", br#"{"action":"advance","by":"9h"}"#);
    bank.server.wait(WITHIN);
    let written = std::fs::read_to_string(bank.path(&name)).expect("it stands");
    std::fs::remove_file(bank.path(&name)).expect("it can be removed");
    let bank = bank.again();
    wait_for(&bank.path(&name));
    assert_eq!(std::fs::read_to_string(bank.path(&name)).expect("it stands"), written);
    assert_eq!(parsed(&bank.path(&name))["control"]["total_credit"], 1_000);
}

#[test]
fn a_return_is_applied_once_in_spite_of_a_crash() {
    let bank = Bank::new();
    let (platform, payment, name) = one_payment(&bank);
    platform.clock_set(ARRIVAL);
    wait_for(&bank.path(&name));
    let file = parsed(&bank.path(&name));
    let company = file["batches"][0]["company_id"].as_str().expect("a company");
    let text = return_file(&[(company, &trace_of(&payment), 1_000, "R02")]);
    failpoints::set(&platform, "rails_applied", "return");
    std::fs::write(bank.path("in/crash.ach"), &text).expect("a file");
    bank.server.wait(WITHIN);
    let bank = bank.again();
    let report = bank.report("done", "crash.ach");
    assert!(report.contains("applied before"), "{report}");
    let platform = Sandbox::with_key(&bank.server, platform.key());
    let seen = platform.get(&payment.path());
    seen.ok().expect("status", "returned").expect("returned_details.code", "account_closed");
    platform.expect_events(&[
        "treasury.outbound_payment.created",
        ".tracking_details_updated",
        ".posted",
        ".returned",
    ]);
    bank.server.stop();
    let output = run_program(&["verify", "--data", &bank.folder.file("store.db")]);
    assert!(output.status.success(), "{output:?}");
}
