//! What a walk consists of, and how it is drawn: small numbers, which shrink to the plainest walk
//! that still fails.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Accounts and payments are drawn as numbers, which [`crate::model::Model::resolve`] turns into
/// places among those that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Opens a FinancialAccount with some of [`FEATURES`], a bit each.
    Open {
        owner: usize,
        features: u8,
    },
    Fund {
        account: usize,
        network: Network,
        amount: Amount,
    },
    /// Somebody outside pulls.
    Debit {
        account: usize,
        amount: Amount,
    },
    /// Pulls in from one's own bank, by one of [`TOKENS`].
    Draw {
        account: usize,
        token: usize,
        amount: Amount,
    },
    /// On the InboundTransfer so many before the latest.
    ActOnDraft {
        draft: usize,
        action: Inward,
    },
    /// Reverses the credit so many before the latest.
    SendBack {
        credit: usize,
    },
    /// The same of a debit.
    TakeBack {
        debit: usize,
    },
    Pay {
        flow: Outbound,
        account: usize,
        to: To,
        amount: Amount,
    },
    /// On the payment so many before the latest.
    Act {
        payment: usize,
        action: Action,
    },
    Switch {
        account: usize,
        feature: usize,
        on: bool,
    },
    Restrict {
        account: usize,
        inbound: Option<bool>,
        outbound: Option<bool>,
    },
    Close {
        account: usize,
        heir: Option<usize>,
    },
    Wait {
        ms: i64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    Ach,
    Rtp,
    UsDomesticWire,
}

