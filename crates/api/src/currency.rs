//! The currencies of the API.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::ApiError;
use crate::json::Json;
use crate::params::{At, Kind, Param, Rank, choice};

/// In the order in which the error message lists them.
pub const NAMES: &[&str] = &[
    "usd", "aed", "afn", "all", "amd", "ang", "aoa", "ars", "aud", "awg", "azn", "bam", "bbd",
    "bdt", "bgn", "bhd", "bif", "bmd", "bnd", "bob", "brl", "bsd", "bwp", "byn", "bzd", "cad",
    "cdf", "chf", "clp", "cny", "cop", "crc", "cve", "czk", "djf", "dkk", "dop", "dzd", "egp",
    "etb", "eur", "fjd", "fkp", "gbp", "gel", "gip", "gmd", "gnf", "gtq", "gyd", "hkd", "hnl",
    "hrk", "htg", "huf", "idr", "ils", "inr", "isk", "jmd", "jod", "jpy", "kes", "kgs", "khr",
    "kmf", "krw", "kwd", "kyd", "kzt", "lak", "lbp", "lkr", "lrd", "lsl", "mad", "mdl", "mga",
    "mkd", "mmk", "mnt", "mop", "mur", "mvr", "mwk", "mxn", "myr", "mzn", "nad", "ngn", "nio",
    "nok", "npr", "nzd", "omr", "pab", "pen", "pgk", "php", "pkr", "pln", "pyg", "qar", "ron",
    "rsd", "rub", "rwf", "sar", "sbd", "scr", "sek", "sgd", "shp", "sle", "sos", "srd", "std",
    "szl", "thb", "tjs", "tnd", "top", "try", "ttd", "twd", "tzs", "uah", "ugx", "uyu", "uzs",
    "vnd", "vuv", "wst", "xaf", "xcd", "xof", "xpf", "yer", "zar", "zmw", "usdc", "btn", "ghs",
    "eek", "lvl", "svc", "vef", "ltl", "sll", "mro",
];

/// Amounts in these have no minor unit.
const ZERO_DECIMAL: &[&str] = &[
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv",
    "xaf", "xof", "xpf",
];

const THREE_DECIMAL: &[&str] = &["bhd", "jod", "kwd", "omr", "tnd"];

/// A currency, written in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(u8);

impl Currency {
    pub const USD: Currency = Currency(0);

    /// Upper and lower case mean the same.
    pub fn parse(text: &str) -> Option<Currency> {
        let index = NAMES.iter().position(|name| name.eq_ignore_ascii_case(text))?;
        u8::try_from(index).ok().map(Currency)
    }

    pub fn as_str(self) -> &'static str {
        // The index comes from `NAMES`.
        NAMES.get(usize::from(self.0)).copied().unwrap_or("usd")
    }

    /// How many digits of an amount stand behind the point.
    pub fn decimals(self) -> u32 {
        let name = self.as_str();
        match () {
            () if ZERO_DECIMAL.contains(&name) => 0,
            () if THREE_DECIMAL.contains(&name) => 3,
            () => 2,
        }
    }

    /// The refusal of a value where only the currencies of `names` are supported.
    pub fn refusal(value: &str, names: &[&str], param: impl Into<String>) -> ApiError {
        let list = names.join(", ");
        ApiError::invalid(format!(
            "Invalid currency: {value}. Stripe currently supports these currencies: {list}"
        ))
        .on(param)
    }
}

impl Param for Currency {
    fn kind() -> Kind {
        Kind::Currency
    }

    fn read(at: &At<'_>) -> Option<Self> {
        let text = at.text("currency")?;
        let currency = Currency::parse(text);
        if currency.is_none() {
            at.fail(Rank::Type, Currency::refusal(text, NAMES, at.path()));
        }
        currency
    }
}

/// By name, as maps of currencies are answered.
impl Ord for Currency {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Currency> for Json {
    fn from(currency: Currency) -> Self {
        currency.as_str().into()
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choice::deserialize(deserializer, NAMES, Currency::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_know_their_names_and_decimals() {
        assert_eq!(NAMES.len(), 150);
        assert_eq!(Currency::parse("USD"), Some(Currency::USD));
        assert_eq!(Currency::USD.as_str(), "usd");
        for name in NAMES {
            assert_eq!(Currency::parse(name).map(Currency::as_str), Some(*name));
        }
        assert!(ZERO_DECIMAL.iter().chain(THREE_DECIMAL).all(|name| NAMES.contains(name)));
        let decimals = |name: &str| Currency::parse(name).map(Currency::decimals);
        assert_eq!(["usd", "jpy", "kwd"].map(decimals), [Some(2), Some(0), Some(3)]);
        assert_eq!([decimals("xyz"), decimals(""), decimals("us")], [None; 3]);
    }
}
