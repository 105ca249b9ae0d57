//! OutboundPayments: money on its way from a FinancialAccount to somebody else.
//!
//! Creating one moves the amount from `cash` to `outbound_pending`, so that it cannot be spent
//! twice while the bank decides. [`state`] has the table of what can become of it.

use std::sync::Arc;

use api::params::{Currency, NoParams};
use api::{ApiError, Page, Path, Query, Result, Tx, View, operation};
use exchequer_core::customer::Customer;
use ledger::Amount;

use crate::book::{self, EntryType, Flow, FlowType};
use crate::destination::{self, Network};
use crate::features::{self, Direction, Feature};
use crate::financial_account::FinancialAccount;
use params::{Create, List};
use state::Action;

pub use state::{OutboundPayment, RULES, Stage, Status};

mod helpers;
mod params;
mod render;
mod state;

/// The words for this flow on a Transaction.
const FLOW_LABEL: &str = "Outbound payment";

pub fn resource() -> operation::Resource {
    const ALL: &str = "/v1/treasury/outbound_payments";
    operation::Resource::of::<OutboundPayment>()
        .events(&[
            "treasury.outbound_payment.canceled",
            "treasury.outbound_payment.created",
            "treasury.outbound_payment.expected_arrival_date_updated",
            "treasury.outbound_payment.failed",
            "treasury.outbound_payment.posted",
            "treasury.outbound_payment.returned",
            "treasury.outbound_payment.tracking_details_updated",
        ])
        .create(ALL, "Pays somebody else from a FinancialAccount.", create)
        .retrieve("/v1/treasury/outbound_payments/{id}", "Retrieves an OutboundPayment.")
        .list(ALL, "Lists the OutboundPayments of a FinancialAccount, newest first.", list)
        .action(
            "/v1/treasury/outbound_payments/{id}/cancel",
            "Cancels an OutboundPayment that has not been sent yet.",
            cancel,
        )
        .action(
            "/v1/test_helpers/treasury/outbound_payments/{id}",
            "Sets the tracking details of a test OutboundPayment.",
            helpers::update,
        )
        .action(
            "/v1/test_helpers/treasury/outbound_payments/{id}/fail",
            "Lets a test OutboundPayment fail.",
            helpers::fail,
        )
        .action(
            "/v1/test_helpers/treasury/outbound_payments/{id}/post",
            "Lets a test OutboundPayment be posted.",
            helpers::post,
        )
        .action(
            "/v1/test_helpers/treasury/outbound_payments/{id}/return",
            "Lets the bank send a test OutboundPayment back.",
            helpers::return_,
        )
        .job(helpers::STEP_JOB, helpers::run_step)
        .done()
}

fn create(tx: &mut Tx<'_>, p: &Create) -> Result<Arc<OutboundPayment>> {
    let Some(amount) = Amount::new(p.amount) else {
        // The parameter's own limits keep this from happening.
        return Err(ApiError::param("parameter_invalid_integer", "amount", "Invalid amount").into());
    };
    if p.currency != Currency::USD {
        return Err(Currency::refusal(p.currency.as_str(), &["usd"], "currency").into());
    }
    let metadata = p.metadata.for_new()?;
    let account = tx.reference::<FinancialAccount>(&p.financial_account, "financial_account")?;
    if let Some(customer) = &p.customer {
        tx.reference::<Customer>(customer, "customer")?;
    }
    let resolved = destination::resolve(
        tx,
        &destination::Request {
            source: &account,
            customer: p.customer.as_deref(),
            payment_method: p.destination_payment_method.as_deref(),
            data: p.destination_payment_method_data.as_ref(),
            options: p.destination_payment_method_options.as_ref(),
        },
    )?;
    let destination = resolved.destination;
    features::check(&account, feature(destination.network()), Direction::Outbound)?;
    if let Some(descriptor) = &p.statement_descriptor {
        destination::check_descriptor(descriptor, destination.network())?;
    }
    let descriptor = p.statement_descriptor.as_deref().unwrap_or(state::DESCRIPTOR_DEFAULT);
    let id = tx.new_id::<OutboundPayment>();
    let description = destination.describe(FLOW_LABEL, descriptor);
    let flow = flow(&id, &account.id, amount, description);
    let transaction = book::hold(tx, &flow, EntryType::OutboundPayment)?;
    let end_user = p.end_user_details.as_ref().filter(|user| user.present);
    let payment = tx.save(OutboundPayment {
        id,
        created: tx.now_ms(),
        financial_account: account.id.clone(),
        amount,
        destination,
        transaction,
        stage: Stage::Processing,
        customer: p.customer.clone(),
        description: p.description.clone(),
        end_user_ip: end_user.and_then(|user| user.ip_address),
        is_delayed: false,
        metadata,
        statement_descriptor: p
            .statement_descriptor
            .clone()
            .filter(|descriptor| descriptor != state::DESCRIPTOR_DEFAULT),
        tracking_details: None,
    })?;
    tx.event("treasury.outbound_payment.created", &*payment)?;
    helpers::plan_steps(tx, &payment, resolved.outcome)?;
    Ok(payment)
}

/// What the source needs for a network.
fn feature(network: Network) -> Feature {
    match network {
        Network::Ach => Feature::OutboundPaymentsAch,
        Network::UsDomesticWire => Feature::OutboundPaymentsUsDomesticWire,
        Network::Stripe => Feature::IntraStripeFlows,
    }
}

/// What stands on each of a payment's Transactions.
fn flow<'a>(id: &'a str, account: &'a str, amount: Amount, description: String) -> Flow<'a> {
    Flow {
        account,
        id: Some(id),
        kind: FlowType::OutboundPayment,
        amount,
        currency: Currency::USD,
        description,
    }
}

fn list(view: &View<'_>, _path: &Path, p: &List) -> Result<Page<OutboundPayment>> {
    view.require::<FinancialAccount>(&p.financial_account, "financial_account")?;
    if let Some(customer) = &p.customer {
        view.require::<Customer>(customer, "customer")?;
    }
    let query = Query::new(&p.page)
        .filter("financial_account", p.financial_account.as_str())
        .filter_some("customer", p.customer.as_deref())
        .filter_some("status", p.status.map(|status| status.as_str()))
        .created(p.created.as_ref());
    api::list(view, &query)
}

fn cancel(tx: &mut Tx<'_>, path: &Path, _: &NoParams) -> Result<Arc<OutboundPayment>> {
    let payment = tx.find::<OutboundPayment>(path.id())?;
    helpers::perform(tx, &payment, Action::Cancel)
}
