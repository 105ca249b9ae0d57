//! Edits of the balance of payments, and of what moves it.

use exchequer_tests::{Folder, Sandbox, Server};

use super::{Edit, apply, copy, said, verify};

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

/// Edits of what crossed between the balance of payments and a FinancialAccount.
const CROSSINGS: &[Edit] = &[
    Edit {
        what: "the payout that a credit is",
        names: "SELECT id FROM objects WHERE id LIKE 'rc!_%' ESCAPE '!' AND \
                json_extract(state, '$.source.type') = 'payout'",
        sql: "UPDATE objects SET state = json_set(state, '$.source.id', 'po_1nobodys') \
              WHERE id = ?1",
    },
    Edit {
        what: "where the money of a payout comes from",
        names: "SELECT txn FROM postings WHERE taken_from = 'payments_balance'",
        sql: "UPDATE postings SET taken_from = 'ach_clearing' WHERE txn = ?1",
    },
    Edit {
        what: "the top-up that a debit is",
        names: "SELECT id FROM objects WHERE json_extract(state, '$.cause.topup') IS NOT NULL",
        sql: "UPDATE objects SET state = json_set(state, '$.cause.topup', 'tu_1nobodys') \
              WHERE id = ?1",
    },
    Edit {
        what: "a payout that arrived at a bank instead",
        names: "SELECT 'ws ' || ws FROM postings WHERE given_to = 'financial_accounts'",
        sql: "UPDATE postings SET given_to = 'ach_clearing' \
              WHERE given_to = 'financial_accounts' AND 'ws ' || ws = ?1",
    },
];

/// A store in which a payout went to a FinancialAccount, was pulled back, and a top-up came from it.
fn crossed() -> Folder {
    let folder = Folder::new();
    let server = Server::start(&["--data", &folder.file("store.db")]);
    let platform = Sandbox::on_server(&server);
    platform.clock_freeze(1_680_648_660);
    let owner = platform.connected_account();
    let account = owner.financial_account();
    platform.settle();
    let address = account.as_external_account();
    let money = |cents: &'static str| [("amount", cents), ("currency", "usd")];
    let charge = [("source", "tok_bypassPending")];
    owner.post("/v1/charges", &[&money("10000")[..], &charge].concat()).ok();
    let to = [("destination", address.as_str())];
    let payout = owner.post("/v1/payouts", &[&money("3000")[..], &to].concat()).id();
    platform.advance("1d");
    account.expect_balance(3_000, 0);
    owner.post(&format!("/v1/payouts/{payout}/reverse"), &[]).ok();
    platform.advance("2d");
    account.expect_balance(0, 0);
    owner.post("/v1/payouts", &[&money("500")[..], &to].concat()).ok();
    platform.advance("5d");
    let from = [("source", address.as_str())];
    owner.post("/v1/topups", &[&money("200")[..], &from].concat()).ok();
    owner.post("/v1/topups", &[&money("900")[..], &from].concat()).ok();
    platform.settle();
    account.expect_balance(300, 0);
    assert!(server.stop().success());
    folder
}

#[test]
fn the_books_of_both_products_agree() {
    let good = crossed();
    let output = verify(good.path());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    for edit in CROSSINGS {
        let folder = copy(&good);
        let id = apply(&folder, edit);
        let output = verify(folder.path());
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{}: {said}", edit.what);
        assert!(said.contains(&id), "{} should name {id}: {said}", edit.what);
    }
}

/// `charge.refund.updated` is named after a charge, and tells of a refund.
#[test]
fn refunds_that_changed_are_good() {
    let folder = Folder::new();
    let server = Server::start(&["--data", &folder.file("store.db")]);
    let given = Sandbox::on_server(&server);
    for card in ["pm_card_pendingRefund", "pm_card_refundFail"] {
        let params = [
            ("amount", "5000"),
            ("currency", "usd"),
            ("payment_method", card),
            ("payment_method_types[]", "card"),
            ("confirm", "true"),
        ];
        let charge = given.post("/v1/payment_intents", &params).text("latest_charge").to_owned();
        given.post("/v1/refunds", &[("charge", &charge)]).ok();
    }
    given.advance("1m").ok();
    let changed = given.get("/v1/events?type=charge.refund.updated").data().len();
    assert_eq!(changed, 2, "one that is through and one that failed");
    assert!(server.stop().success());
    let output = verify(folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}
