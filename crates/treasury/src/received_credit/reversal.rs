//! Whether, and until when, a ReceivedCredit can be sent back.

use api::params::Choice;
use api::{Json, object};

use super::{Network, ReceivedCredit, SourceFlowType, Status};
use crate::calendar;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum RestrictedReason {
    AlreadyReversed,
    DeadlinePassed,
    NetworkRestricted,
    SourceFlowRestricted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reversal {
    /// In seconds.
    pub deadline: Option<i64>,
    /// None: it can be reversed now.
    pub restricted_reason: Option<RestrictedReason>,
}

impl ReceivedCredit {
    /// How its reversal stands at that time, in seconds; none where nothing was received.
    pub fn reversal(&self, now: i64) -> Option<Reversal> {
        use RestrictedReason::*;
        if self.status() == Status::Failed {
            return None;
        }
        let deadline =
            (self.network == Network::Ach).then(|| calendar::reversal_deadline(self.created));
        let from_payment =
            self.source.as_ref().map(|source| source.kind) == Some(SourceFlowType::OutboundPayment);
        let restricted_reason = match self.network {
            _ if self.credit_reversal.is_some() => Some(AlreadyReversed),
            Network::Stripe => (!from_payment).then_some(SourceFlowRestricted),
            Network::UsDomesticWire | Network::Rtp | Network::Card => Some(NetworkRestricted),
            Network::Ach => deadline.filter(|deadline| now >= *deadline).map(|_| DeadlinePassed),
        };
        Some(Reversal { deadline, restricted_reason })
    }
}

impl Reversal {
    pub fn render(&self) -> Json {
        object([
            ("deadline", self.deadline.into()),
            ("restricted_reason", self.restricted_reason.into()),
        ])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::received_credit::{FailureCode, Sender, Source};
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
            sender: Sender::FinancialAccount("fa_2".into()),
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
