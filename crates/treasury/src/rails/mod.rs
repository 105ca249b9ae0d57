//! The simulated bank: how each network that carries money out keeps time, and what it calls what
//! it carries.
//!
//! A flow is handed over at the network's next cut-off: until then it can be called back. It
//! arrives at the opening hour of its day of arrival, and what the other bank cannot take comes
//! back within the network's return window. Days are business days, hours those of New York.
//!
//! Nothing moves by these times unless the sandbox settles by itself; the day that is promised as
//! `expected_arrival_date` follows from them in any case.

use api::View;
use jiff::civil::{Date, Time};
use store::Millis;

use crate::calendar::{self, business_day_from};
use crate::destination::{Network, ReturnCode};
use crate::outbound::TrackingDetails;

pub use desk::Desk;
pub use file::{AchFile, FileEntry};

pub mod ach;
mod desk;
pub mod file;
pub mod returns;
mod stripe;
mod wire;

/// A network.
pub trait Rail: Sync {
    /// When something that is made at that time is handed over.
    fn submission(&self, created: Millis) -> Millis;

    /// When something that was handed over then arrives.
    fn arrival(&self, submitted: Millis) -> Millis;

    /// When something that arrived then is back, where its receiver cannot take it.
    fn way_back(&self, arrived: Millis, code: ReturnCode) -> Millis;

    /// What it calls the payment of that number, handed over then.
    fn track(&self, submitted: Millis, number: i64) -> Option<TrackingDetails>;

    /// What is promised for something that is made at that time, in seconds: the midnight (UTC)
    /// that ends the day of its arrival. Each rendering asks for it, so it is reckoned in days.
    fn promise(&self, created: Millis) -> i64;
}

/// The network of that name.
pub fn of(network: Network) -> &'static dyn Rail {
    match network {
        Network::Ach => &ach::Ach,
        Network::Stripe => &stripe::Stripe,
        Network::UsDomesticWire => &wire::Wire,
    }
}

/// When a reversal that is made now is through: where the bank moves money by the clock, one by ach
/// is when it arrives.
pub fn reversal(view: &View<'_>, is_by_ach: bool) -> Millis {
    let now = view.now_ms();
    if is_by_ach && view.settles() {
        let ach = of(Network::Ach);
        return ach.arrival(ach.submission(now));
    }
    now.saturating_add(view.app.config.step_delay_ms)
}

/// The next cut-off of a network that has one each business day. The last moment still counts.
fn next_cutoff(created: Millis, cutoff: Time) -> Millis {
    calendar::moment(day_of_cutoff(created, cutoff), cutoff)
}

fn day_of_cutoff(created: Millis, cutoff: Time) -> Date {
    let (day, time) = calendar::local(created);
    let is_in_time = calendar::is_business_day(day) && time <= cutoff;
    if is_in_time { day } else { business_day_from(day, 1) }
}

/// An hour of the business day that lies so many business days after that of a moment.
fn days_later(from: Millis, days: u32, at: Time) -> Millis {
    calendar::moment(business_day_from(day_of(from), days), at)
}

fn day_of(moment: Millis) -> Date {
    calendar::local(moment).0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
