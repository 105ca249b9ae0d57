//! WebhookEndpoints: who is told of events, where, and signed with which secret.
//!
//! The secret is shown once, in the answer that created it. Rolling it keeps the former one valid
//! for a day of the workspace's clock, during which deliveries carry a signature of each.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::operation;
use api::params::{ListParams, Metadata, Params, Unset};
use api::versions::ApiVersion;
use api::{
    ApiError, Fault, Include, Json, Page, Path, Query, Resource, Result, Tx, View, array, object,
};
use serde::{Deserialize, Serialize};
use store::{Millis, id};

use crate::bank::{from_hex, to_hex};
use crate::egress::Egress;
use crate::event_types::EnabledEvent;
use crate::subscriptions;

/// How many endpoints an account can have in one mode.
pub const ENDPOINTS_MAX: usize = 16;
/// How long a secret that was rolled still signs.
pub const OLD_SECRET_KEPT_MS: Millis = 24 * 3_600_000;
/// How many secrets sign at once, however often they are rolled within a day.
pub const SECRETS_MAX: usize = 4;
/// What every secret begins with.
pub const SECRET_PREFIX: &str = "whsec_";
/// The characters of a secret after its prefix.
pub const SECRET_WIDTH: usize = 32;

#[derive(Clone, Serialize, Deserialize)]
pub struct WebhookEndpoint {
    pub id: String,
    created: Millis,
    pub url: String,
    pub enabled_events: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub connect: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    /// The newest first.
    secrets: Vec<Secret>,
    /// Only in the answer that creates the endpoint, never in what is kept.
    #[serde(skip)]
    shown_secret: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Secret {
    /// Sealed, in hexadecimal digits.
    sealed: String,
    /// When it ends; none for the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Millis>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Secret {
    fn new(view: &View<'_>, text: &str) -> Secret {
        Secret { sealed: to_hex(&view.session.sealer.seal(text.as_bytes())), until: None }
    }

    fn open(&self, view: &View<'_>) -> Result<String> {
        let broken = || Fault::new("the secret of a webhook endpoint cannot be read");
        let sealed = from_hex(&self.sealed).ok_or_else(broken)?;
        let plain = view.session.sealer.unseal(&sealed)?;
        Ok(String::from_utf8(plain).map_err(|_| broken())?)
    }
}

impl WebhookEndpoint {
    /// The secrets that sign at this time, the newest first.
    pub fn signing_secrets(&self, view: &View<'_>) -> Result<Vec<String>> {
        let now = view.now_ms();
        let active = self.secrets.iter().filter(|secret| secret.until.is_none_or(|t| now < t));
        active.map(|secret| secret.open(view)).collect()
    }

    /// Puts a new secret before the others; those that ended are forgotten.
    fn roll(&mut self, secret: Secret, now: Millis) {
        for old in &mut self.secrets {
            old.until.get_or_insert(now + OLD_SECRET_KEPT_MS);
        }
        self.secrets.retain(|old| old.until.is_some_and(|until| now < until));
        self.secrets.insert(0, secret);
        self.secrets.truncate(SECRETS_MAX);
    }
}

impl Resource for WebhookEndpoint {
    const OBJECT: &'static str = "webhook_endpoint";
    const PREFIX: &'static str = "we";
    const LABEL: &'static str = "webhook endpoint";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn render(&self, view: &View<'_>, _: &Include<'_>) -> Result<Json> {
        let application = self.connect.then(|| application_of(&view.owner.id));
        let status = if self.disabled { "disabled" } else { "enabled" };
        let mut json = object([
            ("id", Json::from(&self.id)),
            ("object", Self::OBJECT.into()),
            ("api_version", Json::from(&self.api_version)),
            ("application", application.into()),
            ("created", api::seconds(self.created).into()),
            ("description", Json::from(&self.description)),
            ("enabled_events", array(&self.enabled_events)),
            ("livemode", view.livemode().into()),
            ("metadata", Json::from(&self.metadata)),
            ("status", status.into()),
            ("url", Json::from(&self.url)),
        ]);
        if let Some(secret) = &self.shown_secret {
            json.set("secret", secret.into());
        }
        Ok(json)
    }
}

