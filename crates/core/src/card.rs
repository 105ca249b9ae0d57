//! Cards: read from numbers or test tokens, and kept without their numbers.
//!
//! Of a number remain its last four digits, a fingerprint, and what the test number will do.

use api::error::ErrorType;
use api::params::{Choice, Params};
use api::{ApiError, Fault, Json, Result, View, object};
use serde::{Deserialize, Serialize};

use crate::bank::{fingerprint, last4, missing_param};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Brand {
    Visa,
    Mastercard,
    Amex,
    Discover,
    Diners,
    Jcb,
    #[choice(name = "unionpay")]
    UnionPay,
}

impl Brand {
    /// As it is written on cards.
    fn name(self) -> &'static str {
        match self {
            Brand::Visa => "Visa",
            Brand::Mastercard => "MasterCard",
            Brand::Amex => "American Express",
            Brand::Discover => "Discover",
            Brand::Diners => "Diners Club",
            Brand::Jcb => "JCB",
            Brand::UnionPay => "UnionPay",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Funding {
    Credit,
    Debit,
    Prepaid,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    pub brand: Brand,
    pub last4: String,
    pub exp_month: i64,
    pub exp_year: i64,
    pub fingerprint: String,
    pub funding: Funding,
    /// Whether a security code was given.
    #[serde(default)]
    has_cvc: bool,
}

#[derive(Params)]
pub struct CardParams {
    /// The security code on the card: three digits, four on American Express.
    cvc: Option<String>,
    /// The month in which the card expires, from 1 to 12.
    exp_month: Option<i64>,
    /// The year in which the card expires.
    exp_year: Option<i64>,
    /// The card's number; in test mode one of the test numbers. It is not kept.
    number: Option<String>,
    /// A test token, such as `tok_visa`, in the place of a number.
    token: Option<String>,
}

/// What an update can change.
#[derive(Params)]
pub struct UpdateCardParams {
    /// The month in which the card expires, from 1 to 12.
    exp_month: Option<i64>,
    /// The year in which the card expires.
    exp_year: Option<i64>,
}

/// What a test card does when it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    Passes,
    /// The bank refuses it.
    Declines(Decline),
    /// Its holder has to confirm at the bank first.
    Authenticates,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decline {
    Generic,
    InsufficientFunds,
    Lost,
    Stolen,
    Expired,
    IncorrectCvc,
    ProcessingError,
    Velocity,
    /// The card's holder is needed and not there.
    AuthenticationRequired,
    /// It never came to the bank: the payment looked like fraud.
    Blocked,
}

impl Decline {
    /// The error of a declined card.
    pub fn error(self) -> ApiError {
        const DECLINED: &str = "Your card was declined.";
        let of_code = |code, message: &str| card_error(code, None, message);
        let declined = |decline_code, message| card_declined(decline_code, message);
        match self {
            Decline::Generic => declined("generic_decline", DECLINED),
            Decline::InsufficientFunds => {
                declined("insufficient_funds", "Your card has insufficient funds.")
            }
            Decline::Lost => declined("lost_card", DECLINED),
            Decline::Stolen => declined("stolen_card", DECLINED),
            Decline::AuthenticationRequired => {
                let message = "Your card was declined. This transaction requires authentication.";
                let mut error = of_code("authentication_required", message);
                error.extra.push(("decline_code", "authentication_required".into()));
                error
            }
            Decline::Blocked => declined("fraudulent", DECLINED),
            Decline::Velocity => declined("card_velocity_exceeded", DECLINED),
            Decline::Expired => of_code("expired_card", "Your card has expired."),
            Decline::IncorrectCvc => {
                of_code("incorrect_cvc", "Your card's security code is incorrect.")
            }
            Decline::ProcessingError => of_code(
                "processing_error",
                "An error occurred while processing your card. Try again in a little bit.",
            ),
        }
    }
}

fn card_error(code: &'static str, param: Option<String>, message: &str) -> ApiError {
    let error = ApiError::invalid(message).status(402).kind(ErrorType::CardError).code(code);
    match param {
        Some(param) => error.on(param),
        None => error,
    }
}

fn card_declined(decline_code: &'static str, message: &str) -> ApiError {
    let mut error = card_error("card_declined", None, message);
    error.extra.push(("decline_code", decline_code.into()));
    error
}

/// A test card: its number, and its name in the tokens `pm_card_…`.
struct TestCard {
    number: &'static str,
    name: &'static str,
    brand: Brand,
    funding: Funding,
    check: Check,
}

const fn card(number: &'static str, name: &'static str, brand: Brand) -> TestCard {
    TestCard { number, name, brand, funding: Funding::Credit, check: Check::Passes }
}

const fn visa(number: &'static str, name: &'static str, check: Check) -> TestCard {
    TestCard { check, ..card(number, name, Brand::Visa) }
}

const fn declines(number: &'static str, name: &'static str, decline: Decline) -> TestCard {
    visa(number, name, Check::Declines(decline))
}

const fn works(number: &'static str, name: &'static str) -> TestCard {
    visa(number, name, Check::Passes)
}

const TEST_CARDS: &[TestCard] = &[
    card("4242424242424242", "visa", Brand::Visa),
    TestCard { funding: Funding::Debit, ..card("4000056655665556", "visa_debit", Brand::Visa) },
    card("5555555555554444", "mastercard", Brand::Mastercard),
    TestCard {
        funding: Funding::Debit,
        ..card("5200828282828210", "mastercard_debit", Brand::Mastercard)
    },
    TestCard {
        funding: Funding::Prepaid,
        ..card("5105105105105100", "mastercard_prepaid", Brand::Mastercard)
    },
    card("378282246310005", "amex", Brand::Amex),
    card("6011111111111117", "discover", Brand::Discover),
    card("3056930009020004", "diners", Brand::Diners),
    card("3566002020360505", "jcb", Brand::Jcb),
    card("6200000000000005", "unionpay", Brand::UnionPay),
    card("4000000000000077", "bypassPending", Brand::Visa),
    declines("4000000000000002", "chargeDeclined", Decline::Generic),
    declines("4000000000009995", "chargeDeclinedInsufficientFunds", Decline::InsufficientFunds),
    declines("4000000000009987", "chargeDeclinedLostCard", Decline::Lost),
    declines("4000000000009979", "chargeDeclinedStolenCard", Decline::Stolen),
    declines("4000000000000069", "chargeDeclinedExpiredCard", Decline::Expired),
    declines("4000000000000127", "chargeDeclinedIncorrectCvc", Decline::IncorrectCvc),
    declines("4000000000000119", "chargeDeclinedProcessingError", Decline::ProcessingError),
    declines("4000000000006975", "chargeDeclinedVelocityLimitExceeded", Decline::Velocity),
    works("4000000000000341", "chargeCustomerFail"),
    works("4100000000000019", "radarBlock"),
    works("4000000000000259", "createDispute"),
    works("4000000000002685", "createDisputeProductNotReceived"),
    works("4000000000001976", "createDisputeInquiry"),
    works("4000000000007726", "pendingRefund"),
    works("4000000000005126", "refundFail"),
    visa("4000002500003155", "authenticationRequiredOnSetup", Check::Authenticates),
    visa("4000002760003184", "authenticationRequired", Check::Authenticates),
    works("4000003800000446", "authenticationRequiredSetupForOffSession"),
    visa(
        "4000008260003178",
        "authenticationRequiredChargeDeclinedInsufficientFunds",
        Check::Authenticates,
    ),
];

impl TestCard {
    fn of_number(number: &str) -> Option<&'static TestCard> {
        TEST_CARDS.iter().find(|card| card.number == number)
    }

    /// By the tail of a token; `visa_` may stand before the names of what goes wrong.
    fn of_name(name: &str) -> Option<&'static TestCard> {
        let by_name = |name: &str| TEST_CARDS.iter().find(|card| card.name == name);
        by_name(name).or_else(|| name.strip_prefix("visa_").and_then(by_name))
    }

