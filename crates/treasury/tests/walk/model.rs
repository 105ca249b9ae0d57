//! A second, simpler Treasury: balances and statuses in plain lists, moved by rules of its own. It
//! knows nothing of postings, rows or requests, and shares no code with what it is compared to.

use std::collections::BTreeMap;

use crate::command::{Action, Amount, Automatic, Command, Inward, NUMBERS, Network, Outbound, To};
use inward::{Debit, Draft, Reversal};

mod bank;
pub mod inward;
mod resolve;

/// What a refused command's error says as its `code`.
pub type Code = Option<&'static str>;
pub type Verdict = Result<(), Code>;

pub const MISSING: Code = Some("resource_missing");
const TRANSITION: Code = Some("status_transition_invalid");
const TOO_LITTLE: Code = Some("balance_insufficient");

pub const OPEN_MAX: usize = 3;
pub const OWNERS: usize = 3;

/// The places of the features in `FEATURES`.
const ABA: usize = 0;
const WITHIN: usize = 1;
/// By ach and by wire: of payments, and of transfers.
const BY_ACH: [usize; 2] = [2, 4];
const BY_WIRE: [usize; 2] = [3, 5];

#[derive(Clone, Debug)]
pub struct Account {
    pub id: String,
    pub owner: usize,
    pub cash: i64,
    pub held: i64,
    pub is_open: bool,
    /// Who takes what is left, or comes back later.
    pub heir: Option<usize>,
    pub features: u8,
    pub no_inbound: bool,
    pub no_outbound: bool,
}

#[derive(Clone, Debug)]
pub struct Payment {
    pub id: String,
    pub flow: Outbound,
    pub account: usize,
    pub amount: i64,
    pub way: Way,
    pub status: Status,
    pub created: i64,
    pub posted_at: Option<i64>,
    /// When it came to another end.
    pub ended_at: Option<i64>,
    pub returned_code: Option<&'static str>,
    /// The credit that brought it back, where its receiver sent it.
    pub returned_by: Option<usize>,
    pub is_delayed: bool,
    pub is_tracked: bool,
    /// Whether the network has it.
    pub is_sent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Ach,
    Wire,
    Within { to: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Processing,
    Canceled,
    Failed,
    Posted,
    Returned,
}

#[derive(Clone, Debug)]
pub struct Credit {
    pub id: String,
    pub account: usize,
    pub amount: i64,
    pub network: &'static str,
    pub created: i64,
    pub failure: Option<&'static str>,
    pub from: Option<Sender>,
    pub reversal: Option<usize>,
}

/// What brought a credit within Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    Payment(usize),
    SentBack(usize),
}

