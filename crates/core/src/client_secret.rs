//! The client secret of a SetupIntent or PaymentIntent. It is derived at every look and stands
//! nowhere in the store.

use api::{Json, Resource, Result, Tx, View};

use crate::bank::fingerprint;

/// How an event's object says that the secret was left out.
const NO_SECRET: &str = "\"client_secret\":null";

/// The events whose objects have a client secret.
const KINDS: [&str; 2] = ["payment_intent.", "setup_intent."];

/// It is the same at every look, and nobody without the store's key can guess it.
pub fn client_secret(view: &View<'_>, id: &str) -> String {
    let sealer = view.session.sealer;
    let half = |purpose| fingerprint(sealer, purpose, id);
    format!("{id}_secret_{}{}", half("client secret"), half("client secret, rest"))
}

/// Keeps an event without the client secret, which whoever reads the event is shown all the same:
/// [`with_client_secret`] puts it back.
pub fn tell<T: Resource>(tx: &mut Tx<'_>, kind: &'static str, intent: &T) -> Result<()> {
    let mut json = tx.render(intent)?;
    json.set("client_secret", Json::Null);
    tx.emit(kind, json, None)
}

/// Whether the object of such an event was kept without its client secret.
pub fn is_left_out(kind: &str) -> bool {
    KINDS.iter().any(|start| kind.starts_with(start))
}

/// The object of a kept event as it was when the event happened.
pub fn with_client_secret(view: &View<'_>, object: &str, id: &str) -> String {
    // Text within the object has its quotes escaped, so that only the member itself is found.
    let secret = client_secret(view, id);
    object.replacen(NO_SECRET, &format!("\"client_secret\":\"{secret}\""), 1)
}
