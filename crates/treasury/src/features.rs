//! What a FinancialAccount may do: its features, what each needs, and what restricts it.

use api::params::{Choice, Params};
use api::{ApiError, Json, object};
use serde::{Deserialize, Serialize};

use crate::capability::Readiness;
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
    /// The account was rejected.
    Rejected,
    /// Such a capability was never requested.
    NotRequested,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum Restriction {
    Restricted,
    #[default]
    Unrestricted,
}

/// What an account shows of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Status {
    Active,
    Pending,
    Restricted,
}

/// Why a feature is not active, and what would help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail {
    code: &'static str,
    resolution: Option<&'static str>,
    /// Which of the platform's restrictions it is.
    restriction: Option<&'static str>,
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
    /// The capabilities without which a connected account cannot have it.
    pub fn capabilities(self) -> &'static [&'static str] {
        match self {
            Feature::CardIssuing => &["card_issuing"],
            Feature::DepositInsurance
            | Feature::FinancialAddressesAba
            | Feature::IntraStripeFlows
            | Feature::OutboundPaymentsUsDomesticWire
            | Feature::OutboundTransfersUsDomesticWire => &["treasury"],
            Feature::InboundTransfersAch
            | Feature::OutboundPaymentsAch
            | Feature::OutboundTransfersAch => &["treasury", "us_bank_account_ach_payments"],
        }
    }

    /// Its standing, given how ready its account is for it and where it stood before. A card
    /// program is there at once; everything else is switched on in a step of its own.
    pub fn standing(self, readiness: Readiness, before: Option<Standing>) -> Standing {
        match readiness {
            Readiness::NotRequested => Standing::NotRequested,
            Readiness::Rejected => Standing::Rejected,
            Readiness::PastDue => Standing::PastDue,
            Readiness::Verifying => Standing::Verifying,
            Readiness::Ready if before == Some(Standing::Active) => Standing::Active,
            Readiness::Ready if self == Feature::CardIssuing => Standing::Active,
            Readiness::Ready => Standing::Activating,
        }
    }

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

impl Direction {
    /// The name of its restriction.
    fn flows(self) -> &'static str {
        match self {
            Direction::Inbound => "inbound_flows",
            Direction::Outbound => "outbound_flows",
        }
    }
}

impl Detail {
    const fn of(code: &'static str, resolution: Option<&'static str>) -> Detail {
        Detail { code, resolution, restriction: None }
    }

    fn render(&self) -> Json {
        let mut json = object([("code", self.code.into()), ("resolution", self.resolution.into())]);
        if let Some(restriction) = self.restriction {
            json.set("restriction", restriction.into());
        }
        json
    }
}

impl Standing {
    /// How a standing shows where the platform restricts nothing.
    fn shown(self) -> (Status, Option<Detail>) {
        const INFORM: Option<&str> = Some("provide_information");
        let (status, code, resolution) = match self {
            Standing::Active => return (Status::Active, None),
            Standing::Activating => (Status::Pending, "activating", None),
            Standing::Verifying => (Status::Pending, "requirements_pending_verification", None),
            Standing::PastDue => (Status::Restricted, "requirements_past_due", INFORM),
            Standing::Rejected => (Status::Restricted, "rejected_other", Some("contact_stripe")),
            Standing::NotRequested => (Status::Restricted, "capability_not_requested", INFORM),
        };
        (status, Some(Detail::of(code, resolution)))
    }
}

/// What an account shows of a feature that it requested, and why.
pub fn shown(
    account: &FinancialAccount,
    feature: Feature,
    standing: Standing,
) -> (Status, Vec<Detail>) {
    if account.is_closed {
        return (Status::Restricted, vec![Detail::of("financial_account_closed", None)]);
    }
    if standing != Standing::Active {
        let (status, detail) = standing.shown();
        return (status, detail.into_iter().collect());
    }
    let restricted = feature.directions().iter().filter(|way| account.restrictions.has(**way));
    let details: Vec<Detail> = restricted
        .map(|direction| Detail {
            code: "restricted_by_platform",
            resolution: Some("remove_restriction"),
            restriction: Some(direction.flows()),
        })
        .collect();
    let status = if details.is_empty() { Status::Active } else { Status::Restricted };
    (status, details)
}