    /// What has to be remembered of it, beyond what any card shows.
    fn behavior(&self) -> Option<String> {
        const PLAIN: usize = 10;
        let is_plain = TEST_CARDS[..PLAIN].iter().any(|plain| plain.name == self.name);
        (!is_plain).then(|| self.name.to_owned())
    }
}

/// What a card with that behaviour does when it is checked.
pub fn check_of(behavior: Option<&str>) -> Check {
    behavior.and_then(TestCard::of_name).map_or(Check::Passes, |card| card.check)
}

/// What a payment by a card with that behaviour comes to. Some cards fail only when money is taken.
pub fn payment_of(behavior: Option<&str>) -> Check {
    match behavior {
        Some("chargeCustomerFail") => Check::Declines(Decline::Generic),
        Some("radarBlock") => Check::Declines(Decline::Blocked),
        other => check_of(other),
    }
}

impl Card {
    /// A card from parameters that stand below `path`, and its behaviour.
    pub fn new(view: &View<'_>, params: &CardParams, path: &str) -> Result<(Card, Option<String>)> {
        let at = |name: &str| format!("{path}[{name}]");
        if let Some(token) = &params.token {
            let missing = || ApiError::missing_reference("token", token, &at("token"));
            let tail = token.strip_prefix("tok_").filter(|_| !view.livemode());
            let tail = tail.ok_or_else(missing)?;
            return Ok(Card::of_token(view, tail)?.ok_or_else(missing)?);
        }
        let missing = |name: &str| missing_param(&at(name));
        let number = params.number.as_deref().ok_or_else(|| missing("number"))?;
        let number: String = number.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        let month = params.exp_month.ok_or_else(|| missing("exp_month"))?;
        let year = params.exp_year.ok_or_else(|| missing("exp_year"))?;
        if !is_card_number(&number) {
            let message = "Your card number is incorrect.";
            return Err(card_error("incorrect_number", Some(at("number")), message).into());
        }
        let (exp_month, exp_year) = expiry(view, month, year, path)?;
        let known = TestCard::of_number(&number);
        let brand = match known {
            Some(card) => card.brand,
            None if view.livemode() => brand_of(&number),
            None => {
                let message = "Your card was declined. Your request was in test mode, but used a \
                               non test card. For a list of valid test cards, visit: \
                               https://stripe.com/docs/testing.";
                return Err(card_declined("test_mode_live_card", message).into());
            }
        };
        check_cvc(params.cvc.as_deref(), brand, &at("cvc"))?;
        let card = Card {
            brand,
            last4: last4(&number),
            exp_month,
            exp_year,
            fingerprint: card_fingerprint(view, &number),
            funding: known.map_or(Funding::Credit, |card| card.funding),
            has_cvc: params.cvc.is_some(),
        };
        Ok((card, known.and_then(TestCard::behavior)))
    }

