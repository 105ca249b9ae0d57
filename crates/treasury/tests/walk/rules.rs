//! The rules of the book, derived from the rows and from what is shown, whatever was done.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::world::{Entry, Look};

/// Cash, inbound_pending and outbound_pending.
type Sides = [i64; 3];

const SIDES: [&str; 3] = ["cash", "inbound_pending", "outbound_pending"];
const HELD: usize = 2;
const TRANSIT: &str = "intra_stripe_transit";
const OUTSIDE: [&str; 7] = [
    "ach_clearing",
    "wire_clearing",
    "rtp_clearing",
    "card_clearing",
    "payments_balance",
    TRANSIT,
    "other",
];

/// What the rows of the journal add up to.
#[derive(Default)]
pub struct Sums {
    pub books: BTreeMap<String, Sides>,
    pub outside: BTreeMap<String, i64>,
    transactions: BTreeMap<String, (Sides, Vec<Entry>)>,
}

/// What has come to an end, as it was then: nothing may change it.
pub type Ended = BTreeMap<String, Value>;

pub fn check(look: &Look, ended: &mut Ended) -> Result<Sums, String> {
    let sums = add_up(look)?;
    let within: i64 = sums.books.values().flatten().sum();
    let outside: i64 = sums.outside.values().sum();
    must(within + outside == 0, || {
        format!("{within} within and {outside} outside do not balance")
    })?;
    let transit = sums.outside.get(TRANSIT).copied().unwrap_or_default();
    must(transit == 0, || format!("{transit} is on its way, and should have arrived"))?;
    for (id, shown) in of(look, "fa_") {
        let balance = sums.books.get(id).copied().unwrap_or_default();
        financial_account(look, id, shown, balance)?;
    }
    for (id, shown) in of(look, "trxn_") {
        let found = sums.transactions.get(id);
        let (impact, entries) = found.ok_or_else(|| format!("{id} has no entries"))?;
        transaction(look, id, shown, *impact, entries)?;
        if shown["status"] != "open" {
            let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
            stays(ended, id, serde_json::json!([shown, ids]))?;
        }
    }
    for (id, shown) in of(look, "obp_").chain(of(look, "obt_")) {
        // Of what is returned the tracking details can still be set.
        if ["canceled", "failed", "returned"].iter().any(|end| shown["status"] == *end) {
            let mut shown = shown.clone();
            shown["tracking_details"] = Value::Null;
            stays(ended, id, shown)?;
        }
    }
    for (id, shown) in of(look, "rc_").chain(of(look, "rd_")) {
        let mut shown = shown.clone();
        // It can be reversed for a time only, and once.
        shown["reversal_details"] = Value::Null;
        for reversal in ["credit_reversal", "debit_reversal"] {
            shown["linked_flows"][reversal] = Value::Null;
        }
        stays(ended, id, shown)?;
    }
    for (id, shown) in of(look, "ibt_") {
        let is_over = ["canceled", "failed"].iter().any(|end| shown["status"] == *end);
        if is_over || shown["returned"] == true {
            stays(ended, id, shown.clone())?;
        }
    }
    for (id, shown) in of(look, "credrev_").chain(of(look, "debrev_")) {
        if shown["status"] != "processing" {
            stays(ended, id, shown.clone())?;
        }
    }
    Ok(sums)
}

fn add_up(look: &Look) -> Result<Sums, String> {
    let mut sums = Sums::default();
    for entry in &look.entries {
        let row = &entry.row;
        must(row.amount > 0 && row.from != row.to, || format!("{entry:?} moves nothing"))?;
        let mut impact = Sides::default();
        for (name, change) in [(&row.from, -row.amount), (&row.to, row.amount)] {
            if let Some(side) = SIDES.iter().position(|side| side == name) {
                impact[side] += change;
            } else {
                must(OUTSIDE.contains(&&**name), || format!("{name} is no account"))?;
                *sums.outside.entry(name.clone()).or_default() += change;
            }
        }
        add(sums.books.entry(row.book.clone()).or_default(), impact);
        let (sum, entries) = sums.transactions.entry(row.transaction.clone()).or_default();
        add(sum, impact);
        entries.push(entry.clone());
        let shown = &look.shown[&entry.id];
        let agrees = sides(&shown["balance_impact"]) == impact
            && shown["financial_account"] == *row.book
            && shown["transaction"] == *row.transaction
            && shown["type"] == *row.kind
            && shown["created"] == row.created / 1000
            && shown["effective_at"] == row.created / 1000;
        must(agrees, || format!("{entry:?} is shown as {shown}"))?;
    }
    Ok(sums)
}

