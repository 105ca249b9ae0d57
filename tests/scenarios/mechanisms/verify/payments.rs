//! Edits of the balance of payments, and of what moves it.

use exchequer_tests::Sandbox;

use super::Edit;

pub const EDITS: &[Edit] = &[
    Edit {
        what: "the balance of payments",
        names: "SELECT id FROM objects WHERE id = 'bal_usd'",
        sql: "UPDATE objects SET state = json_set(state, '$.funds.available', \
              json_extract(state, '$.funds.available') + 1) WHERE id = ?1",
    },
    Edit {
        what: "the amount of a charge's entry",
        names: "SELECT txn FROM postings WHERE type = 'charge' LIMIT 1",
        sql: "UPDATE postings SET amount = amount + 1 WHERE txn = ?1 AND type = 'charge'",
    },
    Edit {
        what: "a fee that went the wrong way",
        names: "SELECT id FROM postings WHERE type = 'fee' LIMIT 1",
        sql: "UPDATE postings SET taken_from = given_to, given_to = taken_from WHERE id = ?1",
    },
    Edit {
        what: "an entry of payments that nothing lists",
        names: "SELECT id FROM postings WHERE type = 'refund' LIMIT 1",
        sql: "UPDATE postings SET txn = (SELECT txn FROM postings WHERE type = 'charge') \
              WHERE id = ?1",
    },
    Edit {
        what: "what a payment costs",
        names: "SELECT txn FROM postings WHERE type = 'fee' LIMIT 1",
        sql: "UPDATE objects SET state = json_set(state, '$.fee', 1) WHERE id = ?1",
    },
    Edit {
        what: "the amount of a BalanceTransaction",
        names: "SELECT txn FROM postings WHERE type = 'payout' LIMIT 1",
        sql: "UPDATE objects SET state = json_set(state, '$.amount', -1) WHERE id = ?1",
    },
    Edit {
        what: "pending money that is said to be available",
        names: "SELECT id FROM objects WHERE json_extract(state, '$.is_pending') LIMIT 1",
        sql: "UPDATE objects SET state = json_remove(state, '$.is_pending') WHERE id = ?1",
    },
    Edit {
        what: "what makes pending money available",
        names: "SELECT object FROM jobs WHERE kind = 'balance.settle'",
        sql: "DELETE FROM jobs WHERE object = ?1",
    },
    Edit {
        what: "money that crossed to nowhere",
        names: "SELECT 'ws ' || ws FROM postings WHERE type = 'charge' LIMIT 1",
        sql: "UPDATE postings SET taken_from = 'financial_accounts' \
              WHERE type = 'charge' AND 'ws ' || ws = ?1",
    },
    Edit {
        what: "how much of a charge was given back",
        names: "SELECT id FROM objects WHERE json_extract(state, '$.amount_refunded') > 0",
        sql: "UPDATE objects SET state = json_set(state, '$.amount_refunded', 1) WHERE id = ?1",
    },
    Edit {
        what: "the amount of a refund",
        names: "SELECT id FROM objects WHERE id LIKE 're!_%' ESCAPE '!'",
        sql: "UPDATE objects SET state = json_set(state, '$.amount', 1) WHERE id = ?1",
    },
    Edit {
        what: "the amount of a payout",
        names: "SELECT id FROM objects WHERE id LIKE 'po!_%' ESCAPE '!' LIMIT 1",
        sql: "UPDATE objects SET state = json_set(state, '$.amount', 1) WHERE id = ?1",
    },
    Edit {
        what: "a canceled payout whose money stayed away",
        names: "SELECT id FROM objects WHERE id LIKE 'po!_%' ESCAPE '!' AND \
                json_extract(state, '$.status') = 'canceled'",
        sql: "UPDATE objects SET state = json_remove(state, '$.failure_balance_transaction') \
              WHERE id = ?1",
    },
    Edit {
        what: "the next step of a payout",
        names: "SELECT object FROM jobs WHERE kind = 'payout.submit' AND object IN \
                (SELECT id FROM objects WHERE json_extract(state, '$.status') = 'pending')",
        sql: "DELETE FROM jobs WHERE object = ?1",
    },
    Edit {
        what: "a top-up that succeeded without money",
        names: "SELECT id FROM objects WHERE id LIKE 'tu!_%' ESCAPE '!'",
        sql: "UPDATE objects SET state = json_set(state, '$.status', 'succeeded') WHERE id = ?1",
    },
];

/// One of everything that the edits are about.
pub fn fill(given: &Sandbox) {
    let charge = |source: &str| {
        let params = [("amount", "10000"), ("currency", "usd"), ("source", source)];
        given.post("/v1/charges", &params).id()
    };
    let paid = charge("tok_bypassPending");
    charge("tok_visa");
    given.post("/v1/refunds", &[("charge", &paid), ("amount", "700")]).ok();
    let send = || given.post("/v1/payouts", &[("amount", "500"), ("currency", "usd")]).id();
    send();
    given.post(&format!("/v1/payouts/{}/cancel", send()), &[]).ok();
    given.post("/v1/topups", &[("amount", "900"), ("currency", "usd")]).ok();
}
