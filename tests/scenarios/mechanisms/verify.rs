//! `exchequer verify` proves the books from the rows alone: a good store passes, and each edit of
//! one row is found and named.

use std::path::Path;
use std::process::Output;

use exchequer_tests::{Folder, Receiver, Sandbox, Server, run_program};
use rusqlite::Connection;

mod deleted;
mod inward;
mod payments;

/// An edit by hand: what it is, the row's name for a person, and the change itself.
struct Edit {
    what: &'static str,
    /// A query for the id that the report must name.
    names: &'static str,
    sql: &'static str,
}

const EDITS: &[Edit] = &[
    Edit {
        what: "the amount of an entry",
        names: "SELECT id FROM postings WHERE type = 'outbound_payment' ORDER BY id LIMIT 1",
        sql: "UPDATE postings SET amount = amount + 1 WHERE id = ?1",
    },
    Edit {
        what: "an entry that is gone",
        names: "SELECT txn FROM postings WHERE type = 'outbound_payment_posting' LIMIT 1",
        sql: "DELETE FROM postings WHERE txn = ?1 AND type = 'outbound_payment_posting'",
    },
    Edit {
        what: "an entry the wrong way round",
        names: "SELECT id FROM postings WHERE type = 'outbound_payment' ORDER BY id LIMIT 1",
        sql: "UPDATE postings SET taken_from = given_to, given_to = taken_from WHERE id = ?1",
    },
    Edit {
        what: "the currency of an entry",
        names: "SELECT id FROM postings WHERE type = 'received_credit' LIMIT 1",
        sql: "UPDATE postings SET currency = 'eur' WHERE id = ?1",
    },
    Edit {
        what: "the Transaction of an entry",
        names: "SELECT id FROM postings WHERE type = 'received_credit' LIMIT 1",
        sql: "UPDATE postings SET txn = 'trxn_1nobodys' WHERE id = ?1",
    },
    Edit {
        what: "the status of a payment",
        names: "SELECT id FROM objects WHERE id LIKE 'obp!_%' ESCAPE '!' AND \
                state LIKE '%\"processing\"%' LIMIT 1",
        sql: "UPDATE objects SET state = \
              replace(state, '\"processing\"', '{\"failed\":1700000000000}') WHERE id = ?1",
    },
    Edit {
        what: "the status of a Transaction",
        names: "SELECT id FROM objects WHERE id LIKE 'trxn!_%' ESCAPE '!' AND \
                state LIKE '%\"open\"%' LIMIT 1",
        sql: "UPDATE objects SET state = \
              replace(state, '\"open\"', '{\"void\":1700000000000}') WHERE id = ?1",
    },
    Edit {
        what: "the balance of a FinancialAccount",
        names: "SELECT id FROM objects WHERE id LIKE 'fa!_%' ESCAPE '!' LIMIT 1",
        sql: "UPDATE objects SET state = replace(state, '95000', '95001') WHERE id = ?1",
    },
    Edit {
        what: "a payment that is gone",
        names: "SELECT id FROM objects WHERE id LIKE 'obp!_%' ESCAPE '!' LIMIT 1",
        sql: "DELETE FROM objects WHERE id = ?1",
    },
    Edit {
        what: "a state that cannot be read",
        names: "SELECT id FROM objects WHERE id LIKE 'cus!_%' ESCAPE '!' LIMIT 1",
        sql: "UPDATE objects SET state = '{' WHERE id = ?1",
    },
    Edit {
        what: "an outbox row whose event is gone",
        names: "SELECT event FROM deliveries LIMIT 1",
        sql: "DELETE FROM events WHERE id = ?1",
    },
    Edit {
        what: "an outbox row that is missing",
        names: "SELECT event FROM deliveries LIMIT 1",
        sql: "DELETE FROM deliveries WHERE event = ?1",
    },
    Edit {
        what: "the amount of a payment",
        names: "SELECT id FROM objects WHERE id LIKE 'obp!_%' ESCAPE '!' LIMIT 1",
        sql: "UPDATE objects SET state = replace(state, '\"amount\":1000', '\"amount\":1001') \
              WHERE id = ?1",
    },
    Edit {
        what: "the network that the money of an entry went to",
        names: "SELECT txn FROM postings WHERE type = 'outbound_payment_posting' LIMIT 1",
        sql: "UPDATE postings SET given_to = 'wire_clearing' WHERE txn = ?1 \
              AND type = 'outbound_payment_posting'",
    },
    Edit {
        what: "a place in a list that is missing",
        names: "SELECT id FROM object_index WHERE id LIKE 'obp!_%' ESCAPE '!' LIMIT 1",
        sql: "DELETE FROM object_index WHERE id = ?1 AND field = 'status'",
    },
    Edit {
        what: "a place in a list that nothing declares",
        names: "SELECT id FROM object_index WHERE id LIKE 'obp!_%' ESCAPE '!' LIMIT 1",
        sql: "INSERT INTO object_index SELECT ws, acct, field, 'nowhere', id FROM object_index \
              WHERE id = ?1 AND field = 'status'",
    },
    Edit {
        what: "the sealed secret of an endpoint",
        names: "SELECT id FROM objects WHERE id LIKE 'we!_%' ESCAPE '!' LIMIT 1",
        sql: "UPDATE objects SET state = replace(state, '\"sealed\":\"', '\"sealed\":\"00') \
              WHERE id = ?1",
    },
    Edit {
        what: "a kept answer that cannot be found",
        names: "SELECT 'seq ' || seq FROM answers LIMIT 1",
        sql: "DELETE FROM answer_index WHERE 'seq ' || seq = ?1",
    },
    Edit {
        what: "when a workspace is woken next",
        names: "SELECT 'ws ' || ws FROM workspaces LIMIT 1",
        sql: "UPDATE workspaces SET next_due = 1 WHERE 'ws ' || ws = ?1",
    },
    Edit {
        what: "the job of a payment within Stripe",
        names: "SELECT id FROM objects WHERE id LIKE 'obp!_%' ESCAPE '!' AND \
                json_extract(state, '$.destination.financial_account.id') IS NOT NULL",
        sql: "DELETE FROM jobs WHERE object = ?1",
    },
    Edit {
        what: "the job of a payment to a test number",
        names: "SELECT object FROM jobs WHERE detail = 'post' ORDER BY seq LIMIT 1",
        sql: "DELETE FROM jobs WHERE object = ?1",
    },
    Edit {
        what: "the second job of a payment to a test token",
        names: "SELECT object FROM jobs WHERE detail = 'return account_closed'",
        sql: "DELETE FROM jobs WHERE object = ?1 AND detail LIKE 'return%'",
    },
    Edit {
        what: "what a job does",
        names: "SELECT object FROM jobs WHERE detail = 'return account_closed'",
        sql: "UPDATE jobs SET detail = 'return no_account' WHERE object = ?1",
    },
    Edit {
        what: "when an object was created",
        names: "SELECT id FROM objects WHERE id LIKE 'cus!_%' ESCAPE '!' LIMIT 1",
        sql: "UPDATE objects SET state = \
              json_set(state, '$.created', json_extract(state, '$.created') + 1000) WHERE id = ?1",
    },
    Edit {
        what: "when an event happened",
        names: "SELECT id FROM events ORDER BY id DESC LIMIT 1",
        sql: "UPDATE events SET created = created - 5000 WHERE id = ?1",
    },
    Edit {
        what: "when an entry was made",
        names: "SELECT id FROM postings ORDER BY id LIMIT 1",
        sql: "UPDATE postings SET created = created - 5000 WHERE id = ?1",
    },
    Edit {
        what: "the second of the last id",
        names: "SELECT 'ws ' || ws FROM workspaces LIMIT 1",
        sql: "UPDATE workspaces SET state = \
              json_set(state, '$.id_second', json_extract(state, '$.id_second') - 1) \
              WHERE 'ws ' || ws = ?1",
    },
    Edit {
        what: "the counter of the last id",
        names: "SELECT 'ws ' || ws FROM workspaces LIMIT 1",
        sql: "UPDATE workspaces SET state = json_set(state, '$.id_counter', -1) \
              WHERE 'ws ' || ws = ?1",
    },
    Edit {
        what: "an event about nobody",
        names: "SELECT id FROM events WHERE type = 'treasury.outbound_payment.created' LIMIT 1",
        sql: "UPDATE events SET object = json_set(object, '$.id', 'obp_1nobodys') WHERE id = ?1",
    },
    Edit {
        what: "an event about an object of another kind",
        names: "SELECT id FROM events WHERE type = 'customer.created' LIMIT 1",
        sql: "UPDATE events SET object = json_set(object, '$.object', 'mandate') WHERE id = ?1",
    },
    Edit {
        what: "an event that names an object of another kind",
        names: "SELECT id FROM events WHERE type = 'treasury.outbound_payment.created' LIMIT 1",
        sql: "UPDATE events SET object = json_set(object, '$.id', \
              json_extract(object, '$.financial_account')) WHERE id = ?1",
    },
    Edit {
        what: "the type of an event",
        names: "SELECT id FROM events WHERE type = 'customer.created' LIMIT 1",
        sql: "UPDATE events SET type = 'setup_intent.created' WHERE id = ?1",
    },
    Edit {
        what: "the amount in an event",
        names: "SELECT id FROM events WHERE type = 'treasury.outbound_payment.posted' LIMIT 1",
        sql: "UPDATE events SET object = json_set(object, '$.amount', 1001) WHERE id = ?1",
    },
    Edit {
        what: "the currency in an event",
        names: "SELECT id FROM events WHERE type = 'treasury.received_credit.created' LIMIT 1",
        sql: "UPDATE events SET object = json_set(object, '$.currency', 'eur') WHERE id = ?1",
    },
    Edit {
        what: "the FinancialAccount in an event",
        names: "SELECT id FROM events WHERE type = 'treasury.outbound_payment.posted' LIMIT 1",
        sql: "UPDATE events SET object = json_set(object, '$.financial_account', 'fa_1nobodys') \
              WHERE id = ?1",
    },
    Edit {
        what: "the time of creation in an event",
        names: "SELECT id FROM events WHERE type = 'customer.created' LIMIT 1",
        sql: "UPDATE events SET object = \
              json_set(object, '$.created', json_extract(object, '$.created') + 1) WHERE id = ?1",
    },
    Edit {
        what: "an event of another account",
        names: "SELECT id FROM events WHERE targets = 0 AND acct = 0 ORDER BY id LIMIT 1",
        sql: "UPDATE events SET acct = 1 WHERE id = ?1",
    },
    Edit {
        what: "a delivery that nobody heard of",
        names: "SELECT event FROM deliveries WHERE delivered = 0 LIMIT 1",
        sql: "UPDATE deliveries SET delivered = 1, due = NULL WHERE event = ?1",
    },
    Edit {
        what: "a delivery that is never made",
        names: "SELECT event FROM deliveries WHERE delivered = 0 LIMIT 1",
        sql: "UPDATE deliveries SET due = NULL WHERE event = ?1",
    },
    Edit {
        what: "a delivery that is never tried",
        names: "SELECT event FROM deliveries WHERE delivered = 0 LIMIT 1",
        sql: "UPDATE deliveries SET due = NULL, attempts = '[]' WHERE event = ?1",
    },
    Edit {
        what: "an endpoint that its set has switched off",
        names: "SELECT json_extract(state, '$.endpoints[0].id') FROM objects WHERE id = 'weset_1'",
        sql: "UPDATE objects SET state = json_set(state, '$.endpoints[0].disabled', json('true')) \
              WHERE id = 'weset_1' AND json_extract(state, '$.endpoints[0].id') = ?1",
    },
    Edit {
        what: "the events that a set has for an endpoint",
        names: "SELECT json_extract(state, '$.endpoints[0].id') FROM objects WHERE id = 'weset_1'",
        sql: "UPDATE objects SET state = json_set(state, '$.endpoints[0].enabled_events', \
              json('[]')) WHERE json_extract(state, '$.endpoints[0].id') = ?1",
    },
    Edit {
        what: "an endpoint that its set does not have",
        names: "SELECT json_extract(state, '$.endpoints[0].id') FROM objects WHERE id = 'weset_1'",
        sql: "UPDATE objects SET state = json_remove(state, '$.endpoints[0]') \
              WHERE json_extract(state, '$.endpoints[0].id') = ?1",
    },
    Edit {
        what: "an endpoint that only its set has",
        names: "SELECT 'we_1nobodys'",
        sql: "UPDATE objects SET state = json_insert(state, '$.endpoints[#]', \
              json_object('id', ?1, 'enabled_events', json('[\"*\"]'))) WHERE id = 'weset_1'",
    },
    Edit {
        what: "a set of endpoints that is gone",
        names: "SELECT json_extract(state, '$.endpoints[0].id') FROM objects WHERE id = 'weset_1'",
        sql: "DELETE FROM objects WHERE json_extract(state, '$.endpoints[0].id') = ?1",
    },
    Edit {
        what: "the status of an answer that an event says",
        names: "SELECT 'seq ' || seq FROM answers WHERE event IS NOT NULL LIMIT 1",
        sql: "UPDATE answers SET status = 400 WHERE 'seq ' || seq = ?1",
    },
    Edit {
        what: "the status of an answer",
        names: "SELECT 'seq ' || seq FROM answers WHERE event IS NULL LIMIT 1",
        sql: "UPDATE answers SET status = 418 WHERE 'seq ' || seq = ?1",
    },
];

