//! The program as operations know it: what is declared, and what it was started with.

use store::Millis;
use store::seal::Sealer;

use crate::addresses::Addresses;
use crate::error::Result;
use crate::operation::{Operation, Resource};
use crate::resource::ObjectDef;
use crate::view::{Tx, View};

/// How long an idempotent answer is kept: the same key runs anew afterwards.
pub const ANSWER_KEPT_MS: Millis = 24 * 3_600_000;
/// How long an event can be retrieved.
pub const EVENT_KEPT_MS: Millis = 30 * 24 * 3_600_000;
/// How long after the first kept row of a workspace its old rows are looked for.
pub const SWEEP_AFTER_MS: Millis = ANSWER_KEPT_MS + 3_600_000;
/// How many rows one sweep removes at most.
pub const SWEEP_ROWS_MAX: usize = 1000;

/// Which hosts webhooks may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookTargets {
    /// Public hosts, and loopback in test mode.
    Local,
    /// Public hosts only, as the real API.
    Public,
    /// Private addresses too.
    Any,
}

/// What the program was started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long after its creation an object takes its next automatic step.
    pub step_delay_ms: Millis,
    /// Whether the bank moves money by the clock, unless the sandbox says otherwise.
    pub settles: bool,
    /// Whether what the bank hands over by ach is also written to files.
    pub rail_files: bool,
    pub webhook_targets: WebhookTargets,
    /// Whether every event goes to one address given at the start, too.
    pub forwards: bool,
    /// Where pages of ours are reached, without a slash at the end.
    pub public_url: String,
}

/// Runs when its time has come, as the account that planned it. A refusal drops what it did.
pub type Job = fn(&mut Tx<'_>, object: &str, detail: &str) -> Result<()>;

/// Which endpoints an event of the account is for.
pub type EventTargets = fn(&View<'_>, kind: &str) -> Result<Vec<String>>;

/// Everything declared.
pub struct Api {
    pub resources: Vec<Resource>,
    pub event_targets: EventTargets,
    /// The id of a connected account by its number.
    pub account_by_number: fn(&View<'_>, i64) -> Result<Option<String>>,
    /// The connected account of an id, for `Stripe-Account`.
    pub account_by_id: fn(&View<'_>, &str) -> Result<Option<i64>>,
    /// Gives an endpoint a new signing secret and tells it.
    pub roll_secret: fn(&mut Tx<'_>, &str) -> Result<String>,
    pub receipts: Receipts,
    pub addresses: Addresses,
}

/// Pages for people without a key, by an opaque token.
pub struct Receipts {
    /// The number of the workspace that a token is about, if it is one of ours.
    pub workspace: fn(&Sealer, &str) -> Option<i64>,
    pub page: fn(&View<'_>, &str) -> Option<String>,
}

impl Api {
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.resources.iter().flat_map(|resource| resource.operations.iter())
    }

    /// How a resource of another product is shown, by its `object`.
    pub fn object(&self, name: &str) -> Option<ObjectDef> {
        let mut objects = self.operations().filter_map(|operation| operation.object);
        objects.find(|object| object.object == name)
    }

    pub fn job(&self, kind: &str) -> Option<Job> {
        let jobs = self.resources.iter().flat_map(|resource| resource.jobs.iter());
        jobs.into_iter().find(|(name, _)| *name == kind).map(|(_, job)| *job)
    }
}

pub struct App {
    pub api: Api,
    pub config: Config,
}
