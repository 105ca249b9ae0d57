//! Every action in every status, and what is kept.

use super::*;
use crate::outbound_payment::{OutboundPayment, ToSomebody};
use exchequer_core::bank::AccountType;
use exchequer_core::billing::BillingDetails;

const ACTIONS: [Action; 7] = [
    Action::Cancel,
    Action::Delay,
    Action::Fail,
    Action::Post,
    Action::Return,
    Action::Submit,
    Action::Update,
];

fn bank(network: Network) -> Destination {
    let bank = crate::destination::UsBankAccount {
        network,
        payment_method: None,
        bank_account: None,
        routing_number: "110000000".into(),
        last4: "0009".into(),
        number: None,
        fingerprint: "f".into(),
        account_holder_type: None,
        account_type: AccountType::Checking,
        billing_details: BillingDetails::default(),
    };
    Destination::UsBankAccount(bank.into())
}

fn payment(stage: Stage, destination: Destination) -> OutboundPayment {
    OutboundPayment {
        id: "obp_1".into(),
        created: 1_000,
        financial_account: "fa_1".into(),
        amount: Amount::new(2_000).unwrap(),
        destination,
        transaction: "trxn_1".into(),
        stage,
        settles: false,
        file: None,
        description: None,
        is_delayed: false,
        kind: ToSomebody::default(),
        metadata: BTreeMap::new(),
        statement_descriptor: None,
        tracking_details: None,
    }
}

fn stage(state: State) -> Stage {
    match state {
        State::Canceled => Stage::Canceled(2_000),
        State::Failed => Stage::Failed(2_000),
        State::Posted => Stage::Posted(2_000),
        State::Processing => Stage::Processing,
        State::Submitted => Stage::Submitted(2_000),
        State::Returned => Stage::Returned {
            posted_at: 2_000,
            returned_at: 3_000,
            code: ReturnCode::Declined,
            transaction: "trxn_2".into(),
        },
    }
}

fn trace() -> TrackingDetails {
    TrackingDetails::Ach { trace_id: "841042400123450".into() }
}

/// Takes all the steps of an action, as the operations do.
fn act(payment: OutboundPayment, action: Action) -> Result<OutboundPayment, Refusal> {
    let steps = payment.plan(action)?;
    steps.iter().try_fold(payment, |payment, step| match step {
        Action::Cancel => payment.cancel(9_000),
        Action::Delay => payment.delay(),
        Action::Fail => payment.fail(9_000),
        Action::Post => payment.post(9_000),
        Action::Return => payment.return_(9_000, ReturnCode::NoAccount, "trxn_3".into()),
        Action::Submit => payment.submit(9_000),
        Action::Update => payment.track(trace()),
    })
}

/// The four times: canceled, failed, posted, returned.
fn times(stage: &Stage) -> [Option<Millis>; 4] {
    [stage.canceled_at(), stage.failed_at(), stage.posted_at(), stage.returned_at()]
}

#[test]
fn every_action_in_every_state() {
    use State::{Posted, Processing, Returned, Submitted};
    // The four times afterwards, where the action is taken at all.
    let now = Some(9_000);
    let then = Some(2_000);
    let outcome = |state, action| match (state, action) {
        (Processing, Action::Cancel) => Some([now, None, None, None]),
        (Processing | Submitted, Action::Fail) => Some([None, now, None, None]),
        (Processing | Submitted, Action::Post) => Some([None, None, now, None]),
        (Processing | Submitted, Action::Return) => Some([None, None, now, now]),
        (Processing | Submitted, Action::Delay) => Some([None; 4]),
        (Processing, Action::Submit) => Some([None; 4]),
        (Submitted, Action::Update) => Some([None; 4]),
        (Posted, Action::Return) => Some([None, None, then, now]),
        (Posted, Action::Update) => Some([None, None, then, None]),
        (Returned, Action::Update) => Some([None, None, then, Some(3_000)]),
        _ => None,
    };
    let states = State::NAMES.iter().map(|name| State::parse(name).unwrap());
    for state in states {
        for action in ACTIONS {
            let before = payment(stage(state), bank(Network::Ach));
            assert_eq!(before.is_cancelable(), state == Processing);
            let taken = act(before, action);
            let expected = outcome(state, action).ok_or(Refusal::WrongState(action, state));
            let seen = taken.as_ref().map(|after| times(&after.stage)).map_err(|refusal| *refusal);
            assert_eq!(seen, expected, "{state:?} {action:?}");
            let Ok(after) = taken else { continue };
            assert_eq!(after.is_delayed, action == Action::Delay);
            assert_eq!(after.tracking_details.is_some(), action == Action::Update);
            let rule = RULES.iter().find(|r| r.from == state && r.action == action);
            assert_eq!(after.stage.state(), rule.unwrap().to);
        }
    }
}

