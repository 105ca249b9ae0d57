//! The end of a FinancialAccount: nothing may be left in it, and it cannot be opened again.

use std::sync::Arc;

use api::params::{Choice, Currency, ListParams, Params};
use api::{ApiError, Fault, Path, Query, Result, Tx, View};
use exchequer_core::bank::missing_param;
use exchequer_core::payment_method::{Kind, PaymentMethod};
use ledger::{Amount, Contra};
use serde::{Deserialize, Serialize};

use crate::book::{self, EntryType, Flow, FlowType};
use crate::financial_account::{FinancialAccount, LEFT_BEHIND, LEFT_BEHIND_CASH, Status, announce};
use crate::inbound_transfer;
use crate::receipt;
use crate::transaction::describe;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum ForwardingType {
    FinancialAccount,
    PaymentMethod,
}

/// Another account for what is left, or for what comes late.
#[derive(Clone, Debug, Params)]
pub struct ForwardingSettings {
    /// The FinancialAccount, for `type=financial_account`.
    pub financial_account: Option<String>,
    /// The PaymentMethod or bank account, for `type=payment_method`. It has to be verified.
    pub payment_method: Option<String>,
    /// What takes the money: a FinancialAccount or a PaymentMethod.
    pub r#type: ForwardingType,
}

/// What takes the money of a closed account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heir {
    FinancialAccount(String),
    PaymentMethod(String),
}

#[derive(Clone, Debug, Params)]
pub struct Close {
    /// Where the money that is left goes.
    pub forwarding_settings: Option<ForwardingSettings>,
}

impl ForwardingSettings {
    /// Whom the settings of `account` name.
    pub fn heir(&self, view: &View<'_>, account: &FinancialAccount) -> Result<Heir> {
        let param = format!("forwarding_settings[{}]", self.r#type.as_str());
        match self.r#type {
            ForwardingType::FinancialAccount => {
                let id = self.financial_account.as_ref();
                let id = id.ok_or_else(|| missing_param(&param))?;
                let heir = view.reference::<FinancialAccount>(id, &param)?;
                if heir.id == account.id {
                    let message = "A FinancialAccount cannot forward to itself.";
                    return Err(ApiError::invalid(message).on(param).into());
                }
                if heir.is_closed {
                    return Err(heir.closed_error().on(param).into());
                }
                Ok(Heir::FinancialAccount(id.clone()))
            }
            ForwardingType::PaymentMethod => {
                let id = self.payment_method.as_ref();
                let id = id.ok_or_else(|| missing_param(&param))?;
                check_payment_method(view, id, &param)?;
                Ok(Heir::PaymentMethod(id.clone()))
            }
        }
    }
}

/// An account is not deleted while one of its FinancialAccounts is open, or holds what came back
/// after it was closed.
pub fn refuse_deletion(tx: &mut Tx<'_>, _: &str, _: &str) -> Result<()> {
    let first = |field, value: &str| -> Result<Option<Arc<FinancialAccount>>> {
        let page = ListParams { limit: 1, ..ListParams::default() };
        let query = Query::new(&page).filter(field, value);
        Ok(api::list::<FinancialAccount>(tx, &query)?.items.pop())
    };
    let message = if let Some(account) = first("status", Status::Open.as_str())? {
        let id = &account.id;
        format!("The FinancialAccount {id} is open. Close it before deleting the account.")
    } else if let Some(account) = first(LEFT_BEHIND, LEFT_BEHIND_CASH)? {
        let id = &account.id;
        if account.balance.cash < 0 {
            let message = format!("The FinancialAccount {id} is closed and owes money.");
            return Err(ApiError::invalid(message).into());
        }
        format!(
            "The FinancialAccount {id} is closed and holds money. Close it again with \
             forwarding_settings before deleting the account."
        )
    } else {
        return Ok(());
    };
    Err(ApiError::invalid(message).into())
}

