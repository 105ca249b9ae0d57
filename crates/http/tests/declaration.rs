//! One declaration is enough: an operation that exists only here is routed, documented and
//! counted, and refuses what it does not declare.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

use std::path::Path as FilePath;
use std::sync::Arc;

use api::app::Receipts;
use api::expand::Expansion;
use api::form::Bag;
use api::operation::{Handler, Method, Resource as Declared};
use api::params::Params;
use api::{Api, App, Config, Include, Json, Resource, Result, Tx, View, WebhookTargets, object};
use exchequer_http::{openapi, router::Router};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct Probe {
    id: String,
}

impl Resource for Probe {
    const OBJECT: &'static str = "probe";
    const PREFIX: &'static str = "probe";
    const LABEL: &'static str = "probe";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        0
    }

    fn render(&self, _: &View<'_>, _: &Include<'_>) -> Result<Json> {
        Ok(object([("id", (&self.id).into()), ("object", Self::OBJECT.into())]))
    }
}

#[derive(Params)]
struct Launch {
    /// How far the probe goes.
    #[param(min = 1)]
    distance: i64,
}

fn launch(tx: &mut Tx<'_>, params: &Launch) -> Result<Arc<Probe>> {
    let _ = params.distance;
    let id = tx.new_id::<Probe>();
    tx.save(Probe { id })
}

fn app() -> App {
    let probe =
        Declared::of::<Probe>().create("/v1/test_only/probes", "Launches a probe.", launch).done();
    App {
        api: Api {
            resources: vec![probe],
            event_targets: |_, _| Ok(vec![]),
            account_by_number: |_, _| Ok(None),
            account_by_id: |_, _| Ok(None),
            roll_secret: |_, _| Ok(String::new()),
            receipts: Receipts { workspace: |_, _| None, page: |_, _| None },
            addresses: api::addresses::Addresses::NONE,
        },
        config: Config {
            step_delay_ms: 0,
            settles: false,
            rail_files: false,
            webhook_targets: WebhookTargets::Local,
            forwards: false,
            public_url: String::new(),
        },
    }
}

#[test]
fn it_is_routed() {
    let app = app();
    let router = Router::new(&app).unwrap();
    let path = app.api.operations().next().unwrap().path;
    assert!(router.find(&app, Method::Post, path).is_some());
    assert!(router.find(&app, Method::Get, path).is_none());
    assert!(router.find(&app, Method::Post, "/v1/other").is_none());
}

#[test]
fn it_is_documented_and_counted() {
    let app = app();
    let path = app.api.operations().next().unwrap().path;
    let document = openapi::document(&app);
    let post = document.get("paths").and_then(|p| p.get(path)).and_then(|p| p.get("post"));
    assert!(post.unwrap().compact().contains("How far the probe goes."));
    let coverage = openapi::coverage(&app).compact();
    assert!(coverage.contains(path) && coverage.contains("distance"));
}

#[test]
fn it_refuses_what_it_does_not_declare() {
    let app = app();
    let Handler::Write(handler) = &app.api.operations().next().unwrap().handler else {
        panic!("a POST is a command");
    };
    let refusal = |form: &str| {
        let bag = Bag::parse("", form.as_bytes()).unwrap();
        handler(&bag, api::Path::default(), Expansion::default()).err()
    };
    let unknown = refusal("distance=1&speed=2").unwrap();
    assert_eq!(unknown.code, Some("parameter_unknown"));
    assert_eq!(unknown.param.as_deref(), Some("speed"));
    assert_eq!(refusal("distance=0").unwrap().code, Some("parameter_invalid_integer"));
    assert_eq!(refusal("distance=1"), None);
    assert!(Launch::has_field("distance"));
}

#[test]
fn its_path_stands_once_in_the_tree() {
    let app = app();
    let path = app.api.operations().next().unwrap().path;
    let root = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let count = ["crates", "tests", "xtask", "docs"]
        .iter()
        .map(|folder| occurrences(&root.join(folder), path))
        .sum::<usize>();
    assert_eq!(count, 1, "{path} is written down more than once");
}

fn occurrences(folder: &FilePath, text: &str) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let count = |path: std::path::PathBuf| {
        if path.is_dir() {
            let skipped = path.ends_with("node_modules") || path.ends_with("target");
            return if skipped { 0 } else { occurrences(&path, text) };
        }
        std::fs::read_to_string(&path).map_or(0, |content| content.matches(text).count())
    };
    entries.flatten().map(|entry| count(entry.path())).sum()
}
