//! Events: what happened, with the object as it was then. They are rows of a table of their own,
//! written in the transaction of the change and never changed; after thirty days of the
//! workspace's clock nobody sees them any more.

mod list;

use std::sync::Arc;

use api::app::EVENT_KEPT_MS;
use api::operation;
use api::params::{NoParams, Params};
use api::{ApiError, Fault, Include, Json, Path, Resource, Result, Tx, View, object, versions};
use serde::{Deserialize, Serialize};
use store::{DeliveryKey, DeliveryRow, EventRow, Millis};

use crate::client_secret;
use crate::subscriptions::FORWARD;
use crate::webhook_endpoint::WebhookEndpoint;

/// What the command line client calls the listener it runs itself.
const CLI_LISTENER: &str = "for_stripecli";

/// An event as it is shown. It is a resource to be declared like any other; it is read from its
/// own table and never kept as an object.
#[derive(Clone, Serialize, Deserialize)]
pub struct Event {
    id: String,
    kind: String,
    created: Millis,
    object: String,
    previous: Option<String>,
    request: Option<String>,
    idempotency_key: Option<String>,
    targets: i64,
}

impl Event {
    fn new(id: String, row: EventRow) -> Event {
        let EventRow { kind, created, object, previous, request, idempotency_key, targets, .. } =
            row;
        Event { id, kind, created, object, previous, request, idempotency_key, targets }
    }

    fn is_kept(&self, now: Millis) -> bool {
        self.created + EVENT_KEPT_MS > now
    }

    /// How many endpoints have not heard of it and will be told once more. Where the attempts have
    /// ended (all were in vain, the endpoint is disabled or gone) nothing is pending.
    fn pending(&self, view: &View<'_>) -> Result<i64> {
        let waits = |row: &DeliveryRow| !row.delivered && row.due.is_some();
        Ok(count(self.deliveries(view)?.filter(|(_, row)| waits(row))))
    }

    /// Whether every endpoint it is for has heard of it.
    fn is_delivered(&self, view: &View<'_>) -> Result<bool> {
        Ok(self.deliveries(view)?.all(|(_, row)| row.delivered))
    }

    /// Its deliveries to endpoints of the API: the address given at the start is none.
    fn deliveries(
        &self,
        view: &View<'_>,
    ) -> Result<impl Iterator<Item = (DeliveryKey, DeliveryRow)>> {
        let has_some = self.targets > 0;
        let rows = if has_some { view.session.deliveries(&self.id)? } else { Vec::new() };
        Ok(rows.into_iter().filter(|(key, _)| key.endpoint != FORWARD))
    }

    /// What it tells of. Secrets are left out of what is kept.
    fn object(&self, view: &View<'_>) -> Result<String> {
        if !client_secret::is_left_out(&self.kind) {
            return Ok(self.object.clone());
        }
        let id = id_in(&self.kind, &self.object)?;
        Ok(client_secret::with_client_secret(view, &self.object, &id))
    }

