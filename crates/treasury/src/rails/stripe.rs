//! From one FinancialAccount to another: there is no bank between them, and no day off.

use store::Millis;

use super::Rail;
use crate::destination::ReturnCode;
use crate::outbound::TrackingDetails;

pub struct Stripe;

impl Rail for Stripe {
    fn submission(&self, created: Millis) -> Millis {
        created
    }

    fn arrival(&self, submitted: Millis) -> Millis {
        submitted
    }

    fn way_back(&self, arrived: Millis, _: ReturnCode) -> Millis {
        arrived
    }

    fn track(&self, _: Millis, _: i64) -> Option<TrackingDetails> {
        None
    }

    /// It arrives at once, at no particular hour.
    fn promise(&self, created: Millis) -> i64 {
        api::seconds(created)
    }
}
