//! Every arrow is taken, by the operations and jobs that are declared: what it books, tells and
//! leads to must be what is drawn.

use super::*;
use crate::features::{self, Feature};
use crate::financial_account::FinancialAccount;
use crate::testing::{NOW, in_transaction};
use api::expand::Expansion;
use api::form::Bag;
use api::operation::Handler;
use api::{Path, Tx};

const AMOUNT: i64 = 700;

/// What was done so far: the types of the entries and events, and the account's balances.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Done {
    entries: Vec<String>,
    events: Vec<String>,
    balances: [i64; 3],
}

struct Desk<'a, 'b> {
    tx: &'a mut Tx<'b>,
    account: String,
    /// What a reversal reverses.
    received: String,
}

impl Desk<'_, '_> {
    /// Runs a declared operation and gives its answer.
    fn post(&mut self, path: &str, id: &str, body: &str) -> serde_json::Value {
        let resources = crate::resources();
        let all = resources.iter().flat_map(|resource| &resource.operations);
        let mut posts = all.filter(|operation| operation.method == Method::Post);
        let operation = posts.find(|operation| operation.path == path).unwrap();
        let Handler::Write(handler) = &operation.handler else { panic!("{path} only reads") };
        let variables = if id.is_empty() { vec![] } else { vec![id.to_owned()] };
        let bag = Bag::parse("", body.as_bytes()).unwrap();
        let at = Path { path: path.to_owned(), variables };
        let run = handler(&bag, at, Expansion::default()).unwrap();
        let answer = run(self.tx).unwrap().compact();
        serde_json::from_str(&answer).unwrap()
    }

    fn open_account(&mut self) {
        let mut account = FinancialAccount::new("fa_1".into(), NOW);
        for feature in [
            Feature::FinancialAddressesAba,
            Feature::InboundTransfersAch,
            Feature::OutboundPaymentsAch,
            Feature::OutboundTransfersAch,
        ] {
            account.features.insert(feature, features::Standing::Active);
        }
        self.account = self.tx.save(account).unwrap().id.clone();
    }

    fn receive(&mut self, what: &str) -> String {
        let path = format!("/v1/test_helpers/treasury/received_{what}s");
        let body =
            format!("financial_account={}&network=ach&currency=usd&amount={AMOUNT}", self.account);
        self.post(&path, "", &body)["id"].as_str().unwrap().to_owned()
    }

    fn done(&mut self) -> Done {
        let account = self.tx.load::<FinancialAccount>(&self.account).unwrap().unwrap();
        let overlay = self.tx.session.write().unwrap();
        let entries = overlay.postings.rows();
        let entries = entries.map(|(key, row)| (key.id.clone(), row.kind.clone()));
        let events = overlay.events.rows();
        let events = events.map(|(key, row)| (key.id.clone(), row.kind.clone()));
        Done {
            entries: in_order(entries.collect()),
            events: in_order(events.collect()),
            balances: [
                account.balance.cash,
                account.balance.inbound_pending,
                account.balance.outbound_pending,
            ],
        }
    }

    /// Takes an action: the operation of that name, or else the job that does it.
    fn take(&mut self, flow: &Flow, action: &str, id: &str) {
        let resources = crate::resources();
        let resource = resources.iter().find(|resource| resource.object == flow.object).unwrap();
        let mut posts = resource.operations.iter().filter(|post| post.method == Method::Post);
        let operation = posts.find(|post| match action {
            "update" => post.is_test_helper() && post.path.ends_with("{id}"),
            _ => post.path.ends_with(&format!("/{action}")),
        });
        match operation {
            Some(operation) => {
                let body = if action == "update" { TRACKING } else { "" };
                self.post(operation.path, id, body);
            }
            None => {
                let (_, job) = resource.jobs.first().unwrap();
                job(self.tx, id, action).unwrap();
            }
        }
    }

    fn create(&mut self, flow: &Flow) -> String {
        let account = &self.account;
        let money = format!("financial_account={account}&currency=usd&amount={AMOUNT}");
        let bank = "pm_usBankAccount_processing";
        let body = match flow.title {
            "OutboundPayment" => format!("{money}&{SOMEBODY}"),
            "OutboundTransfer" => format!("{money}&destination_payment_method={bank}"),
            "InboundTransfer" => format!("{money}&origin_payment_method={bank}"),
            "ReceivedCredit" | "ReceivedDebit" => format!("{money}&network=ach"),
            "CreditReversal" => format!("received_credit={}", self.received),
            "DebitReversal" => format!("received_debit={}", self.received),
            other => panic!("{other} is new"),
        };
        let name = flow.object.trim_start_matches("treasury.");
        let helper = if name.starts_with("received") { "test_helpers/" } else { "" };
        let answer = self.post(&format!("/v1/{helper}treasury/{name}s"), "", &body);
        answer["id"].as_str().unwrap().to_owned()
    }

    fn status(&mut self, flow: &Flow, id: &str) -> String {
        let resources = crate::resources();
        let resource = resources.iter().find(|resource| resource.object == flow.object).unwrap();
        let path = format!("/v1/treasury/{}s/{{id}}", flow.object.trim_start_matches("treasury."));
        let mut reads = resource.operations.iter().filter(|read| read.method == Method::Get);
        let operation = reads.find(|read| read.path == path).unwrap();
        let Handler::Read(handler) = &operation.handler else { panic!("{path} writes") };
        let at = Path { path, variables: vec![id.to_owned()] };
        let read = handler(&Bag::empty(), at, Expansion::default()).unwrap();
        let answer: serde_json::Value =
            serde_json::from_str(&read(self.tx).unwrap().compact()).unwrap();
        answer["status"].as_str().unwrap().to_owned()
    }
}

