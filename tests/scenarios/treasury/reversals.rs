//! CreditReversals and DebitReversals: what came in is sent back, what was pulled is taken back.

use exchequer_tests::{Answer, Payment};
use serde_json::json;

use super::{
    CREDIT_REVERSALS, CREDITS, DEBIT_REVERSALS, DEBITS, Given, INVALID, ROUTING, WAITS, WEDNESDAY,
    events_of, expect_entries, expect_keys, expect_wrong_state, impact,
};

const AFTER_DEADLINE: i64 = 1_680_912_000;

#[track_caller]
fn credit(given: &Given, id: &str) -> Answer {
    let answer = given.k1.get(&format!("{CREDITS}/{id}"));
    answer.ok();
    answer
}

#[track_caller]
fn transaction(owner: &exchequer_tests::Sandbox, id: &str) -> Answer {
    let path = format!("/v1/treasury/transactions/{id}");
    let answer = owner.list(&path, &[("expand[]", "entries"), ("expand[]", "flow_details")]);
    answer.ok();
    answer
}

/// 3000 of A's 5000 have come to B.
fn paid_within() -> (Given, Payment, Answer) {
    let given = Given::with(5_000);
    let payment = given.a.pays(3_000).to_financial_account(&given.b);
    given.settle();
    let id = given.b.list(CREDITS, &[]).ids().remove(0);
    let credit = given.k2.get(&format!("{CREDITS}/{id}"));
    credit.ok().expect("status", "succeeded");
    (given, payment, credit)
}

#[test]
fn treasury_37_a_wire_is_not_sent_back() {
    let given = Given::new();
    let wire = given.a.receives(900, "us_domestic_wire");
    given.a.expect_balance(900, 0);
    let restricted = json!({"deadline": null, "restricted_reason": "network_restricted"});
    wire.ok().expect("reversal_details", restricted);
    expect_wrong_state(&given.refuses(|| given.a.sends_back(&wire.id())));
    let rtp = given.a.receives(900, "rtp").id();
    expect_wrong_state(&given.refuses(|| given.a.sends_back(&rtp)));
}

#[test]
fn treasury_38_a_credit_is_sent_back() {
    let given = Given::new();
    let received = given.a.receives(1_000, "ach");
    let deadline = received.int("reversal_details.deadline");
    let events = events_of(&given.k1).len();
    let created = given.a.sends_back(&received.id());
    created.ok().expect("status", "processing").expect("amount", 1_000).expect("network", "ach");
    created.expect("status_transitions", json!({"posted_at": null}));
    given.a.expect_balance(0, 1_000);
    let held = transaction(&given.k1, created.text("transaction"));
    held.expect("status", "open").expect("amount", -1_000).expect("flow", created.id());
    held.expect("flow_type", "credit_reversal").expect("balance_impact", impact(-1_000, 1_000));
    held.expect("flow_details.credit_reversal", &created.body);
    let reversed = credit(&given, &received.id());
    reversed.expect("linked_flows.credit_reversal", created.id());
    let done = json!({"deadline": deadline, "restricted_reason": "already_reversed"});
    reversed.expect("reversal_details", done).expect("status", "succeeded");
    expect_wrong_state(&given.refuses(|| given.a.sends_back(&received.id())));
    given.settle();
    let posted = given.k1.get(&format!("{CREDIT_REVERSALS}/{}", created.id()));
    posted.ok().expect("status", "posted");
    posted.expect("status_transitions", json!({"posted_at": WEDNESDAY + 1}));
    given.a.expect_balance(0, 0);
    let gone = transaction(&given.k1, created.text("transaction"));
    gone.expect("status", "posted").expect("amount", -1_000);
    gone.expect("status_transitions.posted_at", WEDNESDAY + 1);
    gone.expect("description", "Jane Austen (6789) | Credit reversal | Stripe Test");
    let entries = [("credit_reversal_posting", 0, -1_000), ("credit_reversal", -1_000, 1_000)];
    expect_entries(&gone, &entries);
    given.k1.expect_events(&["treasury.credit_reversal.created", ".posted"]);
    assert_eq!(events_of(&given.k1).len(), events + 2, "two events and no other");
    expect_wrong_state(&given.refuses(|| given.a.sends_back(&received.id())));
}

