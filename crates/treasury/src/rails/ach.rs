//! ACH: batches that are collected until the evening and arrive the next business morning.

use jiff::civil::{Time, time};
use store::Millis;

use super::{Rail, day_of_cutoff, days_later, next_cutoff};
use crate::calendar::{business_day_from, end_of};
use crate::destination::ReturnCode;
use crate::outbound::TrackingDetails;

/// The last moment of a business day at which an entry still goes into that day's file.
pub const CUTOFF: Time = time(20, 30, 0, 0);
/// When entries settle, and when returns are made available.
const OPENING: Time = time(8, 30, 0, 0);
/// A return must be back by the opening of the second banking day after settlement.
const RETURN_DAYS: u32 = 2;

/// The first eight digits of the routing number of the bank that originates entries: ours.
pub const ORIGINATING_BANK: &str = "11000000";
/// Entries are numbered with seven digits; then the numbers begin anew.
const TRACE_NUMBERS: i64 = 10_000_000;

/// What is pulled in is kept back until its bank can no longer send it back unpaid.
const FUNDING_DAYS: u32 = 4;

pub struct Ach;

impl Rail for Ach {
    fn submission(&self, created: Millis) -> Millis {
        next_cutoff(created, CUTOFF)
    }

    fn arrival(&self, submitted: Millis) -> Millis {
        days_later(submitted, 1, OPENING)
    }

    /// What an account's bank says of an account is said within the same window, whatever it is.
    fn way_back(&self, arrived: Millis, _: ReturnCode) -> Millis {
        days_later(arrived, RETURN_DAYS, OPENING)
    }

    fn promise(&self, created: Millis) -> i64 {
        end_of(business_day_from(day_of_cutoff(created, CUTOFF), 1))
    }

    fn track(&self, _: Millis, number: i64) -> Option<TrackingDetails> {
        Some(TrackingDetails::Ach { trace_id: trace_id(number) })
    }
}

/// When money that was asked for then is there.
pub fn funding(submitted: Millis) -> Millis {
    days_later(submitted, FUNDING_DAYS, OPENING)
}

/// The bank's digits, then the number of the entry.
pub fn trace_id(number: i64) -> String {
    format!("{ORIGINATING_BANK}{:07}", number.rem_euclid(TRACE_NUMBERS))
}
