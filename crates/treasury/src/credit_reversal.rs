//! CreditReversals: what a FinancialAccount received, sent back whole.
//!
//! ```text
//!   processing ── post ─▶ posted
//! ```
//! The money is held at once. Nobody posts a reversal but time; it cannot be called back.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::list::{Page, Query};
use api::operation;
use api::params::{Choice, Currency, ListParams, Metadata, Params};
use api::{
    Expandable, Fault, Include, Index, Json, Owner, Path, Resource, Result, Tx, View, object,
    seconds, seconds_or_null,
};
use ledger::{Amount, Contra};
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::book::{self, EntryType, Flow, FlowType};
use crate::destination::ReturnCode;
use crate::financial_account::FinancialAccount;
use crate::outbound::steps;
use crate::outbound_payment::OutboundPayment;
use crate::rails;
use crate::receipt;
use crate::received;
use crate::received_credit::{
    FromStripe, Network, ReceivedCredit, Source, SourceFlowType, receive_stripe,
};
use crate::transaction::{Transaction, describe};

/// The kind of the job that posts a reversal.
const POST_JOB: &str = "credit_reversal.post";

pub const CREATED: &str = "treasury.credit_reversal.created";
pub const POSTED: &str = "treasury.credit_reversal.posted";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CreditReversal {
    pub id: String,
    pub created: Millis,
    pub received_credit: String,
    pub financial_account: String,
    pub amount: Amount,
    pub network: Network,
    pub transaction: String,
    /// When the money left; it is held until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posted_at: Option<Millis>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Status {
    /// None is: it is a word to filter by.
    Canceled,
    Posted,
    Processing,
}

#[derive(Clone, Debug, Params)]
pub struct CreateCreditReversal {
    /// Your own keys and values.
    pub metadata: Metadata,
    /// The ReceivedCredit to send back.
    pub received_credit: String,
}

#[derive(Clone, Debug, Params)]
pub struct ListCreditReversals {
    /// The FinancialAccount that sends back.
    pub financial_account: String,
    #[param(flatten)]
    pub page: ListParams,
    /// Only the reversal of this ReceivedCredit.
    pub received_credit: Option<String>,
    /// Only CreditReversals of this status.
    pub status: Option<Status>,
}

pub fn resource() -> operation::Resource {
    const ALL: &str = "/v1/treasury/credit_reversals";
    operation::Resource::of::<CreditReversal>()
        .events(&[CREATED, POSTED])
        .create(ALL, "Sends a ReceivedCredit back.", create)
        .retrieve("/v1/treasury/credit_reversals/{id}", "Retrieves a CreditReversal.")
        .list(ALL, "Lists the CreditReversals of a FinancialAccount, newest first.", list)
        .job(POST_JOB, post)
        .done()
}

fn create(tx: &mut Tx<'_>, p: &CreateCreditReversal) -> Result<Arc<CreditReversal>> {
    let metadata = p.metadata.for_new()?;
    let credit = tx.reference::<ReceivedCredit>(&p.received_credit, "received_credit")?;
    received::check_reversible(credit.reversal(tx.now()), "ReceivedCredit")?;
    let missing = || Fault(format!("the FinancialAccount {} is gone", credit.financial_account));
    let account = tx.load::<FinancialAccount>(&credit.financial_account)?.ok_or_else(missing)?;
    if account.is_closed {
        return Err(account.closed_error().into());
    }
    let id = tx.new_id::<CreditReversal>();
    let (name, last4) = (credit.sender.name(), credit.sender.last4());
    let flow = Flow {
        account: &account.id,
        id: Some(&id),
        kind: FlowType::CreditReversal,
        amount: credit.amount,
        currency: credit.currency,
        description: describe(name, last4, "Credit reversal", &credit.description),
    };
    let transaction = book::hold(tx, &flow, EntryType::CreditReversal)?;
    let reversed = ReceivedCredit { credit_reversal: Some(id.clone()), ..api::copy(&credit) };
    tx.save(reversed)?;
    let reversal = tx.save(CreditReversal {
        id,
        created: tx.now_ms(),
        received_credit: credit.id.clone(),
        financial_account: account.id.clone(),
        amount: credit.amount,
        network: credit.network,
        transaction,
        posted_at: None,
        metadata,
    })?;
    tx.event(CREATED, &*reversal)?;
    let due = rails::reversal(tx, reversal.network == Network::Ach);
    tx.plan(due, POST_JOB, &reversal.id, "")?;
    Ok(reversal)
}

