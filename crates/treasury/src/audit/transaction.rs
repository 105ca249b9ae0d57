//! A Transaction is what its entries make it, and one of a flow that knows it.

use api::audit::Row;
use api::{Result, View};
use ledger::Impact;
use store::PostingRow;

use super::{posting, show};
use crate::book::{EntryType, FlowType};
use crate::credit_reversal::CreditReversal;
use crate::debit_reversal::DebitReversal;
use crate::financial_account::FinancialAccount;
use crate::inbound_transfer::InboundTransfer;
use crate::outbound::{Kind, Outbound, Stage};
use crate::outbound_payment::OutboundPayment;
use crate::outbound_transfer::OutboundTransfer;
use crate::received_credit::ReceivedCredit;
use crate::received_debit::ReceivedDebit;
use crate::transaction::{StatusName, Transaction};

/// The entries that a Transaction of a flow can have in a status, oldest first.
const LIVES: &[(FlowType, StatusName, &[EntryType])] = {
    use EntryType::*;
    &[
        (FlowType::CreditReversal, StatusName::Open, &[CreditReversal]),
        (FlowType::CreditReversal, StatusName::Posted, &[CreditReversal, CreditReversalPosting]),
        (FlowType::DebitReversal, StatusName::Posted, &[DebitReversal]),
        (FlowType::InboundTransfer, StatusName::Posted, &[InboundTransfer]),
        (FlowType::Other, StatusName::Posted, &[Other]),
        (FlowType::OutboundPayment, StatusName::Open, &[OutboundPayment]),
        (FlowType::OutboundPayment, StatusName::Posted, &[OutboundPayment, OutboundPaymentPosting]),
        (FlowType::OutboundPayment, StatusName::Posted, &[OutboundPaymentReturn]),
        (
            FlowType::OutboundPayment,
            StatusName::Void,
            &[OutboundPayment, OutboundPaymentCancellation],
        ),
        (FlowType::OutboundPayment, StatusName::Void, &[OutboundPayment, OutboundPaymentFailure]),
        (FlowType::OutboundTransfer, StatusName::Open, &[OutboundTransfer]),
        (
            FlowType::OutboundTransfer,
            StatusName::Posted,
            &[OutboundTransfer, OutboundTransferPosting],
        ),
        (FlowType::OutboundTransfer, StatusName::Posted, &[OutboundTransferReturn]),
        (
            FlowType::OutboundTransfer,
            StatusName::Void,
            &[OutboundTransfer, OutboundTransferCancellation],
        ),
        (
            FlowType::OutboundTransfer,
            StatusName::Void,
            &[OutboundTransfer, OutboundTransferFailure],
        ),
        (FlowType::ReceivedCredit, StatusName::Posted, &[ReceivedCredit]),
        (FlowType::ReceivedDebit, StatusName::Posted, &[ReceivedDebit]),
        (FlowType::ReceivedDebit, StatusName::Posted, &[InboundTransferReturn]),
    ]
};

/// What a Transaction is after an entry of a type, and whether it is the Transaction's first.
pub(crate) fn status_after(entry: EntryType) -> Option<(StatusName, bool)> {
    let life = LIVES.iter().find(|(_, _, life)| life.last() == Some(&entry));
    life.map(|(_, status, life)| (*status, life.len() == 1))
}

