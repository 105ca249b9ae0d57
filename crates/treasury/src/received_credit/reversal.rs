//! Whether, and until when, a ReceivedCredit can be sent back.

use super::{Network, ReceivedCredit, SourceFlowType};
use crate::received::{RestrictedReason, Reversal, Status};

impl ReceivedCredit {
    /// How its reversal stands at that time, in seconds; none where nothing was received.
    pub fn reversal(&self, now: i64) -> Option<Reversal> {
        if self.status() == Status::Failed {
            return None;
        }
        let is_from = |kind| self.source.as_ref().is_some_and(|source| source.kind == kind);
        let reversal = match self.network {
            Network::Ach => Reversal::by_ach(self.created, now),
            // What another account of the platform paid can be sent back at any time.
            Network::Stripe if is_from(SourceFlowType::OutboundPayment) => {
                Reversal { deadline: None, restricted_reason: None }
            }
            Network::Stripe => Reversal::restricted(RestrictedReason::SourceFlowRestricted),
            Network::UsDomesticWire | Network::Rtp | Network::Card => {
                Reversal::restricted(RestrictedReason::NetworkRestricted)
            }
        };
        Some(if self.credit_reversal.is_some() { reversal.done() } else { reversal })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::received::Initiator;
    use crate::received_credit::{FailureCode, Source};
    use RestrictedReason::*;

    const CREATED: i64 = 1_680_755_425;
    const DEADLINE: i64 = 1_681_084_800;

    fn credit(network: Network, source: Option<SourceFlowType>) -> ReceivedCredit {
        ReceivedCredit {
            id: "rc_1".into(),
            created: CREATED * 1000,
            amount: 500.try_into().unwrap(),
            currency: api::params::Currency::USD,
            description: "Stripe Test".into(),
            financial_account: "fa_1".into(),
            network,
            sender: Initiator::FinancialAccount("fa_2".into()),
            failure_code: None,
            source: source.map(|kind| Source { kind, id: "x_1".into(), acct: 0 }),
            credit_reversal: None,
            transaction: None,
        }
    }

    #[test]
    fn the_first_rule_that_applies_decides() {
        let stripe = |kind| credit(Network::Stripe, Some(kind));
        let bank = |network| credit(network, None);
        let table = [
            (bank(Network::Ach), CREATED, Some(DEADLINE), None),
            (bank(Network::Ach), DEADLINE - 1, Some(DEADLINE), None),
            (bank(Network::Ach), DEADLINE, Some(DEADLINE), Some(DeadlinePassed)),
            (bank(Network::UsDomesticWire), CREATED, None, Some(NetworkRestricted)),
            (bank(Network::Rtp), CREATED, None, Some(NetworkRestricted)),
            (bank(Network::Card), CREATED, None, Some(NetworkRestricted)),
            (stripe(SourceFlowType::OutboundPayment), DEADLINE, None, None),
            (stripe(SourceFlowType::OutboundTransfer), CREATED, None, Some(SourceFlowRestricted)),
            (stripe(SourceFlowType::CreditReversal), CREATED, None, Some(SourceFlowRestricted)),
            (stripe(SourceFlowType::Payout), CREATED, None, Some(SourceFlowRestricted)),
            (stripe(SourceFlowType::Other), CREATED, None, Some(SourceFlowRestricted)),
        ];
        for (mut credit, now, deadline, restricted_reason) in table {
            let found = credit.reversal(now);
            assert_eq!(found, Some(Reversal { deadline, restricted_reason }), "{credit:?}");
            credit.credit_reversal = Some("credrev_1".into());
            let reversed = Reversal { deadline, restricted_reason: Some(AlreadyReversed) };
            assert_eq!(credit.reversal(now), Some(reversed));
            credit.failure_code = Some(FailureCode::AccountClosed);
            assert_eq!(credit.reversal(now), None);
        }
    }
}