/// A store in which everything has happened that the edits are about.
fn good_store() -> Folder {
    let folder = Folder::new();
    // What is to happen by itself is ahead when the program ends.
    let server = Server::start(&["--data", &folder.file("store.db"), "--step-delay", "1h"]);
    let given = Sandbox::on_server(&server);
    inward::fill(&given);
    payments::fill(&given);
    let bob = given.post("/v1/customers", &[("name", "Bob")]).id();
    let (receiver, deaf) = (Receiver::new(), Receiver::answering(&[500]));
    given.webhook(&receiver, &["*"]);
    given.idempotency_key("deaf").webhook(&deaf, &["customer.updated"]);
    given.idempotency_key("once").post("/v1/customers", &[("name", "Ann")]).ok();
    let gone = given.post("/v1/customers", &[("name", "Gone")]).id();
    given.delete(&format!("/v1/customers/{gone}")).ok();
    let off = given.webhook(&deaf, &["customer.updated"]).id;
    given.post(&format!("/v1/customers/{bob}"), &[("name", "Rob")]).ok();
    given.deliveries_wait();
    // What was given up while its endpoint was off is no loss when that is on again.
    let switch = |disabled: &str| {
        given.post(&format!("/v1/webhook_endpoints/{off}"), &[("disabled", disabled)]).ok();
    };
    switch("true");
    given.advance("10m").ok();
    given.deliveries_wait();
    switch("false");
    let account = given.financial_account().holding(100_000);
    let to_bank = || account.pays(1_000).to_bank("110000000", "000000000009");
    to_bank();
    to_bank().test_helper("post", &[]).ok();
    to_bank().test_helper("return", &[]).ok();
    to_bank().test_helper("fail", &[]).ok();
    to_bank().cancel().ok();
    account.pays(1_000).to_bank("110000000", "000123456789");
    let connected = given.connected_account();
    account.pays(1_000).to_financial_account(&connected.financial_account());
    let token = account.pays(1_000).to_payment_method("pm_usBankAccount_accountClosed", &bob);
    token.test_helper("post", &[]).ok();
    assert_eq!(account.balance().0, 95_000);
    given.deliveries_wait();
    assert!(server.stop().success());
    folder
}