    fn json(
        &self,
        view: &View<'_>,
        version: &str,
        account: Option<&str>,
        pending: i64,
    ) -> Result<Json> {
        let mut data = object([("object", Json::Raw(self.object(view)?))]);
        if let Some(previous) = &self.previous {
            data.set("previous_attributes", Json::Raw(previous.clone()));
        }
        let request = object([
            ("id", Json::from(&self.request)),
            ("idempotency_key", Json::from(&self.idempotency_key)),
        ]);
        let mut json = object([
            ("id", Json::from(&self.id)),
            ("object", Self::OBJECT.into()),
            ("api_version", version.to_owned().into()),
            ("created", api::seconds(self.created).into()),
            ("data", data),
            ("livemode", view.livemode().into()),
            ("pending_webhooks", pending.into()),
            ("request", request),
            ("type", Json::from(&self.kind)),
        ]);
        if let Some(account) = account {
            json.set("account", account.to_owned().into());
        }
        Ok(json)
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> i64 {
    i64::try_from(items.count()).unwrap_or(i64::MAX)
}

impl Resource for Event {
    const OBJECT: &'static str = "event";
    const PREFIX: &'static str = "evt";
    const LABEL: &'static str = "event";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn render(&self, view: &View<'_>, _: &Include<'_>) -> Result<Json> {
        // Only the platform has keys: whoever reads a connected account's events is the platform.
        let account = (!view.is_platform()).then_some(view.owner.id.as_str());
        self.json(view, versions::LATEST, account, self.pending(view)?)
    }
}

/// An event as it is sent to an endpoint. `account` is the connected account it happened on, where
/// the platform is told. Each attempt has the same body, so `pending_webhooks` is what it was at
/// first: everyone.
pub fn payload(
    view: &View<'_>,
    id: &str,
    row: EventRow,
    version: Option<&str>,
    account: Option<&str>,
) -> Result<Json> {
    let event = Event::new(id.to_owned(), row);
    let pending = count(event.deliveries(view)?);
    event.json(view, version.unwrap_or(versions::LATEST), account, pending)
}

#[derive(Params)]
pub struct RetryEvent {
    /// The connected account that the event happened on.
    account: Option<String>,
    /// The endpoint that is told once more.
    webhook_endpoint: String,
}

pub fn resource() -> operation::Resource {
    operation::Resource::of::<Event>()
        .read("/v1/events/{event}", "Retrieves an event of the last thirty days.", retrieve)
        .list("/v1/events", "Lists the events of the last thirty days.", list::list)
        .action("/v1/events/{event}/retry", "Sends an event to an endpoint once more.", retry)
        .done()
}

fn retrieve(view: &View<'_>, path: &Path, _: &NoParams) -> Result<Arc<Event>> {
    let missing = || ApiError::not_found(Event::LABEL, path.id(), Event::PARAM);
    Ok(Arc::new(find(view, view.owner.number, path.id())?.ok_or_else(missing)?))
}

/// An event of an account, unless it is too old to be seen.
fn find(view: &View<'_>, account: i64, id: &str) -> Result<Option<Event>> {
    if !api::resource::is_id_of::<Event>(id) {
        return Ok(None);
    }
    let row = view.session.event(account, id)?;
    let event = row.map(|row| Event::new(id.to_owned(), row));
    Ok(event.filter(|event| event.is_kept(view.now_ms())))
}

/// Plans a delivery of the same event anew. An endpoint that the event was not for when it
/// happened is not told now.
fn retry(tx: &mut Tx<'_>, path: &Path, p: &RetryEvent) -> Result<Arc<Event>> {
    let account = match &p.account {
        Some(id) => account_number(tx, id)?,
        None => tx.owner.number,
    };
    let missing = || ApiError::not_found(Event::LABEL, path.id(), Event::PARAM);
    let event = find(tx, account, path.id())?.ok_or_else(missing)?;
    let endpoint = match p.webhook_endpoint.as_str() {
        CLI_LISTENER => FORWARD,
        id => {
            tx.reference::<WebhookEndpoint>(id, "webhook_endpoint")?;
            id
        }
    };
    let now = tx.now_ms();
    let deliveries = tx.session.deliveries(&event.id)?;
    if let Some((key, row)) = deliveries.into_iter().find(|(key, _)| key.endpoint == endpoint) {
        tx.session.write()?.deliveries.put(key, DeliveryRow { due: Some(now), ..row });
    }
    Ok(Arc::new(event))
}

fn account_number(view: &View<'_>, id: &str) -> Result<i64> {
    if id == view.owner.id {
        return Ok(view.owner.number);
    }
    let missing = || ApiError::missing_reference("account", id, "account");
    let found = if view.is_platform() { (view.app.api.account_by_id)(view, id)? } else { None };
    Ok(found.ok_or_else(missing)?)
}

/// The id of the object that an event is about; its type where the object has none. First
/// deliveries about one object are made one after the other.
pub fn subject(row: &EventRow) -> Result<String> {
    id_in(&row.kind, &row.object)
}

fn id_in(kind: &str, object: &str) -> Result<String> {
    #[derive(Deserialize)]
    struct Subject {
        id: Option<String>,
    }
    let subject: Subject = serde_json::from_str(object)
        .map_err(|error| Fault::new(format!("an event's object cannot be read: {error}")))?;
    Ok(subject.id.unwrap_or_else(|| kind.to_owned()))
}