fn financial_account(look: &Look, id: &str, shown: &Value, balance: Sides) -> Result<(), String> {
    for (side, name) in SIDES.iter().enumerate() {
        let (is, kept) = (&shown["balance"][name]["usd"], &look.kept[id]["balance"][name]);
        let sum = balance[side];
        must(*is == sum && *kept == sum, || {
            format!("{id} shows {name} of {is}, keeps {kept}, and its entries sum up to {sum}")
        })?;
    }
    must(balance[HELD] >= 0 && balance[1] == 0, || format!("{id} holds {balance:?}"))?;
    let (mut posted, mut held) = (0, 0);
    for (_, transaction) in of(look, "trxn_") {
        if transaction["financial_account"] == *id {
            match transaction["status"].as_str() {
                Some("posted") => posted += number(&transaction["amount"]),
                Some("open") => held += sides(&transaction["balance_impact"])[HELD],
                _ => {}
            }
        }
    }
    let current: i64 = balance.iter().sum();
    must(current == posted, || format!("{id} has {current}, its posted Transactions {posted}"))?;
    must(balance[HELD] == held, || format!("{id} holds {balance:?}, open Transactions {held}"))
}

fn transaction(
    look: &Look,
    id: &str,
    shown: &Value,
    impact: Sides,
    entries: &[Entry],
) -> Result<(), String> {
    let wrong = |rule: &str| format!("{id}: {rule}: {shown}, {entries:?}");
    let book = &shown["financial_account"];
    let is_own = |entry: &Entry| *book == *entry.row.book && entry.row.currency == "usd";
    must(entries.iter().all(is_own), || wrong("its entries are of one account and currency"))?;
    must(sides(&shown["balance_impact"]) == impact, || wrong("its impact is not its entries'"))?;
    let amount = number(&shown["amount"]);
    let (posted_at, void_at) =
        (&shown["status_transitions"]["posted_at"], &shown["status_transitions"]["void_at"]);
    let last = entries.iter().map(|entry| entry.row.created / 1000).max().unwrap_or_default();
    match shown["status"].as_str() {
        Some("open") => {
            must(posted_at.is_null() && void_at.is_null(), || wrong("it has not ended"))?;
            must(impact == [amount, 0, -amount] && amount < 0, || wrong("it holds its amount"))?;
            must(entries.len() == 1, || wrong("it has one entry"))?;
        }
        Some("posted") => {
            must(*posted_at == last && void_at.is_null(), || wrong("it was posted last"))?;
            must(impact == [amount, 0, 0] && amount != 0, || wrong("it moved its amount"))?;
        }
        Some("void") => {
            must(posted_at.is_null() && *void_at == last, || wrong("it was given back last"))?;
            must(impact == [0; 3] && amount == 0, || wrong("it moved nothing"))?;
            must(entries.len() >= 2, || wrong("it held and gave back"))?;
        }
        _ => return Err(wrong("it has no status")),
    }
    // Only what a sweep moves has no flow; an open one waits for a payment that is on its way.
    let Some(flow) = shown["flow"].as_str() else {
        return must(shown["flow_type"] == "other", || wrong("it has no flow"));
    };
    let flow = look.shown.get(flow).ok_or_else(|| wrong("its flow is not there"))?;
    must(flow["status"] != "failed" || shown["status"] == "void", || wrong("its flow failed"))?;
    // What is taken back is there while the bank is still to agree.
    if flow["object"] == "treasury.debit_reversal" {
        return must(shown["status"] == "posted", || wrong("it is there at once"));
    }
    must((flow["status"] == "processing") == (shown["status"] == "open"), || {
        wrong("it is open as long as its flow is on its way")
    })
}

/// The objects of a kind.
pub fn of<'a>(look: &'a Look, prefix: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    look.shown.iter().filter(move |(id, _)| id.starts_with(prefix))
}

/// The three amounts of a change.
fn sides(impact: &Value) -> Sides {
    SIDES.map(|side| number(&impact[side]))
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(i64::MIN)
}

fn add(sum: &mut Sides, impact: Sides) {
    for (sum, change) in sum.iter_mut().zip(impact) {
        *sum += change;
    }
}

/// What has ended must be as it was when that was first seen.
fn stays(ended: &mut Ended, id: &str, now: Value) -> Result<(), String> {
    let before = ended.entry(id.to_owned()).or_insert_with(|| now.clone());
    must(*before == now, || format!("{id} had ended as {before} and is now {now}"))
}

pub fn must(holds: bool, rule: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(rule()) }
}
