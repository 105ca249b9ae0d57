//! The harness of the black-box scenarios.
//!
//! Everything here talks to a running `exchequer` over HTTP, as any client would, and knows
//! nothing of the server's crates. A scenario starts from a [`Sandbox`], a client with a random
//! key of its own, so that tests share one server process and never each other's data:
//!
//! ```no_run
//! use exchequer_tests::Sandbox;
//!
//! let given = Sandbox::new();
//! let account = given.financial_account().holding(10_000);
//! let payment = account.pays(2_000).to_bank("110000000", "000000000009");
//! account.expect_balance(8_000, 2_000);
//! payment.test_helper("post", &[]).expect("status", "posted");
//! ```
//!
//! `EXCHEQUER_BIN` names the program under test; without it the one that was built beside the
//! tests is taken. `EXCHEQUER_BODIES_DIR` asks for every body seen to be kept there, so that
//! another program can compare them with the official SDKs' types.

mod answer;
mod bodies;
mod client;
mod cluster;
mod control;
mod metrics;
mod postgres;
mod receiver;
mod server;
mod signature;
mod story;
mod treasury;
mod wire;

pub use answer::{Answer, Expected};
pub use client::{Sandbox, random_key, random_text};
pub use cluster::{cut_connections, new_database};
pub use control::Endpoint;
pub use metrics::Metrics;
pub use postgres::{Postgres, Shutdown};
pub use receiver::{Received, Receiver, Reply};
pub use server::{Folder, Server, program, run_program};
pub use signature::{Signature, hmac_sha256_hex};
pub use story::{Story, node, python};
pub use treasury::{ALL_FEATURES, Draft, FinancialAccount, Payment};
pub use wire::{Reply as WireReply, exchange, exchange_raw};
