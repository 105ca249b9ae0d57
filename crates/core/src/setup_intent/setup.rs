//! Confirming and verifying: how a SetupIntent comes to an end.

use std::sync::Arc;

use api::operation::Path;
use api::{ApiError, Resource, Result, Tx};
use store::Millis;

use super::state::{
    Action, SetupError, Status, TIMEOUT, Verified, unexpected_state, verification_error,
    verify_amounts, verify_descriptor_code,
};
use super::{
    ConfirmParams, NextAction, SetupIntent, VerificationMethod, VerifyMicrodeposits, declined,
};
use crate::bank::missing_param;
use crate::card::Check;
use crate::client_secret::tell;
use crate::mandate::{self, MandateStatus};
use crate::payment_method::{FlowDirection, PaymentMethod};
use crate::setup_attempt::{self, AttemptStatus, Attempted};

/// The account number to which no microdeposits can be sent.
const UNREACHABLE_NUMBER: &str = "000666666661";
const MICRODEPOSITS_KEPT_MS: Millis = 10 * 24 * 3_600_000;

pub const MICRODEPOSITS_FAIL: &str = "setup_intent.microdeposits_fail";
pub const MICRODEPOSITS_EXPIRE: &str = "setup_intent.microdeposits_expire";

/// What confirming leads to.
#[derive(Debug, PartialEq)]
enum Outcome {
    Succeeds,
    Waits(NextAction),
}

pub fn confirm(
    tx: &mut Tx<'_>,
    intent: Arc<SetupIntent>,
    params: &ConfirmParams,
) -> Result<Arc<SetupIntent>> {
    intent.status.check(Action::Confirm)?;
    let Some(method) = &intent.payment_method else {
        return Err(unexpected_state(
            "You cannot confirm this SetupIntent because it's missing a payment method. Provide \
             one with the confirmation, or update the SetupIntent with one.",
        )
        .into());
    };
    intent.check_customer(tx)?;
    let method = tx.reference::<PaymentMethod>(method, "payment_method")?;
    intent.check_method(&method, "payment_method")?;
    if intent.verification_method == Some(VerificationMethod::Skip) && tx.livemode() {
        const PARAM: &str = "payment_method_options[us_bank_account][verification_method]";
        let message = "Verification can be skipped in test mode only.";
        return Err(ApiError::invalid(message).on(PARAM).into());
    }
    if intent.needs_mandate(&method) && params.mandate_data.is_none() {
        return Err(missing_param("mandate_data").into());
    }
    let mut intent = api::copy(&intent);
    let attempt = setup_attempt::begin(tx, &intent.attempted(), &method)?;
    intent.latest_attempt = Some(attempt);
    if let Check::Declines(decline) = method.check() {
        return Err(fail(tx, &intent, decline.error())?);
    }
    let outcome = intent.outcome(&method, params, tx.now_ms());
    intent.last_setup_error = None;
    if let Some(data) = &params.mandate_data {
        let status = match outcome {
            Outcome::Succeeds => MandateStatus::Active,
            Outcome::Waits(_) => MandateStatus::Pending,
        };
        let mandate = mandate::create(tx, &method, data, intent.single_use, status)?;
        intent.mandate = Some(mandate.id().to_owned());
    }
    match outcome {
        Outcome::Succeeds => succeed(tx, intent),
        Outcome::Waits(action) => wait(tx, intent, &method, action),
    }
}

fn wait(
    tx: &mut Tx<'_>,
    mut intent: SetupIntent,
    method: &PaymentMethod,
    action: NextAction,
) -> Result<Arc<SetupIntent>> {
    if let (NextAction::VerifyWithMicrodeposits { .. }, Some(bank)) = (&action, method.bank()) {
        let now = tx.now_ms();
        if bank.number(tx.session.sealer)? == UNREACHABLE_NUMBER {
            let due = now + tx.app.config.step_delay_ms;
            tx.plan(due, MICRODEPOSITS_FAIL, &intent.id, method.id())?;
        }
        tx.plan(now + MICRODEPOSITS_KEPT_MS, MICRODEPOSITS_EXPIRE, &intent.id, method.id())?;
    }
    intent.next_action = Some(action);
    intent.status = Status::RequiresAction;
    let intent = tx.save(intent)?;
    tell(tx, "setup_intent.requires_action", &*intent)?;
    Ok(intent)
}

