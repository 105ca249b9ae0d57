//! Which endpoints an event is for.
//!
//! This is asked for every event, so it must not look through the endpoints: each account keeps
//! one small object that lists them with what they asked for, changed together with them. It is
//! no object of the API.

use api::{Include, Json, Resource, Result, Tx, View};
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::event_types;
use crate::webhook_endpoint::WebhookEndpoint;

/// The id under which each account has its own.
const ID: &str = "weset_1";
/// The endpoint given at the start, which gets every event.
pub const FORWARD: &str = "forward";

/// The webhook endpoints of an account, at most sixteen.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Subscriptions {
    endpoints: Vec<Subscription>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Subscription {
    id: String,
    #[serde(default, skip_serializing_if = "is_false")]
    connect: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    disabled: bool,
    enabled_events: Vec<String>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Subscriptions {
    /// The endpoints that are on and asked for events of this type.
    fn wanting(&self, connect: bool, kind: &str) -> impl Iterator<Item = String> {
        self.endpoints
            .iter()
            .filter(move |one| one.connect == connect && !one.disabled)
            .filter(move |one| event_types::includes(&one.enabled_events, kind))
            .map(|one| one.id.clone())
    }
}

impl Resource for Subscriptions {
    const OBJECT: &'static str = "webhook_endpoint_set";
    const PREFIX: &'static str = "weset";
    const LABEL: &'static str = "webhook endpoint set";

    fn id(&self) -> &str {
        ID
    }

    fn created(&self) -> Millis {
        0
    }

    /// Nobody is ever shown one.
    fn render(&self, _: &View<'_>, _: &Include<'_>) -> Result<Json> {
        Ok(Json::Null)
    }
}

/// The endpoints that an event of the acting account is for: its own and, where the account is a
/// connected one, those of the platform that listen to connected accounts.
pub fn event_targets(view: &View<'_>, kind: &str) -> Result<Vec<String>> {
    let mut targets = Vec::new();
    let account = view.owner.number;
    if let Some(own) = view.load_of::<Subscriptions>(account, ID)? {
        targets.extend(own.wanting(false, kind));
    }
    if account != 0
        && let Some(platform) = view.load_of::<Subscriptions>(0, ID)?
    {
        targets.extend(platform.wanting(true, kind));
    }
    if view.app.config.forwards {
        targets.push(FORWARD.to_owned());
    }
    Ok(targets)
}

/// How many endpoints the acting account has, switched off or not.
pub fn count(view: &View<'_>) -> Result<usize> {
    Ok(view.load::<Subscriptions>(ID)?.map_or(0, |all| all.endpoints.len()))
}

/// Takes over what an endpoint asks for now.
pub fn put(tx: &mut Tx<'_>, endpoint: &WebhookEndpoint) -> Result<()> {
    let mut all = current(tx)?;
    let entry = Subscription {
        id: endpoint.id.clone(),
        connect: endpoint.connect,
        disabled: endpoint.disabled,
        enabled_events: endpoint.enabled_events.clone(),
    };
    match all.endpoints.iter_mut().find(|one| one.id == entry.id) {
        Some(one) => *one = entry,
        None => all.endpoints.push(entry),
    }
    tx.save(all)?;
    Ok(())
}

pub fn remove(tx: &mut Tx<'_>, endpoint: &str) -> Result<()> {
    let mut all = current(tx)?;
    all.endpoints.retain(|one| one.id != endpoint);
    tx.save(all)?;
    Ok(())
}

fn current(tx: &Tx<'_>) -> Result<Subscriptions> {
    Ok(tx.load::<Subscriptions>(ID)?.map(|all| api::copy(&all)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_gets_what_it_asked_for() {
        let one = |id: &str, connect, disabled, events: &[&str]| Subscription {
            id: id.to_owned(),
            connect,
            disabled,
            enabled_events: events.iter().map(|event| (*event).to_owned()).collect(),
        };
        let all = Subscriptions {
            endpoints: vec![
                one("we_all", false, false, &["*"]),
                one("we_off", false, true, &["*"]),
                one("we_one", false, false, &["customer.created"]),
                one("we_connect", true, false, &["*"]),
            ],
        };
        let wanting = |connect, kind| all.wanting(connect, kind).collect::<Vec<_>>();
        assert_eq!(wanting(false, "customer.created"), ["we_all", "we_one"]);
        assert_eq!(wanting(false, "customer.updated"), ["we_all"]);
        assert_eq!(wanting(true, "customer.created"), ["we_connect"]);
        assert!(wanting(false, "reporting.report_type.updated").is_empty());
    }
}
