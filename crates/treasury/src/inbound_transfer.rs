//! InboundTransfers: money pulled from the owner's own account at a bank into a FinancialAccount.
//!
//! Nothing moves while the bank decides. [`state`] has the table of what can become of it.

use std::sync::Arc;

use api::params::{Currency, ListParams, Metadata, NoParams, Params};
use api::{Fault, Page, Path, Query, Result, Tx, View, operation};
use ledger::Amount;

use crate::destination::{self, Network};
use crate::features::{self, Direction, Feature};
use crate::financial_account::FinancialAccount;
use crate::received::{self, AMOUNT_MAX};

pub use origin::{OUTCOMES, Origin, Outcome};
pub use state::{Action, FailureCode, InboundTransfer, RULES, Stage, StageName, Status};

mod origin;
mod picture;
mod render;
mod schedule;
mod state;
pub mod steps;

/// The words for this flow on a Transaction.
const FLOW_LABEL: &str = "Inbound transfer";

#[derive(Params)]
pub struct Create {
    /// How much to pull in, in cents.
    #[param(min = 1, max = AMOUNT_MAX, over_max = "amount_too_large")]
    pub amount: i64,
    /// `usd`.
    pub currency: Currency,
    /// A text for yourself and your users.
    pub description: Option<String>,
    /// The FinancialAccount that receives the money.
    pub financial_account: String,
    /// Your own keys and values.
    pub metadata: Metadata,
    /// The account's own bank account, verified and set up for inbound flows, or a test token.
    pub origin_payment_method: String,
    /// What stands on the bank's statement: up to 10 letters, digits, spaces and `-#.$&*_`.
    pub statement_descriptor: Option<String>,
}

#[derive(Params)]
pub struct List {
    /// Transfers to this FinancialAccount.
    pub financial_account: String,
    #[param(flatten)]
    pub page: ListParams,
    /// Only transfers with this status.
    pub status: Option<Status>,
}

#[derive(Params)]
pub struct Fail {
    /// Why the bank gives nothing.
    pub failure_details: Option<FailureDetails>,
}

#[derive(Params)]
pub struct FailureDetails {
    /// The bank's reason; `other` unless given.
    pub code: Option<FailureCode>,
}

pub fn resource() -> operation::Resource {
    const ALL: &str = "/v1/treasury/inbound_transfers";
    operation::Resource::of::<InboundTransfer>()
        .events(&[
            "treasury.inbound_transfer.canceled",
            "treasury.inbound_transfer.created",
            "treasury.inbound_transfer.failed",
            "treasury.inbound_transfer.succeeded",
        ])
        .create(ALL, "Pulls money from a bank account of one's own.", create)
        .retrieve("/v1/treasury/inbound_transfers/{id}", "Retrieves an InboundTransfer.")
        .list(ALL, "Lists the InboundTransfers of a FinancialAccount, newest first.", list)
        .action(
            "/v1/treasury/inbound_transfers/{id}/cancel",
            "Cancels an InboundTransfer that has not been sent yet.",
            cancel,
        )
        .action(
            "/v1/test_helpers/treasury/inbound_transfers/{id}/fail",
            "Lets a test InboundTransfer fail.",
            fail,
        )
        .action(
            "/v1/test_helpers/treasury/inbound_transfers/{id}/return",
            "Lets the bank take a test InboundTransfer back.",
            return_,
        )
        .action(
            "/v1/test_helpers/treasury/inbound_transfers/{id}/succeed",
            "Lets a test InboundTransfer succeed.",
            succeed,
        )
        .job(schedule::STEP_JOB, schedule::run_step)
        .done()
}

fn create(tx: &mut Tx<'_>, p: &Create) -> Result<Arc<InboundTransfer>> {
    let amount = Amount::new(p.amount).ok_or_else(|| Fault::new("an amount is not positive"))?;
    received::check_currency(p.currency)?;
    let metadata = p.metadata.for_new()?;
    let account = tx.reference::<FinancialAccount>(&p.financial_account, "financial_account")?;
    let (origin, outcome) = origin::resolve(tx, &p.origin_payment_method)?;
    features::check(&account, Feature::InboundTransfersAch, Direction::Inbound)?;
    if let Some(descriptor) = &p.statement_descriptor {
        destination::check_descriptor(descriptor, Network::Ach)?;
    }
    let descriptor = p.statement_descriptor.clone();
    let transfer = InboundTransfer {
        id: tx.new_id::<InboundTransfer>(),
        created: tx.now_ms(),
        financial_account: account.id.clone(),
        amount,
        origin,
        stage: Stage::Processing,
        settles: tx.settles(),
        entry: None,
        description: p.description.clone(),
        metadata,
        statement_descriptor: descriptor.filter(|given| given != state::DESCRIPTOR_DEFAULT),
    };
    let transfer = tx.save(transfer)?;
    tx.event("treasury.inbound_transfer.created", &*transfer)?;
    schedule::plan(tx, &transfer, outcome)?;
    Ok(transfer)
}

fn list(view: &View<'_>, _: &Path, p: &List) -> Result<Page<InboundTransfer>> {
    let account = &p.financial_account;
    view.require::<FinancialAccount>(account, "financial_account")?;
    let query = Query::new(&p.page);
    let query = match p.status {
        Some(status) => query.filter("status", status.key(account)),
        None => {
            let all = Status::VALUES.iter().map(|status| status.key(account));
            query.any("status", all.collect())
        }
    };
    api::list(view, &query)
}

/// Whether money is still on its way into an account.
pub fn is_awaited(view: &View<'_>, account: &str) -> Result<bool> {
    let page = ListParams { limit: 1, ..ListParams::default() };
    let query = Query::new(&page).filter("status", Status::Processing.key(account));
    Ok(!api::list::<InboundTransfer>(view, &query)?.items.is_empty())
}

fn cancel(tx: &mut Tx<'_>, path: &Path, _: &NoParams) -> Result<Arc<InboundTransfer>> {
    let transfer = tx.find::<InboundTransfer>(path.id())?;
    steps::cancel(tx, &transfer)
}

fn succeed(tx: &mut Tx<'_>, path: &Path, _: &NoParams) -> Result<Arc<InboundTransfer>> {
    let transfer = tx.find::<InboundTransfer>(path.id())?;
    steps::succeed(tx, &transfer)
}

fn fail(tx: &mut Tx<'_>, path: &Path, p: &Fail) -> Result<Arc<InboundTransfer>> {
    let transfer = tx.find::<InboundTransfer>(path.id())?;
    let code = p.failure_details.as_ref().and_then(|details| details.code);
    steps::fail(tx, &transfer, code.unwrap_or(FailureCode::Other))
}

fn return_(tx: &mut Tx<'_>, path: &Path, _: &NoParams) -> Result<Arc<InboundTransfer>> {
    let transfer = tx.find::<InboundTransfer>(path.id())?;
    steps::return_(tx, &transfer, FailureCode::Other)
}
