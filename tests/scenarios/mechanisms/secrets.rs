//! Nothing secret is written down where somebody might read it.

use std::path::Path;

use exchequer_tests::{Folder, Receiver, Sandbox, Server};

#[test]
fn neither_store_nor_log_holds_a_secret() {
    let folder = Folder::new();
    let data = folder.file("store.db");
    let server = Server::start(&["--data", &data, "--log", "json", "--log-level", "trace"]);
    let given = Sandbox::on_server(&server);
    let receiver = Receiver::answering(&[500]);
    let endpoint = given.webhook(&receiver, &["*"]);
    let account = given.financial_account().holding(50_000);
    let mut secrets = vec![given.key().to_owned(), endpoint.secret, "whsec_".to_owned()];
    for number in ["000123456789", "000000000009", "000111111113", "987654321098"] {
        account.pays(100).to_bank("110000000", number);
        secrets.push(number.to_owned());
    }
    let from = [
        ("initiating_payment_method_details[type]", "us_bank_account"),
        ("initiating_payment_method_details[us_bank_account][account_number]", "000777123987"),
        ("initiating_payment_method_details[us_bank_account][routing_number]", "110000000"),
    ];
    account.receives_with(100, "ach", &from).ok();
    secrets.push("000777123987".to_owned());
    let shown =
        given.list(&account.path(), &[("expand[]", "financial_addresses.aba.account_number")]);
    secrets.push(shown.ok().text("financial_addresses.0.aba.account_number").to_owned());
    let rolled = format!("/_exchequer/webhook_endpoints/{}/roll_secret", endpoint.id);
    secrets.push(given.post_json(&rolled, &serde_json::json!({})).ok().text("secret").to_owned());
    // Refused requests are logged too, and what they carried must not be.
    let wrong = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";
    Sandbox::with_key(&server, wrong).get("/v1/customers").expect_status(401);
    secrets.push(wrong.to_owned());
    account.pays(100).bank("110000000", "000555666777").with("currency", "xyz").send();
    secrets.push("000555666777".to_owned());
    given.settle();
    given.deliveries_wait();
    // Killed, so that the write-ahead log is still there to be searched.
    server.kill();

    for secret in &secrets {
        assert!(!server.output().contains(secret.as_str()), "{secret} was logged");
        for name in files(folder.path()) {
            let bytes = std::fs::read(&name).expect("a file of the store");
            assert!(!holds(&bytes, secret.as_bytes()), "{secret} stands in {}", name.display());
        }
    }
    let names = files(folder.path());
    assert!(names.iter().any(|name| name.ends_with("store.db-wal")), "{names:?}");
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

fn holds(bytes: &[u8], secret: &[u8]) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret)
}
