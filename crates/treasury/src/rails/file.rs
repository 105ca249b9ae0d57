//! Ach files: what a workspace hands over at one cut-off, for whoever wants it as banks exchange it.
//!
//! ```text
//!   open ── a moment after the cut-off ──▶ closed ── it stands in the folder ──▶ written
//! ```
//! Commands make and close a file, which says nothing but which entries are in it. Its text follows
//! from those alone, so that it can be written again, to the same bytes, after a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::resource::decode;
use api::{Fault, Include, Index, Json, Owner, Resource, Result, Tx, View, object};
use exchequer_core::bank::{self, AccountHolderType, AccountType, BANK_NAME};
use ledger::Amount;
use nacha::{Bank, Batch, Class, Direction, Entry};
use serde::{Deserialize, Serialize};
use store::{IdRange, Millis};

use super::{Desk, Rail, ach, day_of};
use crate::capability;
use crate::destination::{Destination, UsBankAccount};
use crate::inbound_transfer::InboundTransfer;
use crate::outbound::{Kind, Outbound};
use crate::outbound_payment::OutboundPayment;
use crate::outbound_transfer::OutboundTransfer;

/// The most entries of a file; more go into another one of the same day.
const ENTRIES_MAX: i64 = 10_000;
/// How many entries are read at a time.
const READ_AT_ONCE: usize = 1_000;
/// All that is due at the cut-off has happened by then.
const CLOSED_AFTER_MS: Millis = 1;
/// The kind of the job that closes a file.
pub const CLOSE_JOB: &str = "ach_file.close";

/// Whom files go to: the operator of the network.
const OPERATOR: (&str, &str) = ("061000146", "FEDACH");
/// The letters of a day's files, in order.
const MODIFIERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Kept by the platform, and never shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AchFile {
    id: String,
    /// The cut-off.
    created: Millis,
    /// Which of its day's files it is, counted from none.
    number: u32,
    /// Whose entries it has: the numbers of the accounts.
    accounts: BTreeSet<i64>,
    entries: i64,
    total: i64,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    Open,
    Closed,
    Written,
}

/// Where a flow stands in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    pub file: String,
    pub trace: String,
}

impl FileEntry {
    /// It is found by its file, and by its trace number when it comes back.
    pub fn index(&self, entries: &mut Index) {
        entries.add(BY_FILE, &self.file);
        entries.add(BY_TRACE, &self.trace);
    }
}

const BY_FILE: &str = "ach_file";
pub(super) const BY_TRACE: &str = "ach_trace";

/// A flow that can be handed over in a file.
pub trait Entered: Resource {
    const DIRECTION: Direction;

    fn bank(&self) -> Option<&UsBankAccount>;
    fn amount(&self) -> Amount;
    fn trace(&self) -> Option<&str>;
    fn descriptor(&self) -> &str;
}

impl<K: Kind> Entered for Outbound<K> {
    const DIRECTION: Direction = Direction::Credit;

    fn bank(&self) -> Option<&UsBankAccount> {
        match &self.destination {
            Destination::UsBankAccount(bank) => Some(bank),
            Destination::FinancialAccount { .. } => None,
        }
    }

    fn amount(&self) -> Amount {
        self.amount
    }

    fn trace(&self) -> Option<&str> {
        self.trace_id()
    }

    fn descriptor(&self) -> &str {
        self.statement_descriptor()
    }
}

impl Entered for InboundTransfer {
    const DIRECTION: Direction = Direction::Debit;

    fn bank(&self) -> Option<&UsBankAccount> {
        Some(&self.origin.bank)
    }

    fn amount(&self) -> Amount {
        self.amount
    }

    fn trace(&self) -> Option<&str> {
        self.entry.as_ref().map(|entry| entry.trace.as_str())
    }

    fn descriptor(&self) -> &str {
        self.statement_descriptor()
    }
}

/// The entries of an account, by what makes a batch of them.
type Sorted = BTreeMap<(Direction, Class, String), Vec<Entry>>;

impl AchFile {
    /// Takes an entry of the account acted on into the file that is open; its id.
    pub fn take_in(tx: &mut Tx<'_>, amount: Amount) -> Result<String> {
        let (account, amount) = (tx.owner.number, amount.minor_units());
        let platform = tx.platform();
        tx.on(platform, |tx| {
            let mut file = AchFile::with_room_for(tx, amount)?;
            file.accounts.insert(account);
            file.entries += 1;
            file.total += amount;
            Ok(tx.save(file)?.id.clone())
        })
    }

