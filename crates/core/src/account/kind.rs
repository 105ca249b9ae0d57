//! Who is responsible for what between a platform and a connected account.

use api::params::{Choice, Currency, Params};
use api::{ApiError, Json, object};
use serde::{Deserialize, Serialize};

use crate::country;

/// The `type` of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Type {
    Custom,
    Express,
    Standard,
    None,
}

/// What `type` can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum ClassicType {
    Custom,
    Express,
    Standard,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum FeesPayer {
    Account,
    Application,
    ApplicationCustom,
    ApplicationExpress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Payer {
    Account,
    Application,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Responsible {
    Application,
    Stripe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Dashboard {
    Express,
    Full,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Controller {
    pub fees: FeesPayer,
    pub losses: Responsible,
    pub requirement_collection: Responsible,
    pub dashboard: Dashboard,
    /// False for the platform, which nobody controls.
    pub by_application: bool,
}

#[derive(Params)]
pub struct ControllerParams {
    /// Who pays the fees.
    fees: Option<FeesParams>,
    /// Who is liable for losses.
    losses: Option<LossesParams>,
    /// Who collects what the account has to tell: the `application` or `stripe`.
    requirement_collection: Option<Responsible>,
    /// Which dashboard the account has.
    stripe_dashboard: Option<DashboardParams>,
}

#[derive(Params)]
pub struct FeesParams {
    /// The `account` or the `application`.
    payer: Option<Payer>,
}

#[derive(Params)]
pub struct LossesParams {
    /// The `application` or `stripe`.
    payments: Option<Responsible>,
}

#[derive(Params)]
pub struct DashboardParams {
    /// `full`, `express` or `none`.
    r#type: Option<Dashboard>,
}

impl Controller {
    const STANDARD: Controller = Controller {
        fees: FeesPayer::Account,
        losses: Responsible::Stripe,
        requirement_collection: Responsible::Stripe,
        dashboard: Dashboard::Full,
        by_application: true,
    };

    const EXPRESS: Controller = Controller {
        fees: FeesPayer::ApplicationExpress,
        losses: Responsible::Application,
        requirement_collection: Responsible::Stripe,
        dashboard: Dashboard::Express,
        by_application: true,
    };

    const CUSTOM: Controller = Controller {
        fees: FeesPayer::ApplicationCustom,
        losses: Responsible::Application,
        requirement_collection: Responsible::Application,
        dashboard: Dashboard::None,
        by_application: true,
    };

    /// The platform's own.
    pub fn of_itself() -> Controller {
        Controller { by_application: false, ..Controller::STANDARD }
    }

    /// Whether the platform answers for everything, as for custom accounts.
    pub fn is_custom(&self) -> bool {
        self.dashboard == Dashboard::None
            && self.requirement_collection == Responsible::Application
            && self.losses == Responsible::Application
            && self.fees != FeesPayer::Account
    }

    /// Whether what the account tells goes through the platform, which then sees it.
    pub fn is_collected_by_platform(&self) -> bool {
        self.requirement_collection == Responsible::Application
    }

    pub fn render(&self) -> Json {
        let kind = if self.by_application { "application" } else { "account" };
        object([
            ("fees", object([("payer", self.fees.into())])),
            ("is_controller", self.by_application.into()),
            ("losses", object([("payments", self.losses.into())])),
            ("requirement_collection", self.requirement_collection.into()),
            ("stripe_dashboard", object([("type", self.dashboard.into())])),
            ("type", kind.into()),
        ])
    }
}

/// Type and controller of a new account; neither given means a standard account.
pub fn of(
    classic: Option<ClassicType>,
    params: Option<&ControllerParams>,
) -> Result<(Type, Controller), ApiError> {
    match (classic, params) {
        (Some(_), Some(_)) => Err(ApiError::invalid(
            "You may only specify one of these parameters: type, controller.",
        )
        .on("type")),
        (Some(ClassicType::Custom), None) => Ok((Type::Custom, Controller::CUSTOM)),
        (Some(ClassicType::Express), None) => Ok((Type::Express, Controller::EXPRESS)),
        (Some(ClassicType::Standard) | None, None) => Ok((Type::Standard, Controller::STANDARD)),
        (None, Some(params)) => controlled(params),
    }
}

fn controlled(params: &ControllerParams) -> Result<(Type, Controller), ApiError> {
    let mut controller = Controller::STANDARD;
    match params.fees.as_ref().and_then(|fees| fees.payer) {
        Some(Payer::Application) => controller.fees = FeesPayer::Application,
        Some(Payer::Account) | None => {}
    }
    let losses = params.losses.as_ref().and_then(|losses| losses.payments);
    controller.losses = losses.unwrap_or(controller.losses);
    controller.requirement_collection =
        params.requirement_collection.unwrap_or(controller.requirement_collection);
    let dashboard = params.stripe_dashboard.as_ref().and_then(|dashboard| dashboard.r#type);
    controller.dashboard = dashboard.unwrap_or(controller.dashboard);
    let collects = controller.requirement_collection == Responsible::Application;
    if collects && controller.dashboard != Dashboard::None {
        let message = "When the application collects requirements, the account has no Stripe \
                       dashboard: controller[stripe_dashboard][type] must be none.";
        return Err(ApiError::invalid(message).on("controller[stripe_dashboard][type]"));
    }
    if collects && controller.losses != Responsible::Application {
        let message = "When the application collects requirements, it is liable for losses: \
                       controller[losses][payments] must be application.";
        return Err(ApiError::invalid(message).on("controller[losses][payments]"));
    }
    let kind = match controller {
        Controller::STANDARD => Type::Standard,
        controller if controller.is_custom() => Type::Custom,
        _ => Type::None,
    };
    Ok((kind, controller))
}

/// One of the countries, in two capital letters; the US unless given.
pub fn country(country: Option<&str>) -> Result<String, ApiError> {
    match country {
        None => Ok("US".to_owned()),
        Some(known) if country::is_known(known) => Ok(known.to_owned()),
        Some(other) => {
            let message = country::unknown(other);
            Err(ApiError::param(country::INVALID, "country", message))
        }
    }
}

/// The currency of a country; that of the US where it is not one of these.
pub fn currency_of(country: &str) -> Currency {
    const EURO: &[&str] = &[
        "AT", "BE", "CY", "DE", "EE", "ES", "FI", "FR", "GR", "HR", "IE", "IT", "LT", "LU", "LV",
        "MT", "NL", "PT", "SI", "SK",
    ];
    const OTHERS: &[(&str, &str)] = &[
        ("AU", "aud"),
        ("BR", "brl"),
        ("CA", "cad"),
        ("CH", "chf"),
        ("DK", "dkk"),
        ("GB", "gbp"),
        ("HK", "hkd"),
        ("IN", "inr"),
        ("JP", "jpy"),
        ("MX", "mxn"),
        ("NO", "nok"),
        ("NZ", "nzd"),
        ("PL", "pln"),
        ("SE", "sek"),
        ("SG", "sgd"),
    ];
    let name = match OTHERS.iter().find(|(name, _)| *name == country) {
        Some((_, currency)) => currency,
        None if EURO.contains(&country) => "eur",
        None => "usd",
    };
    Currency::parse(name).unwrap_or(Currency::USD)
}
