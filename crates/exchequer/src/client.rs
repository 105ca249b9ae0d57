//! The commands that talk to a running server.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{Ended, Exit};

/// Which server, as whom.
#[derive(Args)]
pub struct Server {
    /// The server's address
    #[arg(long, global = true, env = "EXCHEQUER_SERVER", default_value = "http://127.0.0.1:12111")]
    server: String,
    /// The sandbox's secret key; also read from STRIPE_API_KEY
    #[arg(long, global = true, env = "EXCHEQUER_KEY", hide_env_values = true)]
    key: Option<String>,
}

#[derive(Args)]
pub struct ClockOptions {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    action: Option<ClockAction>,
}

#[derive(Subcommand)]
enum ClockAction {
    /// Show the time (also without any action)
    Show,
    /// Stand still, now or at a time in Unix seconds
    Freeze { to: Option<i64> },
    /// Move to a time in Unix seconds
    Set { to: i64 },
    /// Move by a duration such as 90s, 15m, 4h or 3d
    Advance { by: String },
    /// Run with the machine's clock again
    Real,
}

#[derive(Args)]
pub struct EventsOptions {
    #[command(flatten)]
    server: Server,
    /// Only events of this type; `*` stands for anything
    #[arg(long = "type")]
    kind: Option<String>,
    #[arg(long, default_value_t = 10)]
    limit: u32,
}

#[derive(Args)]
pub struct DeliveriesOptions {
    #[command(flatten)]
    server: Server,
    /// Only deliveries of this event
    #[arg(long)]
    event: Option<String>,
    /// Only deliveries to this endpoint
    #[arg(long)]
    endpoint: Option<String>,
    #[arg(long, default_value_t = 10)]
    limit: u32,
}

#[derive(Args)]
pub struct NameOptions {
    #[command(flatten)]
    server: Server,
    /// The snapshot's name
    name: String,
}

#[derive(Args)]
pub struct SnapshotsOptions {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    action: Option<SnapshotsAction>,
}

#[derive(Subcommand)]
enum SnapshotsAction {
    /// List them (also without any action)
    List,
    /// Delete one
    Delete { name: String },
}

#[derive(Args)]
pub struct ForkOptions {
    #[command(flatten)]
    server: Server,
    /// The secret key of the empty sandbox that gets the copy
    #[arg(long, value_name = "KEY")]
    to_key: String,
}

pub fn clock(options: &ClockOptions) -> Result<(), Ended> {
    let body = match options.action.as_ref().unwrap_or(&ClockAction::Show) {
        ClockAction::Show => return options.server.get("/_exchequer/clock", &[]),
        ClockAction::Freeze { to } => json!({"action": "freeze", "to": to}),
        ClockAction::Set { to } => json!({"action": "set", "to": to}),
        ClockAction::Advance { by } => json!({"action": "advance", "by": by}),
        ClockAction::Real => json!({"action": "real"}),
    };
    options.server.post("/_exchequer/clock", &body)
}

pub fn events(options: &EventsOptions) -> Result<(), Ended> {
    let limit = options.limit.to_string();
    let mut query = vec![("limit", limit.as_str())];
    query.extend(options.kind.as_deref().map(|kind| ("type", kind)));
    options.server.get("/v1/events", &query)
}

pub fn deliveries(options: &DeliveriesOptions) -> Result<(), Ended> {
    let limit = options.limit.to_string();
    let mut query = vec![("limit", limit.as_str())];
    query.extend(options.event.as_deref().map(|event| ("event", event)));
    query.extend(options.endpoint.as_deref().map(|endpoint| ("endpoint", endpoint)));
    options.server.get("/_exchequer/deliveries", &query)
}

pub fn snapshot(options: &NameOptions) -> Result<(), Ended> {
    options.server.post("/_exchequer/snapshots", &json!({"name": options.name}))
}

pub fn snapshots(options: &SnapshotsOptions) -> Result<(), Ended> {
    match options.action.as_ref().unwrap_or(&SnapshotsAction::List) {
        SnapshotsAction::List => options.server.get("/_exchequer/snapshots", &[]),
        SnapshotsAction::Delete { name } => options.server.delete(&snapshot_path(name)?),
    }
}

pub fn restore(options: &NameOptions) -> Result<(), Ended> {
    let path = snapshot_path(&options.name)?;
    options.server.post(&format!("{path}/restore"), &Value::Null)
}

pub fn fork(options: &ForkOptions) -> Result<(), Ended> {
    options.server.post("/_exchequer/fork", &json!({"to_key": options.to_key}))
}

/// A name that is none would name another path.
fn snapshot_path(name: &str) -> Result<String, Ended> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(is_plain) {
        let why = "a snapshot's name has letters, digits, dots, hyphens and underscores";
        return Err(Ended::new(Exit::BadFlag, why));
    }
    Ok(format!("/_exchequer/snapshots/{name}"))
}

pub fn reset(server: &Server) -> Result<(), Ended> {
    server.post("/_exchequer/reset", &Value::Null)
}

impl Server {
    fn authorization(&self) -> Result<String, Ended> {
        let given = self.key.clone().filter(|key| !key.is_empty());
        let key = given.or_else(|| std::env::var("STRIPE_API_KEY").ok());
        let missing = "which sandbox? Give --key, or set EXCHEQUER_KEY or STRIPE_API_KEY";
        let key = key.ok_or_else(|| Ended::new(Exit::BadFlag, missing))?;
        Ok(format!("Bearer {key}"))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.trim_end_matches('/'))
    }

    fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<(), Ended> {
        let mut request = agent().get(self.url(path));
        for (name, value) in query {
            request = request.query(name, value);
        }
        self.print(request.header("Authorization", self.authorization()?).call())
    }

    fn post(&self, path: &str, body: &Value) -> Result<(), Ended> {
        let request = agent().post(self.url(path));
        self.print(request.header("Authorization", self.authorization()?).send_json(body))
    }

    fn delete(&self, path: &str) -> Result<(), Ended> {
        let request = agent().delete(self.url(path));
        self.print(request.header("Authorization", self.authorization()?).call())
    }

    /// Prints the answer; an error answer is printed too, and ends the command with 1.
    fn print(
        &self,
        result: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<(), Ended> {
        let failed = |error: ureq::Error| {
            Ended::new(Exit::Failed, format!("no answer from {}: {error}", self.server))
        };
        let mut response = result.map_err(failed)?;
        let text = response.body_mut().read_to_string().map_err(failed)?;
        print!("{text}");
        if response.status().is_success() {
            return Ok(());
        }
        Err(Ended::new(Exit::Failed, format!("the server answered {}", response.status())))
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}