#[test]
fn treasury_38_what_a_reversal_shows() {
    let given = Given::with(1_000);
    let received = given.a.list(CREDITS, &[]).ids().remove(0);
    let params = [("received_credit", received.as_str()), ("metadata[why]", "wrong")];
    let created = given.k1.post(CREDIT_REVERSALS, &params);
    expect_keys(
        &created,
        "",
        &[
            "id",
            "object",
            "amount",
            "created",
            "currency",
            "financial_account",
            "hosted_regulatory_receipt_url",
            "livemode",
            "metadata",
            "network",
            "received_credit",
            "status",
            "status_transitions",
            "transaction",
        ],
    );
    assert!(created.id().starts_with("credrev_"), "{created:?}");
    created.expect("object", "treasury.credit_reversal").expect("livemode", false);
    created.expect("created", WEDNESDAY).expect("currency", "usd");
    created.expect("financial_account", &given.a.id).expect("received_credit", &received);
    created.expect("metadata", json!({"why": "wrong"}));
    let event = &given.k1.events("treasury.credit_reversal.created")[0];
    assert_eq!(event["data"]["object"], created.body);
    assert_eq!(event["account"], given.k1.account_id().as_str());
    let path = format!("{CREDIT_REVERSALS}/{}", created.id());
    let expanded = given.k1.list(&path, &[("expand[]", "transaction")]);
    expanded.ok().expect("transaction.object", "treasury.transaction");
    given.k2.get(&path).expect_error(404, INVALID, "resource_missing", "id");
    given.k1.post(&path, &[("metadata[a]", "b")]).expect_error(404, INVALID, None, None);
}

/// What is asked for twice at once is granted once.
#[test]
fn treasury_38_two_at_once() {
    let given = Given::with(1_000);
    let received = given.a.list(CREDITS, &[]).ids().remove(0);
    let debit = given.b.clone().holding(1_000).is_debited(1_000).id();
    let twice = |call: &(dyn Fn() -> Answer + Sync)| {
        let mut statuses = std::thread::scope(|scope| {
            let calls = [(); 2].map(|()| scope.spawn(|| call().status));
            calls.map(|call| call.join().expect("an answer"))
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400]);
    };
    twice(&|| given.a.sends_back(&received));
    given.a.expect_balance(0, 1_000);
    twice(&|| given.b.takes_back(&debit));
    given.b.expect_balance(1_000, 0);
}

#[test]
fn treasury_39_only_what_is_there_and_in_time() {
    let given = Given::with(1_000);
    let received = given.a.list(CREDITS, &[]).ids().remove(0);
    given.a.pays(1).to_bank(ROUTING, WAITS);
    let answer = given.refuses(|| given.a.sends_back(&received));
    answer.expect_error(400, INVALID, "balance_insufficient", "amount");
    credit(&given, &received).expect("linked_flows.credit_reversal", ());
    given.a.receives(1, "ach").ok();
    given.platform.clock_set(AFTER_DEADLINE);
    credit(&given, &received).expect("reversal_details.restricted_reason", "deadline_passed");
    expect_wrong_state(&given.refuses(|| given.a.sends_back(&received)));
}

#[test]
fn treasury_39_what_cannot_be_sent_back() {
    let given = Given::new();
    let refused = |id: &str| given.refuses(|| given.a.sends_back(id));
    refused("rc_nope").expect_error(400, INVALID, "resource_missing", "received_credit");
    let answer = given.refuses(|| given.k1.post(CREDIT_REVERSALS, &[]));
    answer.expect_error(400, INVALID, "parameter_missing", "received_credit");
    let received = given.a.receives(100, "ach").id();
    let params = [("received_credit", received.as_str()), ("amount", "50")];
    let answer = given.refuses(|| given.k1.post(CREDIT_REVERSALS, &params));
    answer.expect_error(400, INVALID, "parameter_unknown", "amount");
    let of_b = given.b.receives(100, "ach").id();
    refused(&of_b).expect_error(400, INVALID, "resource_missing", "received_credit");
    given.a.update(&[("platform_restrictions[inbound_flows]", "restricted")]).ok();
    let failed = given.a.receives(100, "ach");
    expect_wrong_state(&refused(&failed.ok().expect("status", "failed").id()));
    // What the platform restricts, and which features there are, does not matter here.
    given.a.update(&[("platform_restrictions[outbound_flows]", "restricted")]).ok();
    given.a.sends_back(&received).ok();
    given.settle();
    given.a.close().ok();
    expect_wrong_state(&refused(&received));
}

#[test]
fn treasury_39_a_closed_account_sends_nothing_back() {
    let given = Given::new();
    let received = given.a.receives(100, "ach").id();
    given.a.is_debited(100).ok();
    given.a.close().ok();
    let answer = given.refuses(|| given.a.sends_back(&received));
    answer.expect_error(400, INVALID, None, "financial_account");
}

