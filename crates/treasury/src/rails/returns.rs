//! Returns that came in a file: each is applied to the flow that its trace number names, once.

use std::sync::Arc;

use api::resource::decode;
use api::{Include, Index, Json, Resource, Result, Tx, View, object};
use serde::{Deserialize, Serialize};
use store::{IdRange, Millis};

use super::file::BY_TRACE;
use crate::destination::ReturnCode;
use crate::inbound_transfer::{self, FailureCode, InboundTransfer, StageName};
use crate::outbound::{Action, Kind, Outbound, steps};
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
    /// The flow of that id was returned, or has failed.
    Applied(String, &'static str),
    /// The file has been read before.
    Known,
    Refused(String),
}

/// What the API calls a bank's reason not to take a credit.
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

/// What the API calls a bank's reason not to pay a debit.
pub fn meaning_of_debit(code: &str) -> FailureCode {
    match code {
        "R01" | "R09" => FailureCode::InsufficientFunds,
        "R02" => FailureCode::AccountClosed,
        "R03" => FailureCode::NoAccount,
        "R04" => FailureCode::InvalidAccountNumber,
        // The account's holder did not allow it, does not any more, or stopped the payment.
        "R05" | "R07" | "R08" | "R10" | "R11" | "R29" | "R37" | "R51" => {
            FailureCode::DebitNotAuthorized
        }
        "R12" => FailureCode::BankOwnershipChanged,
        "R14" | "R15" | "R20" => FailureCode::BankAccountRestricted,
        "R16" => FailureCode::AccountFrozen,
        "R17" | "R22" => FailureCode::IncorrectAccountHolderName,
        _ => FailureCode::Other,
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
        for apply in [return_of::<ToSomebody>, return_of::<ToOneself>, return_of_debit] {
            if let Some(verdict) = apply(tx, entry)? {
                return Ok(verdict);
            }
        }
        Ok(unknown())
    })
}

/// The flow of a kind that was handed over under a trace number. The numbers begin anew after ten
/// millions: the latest one is meant.
fn traced<T: Resource>(view: &View<'_>, trace: &str) -> Result<Option<Arc<T>>> {
    let range = IdRange::prefix(T::PREFIX, true);
    let owner = view.owner.number;
    let found = view.session.indexed_objects(owner, BY_TRACE, trace, &range, 1, decode::<T>)?;
    Ok(found.into_iter().next())
}

fn other_amount(id: &str) -> Verdict {
    Verdict::Refused(format!("{id} has another amount"))
}

/// The return of a flow of one kind; none where the trace number is not that of such a flow.
fn return_of<K: Kind>(tx: &mut Tx<'_>, entry: &Entry) -> Result<Option<Verdict>> {
    let Some(outbound) = traced::<Outbound<K>>(tx, &entry.trace)? else { return Ok(None) };
    if outbound.amount.minor_units() != entry.amount {
        return Ok(Some(other_amount(&outbound.id)));
    }
    if let Err(refusal) = outbound.plan(Action::Return) {
        return Ok(Some(Verdict::Refused(refusal.of::<K>().message)));
    }
    let code = meaning(&entry.code);
    steps::perform_returning(tx, &outbound, Action::Return, code)?;
    Ok(Some(Verdict::Applied(outbound.id.clone(), code.as_str())))
}

/// A debit that comes back fails, or takes the money away again where it was there already.
fn return_of_debit(tx: &mut Tx<'_>, entry: &Entry) -> Result<Option<Verdict>> {
    let Some(transfer) = traced::<InboundTransfer>(tx, &entry.trace)? else { return Ok(None) };
    if transfer.amount.minor_units() != entry.amount {
        return Ok(Some(other_amount(&transfer.id)));
    }
    let code = meaning_of_debit(&entry.code);
    match transfer.stage.name() {
        StageName::Processing | StageName::Submitted => {
            inbound_transfer::steps::fail(tx, &transfer, code)?;
        }
        StageName::Succeeded => {
            inbound_transfer::steps::return_(tx, &transfer, code)?;
        }
        StageName::Canceled | StageName::Failed | StageName::Returned => {
            let stage = transfer.stage.name().as_str();
            return Ok(Some(Verdict::Refused(format!("{} is {stage} already", transfer.id))));
        }
    }
    Ok(Some(Verdict::Applied(transfer.id.clone(), code.as_str())))
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Verdict::Applied(id, code) => write!(f, "{id} returned: {code}"),
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
        let of_debits = [
            ("R01", FailureCode::InsufficientFunds),
            ("R03", FailureCode::NoAccount),
            ("R10", FailureCode::DebitNotAuthorized),
            ("R29", FailureCode::DebitNotAuthorized),
            ("R85", FailureCode::Other),
        ];
        for (code, meant) in of_debits {
            assert_eq!(meaning_of_debit(code), meant, "{code}");
        }
    }
}
