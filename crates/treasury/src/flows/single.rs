//! The flows with one way to go: what is received has ended when it begins, and what reverses it
//! only waits for its bank.

use api::Resource as _;
use api::operation::Resource;

use super::{Arrow, By, Flow, State, Step, by_operations};
use crate::book::EntryType;
use crate::credit_reversal::{self, CreditReversal};
use crate::debit_reversal::{self, DebitReversal};
use crate::received;
use crate::received_credit::{self, ReceivedCredit};
use crate::received_debit::{self, ReceivedDebit};

pub(super) fn received_credit() -> Flow {
    let events = received_credit::CREATED;
    let by = with(&received_credit::resource(), By::Flow("within Stripe"));
    let arrows = vec![
        born(by.clone(), received::Status::Succeeded, Some(EntryType::ReceivedCredit), events),
        born(by, received::Status::Failed, None, events),
    ];
    Flow { title: "ReceivedCredit", object: ReceivedCredit::OBJECT, arrows }
}

pub(super) fn received_debit() -> Flow {
    let event = received_debit::CREATED;
    let resource = received_debit::resource();
    let payments = with(&resource, By::Flow("Topup, Payout"));
    let returned = EntryType::InboundTransferReturn;
    let succeeded = received::Status::Succeeded;
    let arrows = vec![
        born(payments, succeeded, Some(EntryType::ReceivedDebit), event),
        born(by_operations(&resource, "create"), received::Status::Failed, None, event),
        Arrow {
            action: "return",
            ..born(vec![By::Flow("InboundTransfer")], succeeded, Some(returned), event)
        },
    ];
    Flow { title: "ReceivedDebit", object: ReceivedDebit::OBJECT, arrows }
}

pub(super) fn credit_reversal() -> Flow {
    let processing = State::plain(credit_reversal::Status::Processing.as_str());
    let create = Arrow {
        action: "create",
        by: by_operations(&credit_reversal::resource(), "create"),
        from: vec![],
        to: Some(processing),
        steps: vec![Step::new(Some(EntryType::CreditReversal), credit_reversal::CREATED)],
    };
    let post = Arrow {
        action: "post",
        by: vec![By::Itself],
        from: vec![processing],
        to: Some(State::plain(credit_reversal::Status::Posted.as_str())),
        steps: vec![Step::new(Some(EntryType::CreditReversalPosting), credit_reversal::POSTED)],
    };
    Flow { title: "CreditReversal", object: CreditReversal::OBJECT, arrows: vec![create, post] }
}

pub(super) fn debit_reversal() -> Flow {
    let processing = State::plain(debit_reversal::Status::Processing.as_str());
    let create = Arrow {
        action: "create",
        by: by_operations(&debit_reversal::resource(), "create"),
        from: vec![],
        to: Some(processing),
        steps: vec![Step::new(Some(EntryType::DebitReversal), debit_reversal::CREATED)],
    };
    let succeed = Arrow {
        action: "succeed",
        by: vec![By::Itself],
        from: vec![processing],
        to: Some(State::plain(debit_reversal::Status::Succeeded.as_str())),
        steps: vec![Step::new(None, debit_reversal::COMPLETED)],
    };
    Flow { title: "DebitReversal", object: DebitReversal::OBJECT, arrows: vec![create, succeed] }
}

/// Who creates one: by the resource's operations, or another flow.
fn with(resource: &Resource, other: By) -> Vec<By> {
    let mut by = by_operations(resource, "create");
    by.push(other);
    by
}

fn born(
    by: Vec<By>,
    status: received::Status,
    entry: Option<EntryType>,
    event: &'static str,
) -> Arrow {
    let steps = vec![Step::new(entry, event)];
    Arrow { action: "create", by, from: vec![], to: Some(State::plain(status.as_str())), steps }
}
