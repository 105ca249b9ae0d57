//! What payments must do, in a few lines: amounts, and the times when something becomes of them.

use serde_json::Value;

use crate::world::{Request, STEP_MS, World};

const DAY: i64 = 86_400_000;

#[derive(Clone, Copy, Debug)]
pub enum TestCard {
    Plain,
    Bypass,
    RefundFails,
    Declined,
}

#[derive(Clone, Copy, Debug)]
pub enum Command {
    Charge { card: TestCard, amount: i64, is_held: bool },
    Capture { charge: usize, amount: i64 },
    Refund { charge: usize, amount: i64 },
    Payout { amount: i64, fails: bool },
    CancelPayout { payout: usize },
    Topup { amount: i64, fails: bool },
    CancelTopup { topup: usize },
    Wait(i64),
}

struct Charge {
    id: String,
    card: TestCard,
    amount: i64,
    captured: i64,
    refunded: i64,
    /// When its money is available.
    on: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Pending,
    InTransit,
    Ended,
}

pub struct Payout {
    id: String,
    amount: i64,
    fails: bool,
    created: i64,
    state: State,
}

struct Topup {
    id: String,
    amount: i64,
    fails: bool,
    created: i64,
    has_ended: bool,
}

/// A refund that the bank will send back.
struct Failing {
    charge: usize,
    amount: i64,
    due: i64,
}

pub struct Model {
    now: i64,
    pub available: i64,
    /// When, and how much.
    waiting: Vec<(i64, i64)>,
    charges: Vec<Charge>,
    failing: Vec<Failing>,
    pub payouts: Vec<Payout>,
    topups: Vec<Topup>,
}

type Verdict = Result<(), Option<&'static str>>;

impl Payout {
    pub fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// The next midnight that begins no Saturday and no Sunday.
    fn arrival(&self) -> i64 {
        let mut day = self.created / DAY + 1;
        while [2, 3].contains(&(day % 7)) {
            day += 1;
        }
        day * DAY
    }
}

impl Model {
    pub fn new(now: i64) -> Model {
        Model {
            now,
            available: 0,
            waiting: Vec::new(),
            charges: Vec::new(),
            failing: Vec::new(),
            payouts: Vec::new(),
            topups: Vec::new(),
        }
    }

    pub fn pending(&self) -> i64 {
        self.waiting.iter().map(|(_, amount)| amount).sum()
    }

    /// The request that a command means; none where there is nothing it could be about.
    pub fn request(&self, command: &Command, world: &World) -> Option<Request> {
        let post = |path, id: &str, form| Some(Request::Post { path, id: id.to_owned(), form });
        let cents = |amount: &i64| vec![("amount", amount.to_string())];
        let money =
            |amount: &i64| vec![("amount", amount.to_string()), ("currency", "usd".to_owned())];
        match command {
            Command::Charge { card, amount, is_held } => {
                let mut form = money(amount);
                let source = match card {
                    TestCard::Plain => "tok_visa",
                    TestCard::Bypass => "tok_bypassPending",
                    TestCard::RefundFails => "tok_refundFail",
                    TestCard::Declined => "tok_chargeDeclined",
                };
                form.push(("source", source.to_owned()));
                form.push(("capture", (!is_held).to_string()));
                post("/v1/charges", "", form)
            }
            Command::Capture { charge, amount } => {
                let charge = pick(&self.charges, *charge)?;
                let id = &self.charges[charge].id;
                post("/v1/charges/{charge}/capture", id, cents(amount))
            }
            Command::Refund { charge, amount } => {
                let charge = pick(&self.charges, *charge)?;
                let mut form = cents(amount);
                form.push(("charge", self.charges[charge].id.clone()));
                post("/v1/refunds", "", form)
            }
            Command::Payout { amount, fails } => {
                let mut form = money(amount);
                form.push(("destination", world.banks[usize::from(*fails)].clone()));
                post("/v1/payouts", "", form)
            }
            Command::CancelPayout { payout } => {
                let payout = pick(&self.payouts, *payout)?;
                post("/v1/payouts/{payout}/cancel", &self.payouts[payout].id, vec![])
            }
            Command::Topup { amount, fails } => {
                let mut form = money(amount);
                let source = if *fails { "btok_us_verified_noAccount" } else { "btok_us_verified" };
                form.push(("source", source.to_owned()));
                post("/v1/topups", "", form)
            }
            Command::CancelTopup { topup } => {
                let topup = pick(&self.topups, *topup)?;
                post("/v1/topups/{topup}/cancel", &self.topups[topup].id, vec![])
            }
            Command::Wait(ms) => Some(Request::Wait(*ms)),
        }
    }