pub(super) fn check(view: &View<'_>, transaction: &Transaction, row: &mut Row<'_>) -> Result<()> {
    let mut entries = Vec::new();
    for id in &transaction.entries {
        match view.session.posting(view.owner.number, id)? {
            Some(entry) => entries.push((id.as_str(), entry)),
            None => row.wrong(format!("its entry {id} is not there")),
        }
    }
    if view.load::<FinancialAccount>(&transaction.financial_account)?.is_none() {
        row.wrong(format!("its {} is not there", transaction.financial_account));
    }
    if entries.len() == transaction.entries.len() {
        sum_and_life(transaction, &entries, row);
    }
    let id = transaction.flow.as_deref();
    let knows_it = match (transaction.flow_type, id) {
        (FlowType::Other, None) => true,
        (FlowType::OutboundPayment, Some(flow)) => {
            let flow = view.load::<OutboundPayment>(flow)?;
            flow.is_some_and(|flow| transactions_of(&flow).contains(&Some(&transaction.id)))
        }
        (FlowType::OutboundTransfer, Some(flow)) => {
            let flow = view.load::<OutboundTransfer>(flow)?;
            flow.is_some_and(|flow| transactions_of(&flow).contains(&Some(&transaction.id)))
        }
        (FlowType::CreditReversal, Some(flow)) => {
            let flow = view.load::<CreditReversal>(flow)?;
            flow.is_some_and(|flow| flow.transaction == transaction.id)
        }
        (FlowType::DebitReversal, Some(flow)) => {
            let flow = view.load::<DebitReversal>(flow)?;
            flow.is_some_and(|flow| flow.transaction == transaction.id)
        }
        (FlowType::InboundTransfer, Some(flow)) => {
            let flow = view.load::<InboundTransfer>(flow)?;
            flow.is_some_and(|flow| flow.stage.transaction() == Some(&transaction.id))
        }
        (FlowType::ReceivedCredit, Some(flow)) => {
            let flow = view.load::<ReceivedCredit>(flow)?;
            flow.is_some_and(|flow| flow.transaction.as_ref() == Some(&transaction.id))
        }
        (FlowType::ReceivedDebit, Some(flow)) => {
            let flow = view.load::<ReceivedDebit>(flow)?;
            flow.is_some_and(|flow| flow.transaction.as_ref() == Some(&transaction.id))
        }
        _ => false,
    };
    let (kind, id) = (transaction.flow_type.as_str(), id.unwrap_or("none"));
    row.must(knows_it, format!("its flow, the {kind} {id}, does not know it or is not there"));
    Ok(())
}

/// An outbound flow's own Transaction, and the one that brought the money back.
fn transactions_of<K: Kind>(payment: &Outbound<K>) -> [Option<&String>; 2] {
    let returned = match &payment.stage {
        Stage::Returned { transaction, .. } => Some(transaction),
        Stage::Processing
        | Stage::Submitted(_)
        | Stage::Canceled(_)
        | Stage::Failed(_)
        | Stage::Posted(_) => None,
    };
    [Some(&payment.transaction), returned]
}