#[derive(Clone, Copy, Debug)]
enum Job {
    Payment(usize, Automatic),
    Draft(usize, Inward),
    SendBack(usize),
    TakeBack(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flow {
    Payment(usize),
    Credit(usize),
    Debit(usize),
    Draft(usize),
    SentBack(usize),
    TakenBack(usize),
    None,
}

#[derive(Clone, Debug)]
pub struct Transaction {
    pub account: usize,
    pub flow: Flow,
    pub amount: i64,
    pub status: &'static str,
    pub created: i64,
    pub ended: Option<i64>,
}

pub struct Model {
    pub now: i64,
    pub accounts: Vec<Account>,
    pub payments: Vec<Payment>,
    pub credits: Vec<Credit>,
    pub debits: Vec<Debit>,
    /// From the owners' own banks.
    pub drafts: Vec<Draft>,
    /// Reversals of credits, and of debits.
    pub sent_back: Vec<Reversal>,
    pub taken_back: Vec<Reversal>,
    pub transactions: Vec<Transaction>,
    /// What is outside of all accounts, by where it is.
    pub outside: BTreeMap<&'static str, i64>,
    /// What each owner was told, in order.
    pub told: Vec<Vec<(&'static str, Flow)>>,
    delay: i64,
    /// Whether the bank moves money by the clock.
    settles: bool,
    /// Automatic steps: when, and which.
    jobs: Vec<(i64, Job)>,
}

impl Model {
    pub fn new(now: i64, delay: i64, settles: bool) -> Self {
        Model {
            now,
            accounts: Vec::new(),
            payments: Vec::new(),
            credits: Vec::new(),
            debits: Vec::new(),
            drafts: Vec::new(),
            sent_back: Vec::new(),
            taken_back: Vec::new(),
            transactions: Vec::new(),
            outside: BTreeMap::new(),
            told: vec![Vec::new(); OWNERS],
            delay,
            settles,
            jobs: Vec::new(),
        }
    }

    /// Lets a resolved command happen, or says why it is refused. What it makes has no id yet.
    pub fn apply(&mut self, command: Command) -> Verdict {
        match command {
            Command::Open { owner, features } => self.open(owner, features),
            Command::Fund { account, network, amount } => {
                self.fund(account, network, cents(amount))
            }
            Command::Pay { flow, account, to, amount } => {
                self.pay(flow, account, to, cents(amount))
            }
            Command::Act { payment, action } => self.act(payment, action),
            Command::Debit { account, amount } => self.debit(account, cents(amount)),
            Command::Draw { account, token, amount } => self.draw(account, token, cents(amount)),
            Command::ActOnDraft { draft, action } => self.act_on_draft(draft, action),
            Command::SendBack { credit } => self.send_back(credit),
            Command::TakeBack { debit } => self.take_back(debit),
            Command::Switch { account, feature, on } => self.change(account, |account| {
                let bit = 1 << feature;
                account.features = account.features & !bit | if on { bit } else { 0 };
            }),
            // Nothing is asked for: nothing is refused.
            Command::Restrict { inbound: None, outbound: None, .. } => Ok(()),
            Command::Restrict { account, inbound, outbound } => self.change(account, |account| {
                account.no_inbound = inbound.unwrap_or(account.no_inbound);
                account.no_outbound = outbound.unwrap_or(account.no_outbound);
            }),
            Command::Close { account, heir } => self.close(account, heir),
            Command::Wait { ms } => {
                self.now += ms;
                Ok(())
            }
        }
    }

    /// What has become due happens, each thing at its own time.
    pub fn run_due(&mut self) {
        let now = self.now;
        loop {
            // The first of those that are due at the same time was planned first.
            let first = self.jobs.iter().enumerate().min_by_key(|(at, (due, _))| (*due, *at));
            let Some((at, (due, _))) = first else { break };
            if *due > now {
                break;
            }
            let (due, job) = self.jobs.remove(at);
            self.now = due;
            // What went another way meanwhile is left alone.
            let _ = match job {
                Job::Payment(payment, step) => self.step(payment, step),
                Job::Draft(draft, step) => self.act_on_draft(draft, step),
                Job::SendBack(reversal) => {
                    self.post_back(reversal);
                    Ok(())
                }
                Job::TakeBack(reversal) => {
                    self.complete(reversal);
                    Ok(())
                }
            };
        }
        self.now = now;
    }

    fn step(&mut self, payment: usize, step: Automatic) -> Verdict {
        match step {
            Automatic::Cancel => self.act(payment, Action::Cancel),
            Automatic::Fail => self.act(payment, Action::Fail),
            Automatic::Post => self.act(payment, Action::Post),
            Automatic::Return(code) => self.act(payment, Action::Return(Some(code))),
            Automatic::Delay => self.delay(payment),
            Automatic::Submit => self.submit(payment),
        }
    }

    /// The step of that number is due so many delays from now.
    fn plan(&mut self, number: i64, job: Job) {
        self.jobs.push((self.now + number * self.delay, job));
    }

    fn open(&mut self, owner: usize, features: u8) -> Verdict {
        let open = self.accounts.iter().filter(|account| account.owner == owner && account.is_open);
        if open.count() >= OPEN_MAX {
            return Err(None);
        }
        self.accounts.push(Account {
            id: String::new(),
            owner,
            cash: 0,
            held: 0,
            is_open: true,
            heir: None,
            features,
            no_inbound: false,
            no_outbound: false,
        });
        Ok(())
    }

    /// What only an open account can have done to it.
    fn change(&mut self, account: usize, change: impl FnOnce(&mut Account)) -> Verdict {
        let account = &mut self.accounts[account];
        if !account.is_open {
            return Err(None);
        }
        change(account);
        Ok(())
    }

    fn fund(&mut self, account: usize, network: Network, amount: i64) -> Verdict {
        let to = &self.accounts[account];
        let is_wire = network == Network::UsDomesticWire;
        let failure = match to {
            _ if !to.is_open => Some("account_closed"),
            _ if !to.has(ABA) => return Err(None),
            _ if to.no_inbound && !is_wire => Some("account_frozen"),
            _ => None,
        };
        let network = match network {
            Network::Ach => "ach",
            Network::Rtp => "rtp",
            Network::UsDomesticWire => "us_domestic_wire",
        };
        self.receive(account, amount, network, failure, None);
        Ok(())
    }

    fn pay(&mut self, flow: Outbound, account: usize, to: To, amount: i64) -> Verdict {
        let from = &self.accounts[account];
        let is_transfer = flow == Outbound::Transfer;
        let by = usize::from(is_transfer);
        let (way, feature, steps) = match to {
            To::Bank { number, by_wire: false, .. } => (Way::Ach, BY_ACH[by], NUMBERS[number].2),
            To::Bank { number, by_wire: true, .. } => (Way::Wire, BY_WIRE[by], NUMBERS[number].2),
            To::Account(to) => {
                let there = &self.accounts[to];
                let takes = there.is_open && there.has(WITHIN) && !there.no_inbound;
                let is_own = there.owner == from.owner;
                if to == account || is_own != is_transfer || !takes {
                    return Err(None);
                }
                (Way::Within { to }, WITHIN, &[Automatic::Post][..])
            }
        };
        if !from.is_open || !from.has(feature) || from.no_outbound {
            return Err(None);
        }
        if from.cash < amount {
            return Err(TOO_LITTLE);
        }
        let payment = self.payments.len();
        self.accounts[account].cash -= amount;
        self.accounts[account].held += amount;
        self.payments.push(Payment {
            id: String::new(),
            flow,
            account,
            amount,
            way,
            status: Status::Processing,
            created: self.now,
            posted_at: None,
            ended_at: None,
            returned_code: None,
            returned_by: None,
            is_delayed: false,
            is_tracked: false,
            is_sent: false,
        });
        self.begin(account, Flow::Payment(payment), -amount, "open");
        self.tell_payment(payment, "created");
        if self.settles && way.is_to_bank() {
            self.plan_by_the_bank(payment, steps);
        } else {
            for (at, step) in (1..).zip(steps) {
                self.plan(at, Job::Payment(payment, *step));
            }
        }
        Ok(())
    }

    fn act(&mut self, payment: usize, action: Action) -> Verdict {
        let Payment { status, way, is_tracked, is_sent, .. } = self.payments[payment];
        let is_processing = status == Status::Processing;
        match action {
            Action::Cancel if is_processing && !is_sent => {
                self.give_back(payment, Status::Canceled, "canceled");
            }
            Action::Fail if is_processing => self.give_back(payment, Status::Failed, "failed"),
            Action::Post if is_processing => self.post(payment),
            Action::Return(code)
                if (is_processing || status == Status::Posted) && way.is_to_bank() =>
            {
                if is_processing {
                    self.post(payment);
                }
                self.bring_back(payment, code.unwrap_or("declined"));
            }
            Action::Track { other }
                if matches!(status, Status::Posted | Status::Returned)
                    || is_processing && is_sent =>
            {
                if is_tracked {
                    return Err(TRANSITION);
                }
                if other || !way.is_to_bank() {
                    return Err(None);
                }
                self.payments[payment].is_tracked = true;
                self.tell_payment(payment, "tracking_details_updated");
            }
            _ => return Err(TRANSITION),
        }
        Ok(())
    }

    fn delay(&mut self, payment: usize) -> Verdict {
        if self.payments[payment].status != Status::Processing {
            return Err(TRANSITION);
        }
        self.payments[payment].is_delayed = true;
        self.tell_payment(payment, "expected_arrival_date_updated");
        Ok(())
    }

    fn give_back(&mut self, payment: usize, status: Status, event: &'static str) {
        let Payment { account, amount, .. } = self.payments[payment];
        self.accounts[account].held -= amount;
        self.accounts[account].cash += amount;
        self.end(Flow::Payment(payment), "void");
        self.payments[payment].status = status;
        self.payments[payment].ended_at = Some(self.now);
        self.tell_payment(payment, event);
    }

    fn post(&mut self, payment: usize) {
        let Payment { account, amount, way, .. } = self.payments[payment];
        self.accounts[account].held -= amount;
        *self.outside.entry(way.outside()).or_default() += amount;
        self.end(Flow::Payment(payment), "posted");
        self.payments[payment].status = Status::Posted;
        self.payments[payment].posted_at = Some(self.now);
        self.tell_payment(payment, "posted");
        let Way::Within { to } = way else { return };
        let there = &self.accounts[to];
        let failure = match there {
            _ if !there.is_open => Some("account_closed"),
            // The feature may be gone since; that alone holds back nothing.
            _ if there.no_inbound => Some("account_frozen"),
            _ => None,
        };
        self.receive(to, amount, "stripe", failure, Some(Sender::Payment(payment)));
        if let Some(code) = failure {
            self.bring_back(payment, code);
        }
    }

    fn bring_back(&mut self, payment: usize, code: &'static str) {
        let Payment { account, amount, way, .. } = self.payments[payment];
        self.accounts[account].cash += amount;
        *self.outside.entry(way.outside()).or_default() -= amount;
        self.begin(account, Flow::Payment(payment), amount, "posted");
        let payment_now = &mut self.payments[payment];
        payment_now.status = Status::Returned;
        payment_now.returned_code = Some(code);
        payment_now.ended_at = Some(self.now);
        self.tell_payment(payment, "returned");
        self.forward(account);
    }

    /// What came back to a closed account goes on to its heir.
    fn forward(&mut self, account: usize) {
        if !self.accounts[account].is_open {
            self.sweep(account, self.living_heir(account));
        }
    }

    fn receive(
        &mut self,
        account: usize,
        amount: i64,
        network: &'static str,
        failure: Option<&'static str>,
        from: Option<Sender>,
    ) {
        let credit = Flow::Credit(self.credits.len());
        self.credits.push(Credit {
            id: String::new(),
            account,
            amount,
            network,
            created: self.now,
            failure,
            from,
            reversal: None,
        });
        if failure.is_none() {
            self.accounts[account].cash += amount;
            let outside = match network {
                "ach" => "ach_clearing",
                "rtp" => "rtp_clearing",
                "us_domestic_wire" => "wire_clearing",
                _ => "intra_stripe_transit",
            };
            *self.outside.entry(outside).or_default() -= amount;
            self.begin(account, credit, amount, "posted");
        }
        self.tell(account, "created", credit);
    }

    /// A closed account is only swept: of what came back to it.
    fn close(&mut self, account: usize, heir: Option<usize>) -> Verdict {
        let closing = &self.accounts[account];
        if !closing.is_open && closing.cash == 0 {
            return Err(TRANSITION);
        }
        if let Some(heir) = heir.map(|heir| &self.accounts[heir]) {
            if heir.owner != closing.owner {
                return Err(MISSING);
            }
            if heir.id == closing.id || !heir.is_open {
                return Err(None);
            }
        }
        let heir = heir.or(self.living_heir(account));
        let is_left = closing.cash < 0 || (closing.cash != 0 && heir.is_none());
        if self.is_awaited(account) || closing.held != 0 || is_left {
            return Err(None);
        }
        self.sweep(account, heir);
        self.accounts[account].is_open = false;
        self.accounts[account].heir = heir;
        Ok(())
    }

    fn living_heir(&self, account: usize) -> Option<usize> {
        self.accounts[account].heir.filter(|heir| self.accounts[*heir].is_open)
    }

    /// All the cash goes to the heir, if there is one.
    fn sweep(&mut self, account: usize, heir: Option<usize>) {
        let cash = self.accounts[account].cash;
        if let (Some(heir), 1..) = (heir, cash) {
            self.accounts[heir].cash += cash;
            self.accounts[account].cash = 0;
            self.begin(account, Flow::None, -cash, "posted");
            self.begin(heir, Flow::None, cash, "posted");
        }
    }

    fn begin(&mut self, account: usize, flow: Flow, amount: i64, status: &'static str) {
        let created = self.now;
        let ended = (status != "open").then_some(created);
        self.transactions.push(Transaction { account, flow, amount, status, created, ended });
    }

    /// The flow's open Transaction comes to its end.
    fn end(&mut self, flow: Flow, status: &'static str) {
        let of_flow = self.transactions.iter_mut().filter(|one| one.flow == flow);
        for transaction in of_flow.filter(|one| one.status == "open") {
            transaction.status = status;
            transaction.ended = Some(self.now);
            if status == "void" {
                transaction.amount = 0;
            }
        }
    }

    fn tell_payment(&mut self, payment: usize, what: &'static str) {
        self.tell(self.payments[payment].account, what, Flow::Payment(payment));
    }

    /// The owner of an account is told of a flow.
    fn tell(&mut self, account: usize, what: &'static str, flow: Flow) {
        let owner = self.accounts[account].owner;
        self.told[owner].push((what, flow));
    }
}

impl Account {
    pub fn has(&self, feature: usize) -> bool {
        self.features & 1 << feature != 0
    }
}

impl Way {
    fn is_to_bank(self) -> bool {
        !matches!(self, Way::Within { .. })
    }

    fn outside(self) -> &'static str {
        match self {
            Way::Ach => "ach_clearing",
            Way::Wire => "wire_clearing",
            Way::Within { .. } => "intra_stripe_transit",
        }
    }
}

fn cents(amount: Amount) -> i64 {
    match amount {
        Amount::Cents(cents) => cents,
        Amount::All | Amount::OneTooMany => unreachable!("it was resolved"),
    }
}
