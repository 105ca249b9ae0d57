//! What is deleted leaves rows behind, and those are no fault of the books.

use exchequer_tests::{Folder, Sandbox, Server};

use super::{Edit, apply, copy, said, verify};

/// Edits of what was left behind.
const EDITS: &[Edit] = &[
    Edit {
        what: "money sent back that is between the books",
        names: "SELECT id FROM objects WHERE id LIKE 'credrev!_%' ESCAPE '!'",
        sql: "UPDATE postings SET given_to = 'intra_stripe_transit' WHERE given_to = 'other' AND \
              txn = (SELECT json_extract(state, '$.transaction') FROM objects WHERE id = ?1)",
    },
    Edit {
        what: "the deletion that an object of events had",
        names: "SELECT json_extract(object, '$.id') FROM events \
                WHERE type = 'customer.source.deleted'",
        sql: "UPDATE events SET object = json_set(object, '$.id', 'ba_1nobodys') \
              WHERE type = 'customer.source.deleted' AND json_extract(object, '$.id') = ?1",
    },
];

/// What came from an account that is deleted by now is sent back.
fn send_back_to_nobody(given: &Sandbox) {
    let sender = given.connected_account();
    let payer = sender.financial_account().holding(3_000);
    let payee = given.connected_account().financial_account();
    payer.pays(3_000).to_financial_account(&payee).test_helper("post", &[]).ok();
    let credit = payee.list("/v1/treasury/received_credits", &[]).ids().remove(0);
    payer.close().ok();
    given.delete(&format!("/v1/accounts/{}", sender.account_id())).ok();
    payee.sends_back(&credit).ok();
    given.advance("1m").ok();
    payee.expect_balance(0, 0);
}

/// A top-up that is never to end.
fn leave_a_top_up(given: &Sandbox) {
    let owner = given.connected_account();
    owner.post("/v1/topups", &[("amount", "900"), ("currency", "usd")]).ok();
    given.delete(&format!("/v1/accounts/{}", owner.account_id())).ok();
    given.advance("1m").ok();
}

/// Bank accounts, of which nothing is kept but events.
fn delete_bank_accounts(given: &Sandbox) {
    let owner = given.connected_account().account_id();
    let customer = given.post("/v1/customers", &[]).id();
    let external = format!("/v1/accounts/{owner}/external_accounts");
    let sources = format!("/v1/customers/{customer}/sources");
    for (path, name) in [(external, "external_account"), (sources, "source")] {
        let add = |number: &str| {
            let values = [
                ("object", "bank_account"),
                ("country", "US"),
                ("currency", "usd"),
                ("routing_number", "110000000"),
                ("account_number", number),
            ];
            let named = values.map(|(key, value)| (format!("{name}[{key}]"), value));
            given.post(&path, &named.each_ref().map(|(key, value)| (key.as_str(), *value))).id()
        };
        add("000123456789");
        let second = add("000000000009");
        given.delete(&format!("{path}/{second}")).ok();
    }
}

#[test]
fn what_is_deleted_leaves_a_good_store() {
    let good = Folder::new();
    let server = Server::start(&["--data", &good.file("store.db")]);
    let given = Sandbox::on_server(&server);
    send_back_to_nobody(&given);
    leave_a_top_up(&given);
    delete_bank_accounts(&given);
    assert!(server.stop().success());
    let output = verify(good.path());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    for edit in EDITS {
        let folder = copy(&good);
        let id = apply(&folder, edit);
        let output = verify(folder.path());
        let said = said(&output);
        let is_found = output.status.code() == Some(1) && said.contains(&id);
        assert!(is_found, "{}: {id} is not named: {said}", edit.what);
    }
}