/// The PaymentMethod is ready for what it was set up for.
fn succeed(tx: &mut Tx<'_>, mut intent: SetupIntent) -> Result<Arc<SetupIntent>> {
    if let Some(id) = &intent.payment_method {
        let before = tx.reference::<PaymentMethod>(id, "payment_method")?;
        let was_attached = before.customer().is_some();
        let mut method = api::copy(&before);
        if let Some(customer) = &intent.customer {
            method = method.attached(customer)?;
        } else if intent.attach_to_self {
            method = method.of_account()?;
        }
        method.is_verified |= method.bank().is_some() && !intent.is_outbound_only();
        for direction in &intent.flow_directions {
            if !method.allows(*direction) {
                method.flow_directions.push(*direction);
            }
        }
        let method = tx.save(method)?;
        if method.customer().is_some() && !was_attached {
            tx.event("payment_method.attached", &*method)?;
        }
    }
    intent.status = Status::Succeeded;
    intent.next_action = None;
    let attempt = intent.latest_attempt.as_deref();
    setup_attempt::end(tx, attempt, AttemptStatus::Succeeded, None)?;
    if let Some(mandate) = &intent.mandate {
        mandate::set_status(tx, mandate, MandateStatus::Active)?;
    }
    let intent = tx.save(intent)?;
    tell(tx, "setup_intent.succeeded", &*intent)?;
    Ok(intent)
}

/// Puts the intent back to needing a PaymentMethod; the failure to answer with keeps that.
fn fail(tx: &mut Tx<'_>, intent: &SetupIntent, error: ApiError) -> Result<api::Failure> {
    let (intent, method) = give_up(tx, intent, &error)?;
    let mut error = error;
    error.extra.push(("payment_method", tx.render(&*method)?));
    error.extra.push(("setup_intent", tx.render(&*intent)?));
    Ok(declined(error))
}

fn give_up(
    tx: &mut Tx<'_>,
    intent: &SetupIntent,
    error: &ApiError,
) -> Result<(Arc<SetupIntent>, Arc<PaymentMethod>)> {
    let id = intent.payment_method.as_deref().unwrap_or_default();
    let method = tx.reference::<PaymentMethod>(id, "payment_method")?;
    if let Some(mandate) = &intent.mandate {
        mandate::set_status(tx, mandate, MandateStatus::Inactive)?;
    }
    let error = SetupError::of(error, id);
    let attempt = intent.latest_attempt.as_deref();
    setup_attempt::end(tx, attempt, AttemptStatus::Failed, Some(error.clone()))?;
    let failed = tx.save(SetupIntent {
        status: Status::RequiresPaymentMethod,
        last_setup_error: Some(error),
        mandate: None,
        next_action: None,
        payment_method: None,
        ..intent.clone()
    })?;
    tell(tx, "setup_intent.setup_failed", &*failed)?;
    Ok((failed, method))
}

pub fn verify(
    tx: &mut Tx<'_>,
    path: &Path,
    params: &VerifyMicrodeposits,
) -> Result<Arc<SetupIntent>> {
    let intent = tx.find::<SetupIntent>(path.id())?;
    intent.status.check(Action::VerifyMicrodeposits)?;
    if !matches!(intent.next_action, Some(NextAction::VerifyWithMicrodeposits { .. })) {
        let message = "This SetupIntent does not wait for microdeposits to be verified.";
        return Err(unexpected_state(message).into());
    }
    let verified = read(params)?;
    intent.check_customer(tx)?;
    let method = intent.payment_method.as_deref().unwrap_or_default();
    let method = tx.reference::<PaymentMethod>(method, "payment_method")?;
    if method.is_verified {
        let message = "The bank account has already been verified.";
        let code = "payment_method_bank_account_already_verified";
        return Err(ApiError::invalid(message).code(code).into());
    }
    match verified {
        Verified::Yes => succeed(tx, api::copy(&intent)),
        Verified::Mismatch(code) => Err(verification_error(code).into()),
        Verified::Failed(code) => Err(fail(tx, &intent, verification_error(code))?),
    }
}

