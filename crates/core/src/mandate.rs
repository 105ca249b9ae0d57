//! Mandates: the permission to take money from a PaymentMethod, given when it is set up.

use std::net::IpAddr;
use std::sync::Arc;

use api::operation;
use api::params::{Choice, Currency, Params, Timestamp};
use api::resource::Expandable;
use api::{ApiError, Include, Index, Json, Resource, Result, Tx, View, object};
use serde::{Deserialize, Serialize};
use store::{IdRange, Millis};

use crate::bank::missing_param;
use crate::payment_method::{PaymentMethod, Type};

#[derive(Clone, Serialize, Deserialize)]
pub struct Mandate {
    id: String,
    created: Millis,
    payment_method: String,
    method_type: Type,
    acceptance: Acceptance,
    pub status: MandateStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    single_use: Option<SingleUse>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum MandateStatus {
    Active,
    Inactive,
    Pending,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Acceptance {
    accepted_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    online: Option<Online>,
}

#[derive(Clone, Debug, PartialEq, Params, Serialize, Deserialize)]
pub struct Online {
    /// The address from which the customer agreed.
    ip_address: IpAddr,
    /// The browser with which the customer agreed.
    user_agent: String,
}

/// The one amount that may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Params, Serialize, Deserialize)]
pub struct SingleUse {
    /// The amount in the currency's smallest unit.
    #[param(min = 1)]
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
}

#[derive(Params)]
pub struct MandateData {
    /// How the customer agreed.
    customer_acceptance: AcceptanceParams,
}

#[derive(Params)]
pub struct AcceptanceParams {
    /// When the customer agreed; now unless given.
    accepted_at: Option<Timestamp>,
    /// With `type` `offline`; it has no members.
    offline: Option<OfflineParams>,
    /// With `type` `online`: from where the customer agreed.
    online: Option<Online>,
    /// `online` or `offline`.
    r#type: AcceptanceType,
}

#[derive(Params)]
pub struct OfflineParams {}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum AcceptanceType {
    Offline,
    Online,
}

pub fn resource() -> operation::Resource {
    operation::Resource::of::<Mandate>()
        .events(&["mandate.updated"])
        .retrieve("/v1/mandates/{mandate}", "Retrieves a mandate.")
        .done()
}

/// A mandate for a PaymentMethod that is being set up.
pub fn create(
    tx: &mut Tx<'_>,
    method: &PaymentMethod,
    data: &MandateData,
    single_use: Option<SingleUse>,
    status: MandateStatus,
) -> Result<Arc<Mandate>> {
    let params = &data.customer_acceptance;
    let at = |name: &str| format!("mandate_data[customer_acceptance][{name}]");
    if params.r#type == AcceptanceType::Offline && params.online.is_some() {
        let message = "Pass online only when the customer accepted online.";
        return Err(ApiError::invalid(message).on(at("online")).into());
    }
    if params.r#type == AcceptanceType::Online && params.online.is_none() {
        return Err(missing_param(&at("online")).into());
    }
    if params.r#type == AcceptanceType::Online && params.offline.is_some() {
        let message = "Pass offline only when the customer accepted offline.";
        return Err(ApiError::invalid(message).on(at("offline")).into());
    }
    let accepted_at = params.accepted_at.unwrap_or(Timestamp(tx.now()));
    let mandate = Mandate {
        id: tx.new_id::<Mandate>(),
        created: tx.now_ms(),
        payment_method: method.id().to_owned(),
        method_type: method.kind_name(),
        acceptance: Acceptance { accepted_at, online: params.online.clone() },
        status,
        single_use,
    };
    tx.save(mandate)
}

/// Gives a mandate another status, and tells it.
pub fn set_status(tx: &mut Tx<'_>, id: &str, status: MandateStatus) -> Result<()> {
    let Some(before) = tx.load::<Mandate>(id)? else { return Ok(()) };
    let after = Mandate { status, ..api::copy(&before) };
    crate::change::save_changed(tx, before, after, "mandate.updated")?;
    Ok(())
}

/// The latest permission to take money from a PaymentMethod; one for a single time is none for
/// others.
pub fn active_of(view: &View<'_>, payment_method: &str) -> Result<Option<Arc<Mandate>>> {
    const LATEST: usize = 10;
    let (owner, newest) = (view.owner.number, IdRange::prefix(Mandate::PREFIX, true));
    let living =
        view.session.index(owner, "living_payment_method", payment_method, &newest, LATEST)?;
    for id in living {
        let mandate = view.load::<Mandate>(&id)?;
        let is_active = |mandate: &Arc<Mandate>| {
            mandate.status == MandateStatus::Active && mandate.single_use.is_none()
        };
        if mandate.as_ref().is_some_and(is_active) {
            return Ok(mandate);
        }
    }
    Ok(None)
}

/// No money may be taken from a PaymentMethod any more.
pub fn revoke_all(tx: &mut Tx<'_>, payment_method: &str) -> Result<()> {
    const AT_ONCE_MAX: usize = 100;
    let all = IdRange::prefix(Mandate::PREFIX, false);
    let ids = tx.session.index(
        tx.owner.number,
        "living_payment_method",
        payment_method,
        &all,
        AT_ONCE_MAX,
    )?;
    for id in ids {
        set_status(tx, &id, MandateStatus::Inactive)?;
    }
    Ok(())
}

impl Mandate {
    fn render_acceptance(&self) -> Json {
        let Acceptance { accepted_at, online } = &self.acceptance;
        let (name, kind, details) = match online {
            None => ("offline", AcceptanceType::Offline, object([])),
            Some(online) => {
                let details = object([
                    ("ip_address", online.ip_address.to_string().into()),
                    ("user_agent", (&online.user_agent).into()),
                ]);
                ("online", AcceptanceType::Online, details)
            }
        };
        let mut json =
            object([("accepted_at", (*accepted_at).into()), ("type", kind.as_str().into())]);
        json.set(name, details);
        json
    }
}

impl Resource for Mandate {
    const OBJECT: &'static str = "mandate";
    const PREFIX: &'static str = "mandate";
    const LABEL: &'static str = "mandate";
    const EXPANDS: &'static [Expandable] =
        &[Expandable::reference::<PaymentMethod>("payment_method")];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        if self.status != MandateStatus::Inactive {
            entries.add("living_payment_method", &self.payment_method);
        }
    }

    fn render(&self, view: &View<'_>, _: &Include<'_>) -> Result<Json> {
        let method = self.method_type.as_str();
        let details = match self.method_type {
            Type::Card => object([("india", Json::Null)]),
            Type::UsBankAccount => object([("collection_method", Json::Null)]),
        };
        let mut method_details = object([("type", method.into())]);
        method_details.set(method, details);
        let (kind, use_details) = match self.single_use {
            None => ("multi_use", object([("amount", Json::Null), ("currency", Json::Null)])),
            Some(SingleUse { amount, currency }) => {
                ("single_use", object([("amount", amount.into()), ("currency", currency.into())]))
            }
        };
        let mut json = object([
            ("id", (&self.id).into()),
            ("object", Self::OBJECT.into()),
            ("customer_acceptance", self.render_acceptance()),
            ("livemode", view.livemode().into()),
            ("on_behalf_of", Json::Null),
            ("payment_method", (&self.payment_method).into()),
            ("payment_method_details", method_details),
            ("status", self.status.into()),
            ("type", kind.into()),
        ]);
        json.set(kind, use_details);
        Ok(json)
    }
}
