//! What is left of a deleted customer.

use api::operation;
use api::{Include, Json, Resource, Result, View};
use serde::{Deserialize, Serialize};
use store::Millis;

use super::Customer;

/// What is remembered of a deleted customer. Its ids have a prefix of their own, so that lists of
/// customers need neither an index nor a look at what is gone.
#[derive(Clone, Serialize, Deserialize)]
pub struct Deleted {
    pub(super) id: String,
    pub(super) created: Millis,
}

impl Deleted {
    pub(super) fn id_of(customer: &str) -> String {
        format!("gone_{customer}")
    }
}

impl Resource for Deleted {
    const OBJECT: &'static str = "customer";
    const PREFIX: &'static str = "gone";
    const LABEL: &'static str = "customer";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn render(&self, _: &View<'_>, _: &Include<'_>) -> Result<Json> {
        let id = self.id.strip_prefix("gone_").unwrap_or(&self.id);
        Ok(operation::deleted::<Customer>(id.to_owned()))
    }
}
