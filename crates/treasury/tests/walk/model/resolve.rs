//! What a drawn command is about, and whose business it is.

use super::Model;
use crate::command::{Amount, Command, To};

impl Model {
    /// A drawn command about what is there now; none where there is nothing of the kind.
    pub fn resolve(&self, command: Command) -> Option<Command> {
        let place = |drawn: usize| drawn % self.accounts.len();
        let cash = |account: usize| self.accounts[place(account)].cash;
        let cents = |amount, account| match amount {
            Amount::Cents(cents) => cents,
            Amount::All => cash(account).max(1),
            Amount::OneTooMany => (cash(account) + 1).max(1),
        };
        // So many before the latest.
        let latest = |count: usize, drawn: usize| Some(count.checked_sub(1)? - drawn % count);
        let cents = |amount, account| Amount::Cents(cents(amount, account));
        Some(match command {
            Command::Open { .. } | Command::Wait { .. } => command,
            Command::Fund { account, network, amount } => {
                Command::Fund { account: place(account), network, amount: cents(amount, account) }
            }
            Command::Pay { flow, account, to, amount } => {
                let to = if let To::Account(to) = to { To::Account(place(to)) } else { to };
                Command::Pay { flow, account: place(account), to, amount: cents(amount, account) }
            }
            Command::Act { payment, action } => {
                Command::Act { payment: latest(self.payments.len(), payment)?, action }
            }
            Command::Debit { account, amount } => {
                Command::Debit { account: place(account), amount: cents(amount, account) }
            }
            Command::Draw { account, token, amount } => {
                Command::Draw { account: place(account), token, amount }
            }
            Command::ActOnDraft { draft, action } => {
                Command::ActOnDraft { draft: latest(self.drafts.len(), draft)?, action }
            }
            Command::SendBack { credit } => {
                Command::SendBack { credit: latest(self.credits.len(), credit)? }
            }
            Command::TakeBack { debit } => {
                Command::TakeBack { debit: latest(self.debits.len(), debit)? }
            }
            Command::Switch { account, feature, on } => {
                Command::Switch { account: place(account), feature, on }
            }
            Command::Restrict { account, inbound, outbound } => {
                Command::Restrict { account: place(account), inbound, outbound }
            }
            Command::Close { account, heir } => {
                Command::Close { account: place(account), heir: heir.map(place) }
            }
        })
    }

    /// Whose business a command is.
    pub fn owner(&self, command: Command) -> usize {
        match command {
            Command::Open { owner, .. } => owner,
            Command::Fund { account, .. }
            | Command::Pay { account, .. }
            | Command::Debit { account, .. }
            | Command::Draw { account, .. }
            | Command::Switch { account, .. }
            | Command::Restrict { account, .. }
            | Command::Close { account, .. } => self.accounts[account].owner,
            Command::Act { payment, .. } => self.accounts[self.payments[payment].account].owner,
            Command::ActOnDraft { draft, .. } => self.accounts[self.drafts[draft].account].owner,
            Command::SendBack { credit } => self.accounts[self.credits[credit].account].owner,
            Command::TakeBack { debit } => self.accounts[self.debits[debit].account].owner,
            Command::Wait { .. } => 0,
        }
    }
}