#[test]
fn treasury_40_a_payment_is_returned_by_its_receiver() {
    let (given, payment, received) = paid_within();
    let created = given.b.sends_back(&received.id());
    created.ok().expect("network", "stripe");
    given.b.expect_balance(0, 3_000);
    payment.expect("status", "posted");
    let moved = given.settle();
    given.b.expect_balance(0, 0);
    given.a.expect_balance(5_000, 0);
    let returned = payment.get();
    returned.expect("status", "returned").expect("returned_details.code", "declined");
    returned.expect("status_transitions.returned_at", WEDNESDAY + 11);
    let ids = given.a.list(CREDITS, &[]).ids();
    let back = credit(&given, &ids[0]);
    back.expect("network", "stripe").expect("amount", 3_000).expect("status", "succeeded");
    back.expect("linked_flows.source_flow", created.id());
    back.expect("linked_flows.source_flow_type", "credit_reversal");
    let restricted = json!({"deadline": null, "restricted_reason": "source_flow_restricted"});
    back.expect("reversal_details", restricted);
    let from = "initiating_payment_method_details.financial_account.id";
    back.expect(from, &given.b.id);
    returned.expect("returned_details.transaction", back.text("transaction"));
    let brought = transaction(&given.k1, back.text("transaction"));
    brought.expect("flow_type", "received_credit").expect("flow", back.id());
    expect_entries(&brought, &[("received_credit", 3_000, 0)]);
    expect_wrong_state(&given.refuses(|| given.a.sends_back(&back.id())));
    given.k1.expect_events(&["treasury.outbound_payment.created", ".posted", ".returned"]);
    given.k2.expect_events(&["treasury.credit_reversal.created", ".posted"]);
    // Whoever sends it back is told first.
    let said = moved.at("events").to_string();
    let place = |event: &serde_json::Value| said.find(event["id"].as_str().expect("an id"));
    let posted = place(&given.k2.events("treasury.credit_reversal.posted")[0]);
    let told = place(&given.k1.events("treasury.outbound_payment.returned")[0]);
    assert!(posted.is_some() && posted < told, "{said}");
}

#[test]
fn treasury_40_what_each_side_can_see_of_it() {
    let (given, payment, received) = paid_within();
    let created = given.b.sends_back(&received.id());
    given.settle();
    let ids = given.a.list(CREDITS, &[]).ids();
    let path = format!("{CREDITS}/{}", ids[0]);
    let expand = [("expand[]", "linked_flows.source_flow_details")];
    let back = given.k1.list(&path, &expand);
    let details = "linked_flows.source_flow_details";
    back.ok().expect(&format!("{details}.type"), "credit_reversal");
    back.expect(&format!("{details}.credit_reversal.id"), created.id());
    back.expect(&format!("{details}.credit_reversal.status"), "posted");
    let filter = "linked_flows[source_flow_type]";
    assert_eq!(given.a.list(CREDITS, &[(filter, "credit_reversal")]).ids(), [&*ids[0]]);
    let expanded = payment.get_with(&[("expand[]", "returned_details.transaction.flow_details")]);
    let flow = "returned_details.transaction.flow_details.received_credit.id";
    expanded.ok().expect(flow, &*ids[0]);
    given.k1.get(&format!("{CREDIT_REVERSALS}/{}", created.id())).expect_status(404);
}

/// The money is its sender's again, whatever that may receive.
#[test]
fn treasury_40_a_sender_that_is_closed_or_restricted() {
    let (given, payment, received) = paid_within();
    given.a.update(&[("platform_restrictions[inbound_flows]", "restricted")]).ok();
    given.b.sends_back(&received.id()).ok();
    given.settle();
    payment.expect("status", "returned");
    given.a.expect_balance(5_000, 0);

    let (given, payment, received) = paid_within();
    let heir = given.k1.financial_account();
    let forward = [
        ("forwarding_settings[type]", "financial_account"),
        ("forwarding_settings[financial_account]", heir.id.as_str()),
    ];
    given.k1.post(&format!("{}/close", given.a.path()), &forward).ok();
    heir.expect_balance(2_000, 0);
    given.b.sends_back(&received.id()).ok();
    given.settle();
    payment.expect("status", "returned");
    given.a.expect_balance(0, 0);
    heir.expect_balance(5_000, 0);
}

