//! Bank accounts of the US: routing and account number, checked, sealed, and told apart by a
//! fingerprint.

use api::params::{Choice, Params};
use api::{ApiError, Fault, Json, Result, View};
use serde::{Deserialize, Serialize};
use store::seal::Sealer;

/// The bank of every routing number in test mode.
pub const BANK_NAME: &str = "STRIPE TEST BANK";
/// The routing number of every test token.
pub const TEST_ROUTING_NUMBER: &str = "110000000";

/// The routing number of FinancialAccounts in test mode, whose last digit checks nothing.
pub const FINANCIAL_ACCOUNTS_ROUTING_NUMBER: &str = "000000001";

const ACCOUNT_DIGITS_MIN: usize = 4;
const ACCOUNT_DIGITS_MAX: usize = 17;
const FINGERPRINT_WIDTH: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum AccountHolderType {
    Individual,
    Company,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum AccountType {
    #[default]
    Checking,
    Savings,
}

/// A bank account as a request describes it.
#[derive(Clone, Default, Params)]
pub struct UsBankAccountParams {
    /// Whose account it is: `individual` or `company`.
    pub account_holder_type: Option<AccountHolderType>,
    /// The account's number at the bank, 4 to 17 digits. It is kept sealed and never answered.
    pub account_number: Option<String>,
    /// `checking` unless given.
    pub account_type: Option<AccountType>,
    /// The bank's ABA routing number: nine digits, the last of which is a check digit.
    pub routing_number: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BankAccount {
    pub routing_number: String,
    pub last4: String,
    /// The same for the same bank account, within one account of the API.
    pub fingerprint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_holder_type: Option<AccountHolderType>,
    #[serde(default, skip_serializing_if = "is_checking")]
    pub account_type: AccountType,
    /// The sealed account number, in hexadecimal digits.
    number: String,
}

fn is_checking(account_type: &AccountType) -> bool {
    *account_type == AccountType::Checking
}

impl BankAccount {
    /// A bank account from parameters that stand below `path`, such as `us_bank_account`.
    pub fn new(view: &View<'_>, params: &UsBankAccountParams, path: &str) -> Result<BankAccount> {
        let at = |name: &str| format!("{path}[{name}]");
        let missing = |name: &str| missing_param(&at(name));
        let number = params.account_number.as_deref();
        let number = number.ok_or_else(|| missing("account_number"))?;
        let routing = params.routing_number.as_deref();
        let routing = routing.ok_or_else(|| missing("routing_number"))?;
        check_routing_number(routing, &at("routing_number"))?;
        check_account_number(number, &at("account_number"))?;
        let mut account = BankAccount::of(view, routing, number);
        account.account_holder_type = params.account_holder_type;
        account.account_type = params.account_type.unwrap_or_default();
        Ok(account)
    }

    /// A bank account from numbers that are known to be right.
    pub fn of(view: &View<'_>, routing_number: &str, number: &str) -> BankAccount {
        let sealer = view.session.sealer;
        let text = format!("{}|{routing_number}|{number}", view.owner.id);
        BankAccount {
            routing_number: routing_number.to_owned(),
            last4: last4(number),
            fingerprint: fingerprint(sealer, "bank account", &text),
            account_holder_type: None,
            account_type: AccountType::Checking,
            number: to_hex(&sealer.seal(number.as_bytes())),
        }
    }

    /// The same bank account as whoever is acting tells it apart.
    pub fn as_of(&self, view: &View<'_>, number: &str) -> BankAccount {
        let BankAccount { account_holder_type, account_type, .. } = *self;
        let same = BankAccount::of(view, &self.routing_number, number);
        BankAccount { account_holder_type, account_type, ..same }
    }

    /// The whole account number, for those who decide by it.
    pub fn number(&self, sealer: &Sealer) -> Result<String> {
        unsealed(sealer, &self.number)
    }

    /// The account number as it is kept.
    pub fn sealed_number(&self) -> &str {
        &self.number
    }

    pub fn bank_name(&self) -> &'static str {
        BANK_NAME
    }

    /// The `us_bank_account` of a PaymentMethod.
    pub fn render(&self) -> Json {
        api::object([
            ("account_holder_type", self.account_holder_type.into()),
            ("account_type", self.account_type.into()),
            ("bank_name", self.bank_name().into()),
            ("financial_connections_account", Json::Null),
            ("fingerprint", (&self.fingerprint).into()),
            ("last4", (&self.last4).into()),
            (
                "networks",
                api::object([
                    ("preferred", "ach".into()),
                    ("supported", api::array(["ach", "us_domestic_wire"])),
                ]),
            ),
            ("routing_number", (&self.routing_number).into()),
            ("status_details", api::object([])),
        ])
    }
}

/// An account number from what is kept of it.
pub fn unsealed(sealer: &Sealer, number: &str) -> Result<String> {
    let broken = || Fault::new("a sealed account number is no text");
    let sealed = from_hex(number).ok_or_else(broken)?;
    let number = sealer.unseal(&sealed)?;
    Ok(String::from_utf8(number).map_err(|_| broken())?)
}

/// The refusal of a request in which a parameter is needed that another does not need.
pub fn missing_param(path: &str) -> ApiError {
    ApiError::param("parameter_missing", path, format!("Missing required param: {path}."))
}

fn check_routing_number(routing: &str, path: &str) -> Result<(), ApiError> {
    if is_routing_number(routing) || routing == FINANCIAL_ACCOUNTS_ROUTING_NUMBER {
        return Ok(());
    }
    Err(ApiError::param(
        "routing_number_invalid",
        path,
        "The routing number you entered is invalid.",
    ))
}

/// Nine digits whose weighted sum is divisible by ten.
pub fn is_routing_number(routing: &str) -> bool {
    const WEIGHTS: [u32; 9] = [3, 7, 1, 3, 7, 1, 3, 7, 1];
    let digits: Option<Vec<u32>> = routing.chars().map(|c| c.to_digit(10)).collect();
    let Some(digits) = digits.filter(|digits| digits.len() == WEIGHTS.len()) else { return false };
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    sum > 0 && sum.is_multiple_of(10)
}

fn check_account_number(number: &str, path: &str) -> Result<(), ApiError> {
    let length = ACCOUNT_DIGITS_MIN..=ACCOUNT_DIGITS_MAX;
    let all_digits = number.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits && length.contains(&number.len()) {
        return Ok(());
    }
    let message = if all_digits {
        format!(
            "Invalid account number: it has to have between {ACCOUNT_DIGITS_MIN} and \
             {ACCOUNT_DIGITS_MAX} digits."
        )
    } else {
        "Invalid account number: it has to consist of digits.".to_owned()
    };
    Err(ApiError::param("account_number_invalid", path, message))
}

/// The last four characters of a number of digits.
pub fn last4(number: &str) -> String {
    number.get(number.len().saturating_sub(4)..).unwrap_or(number).to_owned()
}

/// Sixteen characters of base62 that say whether two numbers are the same, and nothing else.
pub fn fingerprint(sealer: &Sealer, purpose: &str, text: &str) -> String {
    let mac = sealer.mac(purpose, text.as_bytes());
    let mut out = String::with_capacity(FINGERPRINT_WIDTH);
    for half in mac.chunks_exact(8).take(2) {
        let bits = half.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        store::id::push_base62(&mut out, bits, FINGERPRINT_WIDTH / 2);
    }
    out
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok();
    text.as_bytes().chunks(2).map(|two| (two.len() == 2).then(|| pair(two)).flatten()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_decides() {
        for good in ["110000000", "021000021", "011401533"] {
            assert!(is_routing_number(good), "{good}");
        }
        for bad in ["110000001", "11000000", "1100000000", "11000000x", "000000000", ""] {
            assert!(!is_routing_number(bad), "{bad}");
        }
    }

    #[test]
    fn account_numbers_are_digits_of_a_bounded_length() {
        assert!(check_account_number("0001", "p").is_ok());
        assert!(check_account_number("00012345678901234", "p").is_ok());
        for bad in ["001", "000123456789012345", "00012345678a", "０００１"] {
            let error = check_account_number(bad, "us_bank_account[account_number]").unwrap_err();
            assert_eq!(error.code, Some("account_number_invalid"), "{bad}");
            assert_eq!(error.param.as_deref(), Some("us_bank_account[account_number]"));
        }
    }

    #[test]
    fn fingerprints_tell_numbers_apart() {
        let sealer = Sealer::random().unwrap();
        let one = fingerprint(&sealer, "bank account", "acct_1|110000000|000123456789");
        assert_eq!(one.len(), FINGERPRINT_WIDTH);
        assert_eq!(one, fingerprint(&sealer, "bank account", "acct_1|110000000|000123456789"));
        assert_ne!(one, fingerprint(&sealer, "bank account", "acct_2|110000000|000123456789"));
        assert_ne!(one, fingerprint(&sealer, "bank account", "acct_1|110000000|000123456780"));
    }

    #[test]
    fn sealed_bytes_survive_as_text() {
        let bytes = [0u8, 1, 15, 16, 254, 255];
        assert_eq!(from_hex(&to_hex(&bytes)).unwrap(), bytes);
        assert_eq!(from_hex("0"), None);
        assert_eq!(from_hex("zz"), None);
    }
}
