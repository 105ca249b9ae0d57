//! The countries that an address or an account can be in.

use api::params::{At, Kind, Param};

/// The countries of ISO 3166-1.
const COUNTRIES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO \
    BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ \
    DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP \
    GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG \
    KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML \
    MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE \
    PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL \
    SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM \
    US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// The code of the refusal of a country that is none.
pub const INVALID: &str = "country_code_invalid";

/// Whether it is a country, in two capital letters.
pub fn is_known(country: &str) -> bool {
    COUNTRIES.split(' ').any(|known| known == country)
}

/// The message of that refusal.
pub fn unknown(country: &str) -> String {
    format!(
        "Country '{country}' is unknown. Try using a 2-character alphanumeric country code \
         instead, such as 'US', 'EG', or 'GB'. A full list of country codes is available at \
         https://stripe.com/global."
    )
}

/// The parameter of a country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Country(pub String);

impl Param for Country {
    fn kind() -> Kind {
        Kind::String { max: 2 }
    }

    fn read(at: &At<'_>) -> Option<Self> {
        let text = at.text("string")?;
        if is_known(text) {
            return Some(Country(text.to_owned()));
        }
        at.wrong_with(INVALID, unknown(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_two_capital_letters() {
        for known in ["US", "GB", "EG", "ZW"] {
            assert!(is_known(known), "{known}");
        }
        for unknown in ["", "us", "USA", "XX", "US GB", " US"] {
            assert!(!is_known(unknown), "{unknown}");
        }
    }
}