#[test]
fn treasury_40_a_sender_that_was_deleted() {
    let (given, _, received) = paid_within();
    given.a.is_debited(2_000).ok();
    given.a.close().ok();
    let account = format!("/v1/accounts/{}", given.k1.account_id());
    given.platform.delete(&account).ok();
    let created = given.b.sends_back(&received.id());
    given.settle();
    let path = format!("{CREDIT_REVERSALS}/{}", created.id());
    given.k2.get(&path).ok().expect("status", "posted");
    given.b.expect_balance(0, 0);
}

/// What came from one's own other account is sent back as it came: by a transfer.
#[test]
fn treasury_40_a_transfer_is_not_returned_so() {
    let given = Given::with(1_000);
    let second = given.k1.financial_account();
    given.a.transfers(1_000).to_financial_account(&second);
    given.settle();
    let id = second.list(CREDITS, &[]).ids().remove(0);
    credit(&given, &id).expect("reversal_details.restricted_reason", "source_flow_restricted");
    expect_wrong_state(&given.refuses(|| second.sends_back(&id)));
}

#[test]
fn treasury_41_a_debit_is_taken_back() {
    let given = Given::with(1_000);
    let debit = given.a.is_debited(1_000);
    let deadline = debit.int("reversal_details.deadline");
    let created = given.a.takes_back(&debit.id());
    created.ok().expect("status", "processing").expect("amount", 1_000).expect("network", "ach");
    created.expect("status_transitions", json!({"completed_at": null}));
    given.a.expect_balance(1_000, 0);
    let back = transaction(&given.k1, created.text("transaction"));
    back.expect("amount", 1_000).expect("status", "posted").expect("flow", created.id());
    back.expect("flow_type", "debit_reversal");
    back.expect("description", "Jane Austen (6789) | Debit reversal | Stripe Test");
    back.expect("flow_details.debit_reversal", &created.body);
    expect_entries(&back, &[("debit_reversal", 1_000, 0)]);
    let list = |params: &[(&str, &str)]| given.a.list(DEBIT_REVERSALS, params).ids();
    assert_eq!(list(&[("status", "processing")]), [created.id()]);
    assert!(list(&[("status", "completed")]).is_empty());
    assert!(list(&[("resolution", "won")]).is_empty());
    given.settle();
    let path = format!("{DEBIT_REVERSALS}/{}", created.id());
    let succeeded = given.k1.get(&path);
    succeeded.ok().expect("status", "succeeded");
    succeeded.expect("status_transitions", json!({"completed_at": WEDNESDAY + 1}));
    given.a.expect_balance(1_000, 0);
    given.k1.expect_events(&["treasury.debit_reversal.created", ".completed"]);
    for filter in [("resolution", "won"), ("status", "completed")] {
        assert_eq!(list(&[filter]), [created.id()], "{filter:?}");
    }
    for filter in [("resolution", "lost"), ("status", "processing"), ("status", "canceled")] {
        assert!(list(&[filter]).is_empty(), "{filter:?}");
    }
    let taken = given.k1.get(&format!("{DEBITS}/{}", debit.id()));
    taken.ok().expect("linked_flows.debit_reversal", created.id());
    let done = json!({"deadline": deadline, "restricted_reason": "already_reversed"});
    taken.expect("reversal_details", done);
    expect_wrong_state(&given.refuses(|| given.a.takes_back(&debit.id())));
}

#[test]
fn treasury_41_what_cannot_be_taken_back() {
    let given = Given::with(1_000);
    let refused = |id: &str| given.refuses(|| given.a.takes_back(id));
    let failed = given.a.is_debited(1_001).id();
    expect_wrong_state(&refused(&failed));
    refused("rd_nope").expect_error(400, INVALID, "resource_missing", "received_debit");
    let answer = given.refuses(|| given.k1.post(DEBIT_REVERSALS, &[]));
    answer.expect_error(400, INVALID, "parameter_missing", "received_debit");
    let transfer = given.a.transfers_in(500, "pm_usBankAccount_dispute").id();
    given.settle();
    let returned = given.k1.get(&format!("/v1/treasury/inbound_transfers/{transfer}"));
    expect_wrong_state(&refused(returned.text("linked_flows.received_debit")));
    let late = given.a.is_debited(100).id();
    let closed = given.a.is_debited(900).id();
    let of_b = given.b.clone().holding(100).is_debited(100).id();
    refused(&of_b).expect_error(400, INVALID, "resource_missing", "received_debit");
    given.a.close().ok();
    refused(&closed).expect_error(400, INVALID, None, "financial_account");
    given.platform.clock_set(AFTER_DEADLINE);
    expect_wrong_state(&refused(&late));
}

