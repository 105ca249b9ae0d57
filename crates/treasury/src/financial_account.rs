//! FinancialAccounts: where the money is.
//!
//! ```text
//!   open ── close, with nothing left in it ──▶ closed
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use api::list::{Page, Query};
use api::operation;
use api::params::{Choice, Currency, ListParams, Metadata, Params, Range, Unset};
use api::{
    ApiError, Expandable, Include, Index, Json, Path, Resource, Result, Tx, View, array, object,
    seconds,
};
use exchequer_core::account::{CAPABILITIES_CHANGED, DELETION};
use exchequer_core::bank::BankAccount;
use ledger::Impact;
use serde::{Deserialize, Serialize};
use store::{IdRange, Millis};

use crate::capability::{self, Readiness};
use crate::features::{self, Feature, FeatureToggles, Restriction, Restrictions, Standing};

use activation::{activate, announce, capabilities_changed, plan_activation, request};
pub use closing::{ForwardingSettings, Heir, forward_what_came_late};

mod activation;
mod closing;
pub mod hash;

/// How many FinancialAccounts an account can have open.
const OPEN_MAX: usize = 3;

/// The job that switches requested features on.
pub const ACTIVATE: &str = "treasury.financial_account.activate";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FinancialAccount {
    pub id: String,
    pub created: Millis,
    /// The running sum of all its entries, in cents.
    pub balance: Impact,
    /// What was requested, and how far each has come.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub features: BTreeMap<Feature, Standing>,
    #[serde(default, skip_serializing_if = "Restrictions::is_none")]
    pub restrictions: Restrictions,
    /// There from the first time on that its feature was active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_default: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_closed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Where its money goes when it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heir: Option<Heir>,
}

/// Where others can send money to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Address {
    pub account_holder_name: String,
    pub bank_account: BankAccount,
}

#[derive(Clone, Debug, Default, Params)]
pub struct PlatformRestrictions {
    /// Whether money can come in from outside.
    pub inbound_flows: Option<Restriction>,
    /// Whether money can go out.
    pub outbound_flows: Option<Restriction>,
}

#[derive(Clone, Debug, Params)]
pub struct CreateFinancialAccount {
    /// The features to switch on.
    pub features: Option<FeatureToggles>,
    /// Names and values of your own.
    pub metadata: Metadata,
    /// A name for people, shorter than 250 characters.
    #[param(max = 249)]
    pub nickname: Unset<String>,
    /// Which flows the platform restricts; none unless given.
    pub platform_restrictions: Option<PlatformRestrictions>,
    /// The currencies of its balance: `usd`.
    pub supported_currencies: Vec<Currency>,
}

