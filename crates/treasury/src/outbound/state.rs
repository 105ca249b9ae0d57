//! What an outbound flow is, and the table of what can be done with it.
//!
//! ```text
//!                ┌─ cancel ─▶ canceled
//!                ├─ fail ───▶ failed
//!   processing ──┼─ post ───▶ posted ── return ─▶ returned
//!        │       └─ return ─▶ returned (by way of posted)
//!      submit
//!        ▼
//!   submitted: processing still, but it cannot be canceled any more
//! ```
//! The functions here decide and change nothing but the value they are given.

use std::collections::BTreeMap;

use api::ApiError;
use api::params::Choice;
use ledger::Amount;
use serde::{Deserialize, Serialize};
use store::Millis;

use super::Kind;
use crate::destination::{Destination, Network, ReturnCode};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Status {
    Canceled,
    Failed,
    Posted,
    Processing,
    Returned,
}

/// What the table of rules tells apart: the statuses, and whether the network has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum State {
    Canceled,
    Failed,
    Posted,
    Processing,
    Returned,
    Submitted,
}

/// Where it is in its life; each stage knows what is true only then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The amount is held.
    Processing,
    /// The same, and the network has it.
    Submitted(Millis),
    Canceled(Millis),
    Failed(Millis),
    Posted(Millis),
    Returned {
        posted_at: Millis,
        returned_at: Millis,
        code: ReturnCode,
        /// The Transaction that brought the money back.
        transaction: String,
    },
}

/// What a bank's network calls what it carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackingDetails {
    Ach {
        trace_id: String,
    },
    UsDomesticWire {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chips: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        imad: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        omad: Option<String>,
    },
}

impl TrackingDetails {
    pub fn network(&self) -> Network {
        match self {
            TrackingDetails::Ach { .. } => Network::Ach,
            TrackingDetails::UsDomesticWire { .. } => Network::UsDomesticWire,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "K: Kind")]
pub struct Outbound<K> {
    pub id: String,
    pub created: Millis,
    pub financial_account: String,
    pub amount: Amount,
    pub destination: Destination,
    pub transaction: String,
    pub stage: Stage,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether the bank moves it by the clock.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settles: bool,
    /// The ach file that it was handed over in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Whether the network said that it arrives a day later.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_delayed: bool,
    /// What only this kind of flow has.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kind: K,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// What the receiver reads, unless it is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement_descriptor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_details: Option<TrackingDetails>,
}

fn is_default<K: Kind>(kind: &K) -> bool {
    *kind == K::default()
}

/// What can be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Action {
    Cancel,
    /// The network says that it arrives later; only test mode's automatic steps say so.
    Delay,
    Fail,
    Post,
    Return,
    /// Hands it to the network; only a bank that moves money by the clock does.
    Submit,
    /// Sets the tracking details.
    Update,
}

/// From a state, an action takes these steps.
pub struct Rule {
    pub from: State,
    pub action: Action,
    pub steps: &'static [Action],
    pub to: State,
}

/// All that is allowed. What is not here is refused.
pub const RULES: &[Rule] = {
    use State::{Canceled, Failed, Posted, Processing, Returned, Submitted};
    const fn rule(from: State, action: Action, steps: &'static [Action], to: State) -> Rule {
        Rule { from, action, steps, to }
    }
    &[
        rule(Processing, Action::Cancel, &[Action::Cancel], Canceled),
        rule(Processing, Action::Delay, &[Action::Delay], Processing),
        rule(Processing, Action::Fail, &[Action::Fail], Failed),
        rule(Processing, Action::Post, &[Action::Post], Posted),
        rule(Processing, Action::Return, &[Action::Post, Action::Return], Returned),
        rule(Processing, Action::Submit, &[Action::Submit], Submitted),
        rule(Submitted, Action::Delay, &[Action::Delay], Submitted),
        rule(Submitted, Action::Fail, &[Action::Fail], Failed),
        rule(Submitted, Action::Post, &[Action::Post], Posted),
        rule(Submitted, Action::Return, &[Action::Post, Action::Return], Returned),
        rule(Submitted, Action::Update, &[Action::Update], Submitted),
        rule(Posted, Action::Return, &[Action::Return], Returned),
        rule(Posted, Action::Update, &[Action::Update], Posted),
        rule(Returned, Action::Update, &[Action::Update], Returned),
    ]
};

/// Why an action is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    WrongState(Action, State),
    /// What stays within Stripe goes back by a CreditReversal of its receiver alone.
    ReturnWithinStripe,
    /// The tracking details are those of another network than its own.
    OtherNetwork(Network),
    TrackedAlready,
}