/// The paths of an account's features that show this status.
pub fn paths(account: &FinancialAccount, status: Status) -> Vec<&'static str> {
    let features = account.features.iter();
    let of_status =
        features.filter(|(feature, standing)| shown(account, **feature, **standing).0 == status);
    of_status.map(|(feature, _)| feature.as_str()).collect()
}

/// The hash of an account's features: those that were requested, in their groups.
pub fn hash(account: &FinancialAccount) -> Json {
    let mut hash = object([("object", "treasury.financial_account_features".into())]);
    for (feature, standing) in &account.features {
        let (status, details) = shown(account, *feature, *standing);
        let toggle = object([
            ("requested", true.into()),
            ("status", status.into()),
            ("status_details", api::array(details.iter().map(Detail::render))),
        ]);
        let path = feature.as_str();
        let Some((group, member)) = path.split_once('.') else {
            hash.set(path, toggle);
            continue;
        };
        let mut members = hash.get(group).cloned().unwrap_or_else(|| object([]));
        members.set(member, toggle);
        hash.set(group, members);
    }
    hash
}

/// Whether a feature is wanted.
#[derive(Clone, Copy, Debug, Params)]
pub struct Toggle {
    /// Whether the FinancialAccount should have the feature.
    pub requested: bool,
}

#[derive(Clone, Debug, Default, Params)]
pub struct AbaToggle {
    /// An account number at a US bank, to which anybody can send money.
    pub aba: Option<Toggle>,
}

#[derive(Clone, Debug, Default, Params)]
pub struct AchToggle {
    /// Over the ACH network.
    pub ach: Option<Toggle>,
}

#[derive(Clone, Debug, Default, Params)]
pub struct NetworkToggles {
    /// Over the ACH network.
    pub ach: Option<Toggle>,
    /// By wire within the US.
    pub us_domestic_wire: Option<Toggle>,
}

/// The features that a request names; the others stay as they are.
#[derive(Clone, Debug, Default, Params)]
pub struct FeatureToggles {
    /// Issuing cards that spend from the FinancialAccount.
    pub card_issuing: Option<Toggle>,
    /// Insurance of what the FinancialAccount holds.
    pub deposit_insurance: Option<Toggle>,
    /// Addresses to which money can be sent.
    pub financial_addresses: Option<AbaToggle>,
    /// Pulling money in from the owner's other bank accounts.
    pub inbound_transfers: Option<AchToggle>,
    /// Sending money to, and receiving it from, other FinancialAccounts.
    pub intra_stripe_flows: Option<Toggle>,
    /// Sending money to somebody else.
    pub outbound_payments: Option<NetworkToggles>,
    /// Sending money to the owner's other bank accounts.
    pub outbound_transfers: Option<NetworkToggles>,
}

impl FeatureToggles {
    /// The named features, and whether they are wanted.
    pub fn changes(&self) -> Vec<(Feature, bool)> {
        let payments = self.outbound_payments.as_ref();
        let transfers = self.outbound_transfers.as_ref();
        let named = [
            (Feature::CardIssuing, self.card_issuing),
            (Feature::DepositInsurance, self.deposit_insurance),
            (
                Feature::FinancialAddressesAba,
                self.financial_addresses.as_ref().and_then(|group| group.aba),
            ),
            (
                Feature::InboundTransfersAch,
                self.inbound_transfers.as_ref().and_then(|group| group.ach),
            ),
            (Feature::IntraStripeFlows, self.intra_stripe_flows),
            (Feature::OutboundPaymentsAch, payments.and_then(|group| group.ach)),
            (
                Feature::OutboundPaymentsUsDomesticWire,
                payments.and_then(|group| group.us_domestic_wire),
            ),
            (Feature::OutboundTransfersAch, transfers.and_then(|group| group.ach)),
            (
                Feature::OutboundTransfersUsDomesticWire,
                transfers.and_then(|group| group.us_domestic_wire),
            ),
        ];
        let given = named.into_iter();
        given.filter_map(|(path, toggle)| toggle.map(|toggle| (path, toggle.requested))).collect()
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