    /// The open file of this cut-off, or a new one.
    fn with_room_for(tx: &mut Tx<'_>, amount: i64) -> Result<AchFile> {
        let mut desk = Desk::open(tx)?;
        if let Some(id) = &desk.open_file
            && let Some(file) = tx.load::<AchFile>(id)?
        {
            let has_room = file.entries < ENTRIES_MAX && file.total + amount <= nacha::SUM_MAX;
            if file.created == tx.now_ms() && has_room {
                return Ok(api::copy(&file));
            }
        }
        let day = day_of(tx.now_ms()).strftime("%Y%m%d").to_string();
        let number = match &desk.files_of {
            Some((of, count)) if *of == day => *count,
            Some(_) | None => 0,
        };
        let id = tx.new_id::<AchFile>();
        tx.plan(tx.now_ms() + CLOSED_AFTER_MS, CLOSE_JOB, &id, "")?;
        desk.files_of = Some((day, number + 1));
        desk.open_file = Some(id.clone());
        tx.save(desk)?;
        let (created, accounts) = (tx.now_ms(), BTreeSet::new());
        Ok(AchFile { id, created, number, accounts, entries: 0, total: 0, stage: Stage::Open })
    }

    /// How it is called in the folder: whose it is, of which day, and which of its files.
    pub fn name(&self, view: &View<'_>) -> String {
        let day = day_of(self.created).strftime("%Y%m%d");
        format!("{}-{day}-{:02}.ach", view.session.workspace.account, self.number + 1)
    }

    /// The text of a file that is closed.
    pub fn text(&self, view: &mut View<'_>) -> Result<String> {
        let mut batches = Vec::new();
        for account in &self.accounts {
            // What an account handed over before it was deleted is gone with it.
            let id = match account {
                0 => Some(view.platform().id),
                number => (view.app.api.account_by_number)(view, *number)?,
            };
            let Some(id) = id else { continue };
            let own = std::mem::replace(&mut view.owner, Owner { number: *account, id });
            let of_account = self.batches(view);
            view.owner = own;
            batches.extend(of_account?);
        }
        let day = day_of(self.created);
        let modifier = MODIFIERS[self.number as usize % MODIFIERS.len()];
        let file = nacha::File {
            destination: Bank { routing_number: OPERATOR.0.into(), name: OPERATOR.1.into() },
            origin: Bank {
                routing_number: bank::TEST_ROUTING_NUMBER.into(),
                name: BANK_NAME.into(),
            },
            created: (day.strftime("%y%m%d").to_string(), ach::CUTOFF.strftime("%H%M").to_string()),
            modifier: char::from(modifier),
            reference: String::new(),
            batches,
        };
        Ok(file.text())
    }

    /// The batches of the account acted as: one for each direction, class and description.
    fn batches(&self, view: &View<'_>) -> Result<Vec<Batch>> {
        let mut sorted = Sorted::new();
        self.sort_in::<OutboundPayment>(view, &mut sorted)?;
        self.sort_in::<OutboundTransfer>(view, &mut sorted)?;
        self.sort_in::<InboundTransfer>(view, &mut sorted)?;
        let company_name = capability::holder_name(view)?;
        let company_id = company_id(view.session.home, view.owner.number);
        let effective = day_of(ach::Ach.arrival(self.created)).strftime("%y%m%d").to_string();
        let batch = |((direction, class, description), mut entries): (_, Vec<Entry>)| {
            entries.sort_by(|a, b| a.trace.cmp(&b.trace));
            Batch {
                company_name: company_name.clone(),
                company_id: company_id.clone(),
                direction,
                class,
                description,
                effective: effective.clone(),
                entries,
            }
        };
        Ok(sorted.into_iter().map(batch).collect())
    }

    fn sort_in<T: Entered>(&self, view: &View<'_>, sorted: &mut Sorted) -> Result<()> {
        let mut range = IdRange::prefix(T::PREFIX, false);
        loop {
            let owner = view.owner.number;
            let (session, decode) = (&view.session, decode::<T>);
            let page =
                session.indexed_objects(owner, BY_FILE, &self.id, &range, READ_AT_ONCE, decode)?;
            for flow in &page {
                let (class, entry) = entry(view, &**flow)?;
                let key = (T::DIRECTION, class, flow.descriptor().to_owned());
                sorted.entry(key).or_default().push(entry);
            }
            match page.last() {
                Some(last) if page.len() == READ_AT_ONCE => range = range.above(last.id()),
                _ => return Ok(()),
            }
        }
    }
}

