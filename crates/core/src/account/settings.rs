//! An account's settings: what can be set, and what is shown where nothing was.

use api::params::{Choice, Params};
use api::{Json, Result, object};
use serde::{Deserialize, Serialize};

use super::details::{Acceptance, Removable, to_json};

#[derive(Clone, Debug, Default, PartialEq, Params, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The colours of hosted pages.
    pub branding: Option<Branding>,
    /// Card issuing.
    pub card_issuing: Option<Terms>,
    /// Card payments.
    pub card_payments: Option<CardPayments>,
    /// Invoices.
    pub invoices: Option<Invoices>,
    /// Payments of every kind.
    pub payments: Option<Payments>,
    /// Payouts.
    pub payouts: Option<Payouts>,
    /// Treasury.
    pub treasury: Option<Terms>,
}

#[derive(Clone, Debug, Default, PartialEq, Params, Serialize, Deserialize)]
#[serde(default)]
pub struct Branding {
    /// The main colour, as `#123456`.
    pub primary_color: Option<String>,
    /// The second colour, as `#123456`.
    pub secondary_color: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Params, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// When and from where the product's terms were agreed to.
    pub tos_acceptance: Option<Acceptance>,
}

#[derive(Clone, Debug, Default, PartialEq, Params, Serialize, Deserialize)]
#[serde(default)]
pub struct CardPayments {
    /// Which checks of the bank have to pass.
    pub decline_on: Option<DeclineOn>,
    /// What every statement descriptor begins with.
    #[param(max = 10)]
    pub statement_descriptor_prefix: Option<String>,
    /// The same in katakana.
    pub statement_descriptor_prefix_kana: Option<Removable>,
    /// The same in kanji.
    pub statement_descriptor_prefix_kanji: Option<Removable>,
}

#[derive(Clone, Debug, Default, PartialEq, Params, Serialize, Deserialize)]
#[serde(default)]
pub struct DeclineOn {
    /// Whether a wrong postal code declines a payment.
    pub avs_failure: Option<bool>,
    /// Whether a wrong security code declines a payment.
    pub cvc_failure: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Params, Serialize, Deserialize)]
#[serde(default)]
pub struct Invoices {
    /// Whether hosted invoices keep the payment method.
    pub hosted_payment_method_save: Option<Save>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Save {
    Always,
    Never,
    Offer,
}

#[derive(Clone, Debug, Default, PartialEq, Params, Serialize, Deserialize)]
#[serde(default)]
pub struct Payments {
    /// The text on customers' statements.
    #[param(max = 22)]
    pub statement_descriptor: Option<String>,
    /// The same in katakana.
    pub statement_descriptor_kana: Option<String>,
    /// The same in kanji.
    pub statement_descriptor_kanji: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Params, Serialize, Deserialize)]
#[serde(default)]
pub struct Payouts {
    /// Whether a negative balance is taken from the bank account.
    pub debit_negative_balances: Option<bool>,
    /// When payouts are made by themselves.
    pub schedule: Option<Schedule>,
    /// The text on the account's own statements.
    #[param(max = 22)]
    pub statement_descriptor: Option<String>,
}

/// How many days after a charge its money is paid out, where nothing else was said.
const DELAY_DAYS: i64 = 2;