#[test]
fn refusals_have_their_codes() {
    let wrong = |state| Refusal::WrongState(Action::Cancel, state);
    let (posted, sent) = (wrong(State::Posted), wrong(State::Submitted));
    for refusal in [posted, sent, Refusal::ReturnWithinStripe, Refusal::TrackedAlready] {
        let error = refusal.of::<ToSomebody>();
        assert_eq!((error.status, error.code), (400, Some("status_transition_invalid")));
    }
    let error = Refusal::OtherNetwork(Network::Ach).of::<ToSomebody>();
    assert_eq!((error.code, error.param.as_deref()), (None, Some("tracking_details[type]")));
}

#[test]
fn a_return_keeps_what_brought_the_money_back() {
    let returned = act(payment(Stage::Processing, bank(Network::Ach)), Action::Return);
    let expected = Stage::Returned {
        posted_at: 9_000,
        returned_at: 9_000,
        code: ReturnCode::NoAccount,
        transaction: "trxn_3".into(),
    };
    assert_eq!(returned.unwrap().stage, expected);
}

#[test]
fn within_stripe_nothing_is_returned_or_tracked() {
    let inside = || Destination::FinancialAccount { id: "fa_2".into(), owner: 2 };
    for state in [State::Processing, State::Posted] {
        let refused = act(payment(stage(state), inside()), Action::Return).err();
        assert_eq!(refused, Some(Refusal::ReturnWithinStripe));
    }
    let tracked = payment(Stage::Posted(2_000), inside()).track(trace()).err();
    assert_eq!(tracked, Some(Refusal::OtherNetwork(Network::Stripe)));
    // What the receiver cannot take comes back all the same.
    let back = payment(Stage::Posted(2_000), inside());
    let back = back.return_(9_000, ReturnCode::AccountClosed, "trxn_3".into()).unwrap();
    assert_eq!(times(&back.stage), [None, None, Some(2_000), Some(9_000)]);
    assert!(payment(Stage::Processing, inside()).post(9_000).is_ok());
}

#[test]
fn tracking_details_are_set_once_and_by_their_network() {
    let posted = |network| payment(Stage::Posted(2_000), bank(network));
    let tracked = posted(Network::Ach).track(trace()).unwrap();
    assert_eq!(tracked.clone().track(trace()).err(), Some(Refusal::TrackedAlready));
    let refused = posted(Network::UsDomesticWire).track(trace()).err();
    assert_eq!(refused, Some(Refusal::OtherNetwork(Network::UsDomesticWire)));
    let wire = || TrackingDetails::UsDomesticWire { chips: None, imad: None, omad: None };
    assert!(posted(Network::UsDomesticWire).track(wire()).is_ok());
    let refused = posted(Network::Ach).track(wire()).err();
    assert_eq!(refused, Some(Refusal::OtherNetwork(Network::Ach)));
}

#[test]
fn the_receiver_reads_what_was_given_or_the_default() {
    let given = |text: Option<&str>| OutboundPayment {
        statement_descriptor: text.map(str::to_owned),
        ..payment(Stage::Processing, bank(Network::Ach))
    };
    assert_eq!(given(None).statement_descriptor(), "payment");
    assert_eq!(given(Some("Invoice 12")).statement_descriptor(), "Invoice 12");
}

#[test]
fn a_new_payment_is_kept_in_few_bytes() {
    let kept = serde_json::to_string(&payment(Stage::Processing, bank(Network::Ach))).unwrap();
    assert!(kept.len() < 400, "{} bytes: {kept}", kept.len());
    for state in State::NAMES {
        let stage = stage(State::parse(state).unwrap());
        let kept = serde_json::to_string(&stage).unwrap();
        assert_eq!(serde_json::from_str::<Stage>(&kept).unwrap(), stage);
    }
}