    /// What the clock has brought.
    pub fn run_due(&mut self) {
        let now = self.now;
        let due: i64 = self.waiting.iter().filter(|(on, _)| *on <= now).map(|(_, net)| net).sum();
        self.waiting.retain(|(on, _)| *on > now);
        self.available += due;
        for payout in &mut self.payouts {
            if payout.state == State::Pending && now >= payout.created + STEP_MS {
                payout.state = State::InTransit;
            }
            let ends = if payout.fails { payout.created + 2 * STEP_MS } else { payout.arrival() };
            if payout.state == State::InTransit && now >= ends {
                payout.state = State::Ended;
                self.available += if payout.fails { payout.amount } else { 0 };
            }
        }
        for topup in &mut self.topups {
            if !topup.has_ended && now >= topup.created + STEP_MS {
                topup.has_ended = true;
                self.available += if topup.fails { 0 } else { topup.amount };
            }
        }
        for failing in self.failing.iter().filter(|failing| failing.due <= now) {
            self.available += failing.amount;
            self.charges[failing.charge].refunded -= failing.amount;
        }
        self.failing.retain(|failing| failing.due > now);
    }

    /// What a command does, or the code of its refusal.
    pub fn apply(&mut self, command: &Command) -> Verdict {
        match command {
            Command::Charge { card, amount, is_held } => self.charge(*card, *amount, *is_held),
            Command::Capture { charge, amount } => {
                let at = pick(&self.charges, *charge).unwrap();
                let charge = &self.charges[at];
                let fails = matches!(charge.card, TestCard::Declined);
                if charge.captured > 0 || fails {
                    return Err(Some("charge_already_captured"));
                }
                if *amount > charge.amount {
                    return Err(Some("amount_too_large"));
                }
                self.capture(at, *amount);
                Ok(())
            }
            Command::Refund { charge, amount } => {
                let at = pick(&self.charges, *charge).unwrap();
                self.refund(at, *amount)
            }
            Command::Payout { amount, fails } => {
                if *amount > self.available {
                    return Err(Some("balance_insufficient"));
                }
                self.available -= amount;
                let (id, created, state) = (String::new(), self.now, State::Pending);
                let (amount, fails) = (*amount, *fails);
                self.payouts.push(Payout { id, amount, fails, created, state });
                Ok(())
            }
            Command::CancelPayout { payout } => {
                let at = pick(&self.payouts, *payout).unwrap();
                let payout = &mut self.payouts[at];
                if payout.state != State::Pending {
                    return Err(None);
                }
                payout.state = State::Ended;
                self.available += payout.amount;
                Ok(())
            }
            Command::Topup { amount, fails } => {
                let (id, created, has_ended) = (String::new(), self.now, false);
                let (amount, fails) = (*amount, *fails);
                self.topups.push(Topup { id, amount, fails, created, has_ended });
                Ok(())
            }
            Command::CancelTopup { topup } => {
                let at = pick(&self.topups, *topup).unwrap();
                let topup = &mut self.topups[at];
                if topup.has_ended {
                    return Err(None);
                }
                topup.has_ended = true;
                Ok(())
            }
            Command::Wait(ms) => {
                self.now += ms;
                Ok(())
            }
        }
    }

    fn charge(&mut self, card: TestCard, amount: i64, is_held: bool) -> Verdict {
        if matches!(card, TestCard::Declined) {
            // It is kept, but nothing in this walk can be done with it.
            return Err(Some("card_declined"));
        }
        let (id, captured, refunded, on) = (String::new(), 0, 0, 0);
        self.charges.push(Charge { id, card, amount, captured, refunded, on });
        if !is_held {
            self.capture(self.charges.len() - 1, amount);
        }
        Ok(())
    }

    fn capture(&mut self, at: usize, amount: i64) {
        let charge = &mut self.charges[at];
        let fee = ((amount * 29 + 500) / 1_000 + 30).min(amount);
        charge.captured = amount;
        let days = (self.now + 2 * DAY + DAY - 1) / DAY;
        charge.on = if matches!(charge.card, TestCard::Bypass) { self.now } else { days * DAY };
        self.waiting.push((charge.on, amount - fee));
    }

    fn refund(&mut self, at: usize, amount: i64) -> Verdict {
        let charge = &mut self.charges[at];
        if charge.captured == 0 {
            return Err(Some("charge_not_refundable"));
        }
        match charge.captured - charge.refunded {
            0 => return Err(Some("charge_already_refunded")),
            rest if amount > rest => return Err(None),
            _ => {}
        }
        charge.refunded += amount;
        self.waiting.push((charge.on.max(self.now), -amount));
        if matches!(charge.card, TestCard::RefundFails) {
            self.failing.push(Failing { charge: at, amount, due: self.now + STEP_MS });
        }
        Ok(())
    }

    /// The id of what a command made.
    pub fn made(&mut self, command: &Command, answer: &Value) {
        let id = answer["id"].as_str().unwrap_or_default().to_owned();
        match command {
            Command::Charge { .. } => self.charges.last_mut().unwrap().id = id,
            Command::Payout { .. } => self.payouts.last_mut().unwrap().id = id,
            Command::Topup { .. } => self.topups.last_mut().unwrap().id = id,
            _ => {}
        }
    }
}

/// One of what there is, if there is any.
fn pick<T>(all: &[T], number: usize) -> Option<usize> {
    number.checked_rem(all.len())
}
