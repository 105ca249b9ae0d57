//! A PostgreSQL that is reached over TLS: who is trusted, and who is not.

use exchequer_tests::{Folder, Postgres, Sandbox, Server, run_program};

/// A certificate for this machine that a server made for itself, with its key.
fn certificate(folder: &Folder, name: &str) -> (String, String) {
    let data = folder.file(name);
    drop(Server::start(&["--data", &data, "--tls-listen", "127.0.0.1:0"]));
    (format!("{data}.crt"), format!("{data}.crt.key"))
}

#[test]
fn a_database_is_trusted_as_far_as_the_address_says() {
    let folder = Folder::new();
    let (ours, key) = certificate(&folder, "ours.db");
    let (other, _) = certificate(&folder, "other.db");
    let mut postgres = Postgres::start();
    let port = postgres.listen_with_tls(&ours, &key, "secret");
    let seal_key = folder.file("seal.key");
    let url = |host: &str, query: &str| {
        format!("postgres://exchequer:secret@{host}:{port}/exchequer?{query}")
    };

    let full = url("127.0.0.1", &format!("sslmode=verify-full&sslrootcert={ours}"));
    let server = Server::start(&["--data", &full, "--seal-key", &seal_key]);
    let given = Sandbox::on_server(&server);
    given.post("/v1/customers", &[("name", "Ann")]).ok().expect("name", "Ann");
    assert!(!server.output().contains("secret"), "{}", server.output());
    assert!(server.stop().success());

    // Every connection is encrypted, or the server refuses it.
    let connects = |host: &str, query: &str| {
        let output = run_program(&["verify", "--data", &url(host, query), "--seal-key", &seal_key]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("secret"), "{said}");
        if output.status.code() == Some(0) { Ok(()) } else { Err(said) }
    };
    for (host, query) in [
        ("127.0.0.1", String::new()),
        ("127.0.0.1", "sslmode=require".to_owned()),
        ("127.0.0.1", "sslmode=require&channel_binding=require".to_owned()),
        ("127.0.0.1", format!("sslmode=require&sslrootcert={ours}")),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={ours}")),
        // The certificate does not name this address, which only `verify-full` asks for.
        ("127.0.0.2", format!("sslmode=verify-ca&sslrootcert={ours}")),
    ] {
        assert_eq!(connects(host, &query), Ok(()), "{host} {query}");
    }
    for (host, query, why) in [
        ("127.0.0.1", "sslmode=disable".to_owned(), "pg_hba.conf"),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={other}"), "certificate"),
        ("127.0.0.1", format!("sslmode=require&sslrootcert={other}"), "certificate"),
        ("127.0.0.1", "sslmode=verify-full".to_owned(), "certificate"),
        ("127.0.0.2", format!("sslmode=verify-full&sslrootcert={ours}"), "certificate"),
        ("127.0.0.1", "sslmode=verify-full&sslrootcert=/nowhere".to_owned(), "/nowhere"),
    ] {
        let refused = connects(host, &query).expect_err(&query);
        assert!(refused.contains(why), "{host} {query}: {refused}");
    }
}