    /// A card for tests of rules that do not look at it.
    #[cfg(test)]
    pub fn sample(brand: Brand) -> Card {
        Card {
            brand,
            last4: "4242".into(),
            exp_month: 1,
            exp_year: 2030,
            fingerprint: String::new(),
            funding: Funding::Credit,
            has_cvc: false,
        }
    }

    /// The card of a test token's tail, such as `visa`, and its behaviour.
    pub fn of_token(view: &View<'_>, tail: &str) -> Result<Option<(Card, Option<String>)>> {
        let Some(test) = TestCard::of_name(tail) else { return Ok(None) };
        let (year, month) = today(view)?;
        let card = Card {
            brand: test.brand,
            last4: last4(test.number),
            exp_month: month,
            exp_year: year + 1,
            fingerprint: card_fingerprint(view, test.number),
            funding: test.funding,
            has_cvc: false,
        };
        Ok(Some((card, test.behavior())))
    }

    pub fn update(&mut self, view: &View<'_>, params: &UpdateCardParams) -> Result<()> {
        let month = params.exp_month.unwrap_or(self.exp_month);
        let year = params.exp_year.unwrap_or(self.exp_year);
        (self.exp_month, self.exp_year) = expiry(view, month, year, "card")?;
        Ok(())
    }

    /// The `card` of a PaymentMethod, with the checks that its billing address allowed.
    pub fn render(&self, has_line1: bool, has_postal_code: bool) -> Json {
        let pass = |given: bool| given.then_some("pass").into();
        let checks = object([
            ("address_line1_check", pass(has_line1)),
            ("address_postal_code_check", pass(has_postal_code)),
            ("cvc_check", pass(self.has_cvc)),
        ]);
        let networks =
            object([("available", api::array([self.brand.as_str()])), ("preferred", Json::Null)]);
        object([
            ("brand", self.brand.into()),
            ("checks", checks),
            ("country", "US".into()),
            ("description", Json::Null),
            ("display_brand", self.display_brand().into()),
            ("exp_month", self.exp_month.into()),
            ("exp_year", self.exp_year.into()),
            ("fingerprint", (&self.fingerprint).into()),
            ("funding", self.funding.into()),
            ("generated_from", Json::Null),
            ("iin", Json::Null),
            ("issuer", Json::Null),
            ("last4", (&self.last4).into()),
            ("networks", networks),
            ("regulated_status", "unregulated".into()),
            ("three_d_secure_usage", object([("supported", true.into())])),
            ("wallet", Json::Null),
        ])
    }

