//! The rows of every table, with their keys. A key begins with `ws`, the number of the workspace,
//! so that the tables can be sharded by it; no answer and no state contains that number.

use std::any::Any;
use std::sync::Arc;

use serde::Serialize;

use crate::workspace::WorkspaceState;
use crate::{Millis, Result};

/// Whose rows: a workspace and the number of an account in it (0 is the platform).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    pub ws: i64,
    pub acct: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    pub scope: Scope,
    pub id: String,
}

/// An object as a command holds it: decoded, with the way to write it down.
#[derive(Clone)]
pub struct ObjectRow {
    pub version: u32,
    pub object: Arc<dyn Any + Send + Sync>,
    pub encode: fn(&(dyn Any + Send + Sync)) -> Result<String>,
}

impl ObjectRow {
    pub fn of<T: Serialize + Send + Sync + 'static>(version: u32, object: Arc<T>) -> Self {
        ObjectRow { version, object, encode: encode::<T> }
    }
}

fn encode<T: Serialize + 'static>(object: &(dyn Any + Send + Sync)) -> Result<String> {
    match object.downcast_ref::<T>() {
        Some(object) => Ok(serde_json::to_string(object)?),
        None => Err(crate::StoreError::Corrupt("an object changed its type".into())),
    }
}

/// An object as it is kept.
#[derive(Clone, Debug)]
pub struct StoredObject {
    pub id: String,
    pub version: u32,
    pub state: String,
}

/// One entry of a list filter: the objects whose `field` has `value`, in the order of `sort`,
/// which is the object's id or ends with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexKey {
    pub scope: Scope,
    pub field: &'static str,
    pub value: String,
    pub sort: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PostingKey {
    pub scope: Scope,
    pub id: String,
}

/// One journal entry: what TransactionEntries are rendered from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostingRow {
    pub book: String,
    pub transaction: String,
    pub kind: String,
    pub from: String,
    pub to: String,
    pub amount: i64,
    pub currency: String,
    pub created: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    pub scope: Scope,
    pub id: String,
}

/// What happened, with the object as it was then, rendered compactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    pub kind: String,
    pub created: Millis,
    pub object: String,
    pub previous: Option<String>,
    pub request: Option<String>,
    pub idempotency_key: Option<String>,
    /// False where the change came from a job, so that the event names no request at all.
    pub by_request: bool,
    /// How many endpoints it was for: as many outbox rows belong to it.
    pub targets: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKey {
    pub ws: i64,
    pub due: Millis,
    pub seq: i64,
}

/// Something due at a time of the workspace's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    pub acct: i64,
    pub kind: String,
    pub object: String,
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnswerKey {
    pub ws: i64,
    pub seq: i64,
}

/// The answer kept for an idempotency key. Where it is word for word the object of an event, it
/// names that event instead of repeating it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerRow {
    pub acct: i64,
    /// 64 bits of the key's hash: what the narrow index holds.
    pub hash: i64,
    pub key: String,
    pub fingerprint: Vec<u8>,
    pub path: String,
    pub request: String,
    pub status: u16,
    pub created: Millis,
    pub event: Option<String>,
    pub body: Option<Vec<u8>>,
}

/// Which set of rows beside those of its workspace: `part` is their `ws`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CopyKey {
    /// The workspace's own number.
    pub ws: i64,
    pub part: i64,
}

/// What a set of rows beside those of its workspace is for.
#[derive(Clone, Debug, PartialEq)]
pub enum CopyRow {
    /// It is being made, by a program that goes on until then by its machine's clock.
    Making { until: Millis },
    /// A snapshot: the state of the workspace as it was, by its clock, when `taken`.
    Kept { name: String, taken: Millis, state: Box<WorkspaceState> },
    /// Nobody's any more: it is being removed.
    Removing,
}

impl CopyRow {
    /// As the columns `name`, `until`, `taken` and `state` have it.
    pub(crate) fn columns(&self) -> Result<(Option<&str>, Millis, Millis, Option<String>)> {
        Ok(match self {
            CopyRow::Making { until } => (None, *until, 0, None),
            CopyRow::Kept { name, taken, state } => {
                (Some(name), 0, *taken, Some(serde_json::to_string(state)?))
            }
            CopyRow::Removing => (None, 0, 0, None),
        })
    }

    pub fn from_columns(
        name: Option<String>,
        until: Millis,
        taken: Millis,
        state: Option<String>,
    ) -> Result<CopyRow> {
        Ok(match (name, state) {
            (Some(name), Some(state)) => {
                CopyRow::Kept { name, taken, state: Box::new(serde_json::from_str(&state)?) }
            }
            _ if until != 0 => CopyRow::Making { until },
            _ => CopyRow::Removing,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey {
    pub ws: i64,
    pub event: String,
    pub endpoint: String,
}

/// One event on its way to one endpoint, from the transaction that made the event on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    pub acct: i64,
    /// When the next attempt is due; none once it is delivered or given up.
    pub due: Option<Millis>,
    pub delivered: bool,
    /// What was tried so far, as JSON.
    pub attempts: String,
}