/// What was given says whether the account is verified: two amounts, or a code.
fn read(params: &VerifyMicrodeposits) -> Result<Verified, ApiError> {
    match (&params.amounts, &params.descriptor_code) {
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: amounts, descriptor_code.";
            Err(ApiError::invalid(message).on("amounts"))
        }
        (None, None) => Err(missing_param("amounts")),
        (None, Some(code)) => Ok(verify_descriptor_code(code)),
        (Some(amounts), None) => match <[i64; 2]>::try_from(amounts.as_slice()) {
            Ok(amounts) if amounts.iter().all(|amount| *amount > 0) => Ok(verify_amounts(amounts)),
            _ => {
                let code = "payment_method_microdeposit_verification_amounts_invalid";
                let message = "You must provide the two amounts that were sent, both positive.";
                Err(ApiError::param(code, "amounts", message))
            }
        },
    }
}

/// The bank cannot be reached.
pub fn microdeposits_fail(tx: &mut Tx<'_>, intent: &str, method: &str) -> Result<()> {
    end_waiting(tx, intent, method, "payment_method_microdeposit_failed")
}

/// Nobody told the amounts in time.
pub fn microdeposits_expire(tx: &mut Tx<'_>, intent: &str, method: &str) -> Result<()> {
    end_waiting(tx, intent, method, TIMEOUT)
}

/// Does nothing where the intent has gone on in the meantime.
fn end_waiting(tx: &mut Tx<'_>, intent: &str, method: &str, code: &'static str) -> Result<()> {
    let Some(intent) = tx.load::<SetupIntent>(intent)? else { return Ok(()) };
    let waits = matches!(intent.next_action, Some(NextAction::VerifyWithMicrodeposits { .. }));
    if waits && intent.payment_method.as_deref() == Some(method) {
        give_up(tx, &intent, &verification_error(code))?;
    }
    Ok(())
}

impl SetupIntent {
    fn attempted(&self) -> Attempted<'_> {
        Attempted {
            setup_intent: &self.id,
            customer: self.customer.as_ref(),
            attach_to_self: self.attach_to_self,
            flow_directions: &self.flow_directions,
            usage: self.usage.as_str(),
        }
    }

    /// Money will only go out: nobody has to agree and nothing has to be verified.
    fn is_outbound_only(&self) -> bool {
        self.flow_directions == [FlowDirection::Outbound]
    }

    fn needs_mandate(&self, method: &PaymentMethod) -> bool {
        method.bank().is_some() && !self.is_outbound_only()
    }

    fn outcome(&self, method: &PaymentMethod, params: &ConfirmParams, now: Millis) -> Outcome {
        if method.bank().is_some() {
            let is_skipped = self.verification_method == Some(VerificationMethod::Skip);
            if self.is_outbound_only() || is_skipped || method.is_verified {
                return Outcome::Succeeds;
            }
            return Outcome::Waits(NextAction::VerifyWithMicrodeposits { arrival: now });
        }
        match (method.check(), &params.return_url, params.use_stripe_sdk) {
            (Check::Authenticates, Some(url), None | Some(false)) => {
                Outcome::Waits(NextAction::RedirectToUrl { return_url: url.clone() })
            }
            (Check::Authenticates, ..) => Outcome::Waits(NextAction::UseStripeSdk),
            (Check::Passes | Check::Declines(_), ..) => Outcome::Succeeds,
        }
    }
}
