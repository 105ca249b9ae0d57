//! Returns that came in a file: each is applied to the flow that its trace number names, once.

use std::sync::Arc;

use api::resource::decode;
use api::{Include, Index, Json, Resource, Result, Tx, View, object};
use serde::{Deserialize, Serialize};
use store::{IdRange, Millis};

use crate::destination::ReturnCode;
use crate::outbound::{Action, Kind, Outbound, Refusal, steps};
use crate::outbound_payment::ToSomebody;
use crate::outbound_transfer::ToOneself;

/// An entry that came back, and whose it was.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The number of the account.
    pub account: i64,
    pub trace: String,
    pub amount: i64,
    /// `R01` to `R85`.
    pub code: String,
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The flow of that id was returned.
    Applied(String, ReturnCode),
    /// The file has been read before.
    Known,
    Refused(String),
}

/// What the API calls a bank's reason.
pub fn meaning(code: &str) -> ReturnCode {
    match code {
        "R02" => ReturnCode::AccountClosed,
        "R03" => ReturnCode::NoAccount,
        "R04" => ReturnCode::InvalidAccountNumber,
        // The account, or the whole branch, is now another bank's.
        "R12" => ReturnCode::BankOwnershipChanged,
        // Whoever could dispose of it died; or it is no account for transactions.
        "R14" | "R15" | "R20" => ReturnCode::BankAccountRestricted,
        "R16" => ReturnCode::AccountFrozen,
        "R17" | "R22" => ReturnCode::IncorrectAccountHolderName,
        // Payment was stopped, or the receiver refused the credit.
        "R08" | "R23" => ReturnCode::Declined,
        _ => ReturnCode::Other,
    }
}

/// How far a file has been applied in this workspace. Kept by the platform, and never shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AchReturns {
    id: String,
    created: Millis,
    /// What tells its content from that of other files.
    digest: String,
    /// How many of its parts have been applied.
    parts: usize,
}

/// Applies a part of a file, unless that has been done: parts come in order, and each with the
/// record that it was applied in one commit.
pub fn apply(
    tx: &mut Tx<'_>,
    digest: &str,
    part: usize,
    entries: &[Entry],
) -> Result<Vec<Verdict>> {
    let mut record = match find(tx, digest)? {
        Some(record) => api::copy(&record),
        None => AchReturns {
            id: tx.new_id::<AchReturns>(),
            created: tx.now_ms(),
            digest: digest.to_owned(),
            parts: 0,
        },
    };
    if part < record.parts {
        return Ok(entries.iter().map(|_| Verdict::Known).collect());
    }
    record.parts = part + 1;
    tx.save(record)?;
    entries.iter().map(|entry| apply_one(tx, entry)).collect()
}

fn find(view: &View<'_>, digest: &str) -> Result<Option<Arc<AchReturns>>> {
    let range = IdRange::prefix(AchReturns::PREFIX, false);
    let decode = decode::<AchReturns>;
    let found = view.session.indexed_objects(0, "digest", digest, &range, 1, decode)?;
    Ok(found.into_iter().next())
}

fn apply_one(tx: &mut Tx<'_>, entry: &Entry) -> Result<Verdict> {
    let unknown = || Verdict::Refused("no entry has this trace number".to_owned());
    let Some(owner) = steps::owner_of(tx, entry.account)? else { return Ok(unknown()) };
    tx.on(owner, |tx| {
        let found = return_of::<ToSomebody>(tx, entry)?;
        let found = match found {
            None => return_of::<ToOneself>(tx, entry)?,
            Some(_) => found,
        };
        Ok(found.unwrap_or_else(unknown))
    })
}

/// The return of a flow of one kind; none where the trace number is not that of such a flow.
fn return_of<K: Kind>(tx: &mut Tx<'_>, entry: &Entry) -> Result<Option<Verdict>> {
    let range = IdRange::prefix(Outbound::<K>::PREFIX, true);
    let owner = tx.owner.number;
    let decode = decode::<Outbound<K>>;
    // Numbers begin anew after ten millions: the latest one is meant.
    let found = tx.session.indexed_objects(owner, "ach_trace", &entry.trace, &range, 1, decode)?;
    let Some(outbound) = found.into_iter().next() else { return Ok(None) };
    let refused = |why: String| Ok(Some(Verdict::Refused(why)));
    if outbound.amount.minor_units() != entry.amount {
        return refused(format!("{} has another amount", outbound.id));
    }
    if let Err(refusal) = outbound.plan(Action::Return) {
        return refused(Refusal::of::<K>(refusal).message);
    }
    let code = meaning(&entry.code);
    steps::perform_returning(tx, &outbound, Action::Return, code)?;
    Ok(Some(Verdict::Applied(outbound.id.clone(), code)))
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Verdict::Applied(id, code) => write!(f, "{id} returned: {}", code.as_str()),
            Verdict::Known => f.write_str("applied before"),
            Verdict::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}

impl Resource for AchReturns {
    const OBJECT: &'static str = "treasury.ach_returns";
    const PREFIX: &'static str = "achret";
    const LABEL: &'static str = "ach returns";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn index(&self, entries: &mut Index) {
        entries.add("digest", &self.digest);
    }

    fn render(&self, _: &View<'_>, _: &Include<'_>) -> Result<Json> {
        Ok(object([("id", Json::from(&self.id)), ("object", Self::OBJECT.into())]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_meaning() {
        let table = [
            ("R02", ReturnCode::AccountClosed),
            ("R03", ReturnCode::NoAccount),
            ("R04", ReturnCode::InvalidAccountNumber),
            ("R12", ReturnCode::BankOwnershipChanged),
            ("R16", ReturnCode::AccountFrozen),
            ("R17", ReturnCode::IncorrectAccountHolderName),
            ("R20", ReturnCode::BankAccountRestricted),
            ("R23", ReturnCode::Declined),
            ("R01", ReturnCode::Other),
            ("R85", ReturnCode::Other),
        ];
        for (code, meant) in table {
            assert_eq!(meaning(code), meant, "{code}");
        }
    }
}