fn check_payment_method(view: &View<'_>, id: &str, param: &str) -> Result<()> {
    let method = view.reference::<PaymentMethod>(id, param)?;
    let Kind::UsBankAccount(_) = method.kind else {
        let message = "Money can only be forwarded to a bank account.";
        let error = ApiError::param("payment_method_unsupported_type", param, message);
        return Err(error.into());
    };
    if !method.is_of_account() {
        let message = format!(
            "The PaymentMethod {id} must be the account's own: set it up by a SetupIntent with \
             attach_to_self."
        );
        let error = ApiError::param("payment_method_unexpected_state", param, message);
        return Err(error.into());
    }
    if !method.is_verified {
        let message = format!("The bank account of {id} has to be verified.");
        let error = ApiError::param("payment_method_unexpected_state", param, message);
        return Err(error.into());
    }
    Ok(())
}

/// What stands in the way of closing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Closed,
    /// Payments on their way hold money.
    MoneyHeld,
    /// Transfers are still to bring money.
    MoneyAwaited,
    /// There is cash, or a debt, and nobody takes it.
    MoneyLeft,
}

/// How an account can be closed: with nothing left, or with cash to be swept to another account. A
/// closed one is only swept: of what a bank sent back later.
pub fn decide(
    account: &FinancialAccount,
    is_awaited: bool,
    takes_cash: bool,
) -> Result<Option<Amount>, Refusal> {
    if account.is_closed && !account.holds_money() {
        return Err(Refusal::Closed);
    }
    if is_awaited {
        return Err(Refusal::MoneyAwaited);
    }
    if account.balance.outbound_pending != 0 || account.balance.inbound_pending != 0 {
        return Err(Refusal::MoneyHeld);
    }
    match (account.balance.cash, Amount::new(account.balance.cash)) {
        (0, _) => Ok(None),
        (_, Some(cash)) if takes_cash => Ok(Some(cash)),
        _ => Err(Refusal::MoneyLeft),
    }
}

impl Refusal {
    fn error(self, account: &FinancialAccount) -> ApiError {
        let id = &account.id;
        match self {
            Refusal::Closed => {
                ApiError::transition(format!("The FinancialAccount {id} is closed already."))
            }
            Refusal::MoneyHeld | Refusal::MoneyAwaited => ApiError::invalid(format!(
                "The FinancialAccount {id} cannot be closed while it has pending flows."
            )),
            Refusal::MoneyLeft => ApiError::invalid(format!(
                "The FinancialAccount {id} cannot be closed while its balance is not zero. \
                 Forwarding settings would say where its cash goes."
            )),
        }
    }
}

pub(super) fn close(tx: &mut Tx<'_>, path: &Path, p: &Close) -> Result<Arc<FinancialAccount>> {
    let before = tx.find::<FinancialAccount>(path.id())?;
    if before.is_closed && !before.holds_money() {
        return Err(Refusal::Closed.error(&before).into());
    }
    let heir = match &p.forwarding_settings {
        Some(settings) => Some(settings.heir(tx, &before)?),
        None => living_heir(tx, &before)?,
    };
    let is_awaited = inbound_transfer::is_awaited(tx, &before.id)?;
    let cash = decide(&before, is_awaited, heir.is_some());
    let cash = cash.map_err(|refusal| refusal.error(&before))?;
    if let Some((heir, cash)) = heir.as_ref().zip(cash) {
        sweep(tx, &before.id, heir, cash)?;
    }
    let swept = tx.load::<FinancialAccount>(&before.id)?;
    let swept = swept.ok_or_else(|| Fault(format!("{} is gone", before.id)))?;
    let mut account = api::copy(&swept);
    account.is_closed = true;
    account.heir = heir;
    let account = tx.save(account)?;
    if before.is_closed {
        return Ok(account);
    }
    announce(tx, &before, &account)?;
    tx.event("treasury.financial_account.closed", &*account)?;
    Ok(account)
}