#[test]
fn treasury_41_what_it_shows() {
    let given = Given::with(1_000);
    let debit = given.a.is_debited(1_000).id();
    let params = [("received_debit", debit.as_str()), ("metadata[why]", "unknown")];
    let created = given.k1.post(DEBIT_REVERSALS, &params);
    expect_keys(
        &created,
        "",
        &[
            "id",
            "object",
            "amount",
            "created",
            "currency",
            "financial_account",
            "hosted_regulatory_receipt_url",
            "linked_flows",
            "livemode",
            "metadata",
            "network",
            "received_debit",
            "status",
            "status_transitions",
            "transaction",
        ],
    );
    assert!(created.id().starts_with("debrev_"), "{created:?}");
    created.expect("object", "treasury.debit_reversal").expect("livemode", false);
    created.expect("created", WEDNESDAY).expect("currency", "usd").expect("linked_flows", ());
    created.expect("financial_account", &given.a.id).expect("received_debit", &debit);
    created.expect("metadata", json!({"why": "unknown"}));
    let event = &given.k1.events("treasury.debit_reversal.created")[0];
    assert_eq!(event["data"]["object"], created.body);
    let path = format!("{DEBIT_REVERSALS}/{}", created.id());
    given.k2.get(&path).expect_error(404, INVALID, "resource_missing", "id");
    given.k1.list(&path, &[("expand[]", "transaction.entries")]).ok();
}

/// The money that came back can leave at once, and the account can be closed behind it.
#[test]
fn treasury_41_completed_after_the_account_was_closed() {
    let given = Given::with(1_000);
    let created = given.a.takes_back(&given.a.is_debited(1_000).id());
    given.a.is_debited(1_000).ok().expect("status", "succeeded");
    given.a.close().ok();
    given.settle();
    let path = format!("{DEBIT_REVERSALS}/{}", created.id());
    given.k1.get(&path).ok().expect("status", "succeeded");
    given.a.expect_balance(0, 0);
}

#[test]
fn reversals_by_what_they_reverse_and_by_status() {
    let given = Given::new();
    let credits: Vec<String> = (0..3).map(|_| given.a.receives(100, "ach").id()).collect();
    let sent: Vec<String> = credits.iter().map(|id| given.a.sends_back(id).id()).collect();
    let newest: Vec<String> = sent.iter().rev().cloned().collect();
    let list = |params: &[(&str, &str)]| given.a.list(CREDIT_REVERSALS, params).ids();
    assert_eq!(list(&[]), newest);
    assert_eq!(list(&[("received_credit", &credits[1])]), [&*sent[1]]);
    let both = [("received_credit", credits[1].as_str()), ("status", "processing")];
    assert_eq!(list(&both), [&*sent[1]]);
    assert_eq!(list(&[("starting_after", &newest[0]), ("limit", "1")]), [&*newest[1]]);
    given.settle();
    assert_eq!(list(&[("status", "posted")]), newest);
    assert!(list(&[("status", "processing")]).is_empty() && list(&both).is_empty());
    assert!(list(&[("status", "canceled")]).is_empty());
    let other = given.b.list(CREDIT_REVERSALS, &[("received_credit", &credits[1])]);
    other.expect_error(400, INVALID, "resource_missing", "received_credit");
    let second = given.k1.financial_account();
    let elsewhere = second.list(CREDIT_REVERSALS, &[("received_credit", &credits[1])]);
    assert!(elsewhere.ids().is_empty());
    let refused = |path: &str, name: &str, value: &str| {
        given.a.list(path, &[(name, value)]).expect_status(400).text("error.param").to_owned()
    };
    assert_eq!(refused(CREDIT_REVERSALS, "status", "succeeded"), "status");
    assert_eq!(refused(DEBIT_REVERSALS, "status", "succeeded"), "status");
    assert_eq!(refused(DEBIT_REVERSALS, "resolution", "drawn"), "resolution");
    assert_eq!(refused(DEBIT_REVERSALS, "received_debit", "rd_nope"), "received_debit");
    for path in [CREDIT_REVERSALS, DEBIT_REVERSALS] {
        let answer = given.k1.get(path);
        answer.expect_error(400, INVALID, "parameter_missing", "financial_account");
    }
    given.a.receives(100, "ach").ok();
    let debit = given.a.is_debited(100).id();
    let taken = given.a.takes_back(&debit).id();
    let found = given.a.list(DEBIT_REVERSALS, &[("received_debit", &debit)]).ids();
    assert_eq!(found, [&*taken]);
    let both = [("received_debit", debit.as_str()), ("resolution", "won")];
    assert!(given.a.list(DEBIT_REVERSALS, &both).ids().is_empty());
}
