//! Whether, and until when, a ReceivedDebit can be taken back.

use super::{Network, ReceivedDebit};
use crate::received::{RestrictedReason, Reversal, Status};

impl ReceivedDebit {
    /// How its reversal stands at that time, in seconds; none where nothing was pulled.
    pub fn reversal(&self, now: i64) -> Option<Reversal> {
        if self.status() == Status::Failed {
            return None;
        }
        let reversal = match self.network {
            Network::Ach if self.cause.is_none() => Reversal::by_ach(self.created, now),
            // What a card paid is disputed, and what belongs to another flow is settled there.
            Network::Ach | Network::Card | Network::Stripe => {
                Reversal::restricted(RestrictedReason::SourceFlowRestricted)
            }
        };
        Some(if self.debit_reversal.is_some() { reversal.done() } else { reversal })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::received::Initiator;
    use crate::received_debit::{Cause, FailureCode};
    use RestrictedReason::*;

    const CREATED: i64 = 1_680_755_425;
    const DEADLINE: i64 = 1_681_084_800;

    fn debit(network: Network, cause: Option<Cause>) -> ReceivedDebit {
        ReceivedDebit {
            id: "rd_1".into(),
            created: CREATED * 1000,
            amount: 500.try_into().unwrap(),
            currency: api::params::Currency::USD,
            description: "Stripe Test".into(),
            financial_account: "fa_1".into(),
            network,
            initiator: Initiator::of(None),
            failure_code: None,
            cause,
            debit_reversal: None,
            transaction: None,
        }
    }

    #[test]
    fn the_first_rule_that_applies_decides() {
        let returned = || Some(Cause::InboundTransfer("ibt_1".into()));
        let table = [
            (debit(Network::Ach, None), CREATED, Some(DEADLINE), None),
            (debit(Network::Ach, None), DEADLINE - 1, Some(DEADLINE), None),
            (debit(Network::Ach, None), DEADLINE, Some(DEADLINE), Some(DeadlinePassed)),
            (debit(Network::Ach, returned()), CREATED, None, Some(SourceFlowRestricted)),
            (debit(Network::Card, None), CREATED, None, Some(SourceFlowRestricted)),
            (debit(Network::Stripe, None), CREATED, None, Some(SourceFlowRestricted)),
        ];
        for (mut debit, now, deadline, restricted_reason) in table {
            let found = debit.reversal(now);
            assert_eq!(found, Some(Reversal { deadline, restricted_reason }), "{debit:?}");
            debit.debit_reversal = Some("debrev_1".into());
            let reversed = Reversal { deadline, restricted_reason: Some(AlreadyReversed) };
            assert_eq!(debit.reversal(now), Some(reversed));
            debit.failure_code = Some(FailureCode::InsufficientFunds);
            assert_eq!(debit.reversal(now), None);
        }
    }
}