fn sum_and_life(transaction: &Transaction, entries: &[(&str, PostingRow)], row: &mut Row<'_>) {
    let mut sum = Impact::default();
    for (id, entry) in entries {
        row.must(
            entry.transaction == transaction.id,
            format!("its entry {id} is one of {}", entry.transaction),
        );
        let impact = posting(entry).map(|posting| posting.impact());
        match impact.map(|impact| sum.plus(&impact)) {
            Some(Ok(next)) => sum = next,
            Some(Err(_)) | None => row.wrong(format!("its entry {id} cannot be added up")),
        }
    }
    let impact = transaction.impact();
    row.must(
        sum == impact,
        format!("its balance_impact is {}, the sum of its entries {}", show(impact), show(sum)),
    );
    let (amount, status) = (transaction.amount, transaction.status.name());
    row.must(
        (amount == 0) == (status == StatusName::Void),
        format!("its status is {}, its amount {amount}", status.as_str()),
    );
    let kinds: Vec<&str> = entries.iter().map(|(_, entry)| entry.kind.as_str()).collect();
    let is_life = LIVES.iter().any(|(flow, at, life)| {
        *flow == transaction.flow_type
            && *at == status
            && life.iter().map(|kind| kind.as_str()).eq(kinds.iter().copied())
    });
    let (flow, kinds) = (transaction.flow_type.as_str(), kinds.join(", "));
    row.must(
        is_life,
        format!("a Transaction of {flow} that is {} cannot have {kinds}", status.as_str()),
    );
    let (first, last) = (entries.first(), entries.last());
    let at = |entry: Option<&(&str, PostingRow)>| entry.map(|(_, entry)| entry.created);
    row.must(at(first) == Some(transaction.created), "its first entry has another time");
    let ended = transaction.status.posted_at().or(transaction.status.void_at());
    row.must(ended.is_none() || at(last) == ended, "its end and its last entry differ in time");
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::audit::{End, MOVES};
    use crate::transaction::Status;
    use api::audit::Findings;
    use api::params::Currency;
    use store::Scope;

    fn entry(kind: EntryType, created: i64) -> PostingRow {
        let (_, from, to) = MOVES.iter().find(|(of, _, _)| *of == kind).unwrap();
        let name = |end: &End| match end {
            End::Cash => "cash".to_owned(),
            End::Held => "outbound_pending".to_owned(),
            End::Outside => "ach_clearing".to_owned(),
        };
        PostingRow {
            book: "fa_1".into(),
            transaction: "trxn_1".into(),
            kind: kind.as_str().to_owned(),
            from: name(from),
            to: name(to),
            amount: 700,
            currency: "usd".into(),
            created,
        }
    }

    fn life(kinds: &[EntryType]) -> Vec<(&'static str, PostingRow)> {
        let times = [1_000, 2_000].into_iter();
        kinds.iter().zip(times).map(|(kind, at)| ("trxne_1", entry(*kind, at))).collect()
    }

    fn of(flow_type: FlowType, status: StatusName, kinds: &[EntryType]) -> Transaction {
        let end = if kinds.len() == 2 { 2_000 } else { 1_000 };
        let inward = kinds.len() == 1 && entry(kinds[0], 0).to == "cash";
        Transaction {
            id: "trxn_1".into(),
            created: 1_000,
            financial_account: "fa_1".into(),
            amount: match status {
                StatusName::Void => 0,
                _ if inward => 700,
                _ => -700,
            },
            currency: Currency::USD,
            description: String::new(),
            flow: None,
            flow_type,
            status: match status {
                StatusName::Open => Status::Open,
                StatusName::Posted => Status::Posted(end),
                StatusName::Void => Status::Void(end),
            },
            entries: vec![],
        }
    }

    fn problems(transaction: &Transaction, entries: &[(&str, PostingRow)]) -> u64 {
        let mut findings = Findings::default();
        let mut row = findings.at("objects", Scope { ws: 1, acct: 0 }, "trxn_1");
        sum_and_life(transaction, entries, &mut row);
        findings.count()
    }

    #[test]
    fn every_life_in_the_table_is_whole() {
        for (flow, status, kinds) in LIVES {
            let (transaction, entries) = (of(*flow, *status, kinds), life(kinds));
            assert_eq!(problems(&transaction, &entries), 0, "{flow:?} {status:?} {kinds:?}");
        }
    }

    #[test]
    fn anything_else_is_found() {
        use EntryType::*;
        let kinds = [OutboundPayment, OutboundPaymentPosting];
        let posted = || of(FlowType::OutboundPayment, StatusName::Posted, &kinds);
        let found = |transaction: &Transaction, kinds: &[EntryType]| {
            assert_ne!(problems(transaction, &life(kinds)), 0, "{transaction:?} {kinds:?}");
        };
        found(&posted(), &[]);
        found(&posted(), &[OutboundPayment]);
        found(&posted(), &[OutboundPayment, OutboundPaymentFailure]);
        found(&posted(), &[OutboundPaymentPosting, OutboundPayment]);
        found(&Transaction { amount: -701, ..posted() }, &kinds);
        found(&Transaction { amount: 0, ..posted() }, &kinds);
        found(&Transaction { status: Status::Open, ..posted() }, &kinds);
        found(&Transaction { status: Status::Void(2_000), ..posted() }, &kinds);
        found(&Transaction { status: Status::Posted(2_001), ..posted() }, &kinds);
        found(&Transaction { created: 999, ..posted() }, &kinds);
        found(&Transaction { flow_type: FlowType::ReceivedCredit, ..posted() }, &kinds);
        let mut entries = life(&kinds);
        entries[1].1.transaction = "trxn_2".into();
        assert_eq!(problems(&posted(), &entries), 1);
        entries[1] = ("trxne_2", PostingRow { amount: -700, ..entry(kinds[1], 2_000) });
        assert_ne!(problems(&posted(), &entries), 0);
    }
}
