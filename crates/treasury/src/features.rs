//! What a FinancialAccount may do: its features, what each needs, and what restricts it.

use api::ApiError;
use api::params::Choice;
use serde::{Deserialize, Serialize};

use crate::financial_account::FinancialAccount;

/// The paths of the features, in the order of the arrays of a FinancialAccount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Choice)]
pub enum Feature {
    CardIssuing,
    DepositInsurance,
    #[choice(name = "financial_addresses.aba")]
    FinancialAddressesAba,
    #[choice(name = "inbound_transfers.ach")]
    InboundTransfersAch,
    IntraStripeFlows,
    #[choice(name = "outbound_payments.ach")]
    OutboundPaymentsAch,
    #[choice(name = "outbound_payments.us_domestic_wire")]
    OutboundPaymentsUsDomesticWire,
    #[choice(name = "outbound_transfers.ach")]
    OutboundTransfersAch,
    #[choice(name = "outbound_transfers.us_domestic_wire")]
    OutboundTransfersUsDomesticWire,
}

/// Which way money goes, seen from the FinancialAccount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Inbound,
    Outbound,
}

/// How far a requested feature has come, whatever the platform restricts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Standing {
    Active,
    /// Being switched on: the next thing that happens.
    Activating,
    /// A capability that it needs is being verified.
    Verifying,
    /// Such a capability waits for information.
    PastDue,
    /// Such a capability was never requested.
    NotRequested,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum Restriction {
    Restricted,
    #[default]
    Unrestricted,
}

/// What the platform restricts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restrictions {
    pub inbound_flows: Restriction,
    pub outbound_flows: Restriction,
}

impl Restrictions {
    pub fn is_none(&self) -> bool {
        *self == Restrictions::default()
    }

    pub fn has(&self, direction: Direction) -> bool {
        let restriction = match direction {
            Direction::Inbound => self.inbound_flows,
            Direction::Outbound => self.outbound_flows,
        };
        restriction == Restriction::Restricted
    }
}

impl Feature {
    /// The directions whose restriction concerns it.
    pub fn directions(self) -> &'static [Direction] {
        use Direction::{Inbound, Outbound};
        match self {
            Feature::CardIssuing | Feature::DepositInsurance => &[],
            Feature::FinancialAddressesAba | Feature::IntraStripeFlows => &[Inbound, Outbound],
            Feature::InboundTransfersAch => &[Inbound],
            Feature::OutboundPaymentsAch
            | Feature::OutboundPaymentsUsDomesticWire
            | Feature::OutboundTransfersAch
            | Feature::OutboundTransfersUsDomesticWire => &[Outbound],
        }
    }
}

/// What stands before an operation that needs a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    Open,
    /// The account is closed.
    Closed,
    /// The feature is not requested, or not active yet.
    NotActive,
    /// The platform restricts this direction.
    Frozen,
}

/// A feature lets money pass when it is active, or restricted in the other direction alone.
pub fn gate(account: &FinancialAccount, feature: Feature, direction: Direction) -> Gate {
    if account.is_closed {
        return Gate::Closed;
    }
    if account.features.get(&feature) != Some(&Standing::Active) {
        return Gate::NotActive;
    }
    if feature.directions().contains(&direction) && account.restrictions.has(direction) {
        return Gate::Frozen;
    }
    Gate::Open
}

/// The refusal of an operation whose feature does not let money pass.
pub fn check(
    account: &FinancialAccount,
    feature: Feature,
    direction: Direction,
) -> Result<(), ApiError> {
    let (id, path) = (&account.id, feature.as_str());
    let message = match gate(account, feature, direction) {
        Gate::Open => return Ok(()),
        Gate::Closed => format!("The FinancialAccount {id} is closed."),
        Gate::NotActive => format!(
            "The FinancialAccount {id} does not have the feature {path} active, which this needs."
        ),
        Gate::Frozen => format!(
            "The feature {path} of the FinancialAccount {id} is restricted by the platform."
        ),
    };
    Err(ApiError::invalid(message).on("financial_account"))
}
