//! The flows as they are drawn and told in the guide.
//!
//! Nothing is decided here. Steps come from the tables of states that the flows run, who can take
//! them from the declared operations and from what is planned, and what an entry moves from the
//! tables that `verify` holds against every row. The two reversals and what is received have no
//! table to read, for they have one way to go; the tests run every step and compare.

use std::collections::BTreeMap;

use api::operation::{Method, Resource};
use ledger::{Impact, LedgerError};

use crate::audit;
use crate::book::EntryType;
use crate::inbound_transfer::InboundTransfer;
use crate::outbound::Outbound;
use crate::outbound_payment::ToSomebody;
use crate::outbound_transfer::ToOneself;
use crate::transaction::StatusName;

mod single;

/// A flow, from its creation to where it can end.
pub struct Flow {
    /// What the API calls its kind: `OutboundPayment`.
    pub title: &'static str,
    pub object: &'static str,
    pub arrows: Vec<Arrow>,
}

/// Something that can happen to it.
pub struct Arrow {
    pub action: &'static str,
    pub by: Vec<By>,
    /// The states in which it can happen; none is before the creation.
    pub from: Vec<State>,
    /// None: the state remains as it was.
    pub to: Option<State>,
    pub steps: Vec<Step>,
}

/// A state, and the status that the API shows meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct State {
    pub name: &'static str,
    pub status: &'static str,
}

/// Who lets it happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Api,
    TestHelper,
    /// A test token or account number.
    Magic,
    /// The bank that moves by the clock.
    Bank,
    /// Time alone.
    Itself,
    /// Another flow.
    Flow(&'static str),
}

/// What is booked, and what is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub entry: Option<EntryType>,
    pub event: Option<&'static str>,
}

/// What a flow has done to the balances once it is in a state, and its Transactions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// With an amount of one.
    pub balances: Impact,
    pub transactions: Vec<StatusName>,
}

/// Every flow, in the order of the guide.
pub fn all() -> Vec<Flow> {
    vec![
        Outbound::<ToSomebody>::flow(&crate::outbound_payment::resource()),
        Outbound::<ToOneself>::flow(&crate::outbound_transfer::resource()),
        InboundTransfer::flow(&crate::inbound_transfer::resource()),
        single::received_credit(),
        single::received_debit(),
        single::credit_reversal(),
        single::debit_reversal(),
    ]
}

/// By which operations of a resource an action is taken.
pub(crate) fn by_operations(resource: &Resource, action: &str) -> Vec<By> {
    let posts = resource.operations.iter().filter(|operation| operation.method == Method::Post);
    let is_it = |path: &str| match action {
        "create" => !path.contains('{'),
        "update" => path.ends_with("{id}"),
        _ => path.rsplit('/').next() == Some(action),
    };
    let found = posts.filter(|operation| is_it(operation.path));
    // What one can always do to the object's own members is no step of the flow.
    let found = found.filter(|operation| action != "update" || operation.is_test_helper());
    found
        .map(|operation| if operation.is_test_helper() { By::TestHelper } else { By::Api })
        .collect()
}

impl State {
    /// One whose name is also its status.
    pub(crate) fn plain(status: &'static str) -> State {
        State { name: status, status }
    }
}

impl Step {
    pub(crate) fn new(entry: Option<EntryType>, event: &'static str) -> Step {
        Step { entry, event: Some(event) }
    }

    /// What it moves of an amount of one.
    pub fn impact(&self) -> Impact {
        self.entry.and_then(audit::impact).unwrap_or_default()
    }

    /// What the Transaction of its entry is afterwards, and whether the entry is its first.
    pub fn transaction(&self) -> Option<(StatusName, bool)> {
        self.entry.and_then(audit::status_after)
    }
}

impl Arrow {
    pub fn impact(&self) -> Result<Impact, LedgerError> {
        self.steps.iter().try_fold(Impact::default(), |sum, step| sum.plus(&step.impact()))
    }

    /// What its steps make of where the flow stood.
    pub fn lead_on(&self, mut standing: Standing) -> Result<Standing, LedgerError> {
        standing.balances = standing.balances.plus(&self.impact()?)?;
        for (status, is_first) in self.steps.iter().filter_map(Step::transaction) {
            if !is_first {
                standing.transactions.pop();
            }
            standing.transactions.push(status);
        }
        Ok(standing)
    }
}

impl Flow {
    /// Where the flow stands in each of its states. By whichever way one is reached, it is the same.
    pub fn standings(&self) -> Result<BTreeMap<State, Standing>, LedgerError> {
        let mut found = BTreeMap::new();
        loop {
            let before = found.len();
            for arrow in &self.arrows {
                let Some(to) = arrow.to else { continue };
                let from = match arrow.from.first() {
                    Some(state) => found.get(state).cloned(),
                    None => Some(Standing::default()),
                };
                if let Some(from) = from
                    && !found.contains_key(&to)
                {
                    found.insert(to, arrow.lead_on(from)?);
                }
            }
            if found.len() == before {
                return Ok(found);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
