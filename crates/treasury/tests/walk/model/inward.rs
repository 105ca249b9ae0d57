//! What comes in from one's own bank, what others pull, and what is sent or taken back.

use super::{ABA, Account, Flow, Model, Sender, Status, TOO_LITTLE, TRANSITION, Verdict, Way};
use crate::command::{Inward, Outbound, TOKENS};

/// Pulling in from one's own bank, among the features.
const INBOUND: usize = 6;

const DAY_MS: i64 = 86_400_000;

#[derive(Clone, Debug)]
pub struct Draft {
    pub id: String,
    pub account: usize,
    pub amount: i64,
    pub stage: Stage,
    pub created: i64,
    pub ended_at: Option<i64>,
    /// Whether the network has it.
    pub is_sent: bool,
    /// Why it failed or was returned.
    pub code: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Processing,
    Canceled,
    Failed,
    Succeeded,
    Returned,
}

#[derive(Clone, Debug)]
pub struct Debit {
    pub id: String,
    pub account: usize,
    pub amount: i64,
    pub created: i64,
    pub failure: Option<&'static str>,
    /// The draft that it took back.
    pub from: Option<usize>,
    pub reversal: Option<usize>,
}

/// A reversal of a credit or a debit.
#[derive(Clone, Debug)]
pub struct Reversal {
    pub id: String,
    pub of: usize,
    pub created: i64,
    pub ended_at: Option<i64>,
}

impl Model {
    pub(super) fn draw(&mut self, account: usize, token: usize, amount: i64) -> Verdict {
        let to = &self.accounts[account];
        if !to.is_open || !to.has(INBOUND) || to.no_inbound {
            return Err(None);
        }
        let draft = self.drafts.len();
        self.drafts.push(Draft {
            id: String::new(),
            account,
            amount,
            stage: Stage::Processing,
            created: self.now,
            ended_at: None,
            is_sent: false,
            code: None,
        });
        self.tell(account, "created", Flow::Draft(draft));
        if self.settles {
            self.plan_draft_by_the_bank(draft, TOKENS[token].1);
        } else {
            for (at, step) in (1..).zip(TOKENS[token].1) {
                self.plan(at, super::Job::Draft(draft, *step));
            }
        }
        Ok(())
    }

    pub(super) fn act_on_draft(&mut self, draft: usize, action: Inward) -> Verdict {
        let Draft { account, amount, stage, is_sent, .. } = self.drafts[draft];
        let (next, code, event) = match (stage, action) {
            (Stage::Processing, Inward::Cancel) if !is_sent => (Stage::Canceled, None, "canceled"),
            (Stage::Processing, Inward::Submit) if !is_sent => {
                self.drafts[draft].is_sent = true;
                return Ok(());
            }
            (Stage::Processing, Inward::Fail(code)) => {
                (Stage::Failed, Some(code.unwrap_or("other")), "failed")
            }
            (Stage::Processing, Inward::Succeed) => (Stage::Succeeded, None, "succeeded"),
            (Stage::Succeeded, Inward::Return(code)) => {
                self.drafts[draft].code = Some(code.unwrap_or("other"));
                self.drafts[draft].stage = Stage::Returned;
                self.pull(account, amount, None, Some(draft));
                return Ok(());
            }
            _ => return Err(TRANSITION),
        };
        let changed = &mut self.drafts[draft];
        (changed.stage, changed.code, changed.ended_at) = (next, code, Some(self.now));
        if next == Stage::Succeeded {
            self.accounts[account].cash += amount;
            *self.outside.entry("ach_clearing").or_default() -= amount;
            self.begin(account, Flow::Draft(draft), amount, "posted");
        }
        self.tell(account, event, Flow::Draft(draft));
        Ok(())
    }

    /// Somebody outside pulls.
    pub(super) fn debit(&mut self, account: usize, amount: i64) -> Verdict {
        let from = &self.accounts[account];
        let failure = match from {
            _ if !from.is_open => Some("account_closed"),
            _ if !from.has(ABA) => return Err(None),
            _ if from.no_outbound => Some("account_frozen"),
            _ if from.cash < amount => Some("insufficient_funds"),
            _ => None,
        };
        self.pull(account, amount, failure, None);
        Ok(())
    }

    fn pull(
        &mut self,
        account: usize,
        amount: i64,
        failure: Option<&'static str>,
        from: Option<usize>,
    ) {
        let debit = Flow::Debit(self.debits.len());
        let (id, created) = (String::new(), self.now);
        self.debits.push(Debit { id, account, amount, created, failure, from, reversal: None });
        if failure.is_none() {
            self.accounts[account].cash -= amount;
            *self.outside.entry("ach_clearing").or_default() += amount;
            self.begin(account, debit, -amount, "posted");
        }
        self.tell(account, "created", debit);
    }

