//! Test tokens: names that stand where the id of a PaymentMethod goes. Each use of one makes a new
//! PaymentMethod that behaves as the name says.

use std::sync::Arc;

use api::{Result, Tx, View};

use crate::bank::{AccountHolderType, BankAccount, TEST_ROUTING_NUMBER};
use crate::billing::{Address, BillingDetails};
use crate::card::Card;
use crate::payment_method::{FlowDirection, Holder, Kind, PaymentMethod};

/// The account number behind every bank token: what becomes of it is in the token's name.
const ACCOUNT_NUMBER: &str = "000123456789";

/// What may follow `pm_usBankAccount_`. Which of them mean something depends on the product.
const BANK_TOKENS: &[&str] = &[
    "success",
    "processing",
    "expectedArrivalDateUpdated",
    "canceledByUser",
    "internalFailure",
    "accountClosed",
    "noAccount",
    "invalidAccountNumber",
    "insufficientFunds",
    "debitNotAuthorized",
    "invalidCurrency",
    "failMicrodeposits",
    "dispute",
    "sameDayACHIneligible",
    "weeklyLimitExceeded",
];

/// A new PaymentMethod of a token; none where the text is no token, or money is real.
pub fn mint_for(
    tx: &mut Tx<'_>,
    token: &str,
    holder: Holder,
) -> Result<Option<Arc<PaymentMethod>>> {
    let Some(method) = shown(tx, token)? else { return Ok(None) };
    let mut method = method.with_id(tx.new_id::<PaymentMethod>());
    method.holder = holder;
    tx.save(method).map(Some)
}

/// What a token stands for, to those who only look: its id is the token, so that it can be used
/// like any other.
pub fn shown(view: &View<'_>, token: &str) -> Result<Option<PaymentMethod>> {
    if view.livemode() {
        return Ok(None);
    }
    let id = token.to_owned();
    if let Some(behavior) = bank_behavior(token) {
        return Ok(Some(bank_method(view, id, behavior)));
    }
    let Some(tail) = token.strip_prefix("pm_card_") else { return Ok(None) };
    let Some((card, behavior)) = Card::of_token(view, tail)? else { return Ok(None) };
    let mut method = PaymentMethod::new(id, view.now_ms(), Kind::Card(card));
    method.test_behavior = behavior;
    Ok(Some(method))
}

/// What a bank token says: `success` where it says nothing.
fn bank_behavior(token: &str) -> Option<&'static str> {
    let tail = token.strip_prefix("pm_usBankAccount")?;
    let name = if tail.is_empty() { "success" } else { tail.strip_prefix('_')? };
    BANK_TOKENS.iter().find(|known| **known == name).copied()
}

fn bank_method(view: &View<'_>, id: String, behavior: &str) -> PaymentMethod {
    let mut bank = BankAccount::of(view, TEST_ROUTING_NUMBER, ACCOUNT_NUMBER);
    bank.account_holder_type = Some(AccountHolderType::Company);
    let mut method = PaymentMethod::new(id, view.now_ms(), Kind::UsBankAccount(bank));
    method.billing_details = jane_austen();
    method.is_verified = true;
    method.flow_directions = vec![FlowDirection::Inbound, FlowDirection::Outbound];
    method.test_behavior = Some(behavior.to_owned());
    method
}

fn jane_austen() -> BillingDetails {
    let text = |text: &str| Some(text.to_owned());
    BillingDetails {
        address: Address {
            city: text("San Francisco"),
            country: text("US"),
            line1: text("1234 Fake Street"),
            line2: None,
            postal_code: text("94102"),
            state: text("CA"),
        },
        name: text("Jane Austen"),
        ..BillingDetails::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bank_tokens_tail_is_its_behavior() {
        assert_eq!(bank_behavior("pm_usBankAccount"), Some("success"));
        assert_eq!(bank_behavior("pm_usBankAccount_processing"), Some("processing"));
        for other in ["pm_usBankAccount_", "pm_usBankAccountprocessing", "pm_1", "pm_card_visa"] {
            assert_eq!(bank_behavior(other), None, "{other}");
        }
    }
}
