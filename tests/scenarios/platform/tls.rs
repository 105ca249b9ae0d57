//! `--tls-listen`: the same API behind TLS, for clients that trust the server's certificate.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use exchequer_tests::{Folder, Sandbox, Server, python, random_key, run_program};

/// Where the server said that it listens with TLS, and the certificate it named.
#[track_caller]
fn secure(server: &Server) -> (String, String) {
    let output = server.output();
    let line = output.lines().find(|line| line.starts_with("TLS is on https://127.0.0.1:"));
    let line = line.unwrap_or_else(|| panic!("no word of TLS:\n{output}"));
    let rest = line.trim_start_matches("TLS is on https://");
    let (address, certificate) = rest.split_once(", with ").unwrap_or((rest, ""));
    (address.to_owned(), certificate.to_owned())
}

fn start(data: &str) -> Server {
    Server::start(&["--data", data, "--tls-listen", "127.0.0.1:0"])
}

/// The official SDK creates a customer over TLS; `verify` is the certificate that it trusts.
#[track_caller]
fn sdk_creates(address: &str, certificate: &str, key: &str) -> String {
    let mut command = python();
    command.env("TLS_URL", format!("https://{address}")).env("TLS_CERT", certificate);
    command.arg("-c").arg(
        "import json, os, stripe\n\
         stripe.ca_bundle_path = os.environ['TLS_CERT']\n\
         client = stripe.StripeClient(os.environ['EXCHEQUER_KEY'],\n\
         \x20   base_addresses={'api': os.environ['TLS_URL']}, max_network_retries=0)\n\
         print(json.dumps(client.v1.customers.create({'name': 'Ann'}).id))\n",
    );
    let story = Sandbox::at(address, key).story(command, "python_tls");
    story.json().as_str().expect("an id").to_owned()
}

#[test]
fn the_sdk_trusts_the_certificate_beside_the_store() {
    let folder = Folder::new();
    let server = start(&folder.file("store.db"));
    let (address, certificate) = secure(&server);
    assert_eq!(certificate, folder.file("store.db.crt"));
    let given = Sandbox::on_server(&server);
    let customer = sdk_creates(&address, &certificate, given.key());
    // One server: what was made over TLS is there without it.
    given.get(&format!("/v1/customers/{customer}")).ok();
}

#[test]
fn the_certificate_stays_and_its_key_is_private() {
    let folder = Folder::new();
    let data = folder.file("store.db");
    let first = start(&data);
    let (_, certificate) = secure(&first);
    let made = std::fs::read_to_string(&certificate).expect("a certificate");
    assert!(!made.contains("PRIVATE"), "{made}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let key = std::fs::metadata(folder.file("store.db.crt.key")).expect("a key");
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }
    assert!(first.stop().success());
    let second = start(&data);
    assert_eq!(std::fs::read_to_string(secure(&second).1).expect("a certificate"), made);
}

#[test]
fn a_certificate_can_be_given() {
    let folder = Folder::new();
    // One that another server made for itself is as good as any.
    drop(start(&folder.file("other.db")));
    let (certificate, key) = (folder.file("other.db.crt"), folder.file("other.db.crt.key"));
    let args = ["--tls-listen", "127.0.0.1:0", "--tls-cert", &certificate, "--tls-key", &key];
    let server = Server::start(&args);
    sdk_creates(&secure(&server).0, &certificate, &random_key());
}

#[test]
fn a_store_that_keeps_nothing_leaves_no_certificate() {
    let server = start(":memory:");
    let (address, certificate) = secure(&server);
    sdk_creates(&address, &certificate, &random_key());
    assert!(server.stop().success());
    assert!(!std::path::Path::new(&certificate).exists(), "{certificate} is still there");
}

/// What comes back when those bytes are all that a client sends.
fn answer_to(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    stream.write_all(bytes).expect("bytes are taken");
    let mut answer = Vec::new();
    // A reset says the same as an end.
    stream.read_to_end(&mut answer).ok();
    answer
}

/// A hello of TLS 1.1, as a client of that time says it.
fn hello_of_tls_1_1() -> Vec<u8> {
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    // No session; two suites of that time; no compression; no extensions.
    hello.extend([0, 0, 4, 0, 0x2f, 0, 0x35, 1, 0]);
    let length = u8::try_from(hello.len()).expect("a short hello");
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(hello);
    record
}

/// An alert ends a handshake; nothing else may come of one that failed.
#[track_caller]
fn expect_no_answer(answer: &[u8]) {
    let alert = answer.len() == 7 && answer[0] == 21;
    assert!(answer.is_empty() || alert, "{:?}", String::from_utf8_lossy(answer));
}

#[test]
fn what_is_not_tls_of_today_gets_no_answer_and_harms_nothing() {
    let server = start(":memory:");
    let (address, certificate) = secure(&server);
    let plain = b"GET /_exchequer/health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    // Silent ones hold a place and nobody up.
    let silent: Vec<TcpStream> =
        (0..20).map(|_| TcpStream::connect(&address).expect("a connection")).collect();
    for _ in 0..20 {
        expect_no_answer(&answer_to(&address, plain));
        expect_no_answer(&answer_to(&address, &hello_of_tls_1_1()));
    }
    sdk_creates(&address, &certificate, &random_key());
    drop(silent);
    assert!(!server.output().contains("panicked"), "{}", server.output());
}

#[test]
fn a_server_stops_while_handshakes_hang() {
    let server = start(":memory:");
    let (address, _) = secure(&server);
    let silent = TcpStream::connect(&address).expect("a connection");
    let began = std::time::Instant::now();
    assert!(server.stop().success());
    assert!(began.elapsed() < Duration::from_secs(8), "the stop waited for a handshake");
    drop(silent);
}

#[test]
fn wrong_flags_end_the_program() {
    let folder = Folder::new();
    let nothing = folder.write("nothing.pem", "nothing\n");
    let data = folder.file("store.db");
    folder.write("store.db.crt", "somebody's own\n");
    folder.write("store.db.crt.key", "somebody's own\n");
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let tls = ["--tls-listen", "127.0.0.1:0"];
    for (more, why) in [
        (vec!["--tls-cert", &nothing, "--tls-key", &nothing], "--tls-cert needs --tls-listen"),
        ([&tls[..], &["--tls-cert", &nothing]].concat(), "--tls-key"),
        ([&tls[..], &["--tls-cert", &nothing, "--tls-key", &nothing]].concat(), "nothing.pem: "),
        ([&tls[..], &["--data", &data]].concat(), "there is no certificate in it"),
    ] {
        let memory: &[&str] = if more.contains(&"--data") { &[] } else { &["--data", ":memory:"] };
        let ended = run_program(&[&serve[..], memory, &more[..]].concat());
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(2), "{more:?}: {said}");
        assert!(said.contains(why), "{more:?}: {said}");
    }
    let kept = std::fs::read_to_string(folder.file("store.db.crt")).expect("the file");
    assert_eq!(kept, "somebody's own\n");
}