/// The Connect application of a platform.
fn application_of(account: &str) -> String {
    format!("ca_{}", account.strip_prefix("acct_").unwrap_or(account))
}

#[derive(Params)]
pub struct CreateWebhookEndpoint {
    /// The version that events are shown in to this endpoint; the account's unless given.
    api_version: Option<ApiVersion>,
    /// Whether the endpoint gets the events of connected accounts instead of the account's own.
    connect: Option<bool>,
    /// What the endpoint is for.
    description: Unset<String>,
    /// The types of events to send; `*` is all but those that must be named.
    enabled_events: Vec<EnabledEvent>,
    metadata: Metadata,
    /// Where events are sent.
    url: String,
}

#[derive(Params)]
pub struct UpdateWebhookEndpoint {
    /// What the endpoint is for; an empty value removes it.
    description: Unset<String>,
    /// Whether nothing is sent to the endpoint.
    disabled: Option<bool>,
    /// The types of events to send from now on, in the place of the former ones.
    enabled_events: Option<Vec<EnabledEvent>>,
    metadata: Metadata,
    /// Where events are sent.
    url: Option<String>,
}

#[derive(Params)]
pub struct ListWebhookEndpoints {
    #[param(flatten)]
    page: ListParams,
}

pub fn resource() -> operation::Resource {
    let (all, one) = ("/v1/webhook_endpoints", "/v1/webhook_endpoints/{webhook_endpoint}");
    operation::Resource::of::<WebhookEndpoint>()
        .create(all, "Creates a webhook endpoint and shows its signing secret.", create)
        .retrieve(one, "Retrieves a webhook endpoint.")
        .action(one, "Updates a webhook endpoint.", update)
        .list(all, "Lists webhook endpoints, the newest first.", list)
        .delete(one, "Deletes a webhook endpoint.", delete)
        .done()
}

fn create(tx: &mut Tx<'_>, p: &CreateWebhookEndpoint) -> Result<Arc<WebhookEndpoint>> {
    egress(tx).check(&p.url)?;
    let metadata = p.metadata.for_new()?;
    if subscriptions::count(tx)? >= ENDPOINTS_MAX {
        let mode = if tx.livemode() { "live" } else { "test" };
        return Err(ApiError::invalid(format!(
            "You have reached the maximum of {ENDPOINTS_MAX} {mode} webhook endpoints"
        ))
        .into());
    }
    let secret = new_secret();
    let endpoint = WebhookEndpoint {
        id: tx.new_id::<WebhookEndpoint>(),
        created: tx.now_ms(),
        url: p.url.clone(),
        enabled_events: names(&p.enabled_events),
        api_version: p.api_version.map(|version| version.0.to_owned()),
        connect: p.connect.unwrap_or(false),
        disabled: false,
        description: p.description.clone().into_option(),
        metadata,
        secrets: vec![Secret::new(tx, &secret)],
        shown_secret: None,
    };
    subscriptions::put(tx, &endpoint)?;
    let kept = tx.save(endpoint)?;
    Ok(Arc::new(WebhookEndpoint { shown_secret: Some(secret), ..api::copy(&kept) }))
}

fn update(tx: &mut Tx<'_>, path: &Path, p: &UpdateWebhookEndpoint) -> Result<Arc<WebhookEndpoint>> {
    let mut endpoint = api::copy(&tx.find::<WebhookEndpoint>(path.id())?);
    if let Some(url) = &p.url {
        egress(tx).check(url)?;
        endpoint.url = url.clone();
    }
    if let Some(events) = &p.enabled_events {
        endpoint.enabled_events = names(events);
    }
    endpoint.disabled = p.disabled.unwrap_or(endpoint.disabled);
    p.description.clone().apply(&mut endpoint.description);
    p.metadata.apply(&mut endpoint.metadata)?;
    subscriptions::put(tx, &endpoint)?;
    tx.save(endpoint)
}

