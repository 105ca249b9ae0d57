//! Which destination a request means, and whether it can be paid so.

use std::sync::Arc;

use api::{ApiError, Owner, Resource, Result, Tx, View};
use exchequer_core::account;
use exchequer_core::bank::{BankAccount, UsBankAccountParams, missing_param};
use exchequer_core::bank_account::BankAccount as KeptAccount;
use exchequer_core::billing::{BillingDetails, BillingDetailsParams};
use exchequer_core::payment_method::{self, FlowDirection, PaymentMethod};

use super::outcome::{Outcome, ROUTING_NUMBER_WITHOUT_WIRES};
use super::params::{BankParams, DestinationData, DestinationOptions, DestinationType};
use super::{Destination, Network, UsBankAccount};
use crate::capability;
use crate::features::{self, Direction, Feature};
use crate::financial_account::FinancialAccount;

const METHOD: &str = "destination_payment_method";
/// What the ids of bank accounts kept the older way begin with.
const BANK_ACCOUNT: &str = "ba_";
const DATA: &str = "destination_payment_method_data";

/// What a request says about where the money goes.
pub struct Request<'a> {
    pub source: &'a FinancialAccount,
    pub payee: Payee<'a>,
    pub payment_method: Option<&'a str>,
    pub data: Option<&'a DestinationData>,
    pub options: Option<&'a DestinationOptions>,
}

/// Whom a flow may pay.
#[derive(Clone, Copy, Debug)]
pub enum Payee<'a> {
    /// A customer where there is one, somebody unknown, or another account of the platform.
    Somebody { customer: Option<&'a str> },
    /// The account that the money belongs to.
    Oneself,
}

/// The destination as it is frozen, and what will become of what goes there.
pub struct Resolved {
    pub destination: Destination,
    pub outcome: Outcome,
}

pub fn resolve(tx: &mut Tx<'_>, request: &Request<'_>) -> Result<Resolved> {
    match (request.payment_method, request.data) {
        (Some(id), _) => of_payment_method(tx, request, id),
        (None, Some(data)) => match data.kind {
            DestinationType::UsBankAccount => described(tx, request, data),
            DestinationType::FinancialAccount => within_stripe(tx, request, data),
        },
        (None, None) => Err(missing_param(METHOD).into()),
    }
}

/// A bank account of the payee's, or a test token that becomes one.
fn of_payment_method(tx: &mut Tx<'_>, request: &Request<'_>, id: &str) -> Result<Resolved> {
    let customer = match request.payee {
        Payee::Somebody { customer: None } => return Err(missing_param("customer").into()),
        Payee::Somebody { customer } => customer,
        Payee::Oneself => None,
    };
    if id.starts_with(BANK_ACCOUNT) {
        return of_bank_account(tx, request, id);
    }
    let method = match payment_method::mint(tx, id, customer)? {
        Some(minted) => minted,
        None => tx.reference::<PaymentMethod>(id, METHOD)?,
    };
    let Some(account) = method.bank() else {
        let message = "Money goes out to a PaymentMethod of the type us_bank_account.";
        return Err(ApiError::param("payment_method_unsupported_type", METHOD, message).into());
    };
    check_holder(&method, request.payee)?;
    if !method.allows(FlowDirection::Outbound) {
        let message = "The PaymentMethod has not been set up for outbound flows.";
        return Err(ApiError::param("payment_method_unexpected_state", METHOD, message).into());
    }
    let network = chosen(request.options);
    let mut recipient = shown(&method.billing_details);
    if network == Network::UsDomesticWire && matches!(request.payee, Payee::Oneself) {
        complete_own(tx, &mut recipient)?;
    }
    check_wire(network, account, &recipient, METHOD)?;
    let outcome = match &method.test_behavior {
        Some(behavior) => Outcome::of_behavior(behavior),
        None => Outcome::of_account(&account.routing_number, &account.number(tx.session.sealer)?),
    };
    let mut bank = UsBankAccount::new(account, recipient, network).for_files(tx, account);
    bank.payment_method = Some(method.id().to_owned());
    Ok(resolved(tx, Destination::UsBankAccount(bank.into()), outcome))
}