    /// The same card as an object of its own, which older answers show under an id.
    pub fn render_as_source(&self, id: &str) -> Json {
        let mut json = object([
            ("id", id.to_owned().into()),
            ("object", "card".into()),
            ("brand", self.brand.name().into()),
            ("country", "US".into()),
            ("cvc_check", self.has_cvc.then_some("pass").into()),
            ("exp_month", self.exp_month.into()),
            ("exp_year", self.exp_year.into()),
            ("fingerprint", (&self.fingerprint).into()),
            ("funding", self.funding.into()),
            ("last4", (&self.last4).into()),
            ("metadata", object([])),
            ("regulated_status", "unregulated".into()),
        ]);
        for absent in [
            "address_city",
            "address_country",
            "address_line1",
            "address_line1_check",
            "address_line2",
            "address_state",
            "address_zip",
            "address_zip_check",
            "customer",
            "dynamic_last4",
            "name",
            "tokenization_method",
        ] {
            json.set(absent, Json::Null);
        }
        json
    }

    fn display_brand(&self) -> &'static str {
        match self.brand {
            Brand::Amex => "american_express",
            Brand::Diners => "diners_club",
            other => other.as_str(),
        }
    }
}

fn card_fingerprint(view: &View<'_>, number: &str) -> String {
    fingerprint(view.session.sealer, "card", &format!("{}|{number}", view.owner.id))
}

/// Year and month of the account's clock, in UTC.
fn today(view: &View<'_>) -> Result<(i64, i64)> {
    let now = jiff::Timestamp::from_second(view.now());
    let now = now.map_err(|error| Fault::new(format!("the clock's time: {error}")))?;
    let date = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    Ok((i64::from(date.year()), i64::from(date.month())))
}

/// Month and year, if a card can expire then and has not yet. Two digits mean this century.
fn expiry(view: &View<'_>, month: i64, year: i64, path: &str) -> Result<(i64, i64)> {
    let now = today(view)?;
    Ok(check_expiry(now, month, year, path)?)
}

fn check_expiry(
    (this_year, this_month): (i64, i64),
    month: i64,
    year: i64,
    path: &str,
) -> Result<(i64, i64), ApiError> {
    const YEARS_AHEAD_MAX: i64 = 50;
    let refuse = |code, name: &str, what: &str| {
        let message = format!("Your card's expiration {what} is invalid.");
        Err(card_error(code, Some(format!("{path}[{name}]")), &message))
    };
    if !(1..=12).contains(&month) {
        return refuse("invalid_expiry_month", "exp_month", "month");
    }
    let year = if (0..100).contains(&year) { year + 2000 } else { year };
    if year < this_year || year > this_year + YEARS_AHEAD_MAX {
        return refuse("invalid_expiry_year", "exp_year", "year");
    }
    if year == this_year && month < this_month {
        return refuse("invalid_expiry_month", "exp_month", "month");
    }
    Ok((month, year))
}

