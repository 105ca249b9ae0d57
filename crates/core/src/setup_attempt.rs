//! SetupAttempts: each time that a SetupIntent was confirmed, with what came of it.
//!
//! ```text
//!   ─┬─▶ succeeded
//!    ├─▶ failed
//!    └─▶ requires_action ─┬─▶ succeeded
//!                         ├─▶ failed
//!                         └─▶ abandoned    the intent was canceled, or given another PaymentMethod
//! ```

use std::sync::Arc;

use api::list::{Page, Query, list};
use api::operation::{self, Path};
use api::params::{Choice, ListParams, Params, Range};
use api::resource::Expandable;
use api::{Include, Index, Json, Resource, Result, Tx, View, object};
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::customer::Customer;
use crate::payment_method::{FlowDirection, Kind, PaymentMethod, Type};
use crate::setup_intent::SetupIntent;
use crate::setup_intent::state::SetupError;

#[derive(Clone, Serialize, Deserialize)]
pub struct SetupAttempt {
    id: String,
    created: Millis,
    setup_intent: String,
    payment_method: String,
    kind: Type,
    status: AttemptStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<SetupError>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    attach_to_self: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    flow_directions: Vec<FlowDirection>,
    usage: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum AttemptStatus {
    Abandoned,
    Failed,
    RequiresAction,
    Succeeded,
}

#[derive(Params)]
struct ListSetupAttempts {
    #[param(flatten)]
    page: ListParams,
    /// Only those made then.
    created: Option<Range>,
    /// The SetupIntent that was confirmed.
    setup_intent: String,
}

pub fn resource() -> operation::Resource {
    operation::Resource::of::<SetupAttempt>()
        .list("/v1/setup_attempts", "Lists the attempts of a SetupIntent, newest first.", list_all)
        .done()
}

fn list_all(view: &View<'_>, _: &Path, params: &ListSetupAttempts) -> Result<Page<SetupAttempt>> {
    view.require::<SetupIntent>(&params.setup_intent, "setup_intent")?;
    let query = Query::new(&params.page).filter("setup_intent", &params.setup_intent);
    list(view, &query.created(params.created.as_ref()))
}

/// What an attempt takes over from the intent that is confirmed.
pub struct Attempted<'a> {
    pub setup_intent: &'a str,
    pub customer: Option<&'a String>,
    pub attach_to_self: bool,
    pub flow_directions: &'a [FlowDirection],
    pub usage: &'a str,
}

/// Keeps a new attempt, of which nothing has come yet, and gives its id.
pub fn begin(tx: &mut Tx<'_>, attempted: &Attempted<'_>, method: &PaymentMethod) -> Result<String> {
    let attempt = SetupAttempt {
        id: tx.new_id::<SetupAttempt>(),
        created: tx.now_ms(),
        setup_intent: attempted.setup_intent.to_owned(),
        payment_method: method.id().to_owned(),
        kind: method.kind_name(),
        status: AttemptStatus::RequiresAction,
        error: None,
        customer: attempted.customer.cloned(),
        attach_to_self: attempted.attach_to_self,
        flow_directions: attempted.flow_directions.to_vec(),
        usage: attempted.usage.to_owned(),
    };
    let id = attempt.id.clone();
    tx.save(attempt)?;
    Ok(id)
}

/// What came of an attempt that was under way; one that has ended stays as it ended.
pub fn end(
    tx: &mut Tx<'_>,
    id: Option<&str>,
    status: AttemptStatus,
    error: Option<SetupError>,
) -> Result<()> {
    let Some(id) = id else { return Ok(()) };
    let Some(attempt) = tx.load::<SetupAttempt>(id)? else { return Ok(()) };
    if attempt.status != AttemptStatus::RequiresAction {
        return Ok(());
    }
    tx.save(SetupAttempt { status, error, ..api::copy(&attempt) })?;
    Ok(())
}

impl SetupAttempt {
    fn render_details(&self, method: Option<&Arc<PaymentMethod>>) -> Json {
        let details = match method.map(|method| &method.kind) {
            Some(Kind::Card(card)) => {
                let checks = object([
                    ("address_line1_check", Json::Null),
                    ("address_postal_code_check", Json::Null),
                    ("cvc_check", Json::Null),
                ]);
                object([
                    ("brand", card.brand.into()),
                    ("checks", checks),
                    ("country", "US".into()),
                    ("description", Json::Null),
                    ("exp_month", card.exp_month.into()),
                    ("exp_year", card.exp_year.into()),
                    ("fingerprint", (&card.fingerprint).into()),
                    ("funding", card.funding.into()),
                    ("iin", Json::Null),
                    ("issuer", Json::Null),
                    ("last4", (&card.last4).into()),
                    ("moto", Json::Null),
                    ("network", card.brand.into()),
                    ("three_d_secure", Json::Null),
                    ("wallet", Json::Null),
                ])
            }
            Some(Kind::UsBankAccount(_)) | None => object([]),
        };
        let mut json = object([("type", self.kind.into())]);
        json.set(self.kind.as_str(), details);
        json
    }
}

impl Resource for SetupAttempt {
    const OBJECT: &'static str = "setup_attempt";
    const PREFIX: &'static str = "setatt";
    const LABEL: &'static str = "setup attempt";
    const EXPANDS: &'static [Expandable] = &[
        Expandable::reference::<Customer>("customer"),
        Expandable::reference::<PaymentMethod>("payment_method"),
        Expandable::reference::<SetupIntent>("setup_intent"),
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        entries.add("setup_intent", &self.setup_intent);
    }

    fn render(&self, view: &View<'_>, _: &Include<'_>) -> Result<Json> {
        let method = view.load::<PaymentMethod>(&self.payment_method)?;
        let error = self.error.as_ref().map(|error| error.render(view)).transpose()?;
        let directions = match self.flow_directions.as_slice() {
            [] => Json::Null,
            directions => api::array(directions.iter().copied()),
        };
        Ok(object([
            ("id", (&self.id).into()),
            ("object", Self::OBJECT.into()),
            ("application", Json::Null),
            ("attach_to_self", self.attach_to_self.into()),
            ("created", api::seconds(self.created).into()),
            ("customer", (&self.customer).into()),
            ("customer_account", Json::Null),
            ("flow_directions", directions),
            ("livemode", view.livemode().into()),
            ("on_behalf_of", Json::Null),
            ("payment_method", (&self.payment_method).into()),
            ("payment_method_details", self.render_details(method.as_ref())),
            ("setup_error", error.into()),
            ("setup_intent", (&self.setup_intent).into()),
            ("status", self.status.into()),
            ("usage", (&self.usage).into()),
        ]))
    }
}
