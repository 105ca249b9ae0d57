//! DebitReversals: what was pulled from a FinancialAccount, taken back whole.
//!
//! ```text
//!   processing ── the bank agrees ─▶ succeeded
//! ```
//! The money is back at once; only what the bank says about it is waited for. In test mode it never
//! disagrees.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::list::{Page, Query};
use api::operation;
use api::params::{Choice, Currency, ListParams, Metadata, Params};
use api::{
    Expandable, Fault, Include, Index, Json, Path, Resource, Result, Tx, View, object, seconds,
    seconds_or_null,
};
use ledger::Amount;
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::book::{self, EntryType, Flow, FlowType};
use crate::financial_account::FinancialAccount;
use crate::rails;
use crate::receipt;
use crate::received;
use crate::received_debit::{Network, ReceivedDebit};
use crate::transaction::{Transaction, describe};

/// The kind of the job that completes a reversal.
const SUCCEED_JOB: &str = "debit_reversal.succeed";

pub const CREATED: &str = "treasury.debit_reversal.created";
pub const COMPLETED: &str = "treasury.debit_reversal.completed";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DebitReversal {
    pub id: String,
    pub created: Millis,
    pub received_debit: String,
    pub financial_account: String,
    pub amount: Amount,
    pub network: Network,
    pub transaction: String,
    /// When the bank agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Millis>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Status {
    Processing,
    Succeeded,
}

/// The words by which lists filter are older than those of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum StatusFilter {
    Canceled,
    Completed,
    Processing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Resolution {
    Lost,
    Won,
}

#[derive(Clone, Debug, Params)]
pub struct CreateDebitReversal {
    /// Your own keys and values.
    pub metadata: Metadata,
    /// The ReceivedDebit to take back.
    pub received_debit: String,
}

#[derive(Clone, Debug, Params)]
pub struct ListDebitReversals {
    /// The FinancialAccount that takes back.
    pub financial_account: String,
    #[param(flatten)]
    pub page: ListParams,
    /// Only the reversal of this ReceivedDebit.
    pub received_debit: Option<String>,
    /// Only those that ended so: `won` has succeeded, `lost` has failed.
    pub resolution: Option<Resolution>,
    /// Only those that stand so: `completed` has succeeded or failed.
    pub status: Option<StatusFilter>,
}

pub fn resource() -> operation::Resource {
    const ALL: &str = "/v1/treasury/debit_reversals";
    operation::Resource::of::<DebitReversal>()
        .events(&[COMPLETED, CREATED])
        .create(ALL, "Takes a ReceivedDebit back.", create)
        .retrieve("/v1/treasury/debit_reversals/{id}", "Retrieves a DebitReversal.")
        .list(ALL, "Lists the DebitReversals of a FinancialAccount, newest first.", list)
        .job(SUCCEED_JOB, succeed)
        .done()
}

fn create(tx: &mut Tx<'_>, p: &CreateDebitReversal) -> Result<Arc<DebitReversal>> {
    let metadata = p.metadata.for_new()?;
    let debit = tx.reference::<ReceivedDebit>(&p.received_debit, "received_debit")?;
    received::check_reversible(debit.reversal(tx.now()), "ReceivedDebit")?;
    let missing = || Fault(format!("the FinancialAccount {} is gone", debit.financial_account));
    let account = tx.load::<FinancialAccount>(&debit.financial_account)?.ok_or_else(missing)?;
    if account.is_closed {
        return Err(account.closed_error().into());
    }
    let id = tx.new_id::<DebitReversal>();
    let (name, last4) = (debit.initiator.name(), debit.initiator.last4());
    let flow = Flow {
        account: &account.id,
        id: Some(&id),
        kind: FlowType::DebitReversal,
        amount: debit.amount,
        currency: debit.currency,
        description: describe(name, last4, "Debit reversal", &debit.description),
    };
    let contra = debit.network.contra();
    let transaction = book::credit(tx, &flow, EntryType::DebitReversal, contra)?;
    let reversed = ReceivedDebit { debit_reversal: Some(id.clone()), ..api::copy(&debit) };
    tx.save(reversed)?;
    let reversal = tx.save(DebitReversal {
        id,
        created: tx.now_ms(),
        received_debit: debit.id.clone(),
        financial_account: account.id.clone(),
        amount: debit.amount,
        network: debit.network,
        transaction,
        completed_at: None,
        metadata,
    })?;
    tx.event(CREATED, &*reversal)?;
    let due = rails::reversal(tx, reversal.network == Network::Ach);
    tx.plan(due, SUCCEED_JOB, &reversal.id, "")?;
    Ok(reversal)
}