/// To somebody else, or to oneself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outbound {
    Payment,
    Transfer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// One of [`NUMBERS`], given as such or by its token; a transfer takes tokens alone.
    Bank {
        number: usize,
        by_token: bool,
        by_wire: bool,
    },
    Account(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    Cents(i64),
    /// All the cash there is.
    All,
    OneTooMany,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Cancel,
    Fail,
    Post,
    Return(Option<&'static str>),
    /// Sets tracking details: those of the payment's own network, or of another.
    Track {
        other: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inward {
    Cancel,
    Fail(Option<&'static str>),
    /// With the code that only an automatic step gives.
    Return(Option<&'static str>),
    /// Only the bank hands something over.
    Submit,
    Succeed,
}

/// A command, and whether an account gives it whose business it is not.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub command: Command,
    pub by_stranger: bool,
}

/// Steps that are taken in one batch.
pub type Batch = Vec<Step>;

impl Command {
    /// Whether it names something that only its owner can see.
    pub fn is_about_an_object(self) -> bool {
        !matches!(self, Command::Open { .. } | Command::Wait { .. })
    }
}

/// The features that matter for the flows of this walk.
pub const FEATURES: [&str; 7] = [
    "financial_addresses.aba",
    "intra_stripe_flows",
    "outbound_payments.ach",
    "outbound_payments.us_domestic_wire",
    "outbound_transfers.ach",
    "outbound_transfers.us_domestic_wire",
    "inbound_transfers.ach",
];
pub const ALL_FEATURES: u8 = 0b111_1111;

/// The tokens of one's own bank, with the steps that follow by themselves.
pub const TOKENS: [(&str, &[Inward]); 6] = [
    ("pm_usBankAccount_processing", &[]),
    ("pm_usBankAccount", &[Inward::Succeed]),
    ("pm_usBankAccount_noAccount", &[Inward::Fail(Some("no_account"))]),
    ("pm_usBankAccount_insufficientFunds", &[Inward::Fail(Some("insufficient_funds"))]),
    ("pm_usBankAccount_internalFailure", &[Inward::Fail(Some("other"))]),
    ("pm_usBankAccount_dispute", &[Inward::Succeed, Inward::Return(Some("debit_not_authorized"))]),
];

/// The account numbers and tokens of test mode, with the steps that follow by themselves.
pub const NUMBERS: [(&str, &str, &[Automatic]); 8] = [
    ("000000000009", "pm_usBankAccount_processing", &[]),
    ("000123456789", "pm_usBankAccount", &[Automatic::Post]),
    (
        "000123457890",
        "pm_usBankAccount_expectedArrivalDateUpdated",
        &[Automatic::Delay, Automatic::Post],
    ),
    ("000000000123", "pm_usBankAccount_canceledByUser", &[Automatic::Cancel]),
    ("000000000234", "pm_usBankAccount_internalFailure", &[Automatic::Fail]),
    (
        "000111111113",
        "pm_usBankAccount_accountClosed",
        &[Automatic::Post, Automatic::Return("account_closed")],
    ),
    (
        "000111111116",
        "pm_usBankAccount_noAccount",
        &[Automatic::Post, Automatic::Return("no_account")],
    ),
    (
        "000111111119",
        "pm_usBankAccount_invalidAccountNumber",
        &[Automatic::Post, Automatic::Return("invalid_account_number")],
    ),
];

/// What test mode does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Automatic {
    Cancel,
    Delay,
    Fail,
    Post,
    Return(&'static str),
    /// Only the bank hands something over.
    Submit,
}

const BATCHES_MAX: usize = 60;
const HOUR_MS: i64 = 3_600_000;

/// After how long automatic steps are taken, whether the bank takes its own, and what is done.
pub fn walks() -> impl Strategy<Value = (i64, bool, Vec<Batch>)> {
    let batch = prop_oneof![6 => vec(steps(), 1), 1 => vec(steps(), 2..=4)];
    let settles = prop_oneof![2 => Just(false), 1 => Just(true)];
    (select(vec![1_000, 0, 1_500]), settles, vec(batch, 1..=BATCHES_MAX))
}

fn steps() -> impl Strategy<Value = Step> {
    let stranger = prop_oneof![15 => Just(false), 1 => Just(true)];
    (commands(), stranger).prop_map(|(command, by_stranger)| Step { command, by_stranger })
}

fn commands() -> impl Strategy<Value = Command> {
    let account = 0..6usize;
    let fund = (account.clone(), networks(), 1..5_000i64).prop_map(|(account, network, cents)| {
        Command::Fund { account, network, amount: Amount::Cents(cents) }
    });
    let flow = select(vec![Outbound::Payment, Outbound::Payment, Outbound::Transfer]);
    let pay = (flow, account.clone(), targets(), amounts())
        .prop_map(|(flow, account, to, amount)| Command::Pay { flow, account, to, amount });
    let act = (0..4usize, actions()).prop_map(|(payment, action)| Command::Act { payment, action });
    let wait = prop_oneof![
        12 => 0..3_000i64,
        4 => Just(1_000),
        4 => 0..6 * HOUR_MS,
        1 => 0..48 * HOUR_MS,
    ];
    let debit = (account.clone(), amounts())
        .prop_map(|(account, amount)| Command::Debit { account, amount });
    let draw =
        (account.clone(), 0..TOKENS.len(), 1..2_000i64).prop_map(|(account, token, cents)| {
            Command::Draw { account, token, amount: Amount::Cents(cents) }
        });
    let act_on_draft =
        (0..4usize, inward()).prop_map(|(draft, action)| Command::ActOnDraft { draft, action });
    prop_oneof![
        4 => fund,
        8 => pay,
        8 => act,
        2 => debit,
        3 => draw,
        3 => act_on_draft,
        3 => (0..4usize).prop_map(|credit| Command::SendBack { credit }),
        2 => (0..3usize).prop_map(|debit| Command::TakeBack { debit }),
        4 => wait.prop_map(|ms| Command::Wait { ms }),
        1 => (0..3usize, 0..=ALL_FEATURES)
            .prop_map(|(owner, features)| Command::Open { owner, features }),
        2 => (account.clone(), 0..FEATURES.len(), any::<bool>())
            .prop_map(|(account, feature, on)| Command::Switch { account, feature, on }),
        3 => (account.clone(), option::of(any::<bool>()), option::of(any::<bool>()))
            .prop_map(|(account, inbound, outbound)| {
                Command::Restrict { account, inbound, outbound }
            }),
        2 => (account.clone(), option::of(account))
            .prop_map(|(account, heir)| Command::Close { account, heir }),
    ]
}

fn networks() -> impl Strategy<Value = Network> {
    select(vec![Network::Ach, Network::Rtp, Network::UsDomesticWire])
}

fn targets() -> impl Strategy<Value = To> {
    let bank = (0..NUMBERS.len(), any::<bool>(), any::<bool>())
        .prop_map(|(number, by_token, by_wire)| To::Bank { number, by_token, by_wire });
    let waits = any::<bool>().prop_map(|by_wire| To::Bank { number: 0, by_token: false, by_wire });
    prop_oneof![2 => waits, 2 => bank, 2 => (0..6usize).prop_map(To::Account)]
}

fn amounts() -> impl Strategy<Value = Amount> {
    prop_oneof![
        8 => (1..2_000i64).prop_map(Amount::Cents),
        1 => Just(Amount::All),
        1 => Just(Amount::OneTooMany),
    ]
}

fn inward() -> impl Strategy<Value = Inward> {
    let codes = option::of(select(vec!["no_account", "bank_ownership_changed", "other"]));
    prop_oneof![
        1 => Just(Inward::Cancel),
        1 => codes.prop_map(Inward::Fail),
        2 => Just(Inward::Return(None)),
        3 => Just(Inward::Succeed),
    ]
}

fn actions() -> impl Strategy<Value = Action> {
    let codes = option::of(select(vec!["no_account", "account_closed", "other"]));
    prop_oneof![
        Just(Action::Cancel),
        Just(Action::Fail),
        Just(Action::Post),
        codes.prop_map(Action::Return),
        prop_oneof![3 => Just(false), 1 => Just(true)].prop_map(|other| Action::Track { other }),
    ]
}
