//! The bank's desk in a workspace: it numbers what is handed over, and knows which file is open.

use api::{Include, Json, Resource, Result, Tx, View, object};
use serde::{Deserialize, Serialize};
use store::Millis;

/// Kept once a workspace, by its platform, and never shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Desk {
    id: String,
    created: Millis,
    /// The number that was given last.
    number: i64,
    /// The ach file that entries go into, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) open_file: Option<String>,
    /// The day (`YYYYMMDD`) of the latest file, and how many files that day has had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) files_of: Option<(String, u32)>,
}

/// There is only one.
const ID: &str = "bankdesk_1";

impl Desk {
    /// A number that no other payment of the workspace has.
    pub fn next_number(tx: &mut Tx<'_>) -> Result<i64> {
        let platform = tx.platform();
        tx.on(platform, |tx| {
            let mut desk = Desk::open(tx)?;
            desk.number += 1;
            let number = desk.number;
            tx.save(desk)?;
            Ok(number)
        })
    }

    /// The desk, for the platform.
    pub(super) fn open(tx: &mut Tx<'_>) -> Result<Desk> {
        Ok(match tx.load::<Desk>(ID)? {
            Some(desk) => api::copy(&desk),
            None => Desk {
                id: ID.to_owned(),
                created: tx.now_ms(),
                number: 0,
                open_file: None,
                files_of: None,
            },
        })
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