fn list(view: &View<'_>, _: &Path, p: &ListWebhookEndpoints) -> Result<Page<WebhookEndpoint>> {
    api::list(view, &Query::new(&p.page))
}

fn delete(tx: &mut Tx<'_>, path: &Path) -> Result<()> {
    let endpoint = tx.find::<WebhookEndpoint>(path.id())?;
    subscriptions::remove(tx, &endpoint.id)?;
    tx.remove(&*endpoint)
}

/// Gives an endpoint a new secret and shows it; the former one signs for a day more.
pub fn roll_secret(tx: &mut Tx<'_>, id: &str) -> Result<String> {
    let mut endpoint = api::copy(&tx.find::<WebhookEndpoint>(id)?);
    let text = new_secret();
    endpoint.roll(Secret::new(tx, &text), tx.now_ms());
    tx.save(endpoint)?;
    Ok(text)
}

/// The endpoint that an event of an account went to: the account's own, or the platform's. Those
/// of a deleted account went with it.
pub fn of_delivery(
    view: &View<'_>,
    account: i64,
    id: &str,
) -> Result<Option<Arc<WebhookEndpoint>>> {
    match view.load_of::<WebhookEndpoint>(account, id)? {
        None if account != 0 => view.load_of::<WebhookEndpoint>(0, id),
        Some(_) if is_gone(view, account)? => Ok(None),
        found => Ok(found),
    }
}

fn is_gone(view: &View<'_>, account: i64) -> Result<bool> {
    Ok(account != 0 && (view.app.api.account_by_number)(view, account)?.is_none())
}

/// Where the webhooks of this workspace may go.
pub fn egress(view: &View<'_>) -> Egress {
    Egress { targets: view.app.config.webhook_targets, livemode: view.livemode() }
}

fn names(events: &[EnabledEvent]) -> Vec<String> {
    events.iter().map(|event| event.0.to_owned()).collect()
}

fn new_secret() -> String {
    format!("{SECRET_PREFIX}{}", id::secret_text(SECRET_WIDTH))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> WebhookEndpoint {
        let stored = r#"{"id":"we_1","created":0,"url":"http://a/","enabled_events":["*"],
            "secrets":[{"sealed":"first"}]}"#;
        serde_json::from_str(stored).unwrap()
    }

    fn secret(name: &str) -> Secret {
        Secret { sealed: name.to_owned(), until: None }
    }

    #[test]
    fn a_rolled_secret_ends_after_a_day() {
        let mut endpoint = endpoint();
        endpoint.roll(secret("second"), 1_000);
        let secrets: Vec<_> = endpoint.secrets.iter().map(|s| (&*s.sealed, s.until)).collect();
        assert_eq!(secrets, [("second", None), ("first", Some(1_000 + OLD_SECRET_KEPT_MS))]);
        endpoint.roll(secret("third"), 1_000 + OLD_SECRET_KEPT_MS);
        let names: Vec<_> = endpoint.secrets.iter().map(|s| &*s.sealed).collect();
        assert_eq!(names, ["third", "second"]);
    }

    #[test]
    fn no_more_secrets_sign_than_a_header_should_hold() {
        let mut endpoint = endpoint();
        for _ in 0..10 {
            endpoint.roll(secret("next"), 1_000);
        }
        assert_eq!(endpoint.secrets.len(), SECRETS_MAX);
        assert_eq!(endpoint.secrets[0].until, None);
    }

    #[test]
    fn what_is_kept_holds_no_plain_secret() {
        let mut endpoint = endpoint();
        endpoint.shown_secret = Some("whsec_shown".into());
        let kept = serde_json::to_string(&endpoint).unwrap();
        assert!(!kept.contains("whsec_"), "{kept}");
    }
}
