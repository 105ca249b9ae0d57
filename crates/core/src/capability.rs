//! Capabilities: what an account may do. They are not kept by themselves, but with their account.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::list::Page;
use api::operation::{self, Path};
use api::params::{At, Choice, Field, Kind, NoParams, Param, Params, read_hash};
use api::resource::{Expandable, ExpandableKind};
use api::{ApiError, Include, Json, Resource, Result, Tx, View, object, seconds_or_null};
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::account::{self, Account, Requirements};

/// Every capability of the API.
pub const NAMES: &[&str] = &[
    "acss_debit_payments",
    "affirm_payments",
    "afterpay_clearpay_payments",
    "alma_payments",
    "amazon_pay_payments",
    "app_distribution",
    "au_becs_debit_payments",
    "bacs_debit_payments",
    "bancontact_payments",
    "bank_transfer_payments",
    "billie_payments",
    "bizum_payments",
    "blik_payments",
    "blik_recurring_payments",
    "boleto_payments",
    "card_issuing",
    "card_payments",
    "cartes_bancaires_payments",
    "cashapp_payments",
    "crypto_payments",
    "eps_payments",
    "fpx_payments",
    "gb_bank_transfer_payments",
    "giropay_payments",
    "grabpay_payments",
    "ideal_payments",
    "india_international_payments",
    "jcb_payments",
    "jp_bank_transfer_payments",
    "kakao_pay_payments",
    "klarna_payments",
    "konbini_payments",
    "kr_card_payments",
    "legacy_payments",
    "link_payments",
    "mb_way_payments",
    "mobilepay_payments",
    "multibanco_payments",
    "mx_bank_transfer_payments",
    "naver_pay_payments",
    "nz_bank_account_becs_debit_payments",
    "oxxo_payments",
    "p24_payments",
    "pay_by_bank_payments",
    "payco_payments",
    "paynow_payments",
    "paypay_payments",
    "payto_payments",
    "pix_payments",
    "promptpay_payments",
    "revolut_pay_payments",
    "samsung_pay_payments",
    "satispay_payments",
    "scalapay_payments",
    "sepa_bank_transfer_payments",
    "sepa_debit_payments",
    "sequra_payments",
    "sofort_payments",
    "sunbit_payments",
    "swish_payments",
    "tax_reporting_us_1099_k",
    "tax_reporting_us_1099_misc",
    "transfers",
    "treasury",
    "twint_payments",
    "upi_payments",
    "us_bank_account_ach_payments",
    "us_bank_transfer_payments",
    "wero_payments",
    "zip_payments",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum CapabilityStatus {
    Active,
    Inactive,
    Pending,
    Unrequested,
}

/// A capability that an account asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    pub at: Millis,
    pub status: CapabilityStatus,
}

/// A capability of an account, requested or not.
#[derive(Clone, Serialize, Deserialize)]
pub struct Capability {
    name: String,
    account: String,
    requested: Option<Requested>,
    requirements: Requirements,
    is_rejected: bool,
}

#[derive(Params)]
struct UpdateCapability {
    /// Whether the account asks for it.
    requested: Option<bool>,
}

