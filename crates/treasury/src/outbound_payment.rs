//! OutboundPayments: money on its way from a FinancialAccount to somebody else.
//!
//! What becomes of one is told in [`crate::outbound`]; here stands whom it may pay, what only it
//! keeps, and how it is called.

use std::net::IpAddr;
use std::sync::Arc;

use api::params::{At, Currency, ListParams, Metadata, NoParams, Params, Range};
use api::{Index, Json, Page, Path, Query, Result, Tx, View, object, operation};
use exchequer_core::customer::Customer;
use serde::{Deserialize, Serialize};

use crate::book::{EntryType, FlowType};
use crate::destination::{self, DestinationData, DestinationOptions, Network, Payee};
use crate::features::Feature;
use crate::financial_account::FinancialAccount;
use crate::outbound::params::{AMOUNT_MAX, one_destination};
use crate::outbound::{
    self, Action, Entries, Events, Kind, Names, New, Outbound, Status, schedule, steps,
};
use crate::rails::returns::AchReturns;
use crate::rails::{AchFile, Desk, file};
use crate::received_credit::SourceFlowType;

pub type OutboundPayment = Outbound<ToSomebody>;

/// What an OutboundPayment keeps beside what all outbound flows do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ToSomebody {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The address of the user for whom the platform pays, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_user_ip: Option<IpAddr>,
}

#[derive(Params)]
#[params(check = has_one_destination)]
pub struct Create {
    /// How much to pay, in cents.
    #[param(min = 1, max = AMOUNT_MAX, over_max = "amount_too_large")]
    pub amount: i64,
    /// `usd`.
    pub currency: Currency,
    /// The Customer who is paid. A PaymentMethod must be theirs.
    pub customer: Option<String>,
    /// A text for yourself and your users.
    pub description: Option<String>,
    /// The PaymentMethod that is paid, or a test token.
    pub destination_payment_method: Option<String>,
    /// A destination described here, in place of a PaymentMethod.
    pub destination_payment_method_data: Option<DestinationData>,
    /// How the destination is paid.
    pub destination_payment_method_options: Option<DestinationOptions>,
    /// The user on whose behalf the payment is made.
    pub end_user_details: Option<EndUserDetails>,
    /// The FinancialAccount that pays.
    pub financial_account: String,
    /// Your own keys and values.
    pub metadata: Metadata,
    /// What the receiver reads: up to 10 characters by `ach`, 140 by `us_domestic_wire`, 500 to
    /// another FinancialAccount. Letters, digits, spaces and `-#.$&*_`.
    pub statement_descriptor: Option<String>,
}

#[derive(Clone, Params)]
#[params(check = present_has_address)]
pub struct EndUserDetails {
    /// Where the user is; needed where one is present.
    pub ip_address: Option<IpAddr>,
    /// Whether a user is there for whom the platform pays.
    pub present: bool,
}

fn has_one_destination(params: &Create, at: &At<'_>) {
    let method = params.destination_payment_method.is_some();
    one_destination(method, params.destination_payment_method_data.is_some(), at);
}

fn present_has_address(params: &EndUserDetails, at: &At<'_>) {
    if params.present && params.ip_address.is_none() {
        at.child("ip_address").missing::<()>();
    }
}

#[derive(Params)]
pub struct List {
    /// When it was created.
    pub created: Option<Range>,
    /// Only payments to this Customer.
    pub customer: Option<String>,
    /// Payments of this FinancialAccount.
    pub financial_account: String,
    #[param(flatten)]
    pub page: ListParams,
    /// Only payments with this status.
    pub status: Option<Status>,
}

