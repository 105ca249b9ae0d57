//! `exchequer verify` proves the books from the rows alone: a good store passes, and each edit of
//! one row is found and named.

use std::path::Path;
use std::process::Output;

use exchequer_tests::{Folder, Receiver, Sandbox, Server, run_program};
use rusqlite::Connection;

/// An edit by hand: what it is, the row's name for a person, and the change itself.
struct Edit {
    what: &'static str,
    /// A query for the id that the report must name.
    names: &'static str,
    sql: &'static str,
}

const EDITS: [Edit; 19] = [
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
        sql: "UPDATE objects SET state = replace(state, '97000', '97001') WHERE id = ?1",
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
];

/// A store in which everything has happened that the edits are about.
fn good_store() -> Folder {
    let folder = Folder::new();
    let server = Server::start(&["--data", &folder.file("store.db")]);
    let given = Sandbox::on_server(&server);
    let receiver = Receiver::new();
    given.webhook(&receiver, &["*"]);
    let once = given.idempotency_key("once");
    once.post("/v1/customers", &[("name", "Ann")]).ok();
    let account = given.financial_account().holding(100_000);
    let to_bank = || account.pays(1_000).to_bank("110000000", "000000000009");
    to_bank();
    to_bank().test_helper("post", &[]).ok();
    to_bank().test_helper("return", &[]).ok();
    to_bank().test_helper("fail", &[]).ok();
    to_bank().cancel().ok();
    account.pays(1_000).to_bank("110000000", "000123456789");
    assert_eq!(account.balance().0, 97_000);
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
    for edit in &EDITS {
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

/// Everything the edits could touch, as text.
fn fingerprint(store: &Connection) -> String {
    let tables = [
        "workspaces",
        "objects",
        "object_index",
        "postings",
        "events",
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
fn a_store_that_is_none_is_unreadable() {
    let folder = Folder::new();
    folder.write("store.db", "this is no store, but it is long enough to be taken for a header");
    assert_eq!(verify(folder.path()).status.code(), Some(4));
    let missing = Folder::new();
    assert_eq!(verify(missing.path()).status.code(), Some(4));
}
