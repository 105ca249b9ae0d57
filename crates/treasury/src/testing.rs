//! A transaction for the tests of this crate, on a store of its own that is never committed to.

use std::cell::RefCell;
use std::sync::Arc;

use api::app::Receipts;
use api::{Api, App, Config, Owner, Tx, View, WebhookTargets};
use store::overlay::Overlay;
use store::session::{Cache, Writing};
use store::sqlite::Database;
use store::{Session, Workspace, WorkspaceState};

/// When the tests' command runs: 2023-04-05, in milliseconds.
pub const NOW: i64 = 1_680_716_009_000;

fn app() -> App {
    let api = Api {
        resources: crate::resources(),
        event_targets: |_, _| Ok(vec![]),
        account_by_number: |_, _| Ok(None),
        account_by_id: |_, _| Ok(None),
        roll_secret: |_, _| Ok(String::new()),
        receipts: Receipts { workspace: |_, _| None, page: |_, _| None },
        addresses: api::addresses::Addresses::NONE,
    };
    let config = Config {
        step_delay_ms: 1_000,
        settles: false,
        rail_files: false,
        webhook_targets: WebhookTargets::Local,
        forwards: false,
        public_url: "http://localhost".into(),
    };
    App { api, config }
}

/// Runs `work` as one command of a new platform.
pub fn in_transaction(work: impl FnOnce(&mut Tx<'_>)) {
    let (database, _writer) = Database::open(":memory:").unwrap();
    let (app, cache) = (app(), RefCell::new(Cache::default()));
    let mut overlay = Overlay::default();
    let account = "acct_1AAAAA0123456789".to_owned();
    let workspace = Arc::new(Workspace::new([0; 32], account.clone(), false));
    let run = |reader: &dyn store::Reader| {
        let session = Session {
            home: 1,
            reader,
            decoded: None,
            sealer: &database.sealer,
            workspace,
            number: 1,
            state: WorkspaceState::default(),
            now: NOW,
            writing: Some(Writing { overlay: &mut overlay, cache: &cache }),
        };
        let owner = Owner { number: 0, id: account };
        work(&mut Tx::new(View { session, app: &app, owner, request: None }));
    };
    database.read(run).unwrap();
}
