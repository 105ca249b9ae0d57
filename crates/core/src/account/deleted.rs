//! What is left of a deleted account: its id by its number. What happened on it before is still
//! told to its platform, and each attempt must say whose it was.

use api::{Include, Json, Resource, Result, Tx, View, operation};
use serde::{Deserialize, Serialize};
use store::Millis;

use super::{Account, account_by_number};

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Deleted {
    id: String,
    created: Millis,
    account: String,
}

fn id_of(number: i64) -> String {
    format!("{}_{number}", Deleted::PREFIX)
}

/// Remembers an account that is about to be removed.
pub(super) fn remember(tx: &mut Tx<'_>, account: &Account) -> Result<()> {
    let (id, created) = (id_of(account.number), tx.now_ms());
    tx.save(Deleted { id, created, account: account.id.clone() })?;
    Ok(())
}

/// The id of a connected account by its number, even of one that was deleted.
pub fn id_ever(view: &View<'_>, number: i64) -> Result<Option<String>> {
    if let Some(id) = account_by_number(view, number)? {
        return Ok(Some(id));
    }
    let gone = view.load_of::<Deleted>(0, &id_of(number))?;
    Ok(gone.map(|gone| gone.account.clone()))
}

impl Resource for Deleted {
    const OBJECT: &'static str = "account";
    const PREFIX: &'static str = "goneacct";
    const LABEL: &'static str = "account";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn render(&self, _: &View<'_>, _: &Include<'_>) -> Result<Json> {
        Ok(operation::deleted::<Account>(self.account.clone()))
    }
}
