//! SetupIntents: the way of a PaymentMethod to being usable later.
//!
//!   requires_payment_method ──▶ requires_confirmation ── confirm ─┬─▶ succeeded
//!            ▲                                                    └─▶ requires_action ─┬─▶ succeeded
//!            └──────────── the card or the microdeposits fail ◀────────────────────────┘
//!
//! All but the final states can be canceled. Money that only goes out needs no verification; money
//! that is to come in needs a mandate and a verified bank account.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::list::{Page, Query, list};
use api::operation::{self, Path};
use api::params::{Choice, ListParams, Metadata, Params, Range, Unset};
use api::resource::Expandable;
use api::{ApiError, Failure, Include, Index, Json, Resource, Result, Tx, View, object};
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::client_secret::{client_secret, tell};
use crate::customer::Customer;
use crate::mandate::{self, Mandate, MandateData, MandateStatus, SingleUse};
use crate::payment_method::{self, FlowDirection, PaymentMethod, PaymentMethodData, Type};
use crate::setup_attempt::{self, AttemptStatus, SetupAttempt};

use state::{Action, SetupError, Status};

mod checks;
mod setup;
pub mod state;

#[derive(Clone, Serialize, Deserialize)]
pub struct SetupIntent {
    id: String,
    created: Millis,
    status: Status,
    #[serde(default, skip_serializing_if = "is_default")]
    attach_to_self: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    automatic: Option<AutomaticPaymentMethods>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cancellation_reason: Option<CancellationReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    flow_directions: Vec<FlowDirection>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_setup_error: Option<SetupError>,
    /// The SetupAttempt of the latest confirmation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latest_attempt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mandate: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_action: Option<NextAction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment_method: Option<String>,
    payment_method_types: Vec<Type>,
    /// Whether the types were given as those that are allowed.
    #[serde(default, skip_serializing_if = "is_default")]
    are_types_allowed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    single_use: Option<SingleUse>,
    usage: Usage,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verification_method: Option<VerificationMethod>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What has to happen outside before it can succeed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NextAction {
    VerifyWithMicrodeposits { arrival: Millis },
    UseStripeSdk,
    RedirectToUrl { return_url: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Params)]
pub struct AutomaticPaymentMethods {
    /// Whether methods that leave the page are allowed; `always` unless given.
    allow_redirects: Option<AllowRedirects>,
    /// Whether the types are chosen by themselves.
    enabled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum AllowRedirects {
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum CancellationReason {
    Abandoned,
    Duplicate,
    RequestedByCustomer,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum Usage {
    #[default]
    OffSession,
    OnSession,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum VerificationMethod {
    Automatic,
    Instant,
    Microdeposits,
    Skip,
}

#[derive(Params)]
pub struct CreateSetupIntent {
    #[param(flatten)]
    intent: IntentParams,
    /// Lets the types of PaymentMethods be chosen by themselves.
    automatic_payment_methods: Option<AutomaticPaymentMethods>,
    /// Whether to confirm it at once.
    confirm: Option<bool>,
    #[param(flatten)]
    confirmation: ConfirmParams,
    /// The one payment that the mandate is for.
    single_use: Option<SingleUse>,
    /// Whether the customer will be there when it is used.
    usage: Option<Usage>,
}

/// What can be given at first and changed later.
#[derive(Params)]
pub struct IntentParams {
    /// The types that the PaymentMethod may have.
    allowed_payment_method_types: Option<Vec<Type>>,
    /// Whether the PaymentMethod becomes the account's own. Not together with `customer`.
    attach_to_self: Option<bool>,
    /// The customer to whom the PaymentMethod is attached.
    customer: Option<String>,
    /// A text of your own.
    description: Unset<String>,
    /// Where money will flow: `inbound` from the PaymentMethod, `outbound` to it.
    flow_directions: Option<Vec<FlowDirection>>,
    /// Names and values of your own.
    metadata: Metadata,
    #[param(flatten)]
    method: MethodParams,
    /// The types that the PaymentMethod may have; `card` unless given.
    payment_method_types: Option<Vec<Type>>,
}

#[derive(Params)]
pub struct MethodParams {
    /// The PaymentMethod to set up, or a test token.
    payment_method: Unset<String>,
    /// A new PaymentMethod to set up.
    payment_method_data: Option<PaymentMethodData>,
    /// Options for its type.
    payment_method_options: Option<OptionsParams>,
}

#[derive(Params)]
pub struct OptionsParams {
    /// Options for bank accounts.
    us_bank_account: Option<BankOptionsParams>,
}

#[derive(Params)]
pub struct BankOptionsParams {
    /// How the bank account is verified; `skip` takes it as verified, in test mode only.
    verification_method: Option<VerificationMethod>,
}

#[derive(Params)]
pub struct ConfirmParams {
    /// That the customer agreed to be debited.
    mandate_data: Option<MandateData>,
    /// Where the customer returns to from the bank's page.
    return_url: Option<String>,
    /// Whether the SDK in the browser handles what comes next.
    use_stripe_sdk: Option<bool>,
}

#[derive(Params)]
pub struct ConfirmSetupIntent {
    #[param(flatten)]
    confirmation: ConfirmParams,
    #[param(flatten)]
    method: MethodParams,
}

#[derive(Params)]
pub struct CancelSetupIntent {
    /// Why it is canceled.
    cancellation_reason: Option<CancellationReason>,
}

#[derive(Params)]
pub struct RetrieveSetupIntent {
    /// Its client secret, if the caller knows it by that.
    client_secret: Option<String>,
}

#[derive(Params)]
pub struct VerifyMicrodeposits {
    /// The two amounts that arrived, in cents.
    amounts: Option<Vec<i64>>,
    /// The code that arrived: six characters, of which the first are `SM`.
    descriptor_code: Option<String>,
}

#[derive(Params)]
pub struct ListSetupIntents {
    #[param(flatten)]
    page: ListParams,
    /// Only those for the account's own PaymentMethods, or only the others.
    attach_to_self: Option<bool>,
    /// Only those created then.
    created: Option<Range>,
    /// Only those of this customer.
    customer: Option<String>,
    /// Only those of this PaymentMethod.
    payment_method: Option<String>,
}

pub fn resource() -> operation::Resource {
    const ALL: &str = "/v1/setup_intents";
    const ONE: &str = "/v1/setup_intents/{intent}";
    operation::Resource::of::<SetupIntent>()
        .events(&[
            "setup_intent.canceled",
            "setup_intent.created",
            "setup_intent.requires_action",
            "setup_intent.setup_failed",
            "setup_intent.succeeded",
        ])
        .create(ALL, "Creates a SetupIntent.", create)
        .read(ONE, "Retrieves a SetupIntent.", retrieve)
        .action(ONE, "Updates a SetupIntent.", update)
        .list(ALL, "Lists SetupIntents, newest first.", list_all)
        .action("/v1/setup_intents/{intent}/confirm", "Confirms a SetupIntent.", confirm)
        .action("/v1/setup_intents/{intent}/cancel", "Cancels a SetupIntent.", cancel)
        .action(
            "/v1/setup_intents/{intent}/verify_microdeposits",
            "Verifies the bank account of a SetupIntent by what was sent to it.",
            setup::verify,
        )
        .job(setup::MICRODEPOSITS_FAIL, setup::microdeposits_fail)
        .job(setup::MICRODEPOSITS_EXPIRE, setup::microdeposits_expire)
        .done()
}

fn create(tx: &mut Tx<'_>, params: &CreateSetupIntent) -> Result<Arc<SetupIntent>> {
    let mut intent = SetupIntent {
        id: tx.new_id::<SetupIntent>(),
        created: tx.now_ms(),
        status: Status::RequiresPaymentMethod,
        attach_to_self: false,
        automatic: params.automatic_payment_methods,
        cancellation_reason: None,
        customer: None,
        description: None,
        flow_directions: Vec::new(),
        last_setup_error: None,
        latest_attempt: None,
        mandate: None,
        metadata: BTreeMap::new(),
        next_action: None,
        payment_method: None,
        payment_method_types: vec![Type::Card],
        are_types_allowed: false,
        single_use: params.single_use,
        usage: params.usage.unwrap_or_default(),
        verification_method: None,
    };
    if params.automatic_payment_methods.is_some_and(|automatic| automatic.enabled) {
        intent.payment_method_types = vec![Type::Card, Type::UsBankAccount];
    }
    intent.update(tx, &params.intent)?;
    let confirms = params.confirm == Some(true);
    if !confirms && params.confirmation.mandate_data.is_some() {
        let message = "You can only pass mandate_data when confirm is true.";
        return Err(ApiError::invalid(message).on("mandate_data").into());
    }
    if !confirms && params.confirmation.return_url.is_some() {
        let message = "You can only pass return_url when confirm is true.";
        return Err(ApiError::invalid(message).on("return_url").into());
    }
    let intent = tx.save(intent)?;
    tell(tx, "setup_intent.created", &*intent)?;
    if confirms { setup::confirm(tx, intent, &params.confirmation) } else { Ok(intent) }
}

fn retrieve(
    view: &View<'_>,
    path: &Path,
    params: &RetrieveSetupIntent,
) -> Result<Arc<SetupIntent>> {
    let intent = view.find::<SetupIntent>(path.id())?;
    if let Some(secret) = &params.client_secret
        && *secret != client_secret(view, &intent.id)
    {
        let message = "The client_secret provided does not match any associated SetupIntent.";
        return Err(ApiError::invalid(message).on("client_secret").into());
    }
    Ok(intent)
}

fn update(tx: &mut Tx<'_>, path: &Path, params: &IntentParams) -> Result<Arc<SetupIntent>> {
    let mut intent = api::copy(&tx.find::<SetupIntent>(path.id())?);
    intent.update(tx, params)?;
    tx.save(intent)
}

fn confirm(tx: &mut Tx<'_>, path: &Path, params: &ConfirmSetupIntent) -> Result<Arc<SetupIntent>> {
    let mut intent = api::copy(&tx.find::<SetupIntent>(path.id())?);
    intent.status.check(Action::Confirm)?;
    intent.update_method(tx, &params.method)?;
    let intent = tx.save(intent)?;
    setup::confirm(tx, intent, &params.confirmation)
}

fn cancel(tx: &mut Tx<'_>, path: &Path, params: &CancelSetupIntent) -> Result<Arc<SetupIntent>> {
    let before = tx.find::<SetupIntent>(path.id())?;
    before.status.check(Action::Cancel)?;
    if let Some(mandate) = &before.mandate {
        mandate::set_status(tx, mandate, MandateStatus::Inactive)?;
    }
    before.abandon_attempt(tx)?;
    let canceled = tx.save(SetupIntent {
        status: Status::Canceled,
        cancellation_reason: params.cancellation_reason,
        next_action: None,
        ..api::copy(&before)
    })?;
    tell(tx, "setup_intent.canceled", &*canceled)?;
    Ok(canceled)
}

fn list_all(view: &View<'_>, _: &Path, params: &ListSetupIntents) -> Result<Page<SetupIntent>> {
    if let Some(customer) = &params.customer {
        view.reference::<Customer>(customer, "customer")?;
    }
    if let Some(method) = &params.payment_method {
        view.reference::<PaymentMethod>(method, "payment_method")?;
    }
    let query = Query::new(&params.page)
        .filter_some("customer", params.customer.as_ref())
        .filter_some("payment_method", params.payment_method.as_ref())
        .filter_some("attach_to_self", params.attach_to_self.map(|own| own.to_string()));
    list(view, &query.created(params.created.as_ref()))
}

impl SetupIntent {
    fn update(&mut self, tx: &mut Tx<'_>, params: &IntentParams) -> Result<()> {
        let changes_setup = params.attach_to_self.is_some()
            || params.customer.is_some()
            || params.flow_directions.is_some()
            || params.payment_method_types.is_some()
            || params.allowed_payment_method_types.is_some();
        if changes_setup {
            self.status.check(Action::Update)?;
        }
        self.attach_to_self = params.attach_to_self.unwrap_or(self.attach_to_self);
        if let Some(customer) = &params.customer {
            tx.reference::<Customer>(customer, "customer")?;
            self.customer = Some(customer.clone());
        }
        if self.attach_to_self && self.customer.is_some() {
            let message = "You may only specify one of these parameters: attach_to_self, customer.";
            return Err(ApiError::invalid(message).on("attach_to_self").into());
        }
        params.description.clone().apply(&mut self.description);
        if let Some(directions) = &params.flow_directions {
            self.flow_directions.clone_from(directions);
        }
        let allowed = params.allowed_payment_method_types.as_ref();
        if let Some(types) = allowed.or(params.payment_method_types.as_ref()) {
            self.payment_method_types.clone_from(types);
            self.are_types_allowed = allowed.is_some();
        }
        if changes_setup {
            self.check_directions()?;
        }
        params.metadata.apply(&mut self.metadata)?;
        self.update_method(tx, &params.method)
    }

    fn update_method(&mut self, tx: &mut Tx<'_>, params: &MethodParams) -> Result<()> {
        let options = params.payment_method_options.as_ref();
        let bank = options.and_then(|options| options.us_bank_account.as_ref());
        let verification = bank.and_then(|bank| bank.verification_method);
        self.verification_method = verification.or(self.verification_method);
        let (method, param) = match (&params.payment_method, &params.payment_method_data) {
            (Unset::Set(_), Some(_)) => {
                let message = "You may only specify one of these parameters: payment_method, \
                               payment_method_data.";
                return Err(ApiError::invalid(message).on("payment_method").into());
            }
            (Unset::Keep, None) => return Ok(()),
            (Unset::Clear, None) => {
                self.status.check(Action::Update)?;
                self.payment_method = None;
                self.status = Status::RequiresPaymentMethod;
                return self.forget_confirmation(tx);
            }
            (Unset::Set(id), None) => {
                (payment_method::resolve(tx, id, "payment_method")?, "payment_method")
            }
            (_, Some(data)) => {
                const PARAM: &str = "payment_method_data";
                (payment_method::from_data(tx, data, PARAM)?, PARAM)
            }
        };
        self.status.check(Action::Update)?;
        self.check_method(&method, param)?;
        self.payment_method = Some(method.id().to_owned());
        self.status = Status::RequiresConfirmation;
        self.forget_confirmation(tx)
    }

    /// What was begun with another PaymentMethod is over.
    fn forget_confirmation(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        self.next_action = None;
        self.abandon_attempt(tx)?;
        match self.mandate.take() {
            Some(mandate) => mandate::set_status(tx, &mandate, MandateStatus::Inactive),
            None => Ok(()),
        }
    }

    /// An attempt that waits for something outside will not hear of it any more.
    fn abandon_attempt(&self, tx: &mut Tx<'_>) -> Result<()> {
        setup_attempt::end(tx, self.latest_attempt.as_deref(), AttemptStatus::Abandoned, None)
    }

    fn render_next_action(&self, view: &View<'_>) -> Json {
        let Some(action) = &self.next_action else { return Json::Null };
        let page =
            |name: &str| format!("{}/_exchequer/{name}/{}", view.app.config.public_url, self.id);
        let (name, details) = match action {
            NextAction::VerifyWithMicrodeposits { arrival } => {
                let details = object([
                    ("arrival_date", api::seconds(*arrival).into()),
                    ("hosted_verification_url", page("microdeposits").into()),
                    ("microdeposit_type", "descriptor_code".into()),
                ]);
                ("verify_with_microdeposits", details)
            }
            NextAction::UseStripeSdk => ("use_stripe_sdk", object([])),
            NextAction::RedirectToUrl { return_url } => {
                let details = object([
                    ("return_url", return_url.into()),
                    ("url", page("authenticate").into()),
                ]);
                ("redirect_to_url", details)
            }
        };
        let mut json = object([("type", name.into())]);
        json.set(name, details);
        json
    }

    fn render_options(&self) -> Json {
        let mut json = object([]);
        for kind in &self.payment_method_types {
            let options = match kind {
                Type::Card => object([
                    ("mandate_options", Json::Null),
                    ("network", Json::Null),
                    ("request_three_d_secure", "automatic".into()),
                ]),
                Type::UsBankAccount => object([("verification_method", self.shown().into())]),
            };
            json.set(kind.as_str(), options);
        }
        json
    }

    /// `skip` exists in test mode alone and is not shown.
    fn shown(&self) -> VerificationMethod {
        match self.verification_method {
            Some(VerificationMethod::Skip) | None => VerificationMethod::Automatic,
            Some(other) => other,
        }
    }
}

/// The failure that keeps what was done: the intent tells of it.
fn declined(error: ApiError) -> Failure {
    Failure::Declined(Box::new(error))
}

impl Resource for SetupIntent {
    const OBJECT: &'static str = "setup_intent";
    const PREFIX: &'static str = "seti";
    const LABEL: &'static str = "setupintent";
    const PARAM: &'static str = "intent";
    const EXPANDS: &'static [Expandable] = &[
        Expandable::reference::<Customer>("customer"),
        Expandable::reference::<SetupAttempt>("latest_attempt"),
        Expandable::reference::<Mandate>("mandate"),
        Expandable::reference::<PaymentMethod>("payment_method"),
        Expandable::reference::<Mandate>("single_use_mandate"),
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        entries.add_some("customer", self.customer.as_ref());
        entries.add_some("payment_method", self.payment_method.as_ref());
        entries.add("attach_to_self", self.attach_to_self.to_string());
    }

    fn render(&self, view: &View<'_>, _: &Include<'_>) -> Result<Json> {
        let automatic = self.automatic.map(|automatic| {
            let redirects = automatic.allow_redirects.unwrap_or(AllowRedirects::Always);
            object([("allow_redirects", redirects.into()), ("enabled", automatic.enabled.into())])
        });
        let error = self.last_setup_error.as_ref().map(|error| error.render(view)).transpose()?;
        let types = || api::array(self.payment_method_types.iter().copied());
        let directions = match self.flow_directions.as_slice() {
            [] => Json::Null,
            directions => api::array(directions.iter().copied()),
        };
        let is_single = self.single_use.is_some();
        let mandate =
            |single: bool| Json::from(self.mandate.clone().filter(|_| is_single == single));
        Ok(object([
            ("id", (&self.id).into()),
            ("object", Self::OBJECT.into()),
            (
                "allowed_payment_method_types",
                if self.are_types_allowed { types() } else { Json::Null },
            ),
            ("application", Json::Null),
            ("attach_to_self", self.attach_to_self.into()),
            ("automatic_payment_methods", automatic.into()),
            ("cancellation_reason", self.cancellation_reason.into()),
            ("client_secret", client_secret(view, &self.id).into()),
            ("created", api::seconds(self.created).into()),
            ("customer", (&self.customer).into()),
            ("customer_account", Json::Null),
            ("description", (&self.description).into()),
            ("excluded_payment_method_types", Json::Null),
            ("flow_directions", directions),
            ("last_setup_error", error.into()),
            ("latest_attempt", (&self.latest_attempt).into()),
            ("livemode", view.livemode().into()),
            ("managed_payments", Json::Null),
            ("mandate", mandate(false)),
            ("metadata", (&self.metadata).into()),
            ("next_action", self.render_next_action(view)),
            ("on_behalf_of", Json::Null),
            ("payment_method", (&self.payment_method).into()),
            ("payment_method_configuration_details", Json::Null),
            ("payment_method_options", self.render_options()),
            ("payment_method_types", types()),
            ("single_use_mandate", mandate(true)),
            ("status", self.status.into()),
            ("usage", self.usage.into()),
        ]))
    }
}