/// The job: the money leaves. Within Stripe it is back with its sender in the same moment.
fn post(tx: &mut Tx<'_>, id: &str, _: &str) -> Result<()> {
    let Some(reversal) = tx.load::<CreditReversal>(id)? else { return Ok(()) };
    if reversal.posted_at.is_some() {
        return Ok(());
    }
    let credit = tx.load::<ReceivedCredit>(&reversal.received_credit)?;
    let credit = credit.ok_or_else(|| Fault(format!("{} is gone", reversal.received_credit)))?;
    let sender = match &credit.source {
        Some(source) => steps::owner_of(tx, source.acct)?.map(|to| (source, to)),
        None => None,
    };
    let contra = match (&credit.source, &sender) {
        // Whoever sent it was deleted since: it leaves what the platform's books know of.
        (Some(_), None) => Contra::Other,
        _ => reversal.network.contra(),
    };
    book::settle(tx, &reversal.transaction, EntryType::CreditReversalPosting, contra)?;
    let posted = CreditReversal { posted_at: Some(tx.now_ms()), ..api::copy(&reversal) };
    let posted = tx.save(posted)?;
    tx.event(POSTED, &*posted)?;
    match sender {
        Some((source, to)) => bring_back(tx, &posted, &credit, source, to),
        None => Ok(()),
    }
}

/// The payment that the credit came from is returned: by a credit to its sender, so that the money
/// comes back once.
fn bring_back(
    tx: &mut Tx<'_>,
    reversal: &CreditReversal,
    credit: &ReceivedCredit,
    source: &Source,
    to: Owner,
) -> Result<()> {
    let payment = tx.load_of::<OutboundPayment>(source.acct, &source.id)?;
    let payment = payment.ok_or_else(|| Fault(format!("{} is gone", source.id)))?;
    let from = FromStripe {
        to: to.clone(),
        financial_account: &payment.financial_account,
        sender: &reversal.financial_account,
        flow: &reversal.id,
        flow_type: SourceFlowType::CreditReversal,
        amount: reversal.amount,
        currency: Currency::USD,
        description: &credit.description,
    };
    let back = receive_stripe(tx, &from)?;
    let transaction = back.transaction.clone();
    let transaction =
        transaction.ok_or_else(|| Fault(format!("{} brought nothing back", back.id)))?;
    tx.on(to, |tx| steps::came_back(tx, &payment, ReturnCode::Declined, transaction))?;
    Ok(())
}

fn list(view: &View<'_>, _: &Path, p: &ListCreditReversals) -> Result<Page<CreditReversal>> {
    let account = &p.financial_account;
    view.require::<FinancialAccount>(account, "financial_account")?;
    if let Some(credit) = &p.received_credit {
        view.require::<ReceivedCredit>(credit, "received_credit")?;
    }
    let query = Query::new(&p.page).filter_some("received_credit", p.received_credit.as_deref());
    let query = match p.status {
        Some(status) => query.filter("status", status.key(account)),
        None => {
            let both = [Status::Posted, Status::Processing];
            query.any("status", both.map(|status| status.key(account)).to_vec())
        }
    };
    api::list(view, &query)
}

impl Status {
    /// The value of the index by FinancialAccount.
    fn key(self, account: &str) -> String {
        format!("{account}:{}", self.as_str())
    }
}

impl CreditReversal {
    pub fn status(&self) -> Status {
        if self.posted_at.is_some() { Status::Posted } else { Status::Processing }
    }
}

impl Resource for CreditReversal {
    const OBJECT: &'static str = "treasury.credit_reversal";
    const PREFIX: &'static str = "credrev";
    const LABEL: &'static str = "credit reversal";
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
        entries.add("received_credit", &self.received_credit);
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
            ("livemode", view.livemode().into()),
            ("metadata", Json::from(&self.metadata)),
            ("network", self.network.into()),
            ("received_credit", Json::from(&self.received_credit)),
            ("status", self.status().into()),
            ("status_transitions", object([("posted_at", seconds_or_null(self.posted_at))])),
            ("transaction", Json::from(&self.transaction)),
        ]))
    }
}