/// The job: the bank agrees. The money is there already.
fn succeed(tx: &mut Tx<'_>, id: &str, _: &str) -> Result<()> {
    let Some(reversal) = tx.load::<DebitReversal>(id)? else { return Ok(()) };
    if reversal.completed_at.is_some() {
        return Ok(());
    }
    let succeeded = DebitReversal { completed_at: Some(tx.now_ms()), ..api::copy(&reversal) };
    let succeeded = tx.save(succeeded)?;
    tx.event(COMPLETED, &*succeeded)
}

fn list(view: &View<'_>, _: &Path, p: &ListDebitReversals) -> Result<Page<DebitReversal>> {
    let account = &p.financial_account;
    view.require::<FinancialAccount>(account, "financial_account")?;
    if let Some(debit) = &p.received_debit {
        view.require::<ReceivedDebit>(debit, "received_debit")?;
    }
    let wanted = [Status::Processing, Status::Succeeded].into_iter();
    let wanted = wanted.filter(|status| status.passes(p.status, p.resolution));
    let query = Query::new(&p.page)
        .filter_some("received_debit", p.received_debit.as_deref())
        .any("status", wanted.map(|status| status.key(account)).collect());
    api::list(view, &query)
}

impl Status {
    /// The value of the index by FinancialAccount.
    fn key(self, account: &str) -> String {
        format!("{account}:{}", self.as_str())
    }

    /// Whether lists that filter so have it.
    fn passes(self, status: Option<StatusFilter>, resolution: Option<Resolution>) -> bool {
        let is_of_status = match status {
            None => true,
            Some(StatusFilter::Canceled) => false,
            Some(StatusFilter::Completed) => self == Status::Succeeded,
            Some(StatusFilter::Processing) => self == Status::Processing,
        };
        is_of_status
            && match resolution {
                None => true,
                Some(Resolution::Lost) => false,
                Some(Resolution::Won) => self == Status::Succeeded,
            }
    }
}

impl DebitReversal {
    pub fn status(&self) -> Status {
        if self.completed_at.is_some() { Status::Succeeded } else { Status::Processing }
    }
}

impl Resource for DebitReversal {
    const OBJECT: &'static str = "treasury.debit_reversal";
    const PREFIX: &'static str = "debrev";
    const LABEL: &'static str = "debit reversal";
    const STATE_ONLY: bool = true;
    const EXPANDS: &'static [Expandable] = &[Expandable::reference::<Transaction>("transaction")];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        entries.add("status", self.status().key(&self.financial_account));
        entries.add("received_debit", &self.received_debit);
    }

    fn render(&self, view: &View<'_>, _: &Include<'_>) -> Result<Json> {
        Ok(object([
            ("id", Json::from(&self.id)),
            ("object", Self::OBJECT.into()),
            ("amount", self.amount.minor_units().into()),
            ("created", seconds(self.created).into()),
            ("currency", Currency::USD.into()),
            ("financial_account", Json::from(&self.financial_account)),
            ("hosted_regulatory_receipt_url", receipt::url(view, &self.id).into()),
            // What a card paid would name its dispute.
            ("linked_flows", Json::Null),
            ("livemode", view.livemode().into()),
            ("metadata", Json::from(&self.metadata)),
            ("network", self.network.into()),
            ("received_debit", Json::from(&self.received_debit)),
            ("status", self.status().into()),
            ("status_transitions", object([("completed_at", seconds_or_null(self.completed_at))])),
            ("transaction", Json::from(&self.transaction)),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_words_of_the_filters() {
        use Status::{Processing, Succeeded};
        let table: [(_, _, &[Status]); 8] = [
            (None, None, &[Processing, Succeeded]),
            (Some(StatusFilter::Canceled), None, &[]),
            (Some(StatusFilter::Completed), None, &[Succeeded]),
            (Some(StatusFilter::Processing), None, &[Processing]),
            (None, Some(Resolution::Won), &[Succeeded]),
            (None, Some(Resolution::Lost), &[]),
            (Some(StatusFilter::Completed), Some(Resolution::Won), &[Succeeded]),
            (Some(StatusFilter::Processing), Some(Resolution::Won), &[]),
        ];
        for (status, resolution, passing) in table {
            let all = [Processing, Succeeded].into_iter();
            let found: Vec<Status> = all.filter(|one| one.passes(status, resolution)).collect();
            assert_eq!(found, passing, "{status:?} {resolution:?}");
        }
    }
}
