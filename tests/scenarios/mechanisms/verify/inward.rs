//! Edits of what comes in, what others pull, and what is sent or taken back.

use exchequer_tests::Sandbox;

use super::Edit;

pub const EDITS: &[Edit] = &[
    Edit {
        what: "the amount of a debit",
        names: "SELECT id FROM objects WHERE id LIKE 'rd!_%' ESCAPE '!' LIMIT 1",
        sql: "UPDATE objects SET state = json_set(state, '$.amount', 1) WHERE id = ?1",
    },
    Edit {
        what: "a debit that failed and is booked",
        names: "SELECT id FROM objects WHERE id LIKE 'rd!_%' ESCAPE '!' LIMIT 1",
        sql: "UPDATE objects SET state = \
              json_set(state, '$.failure_code', 'insufficient_funds') WHERE id = ?1",
    },
    Edit {
        what: "a debit that succeeded and is not booked",
        names: "SELECT id FROM objects WHERE json_extract(state, '$.failure_code') IS NOT NULL \
                AND id LIKE 'rd!_%' ESCAPE '!'",
        sql: "UPDATE objects SET state = json_remove(state, '$.failure_code') WHERE id = ?1",
    },
    Edit {
        what: "the transfer that a debit took back",
        names: "SELECT id FROM objects WHERE json_extract(state, '$.cause') IS NOT NULL",
        sql: "UPDATE objects SET state = \
              json_set(state, '$.cause.inbound_transfer', 'ibt_1nobodys') WHERE id = ?1",
    },
    Edit {
        what: "the debit that took a transfer back",
        names: "SELECT id FROM objects WHERE json_extract(state, '$.stage.returned') IS NOT NULL \
                AND id LIKE 'ibt!_%' ESCAPE '!'",
        sql: "UPDATE objects SET state = \
              json_set(state, '$.stage.returned.received_debit', 'rd_1nobodys') WHERE id = ?1",
    },
    Edit {
        what: "when a transfer came",
        names: "SELECT id FROM objects WHERE json_extract(state, '$.stage.succeeded') IS NOT NULL",
        sql: "UPDATE objects SET state = json_set(state, '$.stage.succeeded.at', \
              json_extract(state, '$.stage.succeeded.at') + 1000) WHERE id = ?1",
    },
    Edit {
        what: "the job of a transfer",
        names: "SELECT object FROM jobs WHERE detail = 'succeed'",
        sql: "DELETE FROM jobs WHERE object = ?1 AND detail = 'succeed'",
    },
    Edit {
        what: "the second job of a transfer",
        names: "SELECT object FROM jobs WHERE detail = 'return debit_not_authorized'",
        sql: "DELETE FROM jobs WHERE object = ?1 AND detail LIKE 'return%'",
    },
    Edit {
        what: "the job of a credit's reversal",
        names: "SELECT object FROM jobs WHERE kind = 'credit_reversal.post'",
        sql: "DELETE FROM jobs WHERE object = ?1",
    },
    Edit {
        what: "the job of a debit's reversal",
        names: "SELECT object FROM jobs WHERE kind = 'debit_reversal.succeed'",
        sql: "DELETE FROM jobs WHERE object = ?1",
    },
    Edit {
        what: "the reversal of a credit",
        names: "SELECT id FROM objects WHERE \
                json_extract(state, '$.credit_reversal') IS NOT NULL LIMIT 1",
        sql: "UPDATE objects SET state = \
              json_set(state, '$.credit_reversal', 'credrev_1nobodys') WHERE id = ?1",
    },
    Edit {
        what: "a credit that does not know that it was sent back",
        names: "SELECT id FROM objects WHERE id LIKE 'credrev!_%' ESCAPE '!' LIMIT 1",
        sql: "UPDATE objects SET state = json_remove(state, '$.credit_reversal') WHERE id = \
              (SELECT json_extract(state, '$.received_credit') FROM objects WHERE id = ?1)",
    },
    Edit {
        what: "the reversal of a debit",
        names: "SELECT id FROM objects WHERE json_extract(state, '$.debit_reversal') IS NOT NULL",
        sql: "UPDATE objects SET state = \
              json_set(state, '$.debit_reversal', 'debrev_1nobodys') WHERE id = ?1",
    },
    Edit {
        what: "the debit that a reversal takes back",
        names: "SELECT id FROM objects WHERE id LIKE 'debrev!_%' ESCAPE '!' LIMIT 1",
        sql: "UPDATE objects SET state = \
              json_set(state, '$.received_debit', 'rd_1nobodys') WHERE id = ?1",
    },
    Edit {
        what: "a reversal that is posted before it is",
        names: "SELECT object FROM jobs WHERE kind = 'credit_reversal.post'",
        sql: "UPDATE objects SET state = json_set(state, '$.posted_at', \
              json_extract(state, '$.created')) WHERE id = ?1",
    },
    Edit {
        what: "a reversal that ended before it began",
        names: "SELECT object FROM jobs WHERE kind = 'debit_reversal.succeed'",
        sql: "UPDATE objects SET state = json_set(state, '$.completed_at', 1) WHERE id = ?1",
    },
    Edit {
        what: "what brought a payment back that its receiver sent back",
        names: "SELECT id FROM objects WHERE json_extract(state, '$.stage.returned.code') = \
                'declined' AND json_extract(state, '$.destination.financial_account.id') \
                IS NOT NULL",
        sql: "UPDATE objects SET state = json_set(state, '$.stage.returned.transaction', \
              json_extract(state, '$.transaction')) WHERE id = ?1",
    },
    Edit {
        what: "the reversal that a credit came from",
        names: "SELECT id FROM objects WHERE \
                json_extract(state, '$.source.type') = 'credit_reversal'",
        sql: "UPDATE objects SET state = \
              json_set(state, '$.source.id', 'credrev_1nobodys') WHERE id = ?1",
    },
];

/// Lets everything happen that the edits are about, in two connected accounts. It moves the clock
/// by hours first, and leaves jobs ahead.
pub fn fill(given: &Sandbox) {
    let payer = given.connected_account().financial_account().holding(5_000);
    let payee = given.connected_account().financial_account();
    let within = payer.pays(3_000).to_financial_account(&payee);
    within.test_helper("post", &[]).ok();
    let credit = payee.list("/v1/treasury/received_credits", &[]).ids().remove(0);
    payee.sends_back(&credit).ok();
    let disputed = payer.transfers_in(200, "pm_usBankAccount_dispute");
    given.advance("3h").ok();
    within.expect("status", "returned");
    disputed.ok();
    payer.is_debited(6_000).ok().expect("status", "failed");
    payer.takes_back(&payer.is_debited(1_000).id()).ok();
    payer.sends_back(&payer.receives(1_000, "ach").id()).ok();
    let helpers = "/v1/test_helpers/treasury/inbound_transfers";
    let came = payer.transfers_in(300, "pm_usBankAccount_processing").id();
    payer.owner.post(&format!("{helpers}/{came}/succeed"), &[]).ok();
    payer.transfers_in(400, "pm_usBankAccount").ok();
    payer.transfers_in(500, "pm_usBankAccount_dispute").ok();
    payer.expect_balance(5_300, 1_000);
}