#[derive(Clone, Debug, Default, PartialEq, Params, Serialize, Deserialize)]
#[serde(default)]
pub struct Schedule {
    /// How many days after a charge its money is paid out.
    #[param(min = 2, max = 365)]
    pub delay_days: Option<i64>,
    /// How often payouts are made.
    pub interval: Option<Interval>,
    /// The day of the month of monthly payouts.
    #[param(min = 1, max = 31)]
    pub monthly_anchor: Option<i64>,
    /// The days of the month of monthly payouts.
    pub monthly_payout_days: Option<Vec<i64>>,
    /// The day of the week of weekly payouts.
    pub weekly_anchor: Option<Weekday>,
    /// The days of the week of weekly payouts.
    pub weekly_payout_days: Option<Vec<Workday>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Interval {
    Daily,
    Manual,
    Monthly,
    Weekly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Weekday {
    Friday,
    Monday,
    Saturday,
    Sunday,
    Thursday,
    Tuesday,
    Wednesday,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Workday {
    Friday,
    Monday,
    Thursday,
    Tuesday,
    Wednesday,
}

impl Schedule {
    /// Whether payouts are made on a day, which is counted from the first of January 1970.
    pub fn pays_on(&self, day: i64) -> bool {
        const FROM_THURSDAY: [&str; 7] =
            ["thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday"];
        match self.interval {
            None | Some(Interval::Manual) => false,
            Some(Interval::Daily) => true,
            Some(Interval::Weekly) => {
                let index = usize::try_from(day.rem_euclid(7)).unwrap_or_default();
                let today = FROM_THURSDAY.get(index).copied().unwrap_or_default();
                match (&self.weekly_payout_days, self.weekly_anchor) {
                    (Some(days), _) => days.iter().any(|day| day.as_str() == today),
                    (None, anchor) => anchor.unwrap_or(Weekday::Monday).as_str() == today,
                }
            }
            Some(Interval::Monthly) => {
                let Ok(time) = jiff::Timestamp::from_second(day.saturating_mul(86_400)) else {
                    return false;
                };
                let date = time.to_zoned(jiff::tz::TimeZone::UTC).date();
                let anchor = [self.monthly_anchor.unwrap_or(1)];
                let days = self.monthly_payout_days.as_deref().unwrap_or(&anchor);
                // In a month that is too short, its last day stands for those that it lacks.
                let last = i64::from(date.days_in_month());
                days.iter().any(|day| (*day).min(last) == i64::from(date.day()))
            }
        }
    }
}

impl Settings {
    /// How many days after a charge its money can be paid out.
    pub fn payout_delay_days(&self) -> i64 {
        let schedule = self.payouts.as_ref().and_then(|payouts| payouts.schedule.as_ref());
        schedule.and_then(|schedule| schedule.delay_days).unwrap_or(DELAY_DAYS)
    }

    /// When payouts are made by themselves, where that has been said.
    pub fn payout_schedule(&self) -> Option<&Schedule> {
        let schedule = self.payouts.as_ref()?.schedule.as_ref()?;
        schedule.interval.map(|_| schedule)
    }

    /// Whether the terms of Treasury were agreed to.
    pub fn has_treasury_terms(&self) -> bool {
        let terms = self.treasury.as_ref().and_then(|terms| terms.tos_acceptance.as_ref());
        terms.is_some_and(Acceptance::is_given)
    }

    /// `display_name` is what the dashboard calls the account.
    pub fn render(&self, display_name: Option<&str>) -> Result<Json> {
        let branding = self.branding.clone().unwrap_or_default();
        let dashboard = object([
            ("display_name", display_name.map(str::to_owned).into()),
            ("timezone", "Etc/UTC".into()),
        ]);
        let invoices = object([
            ("default_account_tax_ids", Json::Null),
            ("hosted_payment_method_save", self.saving().into()),
        ]);
        Ok(object([
            (
                "branding",
                object([
                    ("icon", Json::Null),
                    ("logo", Json::Null),
                    ("primary_color", branding.primary_color.into()),
                    ("secondary_color", branding.secondary_color.into()),
                ]),
            ),
            ("card_issuing", render_terms(self.card_issuing.as_ref())?),
            ("card_payments", self.render_card_payments()?),
            ("dashboard", dashboard),
            ("invoices", invoices),
            ("payments", self.render_payments()?),
            ("payouts", self.render_payouts()?),
            ("treasury", render_terms(self.treasury.as_ref())?),
        ]))
    }

    fn saving(&self) -> Save {
        let saving = self.invoices.as_ref().and_then(|i| i.hosted_payment_method_save);
        saving.unwrap_or(Save::Offer)
    }

    fn render_card_payments(&self) -> Result<Json> {
        let mut cards = self.card_payments.clone().unwrap_or_default();
        let decline_on = cards.decline_on.get_or_insert_default();
        decline_on.avs_failure.get_or_insert(false);
        decline_on.cvc_failure.get_or_insert(false);
        to_json(&cards)
    }

    fn render_payments(&self) -> Result<Json> {
        let mut json = to_json(&self.payments.clone().unwrap_or_default())?;
        json.set("statement_descriptor_prefix_kana", Json::Null);
        json.set("statement_descriptor_prefix_kanji", Json::Null);
        Ok(json)
    }

    fn render_payouts(&self) -> Result<Json> {
        let mut payouts = self.payouts.clone().unwrap_or_default();
        payouts.debit_negative_balances.get_or_insert(false);
        let schedule = payouts.schedule.get_or_insert_default();
        schedule.delay_days.get_or_insert(DELAY_DAYS);
        schedule.interval.get_or_insert(Interval::Daily);
        to_json(&payouts)
    }
}

fn render_terms(terms: Option<&Terms>) -> Result<Json> {
    let acceptance = terms.and_then(|terms| terms.tos_acceptance.clone()).unwrap_or_default();
    Ok(object([("tos_acceptance", to_json(&acceptance)?)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-04-04, a Tuesday.
    const TUESDAY: i64 = 19_451;

    #[test]
    fn payouts_have_their_days() {
        let of = |interval| Schedule { interval: Some(interval), ..Schedule::default() };
        let days = |schedule: &Schedule| {
            (TUESDAY..TUESDAY + 30).filter(|day| schedule.pays_on(*day)).collect::<Vec<_>>()
        };
        assert_eq!(days(&of(Interval::Daily)).len(), 30);
        assert!(days(&of(Interval::Manual)).is_empty());
        assert!(days(&Schedule::default()).is_empty());
        let monday = TUESDAY + 6;
        assert_eq!(days(&of(Interval::Weekly))[..2], [monday, monday + 7]);
        let weekly_payout_days = Some(vec![Workday::Tuesday, Workday::Friday]);
        let twice = Schedule { weekly_payout_days, ..of(Interval::Weekly) };
        assert_eq!(days(&twice)[..3], [TUESDAY, TUESDAY + 3, TUESDAY + 7]);
        let last = Schedule { monthly_anchor: Some(31), ..of(Interval::Monthly) };
        // The thirtieth of April.
        assert_eq!(days(&last), [TUESDAY + 26]);
    }
}