/// A bank account kept the older way: a customer's, or an external account of one's own.
fn of_bank_account(tx: &mut Tx<'_>, request: &Request<'_>, id: &str) -> Result<Resolved> {
    let kept = tx.reference::<KeptAccount>(id, METHOD)?;
    let is_payees = match request.payee {
        Payee::Somebody { customer: None } => return Err(missing_param("customer").into()),
        Payee::Somebody { customer } => kept.customer() == customer,
        Payee::Oneself => kept.customer().is_none(),
    };
    if !is_payees {
        let message = format!("The bank account {id} is not one that this money may go to.");
        return Err(ApiError::invalid(message).on(METHOD).into());
    }
    let account = &kept.numbers;
    let name = kept.account_holder_name.clone();
    let mut recipient = BillingDetails { name, ..BillingDetails::default() };
    let network = chosen(request.options);
    if network == Network::UsDomesticWire && matches!(request.payee, Payee::Oneself) {
        complete_own(tx, &mut recipient)?;
    }
    check_wire(network, account, &recipient, METHOD)?;
    let number = account.number(tx.session.sealer)?;
    let outcome = Outcome::of_account(&account.routing_number, &number);
    let mut bank = UsBankAccount::new(account, recipient, network).for_files(tx, account);
    bank.bank_account = Some(id.to_owned());
    Ok(resolved(tx, Destination::UsBankAccount(bank.into()), outcome))
}

/// A PaymentMethod must be the payee's own.
fn check_holder(method: &PaymentMethod, payee: Payee<'_>) -> Result<(), ApiError> {
    let id = method.id();
    match payee {
        Payee::Somebody { customer: Some(customer) } if method.customer() != Some(customer) => {
            let message = format!("The PaymentMethod {id} does not belong to {customer}.");
            Err(ApiError::invalid(message).on("customer"))
        }
        Payee::Oneself if !method.is_of_account() => {
            let message = format!(
                "The PaymentMethod {id} is not one of the account itself. Attach it with a \
                 SetupIntent whose attach_to_self is true."
            );
            Err(ApiError::param("payment_method_unexpected_state", METHOD, message))
        }
        Payee::Somebody { .. } | Payee::Oneself => Ok(()),
    }
}

/// A wire to oneself goes to the address of the legal entity, where the PaymentMethod has none.
fn complete_own(view: &View<'_>, recipient: &mut BillingDetails) -> Result<()> {
    if recipient.address.is_empty()
        && let Some(address) = capability::legal_address(view)?
    {
        recipient.address = address;
    }
    Ok(())
}

/// A bank account described on the spot, of which no PaymentMethod is kept.
fn described(tx: &Tx<'_>, request: &Request<'_>, data: &DestinationData) -> Result<Resolved> {
    refuse_other(data.financial_account.is_some(), "financial_account", "us_bank_account")?;
    let path = format!("{DATA}[us_bank_account]");
    let Some(params) = &data.us_bank_account else { return Err(missing_param(&path).into()) };
    if let Some(id) = &params.financial_connections_account {
        let param = format!("{path}[financial_connections_account]");
        let label = "financial connections account";
        return Err(ApiError::missing_reference(label, id, &param).into());
    }
    if params.account_holder_type.is_none() {
        return Err(missing_param(&format!("{path}[account_holder_type]")).into());
    }
    let account = BankAccount::new(tx, &numbers(params), &path)?;
    let recipient = data.billing_details.as_ref().map(BillingDetailsParams::from);
    let billing_details = recipient.map(|r| BillingDetails::from(&r)).unwrap_or_default();
    if billing_details.name.is_none() {
        return Err(missing_param(&format!("{DATA}[billing_details][name]")).into());
    }
    let network = chosen(request.options);
    check_wire(network, &account, &billing_details, DATA)?;
    let number = params.account_number.as_deref().unwrap_or_default();
    let outcome = Outcome::of_account(&account.routing_number, number);
    let bank = UsBankAccount::new(&account, billing_details, network).for_files(tx, &account);
    Ok(resolved(tx, Destination::UsBankAccount(bank.into()), outcome))
}

/// Another FinancialAccount: of the same account or of another, as the flow may.
fn within_stripe(tx: &Tx<'_>, request: &Request<'_>, data: &DestinationData) -> Result<Resolved> {
    refuse_other(data.us_bank_account.is_some(), "us_bank_account", "financial_account")?;
    if request.options.is_some() {
        let message = "A flow to a FinancialAccount has no options: its network is stripe.";
        return Err(ApiError::invalid(message).on("destination_payment_method_options").into());
    }
    let param = format!("{DATA}[financial_account]");
    let Some(id) = &data.financial_account else { return Err(missing_param(&param).into()) };
    let refused = |message: &str| Err(ApiError::invalid(message).on(&param).into());
    if id == &request.source.id {
        return refused("A FinancialAccount cannot pay itself.");
    }
    let Some((owner, account)) = find_account(tx, id)? else {
        return Err(ApiError::missing_reference(FinancialAccount::LABEL, id, &param).into());
    };
    let is_own = owner.number == tx.owner.number;
    match request.payee {
        Payee::Somebody { .. } if is_own => {
            return refused(
                "Both FinancialAccounts belong to the same account: use an OutboundTransfer.",
            );
        }
        Payee::Oneself if !is_own => {
            return refused(
                "The FinancialAccounts belong to different accounts: use an OutboundPayment.",
            );
        }
        Payee::Somebody { .. } | Payee::Oneself => {}
    }
    features::check(&account, Feature::IntraStripeFlows, Direction::Inbound)
        .map_err(|error| error.on(&param))?;
    let destination = Destination::FinancialAccount { id: id.clone(), owner: owner.number };
    Ok(Resolved { destination, outcome: Outcome::Posted })
}

