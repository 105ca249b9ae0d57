//! Reversing a Payout: another one pulls its money back.

use std::sync::Arc;

use api::params::{Metadata, Params};
use api::{ApiError, Path, Resource, Result, Tx};
use exchequer_core::bank_account::BankAccount;

use super::state::{Action, Status};
use super::{Payout, PayoutMethod, begin};
use crate::dates;

#[derive(Params)]
pub struct ReversePayout {
    /// Names and values of your own.
    metadata: Metadata,
}

/// Only a platform's connected accounts have payouts reversed, and each at most once.
pub fn reverse(tx: &mut Tx<'_>, path: &Path, params: &ReversePayout) -> Result<Arc<Payout>> {
    let original = tx.find::<Payout>(path.id())?;
    if tx.is_platform() {
        let message = "Only payouts of connected accounts can be reversed.";
        return Err(ApiError::invalid(message).into());
    }
    original.status.check(Action::Reverse)?;
    if original.amount < 0 || original.original_payout.is_some() {
        let message = "A payout that reverses another one cannot be reversed.";
        return Err(ApiError::invalid(message).into());
    }
    if let Some(by) = &original.reversed_by {
        let message = format!("This payout has already been reversed by {by}.");
        return Err(ApiError::invalid(message).into());
    }
    let destination = match &original.destination {
        Some(id) => tx.load::<BankAccount>(id)?,
        None => None,
    };
    let Some(destination) = destination else {
        let message = "Only payouts to a bank account can be reversed.";
        return Err(ApiError::invalid(message).into());
    };
    let created = tx.now_ms();
    let id = tx.new_id::<Payout>();
    let back = Payout {
        id: id.clone(),
        created,
        amount: -original.amount,
        currency: original.currency,
        arrival: dates::next_bank_day(created),
        status: Status::Pending,
        destination: Some(destination.id().to_owned()),
        financial_account: original.financial_account.clone(),
        will_fail: None,
        balance_transaction: String::new(),
        failure: None,
        failure_balance_transaction: None,
        method: PayoutMethod::Standard,
        description: original.description.clone(),
        statement_descriptor: original.statement_descriptor.clone(),
        original_payout: Some(original.id.clone()),
        swept: None,
        reversed_by: None,
        metadata: params.metadata.for_new()?,
    };
    let back = begin(tx, back)?;
    let old = tx.render(&*original)?;
    let reversed = tx.save(Payout { reversed_by: Some(id), ..api::copy(&original) })?;
    tx.event_changed("payout.updated", &old, &*reversed)?;
    Ok(back)
}