pub fn resource() -> operation::Resource {
    const ALL: &str = "/v1/treasury/outbound_payments";
    const EVENTS: &[&str] = &ToSomebody::NAMES.events.all();
    operation::Resource::of::<OutboundPayment>()
        .events(EVENTS)
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
            steps::update,
        )
        .action(
            "/v1/test_helpers/treasury/outbound_payments/{id}/fail",
            "Lets a test OutboundPayment fail.",
            steps::fail,
        )
        .action(
            "/v1/test_helpers/treasury/outbound_payments/{id}/post",
            "Lets a test OutboundPayment be posted.",
            steps::post,
        )
        .action(
            "/v1/test_helpers/treasury/outbound_payments/{id}/return",
            "Lets the bank send a test OutboundPayment back.",
            steps::return_,
        )
        .job(ToSomebody::NAMES.step_job, schedule::run::<ToSomebody>)
        .job(file::CLOSE_JOB, file::close)
        .keeps::<Desk>()
        .keeps::<AchFile>()
        .keeps::<AchReturns>()
        .done()
}

fn create(tx: &mut Tx<'_>, p: &Create) -> Result<Arc<OutboundPayment>> {
    let amount = outbound::amount(p.amount, p.currency)?;
    let metadata = p.metadata.for_new()?;
    let account = tx.reference::<FinancialAccount>(&p.financial_account, "financial_account")?;
    if let Some(customer) = &p.customer {
        tx.reference::<Customer>(customer, "customer")?;
    }
    let request = destination::Request {
        source: &account,
        payee: Payee::Somebody { customer: p.customer.as_deref() },
        payment_method: p.destination_payment_method.as_deref(),
        data: p.destination_payment_method_data.as_ref(),
        options: p.destination_payment_method_options.as_ref(),
    };
    let resolved = destination::resolve(tx, &request)?;
    let end_user = p.end_user_details.as_ref().filter(|user| user.present);
    let kind = ToSomebody {
        customer: p.customer.clone(),
        end_user_ip: end_user.and_then(|user| user.ip_address),
    };
    let new = New {
        source: &account,
        amount,
        resolved,
        description: p.description.as_deref(),
        metadata,
        statement_descriptor: p.statement_descriptor.as_deref(),
        kind,
    };
    outbound::begin(tx, new)
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
    steps::perform(tx, &payment, Action::Cancel)
}

impl Kind for ToSomebody {
    const NAMES: &'static Names = &Names {
        object: "treasury.outbound_payment",
        prefix: "obp",
        label: "outbound payment",
        title: "OutboundPayment",
        flow: "Outbound payment",
        descriptor_default: "payment",
        flow_type: FlowType::OutboundPayment,
        source_flow_type: SourceFlowType::OutboundPayment,
        entries: Entries {
            creation: EntryType::OutboundPayment,
            cancellation: EntryType::OutboundPaymentCancellation,
            failure: EntryType::OutboundPaymentFailure,
            posting: EntryType::OutboundPaymentPosting,
            return_: EntryType::OutboundPaymentReturn,
        },
        events: Events {
            canceled: "treasury.outbound_payment.canceled",
            created: "treasury.outbound_payment.created",
            expected_arrival_date_updated: "treasury.outbound_payment.expected_arrival_date_updated",
            failed: "treasury.outbound_payment.failed",
            posted: "treasury.outbound_payment.posted",
            returned: "treasury.outbound_payment.returned",
            tracking_details_updated: "treasury.outbound_payment.tracking_details_updated",
        },
        step_job: "outbound_payment.step",
    };

    fn feature(network: Network) -> Feature {
        match network {
            Network::Ach => Feature::OutboundPaymentsAch,
            Network::UsDomesticWire => Feature::OutboundPaymentsUsDomesticWire,
            Network::Stripe => Feature::IntraStripeFlows,
        }
    }

    fn index(&self, entries: &mut Index) {
        entries.add_some("customer", self.customer.as_ref());
    }

    fn show(&self, json: &mut Json) {
        let end_user = object([
            ("ip_address", self.end_user_ip.map(|ip| ip.to_string()).into()),
            ("present", self.end_user_ip.is_some().into()),
        ]);
        json.set("customer", Json::from(&self.customer));
        json.set("end_user_details", end_user);
    }
}