/// The FinancialAccount of that id, whichever account of the workspace owns it.
fn find_account(view: &View<'_>, id: &str) -> Result<Option<(Owner, Arc<FinancialAccount>)>> {
    let Some(owner) = account::owner_of(view, id)? else { return Ok(None) };
    let found = view.load_of::<FinancialAccount>(owner.number, id)?;
    Ok(found.map(|found| (owner, found)))
}

/// Magic numbers work in test mode alone.
fn resolved(view: &View<'_>, destination: Destination, outcome: Outcome) -> Resolved {
    let outcome = if view.livemode() { Outcome::Waits } else { outcome };
    Resolved { destination, outcome }
}

/// Each kind of destination has parameters of its own.
fn refuse_other(is_given: bool, name: &str, kind: &str) -> Result<(), ApiError> {
    if !is_given {
        return Ok(());
    }
    let message = format!("{name} cannot be given where the type is {kind}.");
    Err(ApiError::invalid(message).on(format!("{DATA}[{name}]")))
}

fn numbers(params: &BankParams) -> UsBankAccountParams {
    UsBankAccountParams {
        account_holder_type: params.account_holder_type,
        account_number: params.account_number.clone(),
        account_type: params.account_type,
        routing_number: params.routing_number.clone(),
    }
}

/// Without what no flow shows.
fn shown(details: &BillingDetails) -> BillingDetails {
    BillingDetails { phone: None, tax_id: None, ..details.clone() }
}

/// Every PaymentMethod prefers ach.
fn chosen(options: Option<&DestinationOptions>) -> Network {
    options.and_then(DestinationOptions::network).unwrap_or(Network::Ach)
}

/// A wire needs a bank that takes wires, and a whole name and address.
fn check_wire(
    network: Network,
    account: &BankAccount,
    recipient: &BillingDetails,
    param: &str,
) -> Result<(), ApiError> {
    if network != Network::UsDomesticWire {
        return Ok(());
    }
    if account.routing_number == ROUTING_NUMBER_WITHOUT_WIRES {
        let message = "The bank of this routing number does not take wires.";
        return Err(ApiError::param("routing_number_invalid", param, message));
    }
    if recipient.name.is_some() && recipient.address.is_complete() {
        return Ok(());
    }
    let message = "A wire needs the name and the whole address of its receiver: line1, city, \
                   state, postal_code and country.";
    let code = "payment_method_billing_details_address_missing";
    Err(ApiError::param(code, param, message))
}

/// What the receiver reads must be fit for the network that carries it.
pub fn check_descriptor(descriptor: &str, network: Network) -> Result<(), ApiError> {
    const PARAM: &str = "statement_descriptor";
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || " -#.$&*_".contains(letter);
    if !descriptor.chars().all(is_allowed) {
        let message = "A statement descriptor has only letters, digits, spaces and -#.$&*_.";
        return Err(ApiError::param("invalid_characters", PARAM, message));
    }
    let chars_max = match network {
        Network::Ach => 10,
        Network::UsDomesticWire => 140,
        Network::Stripe => 500,
    };
    if descriptor.len() > chars_max {
        let network = network.as_str();
        let message = format!(
            "A statement descriptor has at most {chars_max} characters on the network {network}."
        );
        return Err(ApiError::invalid(message).on(PARAM));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_fit_their_network() {
        let code = |text: &str, network| check_descriptor(text, network).err().map(|e| e.code);
        for (network, max) in
            [(Network::Ach, 10), (Network::UsDomesticWire, 140), (Network::Stripe, 500)]
        {
            assert_eq!(code(&"a".repeat(max), network), None);
            assert_eq!(code(&"a".repeat(max + 1), network), Some(None));
        }
        for good in ["payment", "Az09 -#.$&*", "a_b"] {
            assert_eq!(code(good, Network::Stripe), None, "{good}");
        }
        for bad in ["bad!", "b@d", "b/d", "café", "a\tb", "ａ"] {
            assert_eq!(code(bad, Network::Ach), Some(Some("invalid_characters")), "{bad}");
        }
    }
}
