//! The bank's desk for an account: it numbers what the account hands over.

use api::{Include, Json, Resource, Result, Tx, View, object};
use serde::{Deserialize, Serialize};
use store::Millis;

/// Kept once an account, and never shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Desk {
    id: String,
    created: Millis,
    /// The number that was given last.
    number: i64,
}

/// There is only one.
const ID: &str = "bankdesk_1";

impl Desk {
    /// A number that no other payment of the account has.
    pub fn next_number(tx: &mut Tx<'_>) -> Result<i64> {
        let mut desk = match tx.load::<Desk>(ID)? {
            Some(desk) => api::copy(&desk),
            None => Desk { id: ID.to_owned(), created: tx.now_ms(), number: 0 },
        };
        desk.number += 1;
        let number = desk.number;
        tx.save(desk)?;
        Ok(number)
    }
}

impl Resource for Desk {
    const OBJECT: &'static str = "treasury.bank_desk";
    const PREFIX: &'static str = "bankdesk";
    const LABEL: &'static str = "bank desk";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn render(&self, _: &View<'_>, _: &Include<'_>) -> Result<Json> {
        Ok(object([("id", Json::from(&self.id)), ("object", Self::OBJECT.into())]))
    }
}