/// Ids are made in the order of time.
fn in_order(mut all: Vec<(String, String)>) -> Vec<String> {
    all.sort();
    all.into_iter().map(|(_, kind)| kind).collect()
}

/// A bank account whose payments wait for a test helper.
const SOMEBODY: &str = "destination_payment_method_data[type]=us_bank_account\
    &destination_payment_method_data[billing_details][name]=Ann\
    &destination_payment_method_data[us_bank_account][account_holder_type]=individual\
    &destination_payment_method_data[us_bank_account][routing_number]=110000000\
    &destination_payment_method_data[us_bank_account][account_number]=000000000009";

const TRACKING: &str = "tracking_details[type]=ach&tracking_details[ach][trace_id]=1";

/// The arrows that lead to a state, in their order.
fn way_to(flow: &Flow, state: State) -> Vec<&Arrow> {
    let arrow = flow.arrows.iter().find(|arrow| arrow.to == Some(state)).unwrap();
    let mut way = arrow.from.first().map_or(vec![], |from| way_to(flow, *from));
    way.push(arrow);
    way
}

/// Takes the way to `from` and then the arrow; compares what the arrow did.
fn taken(flow: &Flow, arrow: &Arrow, from: Option<State>) {
    let told = format!("{} {} from {from:?}", flow.title, arrow.action);
    in_transaction(|tx| {
        let mut desk = Desk { tx, account: String::new(), received: String::new() };
        desk.open_account();
        desk.received = desk.receive("credit");
        if flow.title == "DebitReversal" {
            desk.received = desk.receive("debit");
        }
        let mut id = String::new();
        let way = from.map_or(vec![], |state| way_to(flow, state));
        for before in way {
            match before.action {
                "create" => id = desk.create(flow),
                action => desk.take(flow, action, &id),
            }
        }
        let before = desk.done();
        match from {
            None => id = desk.create(flow),
            Some(_) => desk.take(flow, arrow.action, &id),
        }
        let after = desk.done();
        let entries = arrow.steps.iter().filter_map(|step| step.entry);
        let entries: Vec<&str> = entries.map(EntryType::as_str).collect();
        assert_eq!(after.entries[before.entries.len()..], entries, "{told}");
        let mut events: Vec<&str> = arrow.steps.iter().filter_map(|step| step.event).collect();
        let mut seen: Vec<&str> =
            after.events[before.events.len()..].iter().map(String::as_str).collect();
        events.sort_unstable();
        seen.sort_unstable();
        assert_eq!(seen, events, "{told}");
        let impact = arrow.impact().unwrap();
        let drawn = [impact.cash, impact.inbound_pending, impact.outbound_pending];
        let moved: Vec<i64> =
            after.balances.iter().zip(before.balances).map(|(now, then)| now - then).collect();
        assert_eq!(moved, drawn.map(|share| share * AMOUNT), "{told}");
        let status = arrow.to.or(from).unwrap().status;
        assert_eq!(desk.status(flow, &id), status, "{told}");
    });
}

#[test]
fn what_is_drawn_is_what_happens() {
    for flow in all() {
        for arrow in &flow.arrows {
            // A debit by a returned transfer is the transfer's own arrow, and a birth that fails
            // is nothing that moves.
            let is_of_another = flow.object.contains("received")
                && (arrow.action == "return" || arrow.steps.iter().any(|s| s.entry.is_none()));
            if is_of_another {
                continue;
            }
            if arrow.from.is_empty() {
                taken(&flow, arrow, None);
            }
            for from in &arrow.from {
                // The network has named it already when it was handed over.
                if arrow.action == "update" && from.name == "submitted" {
                    continue;
                }
                taken(&flow, arrow, Some(*from));
            }
        }
    }
}

#[test]
fn by_whichever_way_the_balances_are_the_same() {
    for flow in all() {
        let standings = flow.standings().unwrap();
        for arrow in &flow.arrows {
            let Some(to) = arrow.to else {
                assert_eq!(arrow.impact().unwrap(), Impact::default());
                continue;
            };
            let from: Vec<Standing> = match arrow.from.as_slice() {
                [] => vec![Standing::default()],
                some => some.iter().map(|state| standings[state].clone()).collect(),
            };
            for from in from {
                let told = format!("{} {}", flow.title, arrow.action);
                assert_eq!(arrow.lead_on(from).unwrap(), standings[&to], "{told}");
            }
        }
    }
}

#[test]
fn every_event_and_entry_of_a_flow_is_drawn() {
    let resources = crate::resources();
    let mut drawn = Vec::new();
    for flow in all() {
        let steps = || flow.arrows.iter().flat_map(|arrow| &arrow.steps);
        drawn.extend(steps().filter_map(|step| step.entry));
        let resource = resources.iter().find(|resource| resource.object == flow.object).unwrap();
        for event in resource.events {
            let title = flow.title;
            assert!(steps().any(|step| step.event == Some(event)), "{event} of {title}");
        }
    }
    for name in EntryType::NAMES {
        let entry = EntryType::parse(name).unwrap();
        if audit::impact(entry).is_some() {
            assert!(drawn.contains(&entry), "{name}");
        }
    }
}