/// The `capabilities` of an account's parameters: which of them are asked for, which no more.
#[derive(Clone, Debug, Default)]
pub struct Requests(pub BTreeMap<&'static str, bool>);

#[derive(Params)]
struct Request {
    /// Whether the account asks for it.
    requested: Option<bool>,
}

impl Params for Requests {
    fn fields() -> Vec<Field> {
        let field = |name| Field { name, doc: "", required: false, kind: Request::kind };
        NAMES.iter().copied().map(field).collect()
    }

    fn has_field(name: &str) -> bool {
        NAMES.contains(&name)
    }

    fn read_fields(at: &At<'_>) -> Option<Self> {
        let mut requests = BTreeMap::new();
        for name in NAMES.iter().copied() {
            let request = Option::<Request>::read(&at.child(name))?;
            if let Some(requested) = request.and_then(|request| request.requested) {
                requests.insert(name, requested);
            }
        }
        Some(Requests(requests))
    }
}

impl Param for Requests {
    fn kind() -> Kind {
        Kind::Hash(Requests::fields)
    }

    fn read(at: &At<'_>) -> Option<Self> {
        read_hash(at)
    }
}

pub fn resource() -> operation::Resource {
    const ALL: &str = "/v1/accounts/{account}/capabilities";
    const ONE: &str = "/v1/accounts/{account}/capabilities/{capability}";
    operation::Resource::of::<Capability>()
        .events(&["capability.updated"])
        .list(ALL, "Lists the capabilities that an account asked for.", list)
        .read(ONE, "Retrieves a capability of an account.", retrieve)
        .action(ONE, "Asks for a capability of an account, or gives it up.", update)
        .done()
}

fn list(view: &View<'_>, path: &Path, _: &NoParams) -> Result<Page<Capability>> {
    let account = account::find(view, path.id())?;
    let names = account.capabilities.keys();
    let items = names.map(|name| Arc::new(Capability::of(&account, name))).collect();
    Ok(Page { items, has_more: false })
}

fn retrieve(view: &View<'_>, path: &Path, _: &NoParams) -> Result<Arc<Capability>> {
    let account = account::find(view, path.id())?;
    Ok(Arc::new(Capability::of(&account, known(path.second())?)))
}

fn update(tx: &mut Tx<'_>, path: &Path, params: &UpdateCapability) -> Result<Arc<Capability>> {
    let before = account::find(tx, path.id())?;
    let name = known(path.second())?;
    let mut after = api::copy(&before);
    if let Some(requested) = params.requested {
        let requests = Requests([(name, requested)].into());
        after.request(&requests, tx.now_ms(), "requested")?;
    }
    let account = account::keep(tx, before, after)?;
    Ok(Arc::new(Capability::of(&account, name)))
}

fn known(name: &str) -> Result<&'static str> {
    let missing = || ApiError::not_found(Capability::LABEL, name, Capability::PARAM).into();
    NAMES.iter().find(|known| **known == name).copied().ok_or_else(missing)
}

impl Capability {
    pub fn of(account: &Account, name: &str) -> Capability {
        let requirements = Requirements {
            due: account.requirements.due_for(name),
            ..account.requirements.clone()
        };
        Capability {
            name: name.to_owned(),
            account: account.id().to_owned(),
            requested: account.capabilities.get(name).copied(),
            requirements,
            is_rejected: account.rejected.is_some(),
        }
    }

    fn status(&self) -> CapabilityStatus {
        self.requested.map_or(CapabilityStatus::Unrequested, |requested| requested.status)
    }

    fn disabled_reason(&self) -> Option<&'static str> {
        match self.status() {
            CapabilityStatus::Active | CapabilityStatus::Unrequested => None,
            _ if self.is_rejected => Some("rejected.other"),
            CapabilityStatus::Inactive => Some("requirements.fields_needed"),
            CapabilityStatus::Pending => Some("pending.review"),
        }
    }
}

impl Resource for Capability {
    const OBJECT: &'static str = "capability";
    /// Their ids are their names, so nothing is ever looked up by one.
    const PREFIX: &'static str = "";
    const LABEL: &'static str = "capability";
    const PARAM: &'static str = "capability";
    const EXPANDS: &'static [Expandable] =
        &[Expandable { path: "account", kind: ExpandableKind::Reference(account::definition) }];

    fn id(&self) -> &str {
        &self.name
    }

    fn created(&self) -> Millis {
        self.requested.map_or(0, |requested| requested.at)
    }

    fn render(&self, _: &View<'_>, _: &Include<'_>) -> Result<Json> {
        let requirements = match self.requested {
            Some(_) => self.requirements.clone(),
            None => Requirements::default(),
        };
        Ok(object([
            ("id", (&self.name).into()),
            ("object", Self::OBJECT.into()),
            ("account", (&self.account).into()),
            ("future_requirements", Requirements::default().render(None, false)),
            ("requested", self.requested.is_some().into()),
            ("requested_at", seconds_or_null(self.requested.map(|requested| requested.at))),
            ("requirements", requirements.render(self.disabled_reason(), false)),
            ("status", self.status().into()),
        ]))
    }
}
