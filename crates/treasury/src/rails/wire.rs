//! Domestic wires: each is final on the day it is sent.

use jiff::civil::{Time, time};
use store::Millis;

use super::{Rail, day_of, day_of_cutoff, days_later, next_cutoff};
use crate::calendar;
use crate::destination::ReturnCode;
use crate::outbound::TrackingDetails;

/// The last moment of a business day at which the bank still sends a wire on that day.
const CUTOFF: Time = time(17, 0, 0, 0);
/// When the day's wires have reached their banks.
const ARRIVAL: Time = time(18, 0, 0, 0);
/// A wire that nobody can take comes back as another one, on the next business day.
const RETURN: Time = time(12, 0, 0, 0);

/// The bank's name within Fedwire.
const SENDER: &str = "STRPEX1B";
/// Wires are numbered with six digits a day; then the numbers begin anew.
const NUMBERS: i64 = 1_000_000;

pub struct Wire;

impl Rail for Wire {
    fn submission(&self, created: Millis) -> Millis {
        next_cutoff(created, CUTOFF)
    }

    fn arrival(&self, submitted: Millis) -> Millis {
        calendar::moment(day_of(submitted), ARRIVAL)
    }

    fn way_back(&self, arrived: Millis, _: ReturnCode) -> Millis {
        days_later(arrived, 1, RETURN)
    }

    fn promise(&self, created: Millis) -> i64 {
        calendar::end_of(day_of_cutoff(created, CUTOFF))
    }

    /// Day, sender and number of the way in; the way out is the other bank's.
    fn track(&self, submitted: Millis, number: i64) -> Option<TrackingDetails> {
        let day = day_of(submitted).strftime("%Y%m%d");
        let imad = format!("{day}{SENDER}{:06}", number.rem_euclid(NUMBERS));
        Some(TrackingDetails::UsDomesticWire { chips: None, imad: Some(imad), omad: None })
    }
}