/// Lets what came back to a closed account go on to whom it was to forward to. Where that is nobody
/// it stays, until the account is closed again with another.
pub fn forward_what_came_late(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    let Some(account) = tx.load::<FinancialAccount>(id)?.filter(|a| a.is_closed) else {
        return Ok(());
    };
    let heir = living_heir(tx, &account)?;
    match heir.zip(Amount::new(account.balance.cash)) {
        Some((heir, cash)) => sweep(tx, id, &heir, cash),
        None => Ok(()),
    }
}

/// The one named earlier, unless it has gone since.
fn living_heir(view: &View<'_>, account: &FinancialAccount) -> Result<Option<Heir>> {
    match &account.heir {
        Some(heir) if heir.is_there(view)? => Ok(Some(heir.clone())),
        _ => Ok(None),
    }
}

impl Heir {
    /// One that was named earlier can have been closed or given away since.
    fn is_there(&self, view: &View<'_>) -> Result<bool> {
        Ok(match self {
            Heir::FinancialAccount(id) => {
                view.load::<FinancialAccount>(id)?.is_some_and(|account| !account.is_closed)
            }
            Heir::PaymentMethod(id) => {
                view.load::<PaymentMethod>(id)?.is_some_and(|method| method.is_of_account())
            }
        })
    }
}

/// Takes all the cash away: one Transaction for each FinancialAccount, of no flow.
fn sweep(tx: &mut Tx<'_>, from: &str, heir: &Heir, cash: Amount) -> Result<()> {
    let flow = |account, name: Option<&str>, last4: &str| Flow {
        account,
        id: None,
        kind: FlowType::Other,
        amount: cash,
        currency: Currency::USD,
        description: describe(name, Some(last4), "Other", "closing"),
    };
    let entry = EntryType::Other;
    match heir {
        Heir::FinancialAccount(to) => {
            let contra = Contra::IntraStripeTransit;
            book::debit(tx, &flow(from, None, receipt::last4(to)), entry, contra, false)?;
            book::credit(tx, &flow(to, None, receipt::last4(from)), entry, contra)?;
        }
        Heir::PaymentMethod(id) => {
            let method = tx.load::<PaymentMethod>(id)?;
            let method = method.ok_or_else(|| Fault(format!("{id} is gone")))?;
            let Kind::UsBankAccount(bank) = &method.kind else {
                return Err(Fault(format!("{id} is no bank account")).into());
            };
            let name = method.billing_details.name.as_deref();
            book::debit(tx, &flow(from, name, &bank.last4), entry, Contra::AchClearing, false)?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ledger::Impact;

    #[test]
    fn an_account_closes_empty() {
        let cash = |cents| Ok(Amount::new(cents));
        let table = [
            (0, 0, false, Ok(None)),
            (0, 0, true, Ok(None)),
            (700, 0, false, Err(Refusal::MoneyLeft)),
            (700, 0, true, cash(700)),
            (-700, 0, false, Err(Refusal::MoneyLeft)),
            (-700, 0, true, Err(Refusal::MoneyLeft)),
            (0, 700, true, Err(Refusal::MoneyHeld)),
            (700, 700, true, Err(Refusal::MoneyHeld)),
        ];
        for (cash, outbound_pending, takes_cash, outcome) in table {
            let mut account = FinancialAccount::new("fa_1".into(), 0);
            account.balance = Impact { cash, inbound_pending: 0, outbound_pending };
            assert_eq!(decide(&account, false, takes_cash), outcome, "{cash} {outbound_pending}");
            assert_eq!(decide(&account, true, takes_cash), Err(Refusal::MoneyAwaited));
            account.is_closed = true;
            let closed = if account.holds_money() { outcome } else { Err(Refusal::Closed) };
            assert_eq!(decide(&account, false, takes_cash), closed, "{cash} {outbound_pending}");
        }
    }
}
