//! An outbound flow as it is drawn: its table of states, with what each step books and tells.

use api::operation::Resource;

use super::{Action, Kind, Outbound, RULES, Rule, State, schedule};
use crate::flows::{self, Arrow, By, Flow, Step};

impl<K: Kind> Outbound<K> {
    /// What can become of one; `resource` declares what can be done with it.
    pub(crate) fn flow(resource: &Resource) -> Flow {
        let names = K::NAMES;
        let create = Arrow {
            action: "create",
            by: flows::by_operations(resource, "create"),
            from: vec![],
            to: Some(drawn(State::Processing)),
            steps: vec![Step::new(Some(names.entries.creation), names.events.created)],
        };
        let mut arrows = vec![create];
        let mut merged: Vec<&Rule> = Vec::new();
        for rule in RULES {
            let is_drawn = merged.iter().any(|other| is_the_same(rule, other));
            if is_drawn {
                continue;
            }
            merged.push(rule);
            let alike = RULES.iter().filter(|other| is_the_same(rule, other));
            arrows.push(Arrow {
                action: rule.action.as_str(),
                by: by(resource, rule),
                from: alike.map(|rule| drawn(rule.from)).collect(),
                to: (rule.from != rule.to).then(|| drawn(rule.to)),
                steps: rule.steps.iter().map(|action| step::<K>(*action)).collect(),
            });
        }
        Flow { title: names.title, object: names.object, arrows }
    }
}

/// Whether two rules differ in nothing but where they begin.
fn is_the_same(rule: &Rule, other: &Rule) -> bool {
    let stays = |rule: &Rule| rule.from == rule.to;
    let leads_alike = (stays(rule) && stays(other)) || rule.to == other.to;
    rule.action == other.action && rule.steps == other.steps && leads_alike
}

fn drawn(state: State) -> flows::State {
    let status = if state == State::Submitted { State::Processing } else { state };
    flows::State { name: state.as_str(), status: status.as_str() }
}

fn by(resource: &Resource, rule: &Rule) -> Vec<By> {
    let action = rule.action;
    let mut by = flows::by_operations(resource, action.as_str());
    // What test mode does by itself it does a step at a time.
    let is_magic = schedule::is_magic(action) && rule.steps.len() == 1;
    by.extend(is_magic.then_some(By::Magic));
    by.extend(schedule::is_the_banks(action).then_some(By::Bank));
    by
}

/// What `steps` does for each action.
fn step<K: Kind>(action: Action) -> Step {
    let (entries, events) = (&K::NAMES.entries, &K::NAMES.events);
    match action {
        Action::Cancel => Step::new(Some(entries.cancellation), events.canceled),
        Action::Delay => Step::new(None, events.expected_arrival_date_updated),
        Action::Fail => Step::new(Some(entries.failure), events.failed),
        Action::Post => Step::new(Some(entries.posting), events.posted),
        Action::Return => Step::new(Some(entries.return_), events.returned),
        Action::Submit | Action::Update => Step::new(None, events.tracking_details_updated),
    }
}