#[derive(Clone, Debug, Params)]
pub struct UpdateFinancialAccount {
    /// The features to switch on or off; those that are not named stay as they are.
    pub features: Option<FeatureToggles>,
    /// Where its money goes when it is closed.
    pub forwarding_settings: Option<ForwardingSettings>,
    /// Names and values of your own.
    pub metadata: Metadata,
    /// A name for people, shorter than 250 characters; empty removes it.
    #[param(max = 249)]
    pub nickname: Unset<String>,
    /// Which flows the platform restricts.
    pub platform_restrictions: Option<PlatformRestrictions>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Status {
    Open,
    Closed,
}

#[derive(Clone, Debug, Params)]
pub struct ListFinancialAccounts {
    /// When the FinancialAccount was created.
    pub created: Option<Range>,
    /// Only FinancialAccounts of this status.
    pub status: Option<Status>,
    #[param(flatten)]
    pub page: ListParams,
}

pub fn resource() -> operation::Resource {
    operation::Resource::of::<FinancialAccount>()
        .events(&[
            "treasury.financial_account.closed",
            "treasury.financial_account.created",
            "treasury.financial_account.features_status_updated",
        ])
        .create("/v1/treasury/financial_accounts", "Creates a FinancialAccount.", create)
        .retrieve("/v1/treasury/financial_accounts/{id}", "Retrieves a FinancialAccount.")
        .action(
            "/v1/treasury/financial_accounts/{id}",
            "Updates a FinancialAccount's features, restrictions and names.",
            update,
        )
        .list("/v1/treasury/financial_accounts", "Lists FinancialAccounts.", list)
        .action(
            "/v1/treasury/financial_accounts/{id}/close",
            "Closes a FinancialAccount for good.",
            closing::close,
        )
        .job(ACTIVATE, activate)
        .job(CAPABILITIES_CHANGED, capabilities_changed)
        .job(DELETION, closing::refuse_deletion)
        .done()
}

fn create(tx: &mut Tx<'_>, p: &CreateFinancialAccount) -> Result<Arc<FinancialAccount>> {
    check_currencies(&p.supported_currencies)?;
    if capability::readiness(tx, &["treasury"])? == Readiness::NotRequested {
        let message = format!(
            "The account {} has to request the capability treasury before it can have a \
             FinancialAccount.",
            tx.owner.id
        );
        return Err(ApiError::invalid(message).code("capability_not_active").into());
    }
    let open = tx.session.index(
        tx.owner.number,
        "status",
        Status::Open.as_str(),
        &IdRange::prefix(FinancialAccount::PREFIX, true),
        OPEN_MAX,
    )?;
    if open.len() >= OPEN_MAX {
        let message = format!("An account can have {OPEN_MAX} open FinancialAccounts at most.");
        return Err(ApiError::invalid(message).into());
    }
    let id = tx.new_id::<FinancialAccount>();
    let mut account = FinancialAccount::new(id, tx.now_ms());
    account.is_default = tx.is_platform() && is_first(tx)?;
    account.nickname = p.nickname.clone().into_option();
    account.metadata = p.metadata.for_new()?;
    if let Some(restrictions) = &p.platform_restrictions {
        account.restrict(restrictions);
    }
    if let Some(toggles) = &p.features {
        request(tx, &mut account, &toggles.changes(), "features")?;
    }
    let account = tx.save(account)?;
    tx.event("treasury.financial_account.created", &*account)?;
    plan_activation(tx, &account)?;
    Ok(account)
}

fn check_currencies(currencies: &[Currency]) -> Result<(), ApiError> {
    match currencies.iter().find(|currency| **currency != Currency::USD) {
        Some(other) => Err(Currency::refusal(other.as_str(), &["usd"], "supported_currencies")),
        None => Ok(()),
    }
}

/// Whether the account never had a FinancialAccount: closed ones are kept.
fn is_first(view: &View<'_>) -> Result<bool> {
    let page = ListParams { limit: 1, ..ListParams::default() };
    Ok(api::list::<FinancialAccount>(view, &Query::new(&page))?.items.is_empty())
}

/// A closed account can still be named.
fn update(
    tx: &mut Tx<'_>,
    path: &Path,
    p: &UpdateFinancialAccount,
) -> Result<Arc<FinancialAccount>> {
    let before = tx.find::<FinancialAccount>(path.id())?;
    let names_only = p.features.is_none()
        && p.platform_restrictions.is_none()
        && p.forwarding_settings.is_none();
    if before.is_closed && !names_only {
        return Err(before.closed_error().into());
    }
    let mut account = api::copy(&before);
    p.nickname.clone().apply(&mut account.nickname);
    p.metadata.apply(&mut account.metadata)?;
    if let Some(restrictions) = &p.platform_restrictions {
        account.restrict(restrictions);
    }
    if let Some(toggles) = &p.features {
        request(tx, &mut account, &toggles.changes(), "features")?;
    }
    if let Some(settings) = &p.forwarding_settings {
        account.heir = Some(settings.heir(tx, &account)?);
    }
    let account = tx.save(account)?;
    announce(tx, &before, &account)?;
    plan_activation(tx, &account)?;
    Ok(account)
}

fn list(view: &View<'_>, _: &Path, p: &ListFinancialAccounts) -> Result<Page<FinancialAccount>> {
    let query = Query::new(&p.page)
        .filter_some("status", p.status.map(Status::as_str))
        .created(p.created.as_ref());
    api::list(view, &query)
}

impl FinancialAccount {
    /// An open account that holds nothing and may do nothing.
    pub fn new(id: String, created: Millis) -> FinancialAccount {
        FinancialAccount {
            id,
            created,
            balance: Impact::default(),
            features: BTreeMap::new(),
            restrictions: Restrictions::default(),
            address: None,
            is_default: false,
            is_closed: false,
            nickname: None,
            metadata: BTreeMap::new(),
            heir: None,
        }
    }

