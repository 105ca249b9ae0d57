//! A random walk through Treasury: whatever is done in whatever order, the books balance.
//!
//! Commands are drawn and run as requests are: read from a form, decided in the committer, kept in
//! a store. A second, simpler model ([`model`]) is told the same and keeps balances and statuses by
//! rules of its own. After every command what is kept must agree with the model, and obey the rules
//! of the book ([`rules`]), which are derived from the rows alone.
//!
//! Each run draws anew. `EXCHEQUER_WALK_SEED` repeats the walks of a failure, which prints it;
//! `EXCHEQUER_WALK_CASES` sets how many are walked.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use command::{ALL_FEATURES, Amount, Batch, Command, Network, Step, walks};
use model::inward::{Reversal, Stage};
use model::{MISSING, Model, OWNERS, Status, Verdict};
use rules::{Ended, must};
use world::{Answer, Look, Request, START, World};

mod agreement;
mod command;
mod model;
mod request;
mod rules;
mod world;

/// So many walks take some ten seconds where nothing is optimised.
const CASES: u32 = 40;
const SHRINK_MS_MAX: u32 = 60_000;

#[test]
fn the_books_balance_after_every_command() {
    let any = || RandomState::new().build_hasher().finish();
    let seed = number("EXCHEQUER_WALK_SEED").unwrap_or_else(any);
    let cases = number("EXCHEQUER_WALK_CASES").and_then(|cases| u32::try_from(cases).ok());
    let cases = cases.unwrap_or(CASES);
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_time: SHRINK_MS_MAX,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, random);
    // How many payments came to each status: walks in which little happens prove little.
    let ends = RefCell::new(BTreeMap::<Status, u32>::new());
    let mut drafts = RefCell::new(BTreeMap::<Stage, u32>::new());
    let mut reversals = RefCell::new([0usize; 3]);
    let walked = runner.run(&walks(), |(step_delay_ms, settles, walk)| {
        let model = self::walk(step_delay_ms, settles, &walk).map_err(TestCaseError::fail)?;
        let mut reversals = reversals.borrow_mut();
        for payment in model.payments {
            *ends.borrow_mut().entry(payment.status).or_default() += 1;
            reversals[0] += usize::from(payment.returned_by.is_some());
        }
        for draft in model.drafts {
            *drafts.borrow_mut().entry(draft.stage).or_default() += 1;
        }
        let done = |all: &[Reversal]| all.iter().filter(|one| one.ended_at.is_some()).count();
        reversals[1] += done(&model.sent_back);
        reversals[2] += done(&model.taken_back);
        Ok(())
    });
    if let Err(failure) = walked {
        panic!("{failure}\nrepeat it with EXCHEQUER_WALK_SEED={seed}");
    }
    let ends = ends.into_inner();
    assert!(ends.len() == 5 || cases < CASES, "of all payments there were only {ends:?}");
    let (drafts, reversals) = (drafts.get_mut(), reversals.get_mut());
    assert!(drafts.len() == 5 || cases < CASES, "of all drafts there were only {drafts:?}");
    let has_reversed = reversals.iter().all(|count| *count > 0);
    assert!(has_reversed || cases < CASES, "there were only {reversals:?} reversals");
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// A walk from its beginning: some accounts with some money.
fn walk(step_delay_ms: i64, settles: bool, batches: &[Batch]) -> Result<Model, String> {
    let world = World::new(step_delay_ms, settles, OWNERS - 1);
    let model = Model::new(START, step_delay_ms, settles);
    let look = world.look();
    let mut walk = Walk { world, model, look, ended: Ended::new() };
    let opening = [0, 1, 1, 2].map(|owner| Command::Open { owner, features: ALL_FEATURES });
    let funding = [0, 1, 3].map(|account| {
        let amount = Amount::Cents(5_000);
        Command::Fund { account, network: Network::Ach, amount }
    });
    for command in opening.into_iter().chain(funding) {
        walk.take(&[Step { command, by_stranger: false }])?;
    }
    for batch in batches {
        walk.take(batch).map_err(|wrong| format!("after {batch:?}: {wrong}"))?;
    }
    let problems = walk.world.problems();
    must(problems.is_empty(), || format!("the audits find {problems:?}"))?;
    Ok(walk.model)
}

struct Walk {
    world: World,
    model: Model,
    /// What there was after the latest batch.
    look: Look,
    ended: Ended,
}

impl Walk {
    /// Takes the steps of a batch and looks at what is there then.
    fn take(&mut self, batch: &[Step]) -> Result<(), String> {
        // What the commands are about is there before the batch.
        let steps: Vec<(Command, bool)> = batch
            .iter()
            .filter_map(|step| {
                let command = self.model.resolve(step.command)?;
                Some((command, step.by_stranger && command.is_about_an_object()))
            })
            .collect();
        let requests = steps.iter().map(|(command, by_stranger)| {
            let owner = (self.model.owner(*command) + usize::from(*by_stranger)) % OWNERS;
            request::of(*command, &self.model, &self.world, owner)
        });
        let requests: Vec<Request> = requests.collect();
        let answers = self.world.run(requests);
        let mut anything = false;
        for ((command, by_stranger), answer) in steps.into_iter().zip(answers) {
            self.model.run_due();
            let verdict = if by_stranger { Err(MISSING) } else { self.model.apply(command) };
            anything |= verdict.is_ok();
            self.compare(command, verdict, &answer)?;
        }
        self.model.run_due();
        let look = self.world.look();
        let sums = rules::check(&look, &mut self.ended)?;
        let ids = agreement::check(&look, &sums, &self.model)?;
        for (credit, id) in self.model.credits.iter_mut().zip(ids.credits) {
            credit.id = id;
        }
        for (debit, id) in self.model.debits.iter_mut().zip(ids.debits) {
            debit.id = id;
        }
        must(anything || look == self.look, || "a refusal left something behind".into())?;
        self.look = look;
        Ok(())
    }

    /// The answer must be what the model says; what it made gets its id.
    fn compare(
        &mut self,
        command: Command,
        verdict: Verdict,
        answer: &Answer,
    ) -> Result<(), String> {
        let refused = answer.as_ref().err().map(|refused| refused.code);
        must(refused == verdict.err(), || {
            format!("{command:?} should end with {verdict:?}, not with {answer:?}")
        })?;
        let Ok(answer) = answer else { return Ok(()) };
        let id = || answer["id"].as_str().unwrap_or_default().to_owned();
        match command {
            Command::Open { .. } => self.model.accounts.last_mut().unwrap().id = id(),
            Command::Pay { .. } => {
                must(answer["status"] == "processing", || format!("it is made as {answer}"))?;
                self.model.payments.last_mut().unwrap().id = id();
            }
            Command::Draw { .. } => self.model.drafts.last_mut().unwrap().id = id(),
            Command::SendBack { .. } => self.model.sent_back.last_mut().unwrap().id = id(),
            Command::TakeBack { .. } => self.model.taken_back.last_mut().unwrap().id = id(),
            _ => {}
        }
        Ok(())
    }
}