fn entry<T: Entered>(view: &View<'_>, flow: &T) -> Result<(Class, Entry)> {
    let missing = |what: &str| Fault(format!("{} is in a file without its {what}", flow.id()));
    let bank = flow.bank().ok_or_else(|| missing("bank account"))?;
    let sealed = bank.number.as_deref().ok_or_else(|| missing("account number"))?;
    let class = match bank.account_holder_type {
        Some(AccountHolderType::Individual) => Class::Ppd,
        Some(AccountHolderType::Company) | None => Class::Ccd,
    };
    // The end of an id tells it from others; the whole does not fit.
    let receiver_id = flow.id().get(flow.id().len().saturating_sub(15)..);
    let entry = Entry {
        is_savings: bank.account_type == AccountType::Savings,
        routing_number: bank.routing_number.clone(),
        account_number: bank::unsealed(view.session.sealer, sealed)?,
        amount: flow.amount().minor_units(),
        receiver_id: receiver_id.unwrap_or_default().to_owned(),
        receiver_name: bank.billing_details.name.clone().unwrap_or_default(),
        trace: flow.trace().ok_or_else(|| missing("trace number"))?.to_owned(),
    };
    Ok((class, entry))
}

/// Ten characters that say whose a batch is: the numbers of workspace and account.
fn company_id(workspace: i64, account: i64) -> String {
    format!("E{:0>5}{:0>4}", base36(workspace), base36(account))
}

/// The numbers of workspace and account that come back with a return.
pub fn read_company_id(company_id: &str) -> Option<(i64, i64)> {
    let digits = company_id.strip_prefix('E').filter(|digits| digits.len() == 9)?;
    let number = |digits: &str| i64::from_str_radix(digits, 36).ok().filter(|number| *number >= 0);
    Some((number(digits.get(..5)?)?, number(digits.get(5..)?)?))
}

fn base36(number: i64) -> String {
    let mut digits = Vec::new();
    let mut rest = number.unsigned_abs();
    while rest > 0 {
        let digit = u32::try_from(rest % 36).unwrap_or_default();
        digits.push(char::from_digit(digit, 36).unwrap_or('0').to_ascii_uppercase());
        rest /= 36;
    }
    digits.iter().rev().collect()
}

/// No entry comes in any more: the file can be written.
pub fn close(tx: &mut Tx<'_>, id: &str, _: &str) -> Result<()> {
    let Some(file) = tx.load::<AchFile>(id)? else { return Ok(()) };
    let mut desk = Desk::open(tx)?;
    if desk.open_file.as_deref() == Some(id) {
        desk.open_file = None;
        tx.save(desk)?;
    }
    tx.save(AchFile { stage: Stage::Closed, ..api::copy(&file) })?;
    Ok(())
}

/// The files of the workspace that are still to be written, oldest first.
pub fn to_write(view: &View<'_>, limit: usize) -> Result<Vec<Arc<AchFile>>> {
    let range = IdRange::prefix(AchFile::PREFIX, false);
    let decode = decode::<AchFile>;
    Ok(view.session.indexed_objects(0, "stage", "closed", &range, limit, decode)?)
}

/// It stands in the folder.
pub fn written(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    if let Some(file) = tx.load::<AchFile>(id)? {
        tx.save(AchFile { stage: Stage::Written, ..api::copy(&file) })?;
    }
    Ok(())
}

impl Resource for AchFile {
    const OBJECT: &'static str = "treasury.ach_file";
    const PREFIX: &'static str = "achfile";
    const LABEL: &'static str = "ach file";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        if self.stage == Stage::Closed {
            entries.add("stage", "closed");
        }
    }

    fn render(&self, _: &View<'_>, _: &Include<'_>) -> Result<Json> {
        Ok(object([("id", Json::from(&self.id)), ("object", Self::OBJECT.into())]))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_company_id_is_read_back() {
        for numbers in [(1, 0), (7, 35), (60_466_175, 1_679_615)] {
            let id = company_id(numbers.0, numbers.1);
            assert_eq!(id.len(), 10, "{id}");
            assert_eq!(read_company_id(&id), Some(numbers));
        }
        for other in ["", "E", "E0000a000", "1000010000", "E00001-001", "E0000é000"] {
            assert_eq!(read_company_id(other), None, "{other}");
        }
    }
}