    /// Why a credit cannot be sent back now, as it is shown.
    pub fn credit_restriction(&self, credit: usize) -> Option<&'static str> {
        let credit = &self.credits[credit];
        match credit.network {
            _ if credit.reversal.is_some() => Some("already_reversed"),
            "ach" if self.now >= deadline(credit.created) => Some("deadline_passed"),
            "ach" => None,
            "stripe" => match credit.from {
                Some(Sender::Payment(at)) if self.payments[at].flow == Outbound::Payment => None,
                _ => Some("source_flow_restricted"),
            },
            _ => Some("network_restricted"),
        }
    }

    pub fn debit_restriction(&self, debit: usize) -> Option<&'static str> {
        let debit = &self.debits[debit];
        match debit {
            _ if debit.reversal.is_some() => Some("already_reversed"),
            _ if debit.from.is_some() => Some("source_flow_restricted"),
            _ if self.now >= deadline(debit.created) => Some("deadline_passed"),
            _ => None,
        }
    }

    pub(super) fn send_back(&mut self, credit: usize) -> Verdict {
        let of = self.credits[credit].clone();
        if of.failure.is_some() || self.credit_restriction(credit).is_some() {
            return Err(TRANSITION);
        }
        let Account { is_open, cash, .. } = self.accounts[of.account];
        if !is_open {
            return Err(None);
        }
        if cash < of.amount {
            return Err(TOO_LITTLE);
        }
        self.accounts[of.account].cash -= of.amount;
        self.accounts[of.account].held += of.amount;
        let reversal = self.sent_back.len();
        let (id, created) = (String::new(), self.now);
        self.sent_back.push(Reversal { id, of: credit, created, ended_at: None });
        self.credits[credit].reversal = Some(reversal);
        self.begin(of.account, Flow::SentBack(reversal), -of.amount, "open");
        self.tell(of.account, "created", Flow::SentBack(reversal));
        self.plan_reversal(of.network == "ach", super::Job::SendBack(reversal));
        Ok(())
    }

    /// What is sent back has left. Within Stripe it is with its sender again.
    pub(super) fn post_back(&mut self, reversal: usize) {
        let of = self.credits[self.sent_back[reversal].of].clone();
        self.accounts[of.account].held -= of.amount;
        self.end(Flow::SentBack(reversal), "posted");
        self.sent_back[reversal].ended_at = Some(self.now);
        self.tell(of.account, "posted", Flow::SentBack(reversal));
        let Some(Sender::Payment(payment)) = of.from else {
            *self.outside.entry("ach_clearing").or_default() += of.amount;
            return;
        };
        *self.outside.entry(Way::Within { to: of.account }.outside()).or_default() += of.amount;
        let sender = self.payments[payment].account;
        let brought = self.credits.len();
        self.receive(sender, of.amount, "stripe", None, Some(Sender::SentBack(reversal)));
        let returned = &mut self.payments[payment];
        returned.status = Status::Returned;
        returned.returned_code = Some("declined");
        returned.ended_at = Some(self.now);
        returned.returned_by = Some(brought);
        self.tell(sender, "returned", Flow::Payment(payment));
        self.forward(sender);
    }

    pub(super) fn take_back(&mut self, debit: usize) -> Verdict {
        let of = self.debits[debit].clone();
        if of.failure.is_some() || self.debit_restriction(debit).is_some() {
            return Err(TRANSITION);
        }
        if !self.accounts[of.account].is_open {
            return Err(None);
        }
        self.accounts[of.account].cash += of.amount;
        *self.outside.entry("ach_clearing").or_default() -= of.amount;
        let reversal = self.taken_back.len();
        let (id, created) = (String::new(), self.now);
        self.taken_back.push(Reversal { id, of: debit, created, ended_at: None });
        self.debits[debit].reversal = Some(reversal);
        self.begin(of.account, Flow::TakenBack(reversal), of.amount, "posted");
        self.tell(of.account, "created", Flow::TakenBack(reversal));
        self.plan_reversal(true, super::Job::TakeBack(reversal));
        Ok(())
    }

    pub(super) fn complete(&mut self, reversal: usize) {
        self.taken_back[reversal].ended_at = Some(self.now);
        let account = self.debits[self.taken_back[reversal].of].account;
        self.tell(account, "completed", Flow::TakenBack(reversal));
    }

    /// Whether a draft is still to bring money.
    pub(super) fn is_awaited(&self, account: usize) -> bool {
        let mut drafts = self.drafts.iter();
        drafts.any(|draft| draft.account == account && draft.stage == Stage::Processing)
    }
}

/// The first moment of the second business day after. A walk begins on a Wednesday, and lasts less
/// than the weeks in which there is no holiday.
pub fn deadline(created: i64) -> i64 {
    let day = created.div_euclid(DAY_MS);
    // The first of all days was a Thursday.
    let days = match day.rem_euclid(7) {
        0 | 1 => 4,
        2 => 3,
        _ => 2,
    };
    (day + days) * DAY_MS
}