fn verify(folder: &Path) -> Output {
    let data = folder.join("store.db");
    run_program(&["verify", "--data", data.to_str().expect("a path of plain text")])
}

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

fn copy(from: &Folder) -> Folder {
    let to = Folder::new();
    for entry in std::fs::read_dir(from.path()).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        std::fs::copy(&path, to.path().join(name)).expect("a copy");
    }
    to
}

#[test]
fn a_good_store_passes_and_each_edit_is_found() {
    let good = good_store();
    let output = verify(good.path());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let mut wrong = Vec::new();
    for edit in EDITS.iter().chain(inward::EDITS).chain(payments::EDITS) {
        let folder = copy(&good);
        let id = apply(&folder, edit);
        let output = verify(folder.path());
        let said = said(&output);
        if output.status.code() != Some(1) || !said.contains(&id) {
            let code = output.status.code();
            wrong.push(format!("{}: {code:?} should be 1 and name {id}: {said}", edit.what));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[track_caller]
fn apply(folder: &Folder, edit: &Edit) -> String {
    let store = Connection::open(folder.file("store.db")).expect("a store");
    let id: String = store.query_row(edit.names, [], |row| row.get(0)).unwrap_or_else(|error| {
        panic!("{}: no such row: {error}", edit.what);
    });
    let before = fingerprint(&store);
    store.execute(edit.sql, [&id]).unwrap_or_else(|error| panic!("{}: {error}", edit.what));
    assert_ne!(before, fingerprint(&store), "{}: the edit changed nothing", edit.what);
    id
}

#[test]
fn what_failed_after_it_was_handed_over_is_good() {
    let folder = Folder::new();
    let server = Server::start(&["--data", &folder.file("store.db"), "--settle", "auto"]);
    let given = Sandbox::on_server(&server);
    let account = given.financial_account().holding(3_000);
    let to_bank = || account.pays(1_000).to_bank("110000000", "000000000009");
    let (sent, kept) = (to_bank(), to_bank());
    kept.test_helper("fail", &[]).ok();
    // It arrives twelve hours after it was handed over.
    while sent.get().body["tracking_details"].is_null() {
        given.advance("4h").ok();
    }
    sent.test_helper("fail", &[]).ok().expect("status", "failed");
    given.advance("10d").ok();
    assert_eq!(account.balance(), (3_000, 0));
    assert!(server.stop().success());
    let output = verify(folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

/// Everything the edits could touch, as text.
fn fingerprint(store: &Connection) -> String {
    let tables = [
        "workspaces",
        "objects",
        "object_index",
        "postings",
        "events",
        "jobs",
        "answers",
        "answer_index",
        "deliveries",
    ];
    tables.map(|table| rows(store, table)).concat()
}

fn rows(store: &Connection, table: &str) -> String {
    let mut query = store.prepare(&format!("SELECT * FROM {table}")).expect("a table");
    let columns = query.column_count();
    let line = query.query_map([], |row| {
        let values: rusqlite::Result<Vec<_>> =
            (0..columns).map(|column| row.get::<_, rusqlite::types::Value>(column)).collect();
        Ok(format!("{:?}\n", values?))
    });
    line.expect("rows").map(|row| row.expect("a row")).collect()
}

#[test]
fn a_store_in_use_is_left_alone() {
    let folder = Folder::new();
    let server = Server::start(&["--data", &folder.file("store.db")]);
    let given = Sandbox::on_server(&server);
    given.post("/v1/customers", &[("name", "Ann")]).ok();
    let output = verify(folder.path());
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert!(said(&output).contains("in use"), "{}", said(&output));
    assert!(server.stop().success());
    let before = std::fs::read(folder.file("store.db")).expect("the store");
    let output = verify(folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(told, "ok: 1 workspaces, 1 objects, 0 postings, 1 events checked\n");
    assert!(std::fs::read(folder.file("store.db")).expect("the store") == before);
    std::fs::remove_file(folder.file("store.db.key")).expect("the key");
    assert_eq!(verify(folder.path()).status.code(), Some(4));
}

#[test]
fn another_key_than_the_stores_is_refused() {
    let folder = Folder::new();
    let server = Server::start(&["--data", &folder.file("store.db")]);
    Sandbox::on_server(&server).post("/v1/customers", &[("name", "Ann")]).ok();
    assert!(server.stop().success());
    assert_eq!(verify(folder.path()).status.code(), Some(0));
    std::fs::write(folder.file("store.db.key"), [7u8; 32]).expect("a key");
    let output = verify(folder.path());
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert!(said(&output).contains("the seal key is not the one"), "{}", said(&output));
}

#[test]
fn a_store_that_is_none_is_unreadable() {
    let folder = Folder::new();
    folder.write("store.db", "this is no store, but it is long enough to be taken for a header");
    assert_eq!(verify(folder.path()).status.code(), Some(4));
    let missing = Folder::new();
    assert_eq!(verify(missing.path()).status.code(), Some(4));
}