fn check_cvc(cvc: Option<&str>, brand: Brand, path: &str) -> Result<(), ApiError> {
    let Some(cvc) = cvc else { return Ok(()) };
    let fits = if brand == Brand::Amex { 3..=4 } else { 3..=3 };
    if cvc.bytes().all(|byte| byte.is_ascii_digit()) && fits.contains(&cvc.len()) {
        return Ok(());
    }
    let message = "Your card's security code is invalid.";
    Err(card_error("invalid_cvc", Some(path.to_owned()), message))
}

/// Digits whose last one checks the others (Luhn).
fn is_card_number(number: &str) -> bool {
    let digits: Option<Vec<u32>> = number.chars().map(|c| c.to_digit(10)).collect();
    let Some(digits) = digits.filter(|digits| (12..=19).contains(&digits.len())) else {
        return false;
    };
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let values = digits.iter().rev().enumerate();
    let sum: u32 =
        values.map(|(at, digit)| if at % 2 == 1 { doubled(*digit) } else { *digit }).sum();
    sum.is_multiple_of(10)
}

fn brand_of(number: &str) -> Brand {
    let starts = |starts: &[&str]| starts.iter().any(|start| number.starts_with(start));
    match () {
        () if starts(&["34", "37"]) => Brand::Amex,
        () if starts(&["30", "36", "38", "39"]) => Brand::Diners,
        () if starts(&["35"]) => Brand::Jcb,
        () if starts(&["62"]) => Brand::UnionPay,
        () if starts(&["60", "64", "65"]) => Brand::Discover,
        () if starts(&["2", "5"]) => Brand::Mastercard,
        () => Brand::Visa,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_test_number_passes_its_own_check_digit() {
        for card in TEST_CARDS {
            assert!(is_card_number(card.number), "{}", card.number);
            assert_eq!(brand_of(card.number), card.brand, "{}", card.number);
        }
        assert!(!is_card_number("4242424242424241"));
        assert!(!is_card_number(""));
    }

    #[test]
    fn a_name_tells_what_a_check_says() {
        let table = [
            (None, Check::Passes),
            (Some("chargeDeclined"), Check::Declines(Decline::Generic)),
            (Some("visa_chargeDeclinedLostCard"), Check::Declines(Decline::Lost)),
            (Some("chargeCustomerFail"), Check::Passes),
            (Some("authenticationRequired"), Check::Authenticates),
            (Some("unheard"), Check::Passes),
        ];
        for (behavior, check) in table {
            assert_eq!(check_of(behavior), check, "{behavior:?}");
        }
        let behavior = |number| TestCard::of_number(number).and_then(TestCard::behavior);
        assert_eq!(behavior("4242424242424242"), None);
        assert_eq!(behavior("6200000000000005"), None);
        assert_eq!(behavior("4000000000000077").as_deref(), Some("bypassPending"));
    }

    #[test]
    fn declines_have_their_codes() {
        let error = Decline::Generic.error();
        assert_eq!((error.status, error.code), (402, Some("card_declined")));
        assert_eq!(error.extra, [("decline_code", "generic_decline".into())]);
        let error = Decline::Expired.error();
        assert_eq!((error.code, error.extra.len()), (Some("expired_card"), 0));
    }

    #[test]
    fn cards_expire_in_the_future() {
        let check = |month, year| check_expiry((2026, 11), month, year, "card");
        assert_eq!(check(11, 2026).unwrap(), (11, 2026));
        assert_eq!(check(1, 34).unwrap(), (1, 2034));
        let codes = [(13, 2030), (0, 2030), (10, 2026), (1, 2025), (1, 95), (1, 2077)]
            .map(|(month, year)| check(month, year).unwrap_err().code.unwrap());
        let (month, year) = ("invalid_expiry_month", "invalid_expiry_year");
        assert_eq!(codes, [month, month, month, year, year, year]);
    }

    #[test]
    fn security_codes_have_three_digits() {
        assert!(check_cvc(None, Brand::Visa, "p").is_ok());
        assert!(check_cvc(Some("123"), Brand::Visa, "p").is_ok());
        assert!(check_cvc(Some("1234"), Brand::Amex, "p").is_ok());
        for bad in ["99", "1234", "12a"] {
            assert!(check_cvc(Some(bad), Brand::Visa, "p").is_err(), "{bad}");
        }
    }
}
