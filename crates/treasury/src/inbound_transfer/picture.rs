//! An InboundTransfer as it is drawn: its table of states, with what each step books and tells.

use api::Resource as _;
use api::operation::Resource;

use super::state::{Action, InboundTransfer, RULES, Rule, StageName};
use super::{Status, schedule};
use crate::book::EntryType;
use crate::flows::{self, Arrow, By, Flow, State, Step};
use crate::received_debit;

impl InboundTransfer {
    /// What can become of one; `resource` declares what can be done with it.
    pub(crate) fn flow(resource: &Resource) -> Flow {
        let create = Arrow {
            action: "create",
            by: flows::by_operations(resource, "create"),
            from: vec![],
            to: Some(drawn(StageName::Processing)),
            steps: vec![Step::new(None, "treasury.inbound_transfer.created")],
        };
        let mut arrows = vec![create];
        for (at, rule) in RULES.iter().enumerate() {
            let is_same = |other: &&Rule| other.action == rule.action && other.to == rule.to;
            if RULES[..at].iter().any(|other| is_same(&other)) {
                continue;
            }
            arrows.push(Arrow {
                action: rule.action.as_str(),
                by: by(resource, rule.action),
                from: RULES.iter().filter(is_same).map(|rule| drawn(rule.from)).collect(),
                to: Some(drawn(rule.to)),
                steps: vec![step(rule.action)],
            });
        }
        Flow { title: "InboundTransfer", object: InboundTransfer::OBJECT, arrows }
    }
}

fn drawn(stage: StageName) -> State {
    let status = match stage {
        StageName::Canceled => Status::Canceled,
        StageName::Failed => Status::Failed,
        StageName::Processing | StageName::Submitted => Status::Processing,
        StageName::Returned | StageName::Succeeded => Status::Succeeded,
    };
    State { name: stage.as_str(), status: status.as_str() }
}

fn by(resource: &Resource, action: Action) -> Vec<By> {
    let mut by = flows::by_operations(resource, action.as_str());
    by.extend(schedule::is_magic(action).then_some(By::Magic));
    by.extend(schedule::is_the_banks(action).then_some(By::Bank));
    by
}

/// What `steps` does for each action. A return is told by the ReceivedDebit that it is.
fn step(action: Action) -> Step {
    match action {
        Action::Cancel => Step::new(None, "treasury.inbound_transfer.canceled"),
        Action::Fail => Step::new(None, "treasury.inbound_transfer.failed"),
        Action::Return => {
            Step::new(Some(EntryType::InboundTransferReturn), received_debit::CREATED)
        }
        Action::Submit => Step { entry: None, event: None },
        Action::Succeed => {
            let event = "treasury.inbound_transfer.succeeded";
            Step::new(Some(EntryType::InboundTransfer), event)
        }
    }
}