    pub fn holds_money(&self) -> bool {
        self.balance != Impact::default()
    }

    pub fn status(&self) -> Status {
        if self.is_closed { Status::Closed } else { Status::Open }
    }

    /// The refusal of what only an open account can do.
    pub fn closed_error(&self) -> ApiError {
        let message = format!("The FinancialAccount {} is closed.", self.id);
        ApiError::invalid(message).on("financial_account")
    }

    fn restrict(&mut self, restrictions: &PlatformRestrictions) {
        if let Some(inbound) = restrictions.inbound_flows {
            self.restrictions.inbound_flows = inbound;
        }
        if let Some(outbound) = restrictions.outbound_flows {
            self.restrictions.outbound_flows = outbound;
        }
    }
}

/// By which closed accounts are found that hold money all the same.
const LEFT_BEHIND: &str = "left_behind";
const LEFT_BEHIND_CASH: &str = "cash";

/// The index of those with an address, by the fingerprint of its numbers.
pub const NUMBERS: &str = "numbers";

/// The included member that shows the whole account number.
const ACCOUNT_NUMBER: &str = "financial_addresses.aba.account_number";

impl Resource for FinancialAccount {
    const OBJECT: &'static str = "treasury.financial_account";
    const PREFIX: &'static str = "fa";
    const LABEL: &'static str = "financial account";
    const EXPANDS: &'static [Expandable] =
        &[Expandable::included("features"), Expandable::included(ACCOUNT_NUMBER)];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        entries.add("status", self.status().as_str());
        if let Some(address) = &self.address {
            entries.add(NUMBERS, &address.bank_account.fingerprint);
        }
        if self.is_closed && self.holds_money() {
            entries.add(LEFT_BEHIND, LEFT_BEHIND_CASH);
        }
    }

    fn render(&self, view: &View<'_>, include: &Include<'_>) -> Result<Json> {
        let paths = |status| array(features::paths(self, status));
        let cents = |cents: i64| object([("usd", cents.into())]);
        let mut addresses = Vec::new();
        if let Some(address) = &self.address {
            addresses.push(address.render(view, include.has(ACCOUNT_NUMBER))?);
        }
        let reasons = || object([("reasons", array(["closed_by_platform"]))]);
        let mut json = object([
            ("id", Json::from(&self.id)),
            ("object", Self::OBJECT.into()),
            ("active_features", paths(features::Status::Active)),
            (
                "balance",
                object([
                    ("cash", cents(self.balance.cash)),
                    ("inbound_pending", cents(self.balance.inbound_pending)),
                    ("outbound_pending", cents(self.balance.outbound_pending)),
                ]),
            ),
            ("country", "US".into()),
            ("created", seconds(self.created).into()),
            ("financial_addresses", Json::Array(addresses)),
            ("is_default", self.is_default.into()),
            ("livemode", view.livemode().into()),
            ("metadata", Json::from(&self.metadata)),
            ("nickname", Json::from(&self.nickname)),
            ("pending_features", paths(features::Status::Pending)),
            (
                "platform_restrictions",
                object([
                    ("inbound_flows", self.restrictions.inbound_flows.into()),
                    ("outbound_flows", self.restrictions.outbound_flows.into()),
                ]),
            ),
            ("restricted_features", paths(features::Status::Restricted)),
            ("status", self.status().into()),
            ("status_details", object([("closed", self.is_closed.then(reasons).into())])),
            ("supported_currencies", array(["usd"])),
        ]);
        if include.has("features") {
            json.set("features", features::hash(self));
        }
        Ok(json)
    }
}

impl Address {
    fn render(&self, view: &View<'_>, with_number: bool) -> Result<Json> {
        let mut aba = object([
            ("account_holder_name", Json::from(&self.account_holder_name)),
            ("account_number_last4", Json::from(&self.bank_account.last4)),
            ("bank_name", self.bank_account.bank_name().into()),
            ("routing_number", Json::from(&self.bank_account.routing_number)),
        ]);
        if with_number {
            let number = self.bank_account.number(view.session.sealer)?;
            aba.set("account_number", number.into());
        }
        Ok(object([
            ("aba", aba),
            ("supported_networks", array(["ach", "us_domestic_wire"])),
            ("type", "aba".into()),
        ]))
    }
}
