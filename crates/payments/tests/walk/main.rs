//! A random walk through payments: whatever is done in whatever order, the balance is what a much
//! simpler model says, and the audits find nothing wrong with the rows.

#![allow(clippy::panic, clippy::unwrap_used)]

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use model::{Command, Model, TestCard};
use world::World;

mod model;
mod world;

const STEPS: usize = 60;
const CASES: u32 = 24;

fn command() -> impl Strategy<Value = Command> {
    let card = prop_oneof![
        Just(TestCard::Plain),
        Just(TestCard::Bypass),
        Just(TestCard::RefundFails),
        Just(TestCard::Declined),
    ];
    let amount = || 50i64..5_000;
    let waits = prop_oneof![Just(300), Just(1_000), Just(3_600_000), Just(86_400_000)];
    prop_oneof![
        4 => (card, amount(), any::<bool>())
            .prop_map(|(card, amount, is_held)| Command::Charge { card, amount, is_held }),
        2 => (any::<usize>(), 1i64..6_000)
            .prop_map(|(charge, amount)| Command::Capture { charge, amount }),
        3 => (any::<usize>(), 1i64..3_000)
            .prop_map(|(charge, amount)| Command::Refund { charge, amount }),
        3 => (amount(), any::<bool>())
            .prop_map(|(amount, fails)| Command::Payout { amount, fails }),
        2 => any::<usize>().prop_map(|payout| Command::CancelPayout { payout }),
        2 => (amount(), any::<bool>())
            .prop_map(|(amount, fails)| Command::Topup { amount, fails }),
        1 => any::<usize>().prop_map(|topup| Command::CancelTopup { topup }),
        3 => waits.prop_map(Command::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    #[test]
    fn the_balance_is_what_the_model_says(commands in prop::collection::vec(command(), STEPS)) {
        walk(&commands)?;
    }
}

/// A walk in which something of everything happens, whatever proptest comes up with.
#[test]
fn a_walk_past_every_ending() {
    let day = Command::Wait(86_400_000);
    let charge = |card, amount| Command::Charge { card, amount, is_held: false };
    let commands = [
        charge(TestCard::Bypass, 5_000),
        charge(TestCard::Plain, 1_000),
        charge(TestCard::Declined, 1_000),
        Command::Charge { card: TestCard::Plain, amount: 900, is_held: true },
        Command::Capture { charge: 3, amount: 600 },
        Command::Refund { charge: 1, amount: 400 },
        Command::Payout { amount: 500, fails: false },
        Command::Payout { amount: 700, fails: true },
        Command::Payout { amount: 300, fails: false },
        Command::CancelPayout { payout: 2 },
        Command::Topup { amount: 800, fails: false },
        Command::Topup { amount: 900, fails: true },
        charge(TestCard::RefundFails, 2_000),
        Command::Refund { charge: 4, amount: 1_000 },
        Command::Wait(1_000),
        Command::Wait(1_000),
        day,
        day,
        day,
        Command::Refund { charge: 1, amount: 600 },
        Command::Payout { amount: 99_999, fails: false },
    ];
    let model = walk(&commands).unwrap();
    let ended = model.payouts.iter().filter(|payout| payout.has_ended()).count();
    assert_eq!((ended, model.pending()), (3, 0));
    assert!(model.available > 0);
}

fn walk(commands: &[Command]) -> Result<Model, TestCaseError> {
    let world = World::new();
    let mut model = Model::new(world.now());
    for command in commands {
        let Some(request) = model.request(command, &world) else { continue };
        let answer = world.run(request);
        model.run_due();
        let expected = model.apply(command);
        let got = answer.as_ref().map(|_| ()).map_err(|refused| refused.code);
        prop_assert_eq!(got, expected, "{:?} answered {:?}", command, answer);
        if let Ok(made) = &answer {
            model.made(command, made);
        }
        world.settle();
        model.run_due();
        let shown = world.balance();
        prop_assert_eq!(shown, (model.available, model.pending()), "after {:?}", command);
        let problems = world.problems();
        prop_assert!(problems.is_empty(), "after {:?} the audits find {:?}", command, problems);
    }
    Ok(model)
}
