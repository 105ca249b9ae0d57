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