impl Refusal {
    /// What the client is told.
    pub fn of<K: Kind>(self) -> ApiError {
        let title = K::NAMES.title;
        match self {
            Refusal::WrongState(action, State::Submitted) => ApiError::transition(format!(
                "The action {} is not possible for an {title} that has been sent already.",
                action.as_str()
            )),
            Refusal::WrongState(action, state) => {
                let (action, status) = (action.as_str(), state.as_str());
                ApiError::transition(format!(
                    "The action {action} is not possible for an {title} whose status is {status}."
                ))
            }
            Refusal::ReturnWithinStripe => ApiError::transition(format!(
                "An {title} to a FinancialAccount is returned only by a CreditReversal of its \
                 receiver."
            )),
            Refusal::OtherNetwork(network) => {
                let network = network.as_str();
                ApiError::invalid(format!(
                    "The tracking details must be those of the network of the {title}, which is \
                     {network}."
                ))
                .on("tracking_details[type]")
            }
            Refusal::TrackedAlready => ApiError::transition(format!(
                "The tracking details of this {title} have been set already."
            )),
        }
    }
}

impl Stage {
    pub fn state(&self) -> State {
        match self {
            Stage::Processing => State::Processing,
            Stage::Submitted(_) => State::Submitted,
            Stage::Canceled(_) => State::Canceled,
            Stage::Failed(_) => State::Failed,
            Stage::Posted(_) => State::Posted,
            Stage::Returned { .. } => State::Returned,
        }
    }

    pub fn status(&self) -> Status {
        match self.state() {
            State::Processing | State::Submitted => Status::Processing,
            State::Canceled => Status::Canceled,
            State::Failed => Status::Failed,
            State::Posted => Status::Posted,
            State::Returned => Status::Returned,
        }
    }

    pub fn canceled_at(&self) -> Option<Millis> {
        if let Stage::Canceled(at) = self { Some(*at) } else { None }
    }

    pub fn failed_at(&self) -> Option<Millis> {
        if let Stage::Failed(at) = self { Some(*at) } else { None }
    }

    pub fn posted_at(&self) -> Option<Millis> {
        match self {
            Stage::Posted(at) | Stage::Returned { posted_at: at, .. } => Some(*at),
            Stage::Processing | Stage::Submitted(_) | Stage::Canceled(_) | Stage::Failed(_) => None,
        }
    }

    pub fn returned_at(&self) -> Option<Millis> {
        if let Stage::Returned { returned_at, .. } = self { Some(*returned_at) } else { None }
    }
}

impl<K: Kind> Outbound<K> {
    pub fn status(&self) -> Status {
        self.stage.status()
    }

    pub fn statement_descriptor(&self) -> &str {
        self.statement_descriptor.as_deref().unwrap_or(K::NAMES.descriptor_default)
    }

    /// Whether it can still be called back.
    pub fn is_cancelable(&self) -> bool {
        self.plan(Action::Cancel).is_ok()
    }

    /// The steps of an action, or why it is not taken.
    pub fn plan(&self, action: Action) -> Result<&'static [Action], Refusal> {
        let state = self.stage.state();
        let rule = RULES.iter().find(|rule| rule.from == state && rule.action == action);
        let rule = rule.ok_or(Refusal::WrongState(action, state))?;
        if action == Action::Return && self.destination.network() == Network::Stripe {
            return Err(Refusal::ReturnWithinStripe);
        }
        Ok(rule.steps)
    }

    pub fn cancel(self, now: Millis) -> Result<Self, Refusal> {
        self.step(Action::Cancel, Stage::Canceled(now))
    }

    pub fn fail(self, now: Millis) -> Result<Self, Refusal> {
        self.step(Action::Fail, Stage::Failed(now))
    }

    pub fn post(self, now: Millis) -> Result<Self, Refusal> {
        self.step(Action::Post, Stage::Posted(now))
    }

    pub fn submit(self, now: Millis) -> Result<Self, Refusal> {
        self.step(Action::Submit, Stage::Submitted(now))
    }

    /// Takes back what was posted. `transaction` brought the money. This is also what happens
    /// within Stripe, where the receiver could not take it.
    pub fn return_(
        self,
        now: Millis,
        code: ReturnCode,
        transaction: String,
    ) -> Result<Self, Refusal> {
        let Stage::Posted(posted_at) = self.stage else {
            return Err(Refusal::WrongState(Action::Return, self.stage.state()));
        };
        let stage = Stage::Returned { posted_at, returned_at: now, code, transaction };
        Ok(Outbound { stage, ..self })
    }

    pub fn delay(self) -> Result<Self, Refusal> {
        self.plan(Action::Delay)?;
        Ok(Outbound { is_delayed: true, ..self })
    }

    pub fn track(self, details: TrackingDetails) -> Result<Self, Refusal> {
        self.plan(Action::Update)?;
        if self.tracking_details.is_some() {
            return Err(Refusal::TrackedAlready);
        }
        let network = self.destination.network();
        if details.network() != network {
            return Err(Refusal::OtherNetwork(network));
        }
        Ok(Outbound { tracking_details: Some(details), ..self })
    }

    /// An action of a single step.
    fn step(self, action: Action, stage: Stage) -> Result<Self, Refusal> {
        self.plan(action)?;
        Ok(Outbound { stage, ..self })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
