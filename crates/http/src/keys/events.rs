//! Events and restricted keys: an event shows an object, so whoever sees it must be allowed to
//! read objects of that resource too.

use api::form::Bag;
use api::operation::{Operation, Path, Shape};
use api::params::read_one;
use api::{ApiError, Json};
use serde::Deserialize;

use crate::gateway::{Call, Gateway};

/// What an event carries, of which only the resource matters here.
#[derive(Deserialize)]
struct Carried {
    object: String,
}

fn carried(object: &str) -> Option<String> {
    serde_json::from_str(object).ok().map(|carried: Carried| carried.object)
}

fn is_of_events(operation: &Operation) -> bool {
    operation.object.as_ref().is_some_and(|object| object.object == "event")
}

/// Whether the key may see the event that the path names, if it names one.
pub fn may_touch(
    gateway: &Gateway,
    call: &Call,
    operation: &Operation,
    path: &Path,
    bag: &Bag,
) -> Result<(), ApiError> {
    if !is_of_events(operation) || path.id().is_empty() {
        return Ok(());
    }
    let of = bag.get("account").and_then(|node| read_one::<String>("account", Some(node)).ok());
    let row = gateway.read(call, |view| {
        // The platform may have an event of a connected account sent again.
        let number = match of.as_ref().filter(|_| view.is_platform()) {
            Some(account) => (gateway.app.api.account_by_id)(view, account)?,
            None => None,
        };
        Ok(view.session.event(number.unwrap_or(call.owner.number), path.id())?)
    })??;
    match row.and_then(|row| carried(&row.object)) {
        Some(resource) => call.caller.may_read(&call.owner.id, &resource),
        None => Ok(()),
    }
}

/// Whether the key may see every event of a list.
pub fn may_show(call: &Call, operation: &Operation, list: &Json) -> Result<(), ApiError> {
    let is_list = is_of_events(operation) && operation.shape == Shape::List;
    if !call.caller.is_restricted() || !is_list {
        return Ok(());
    }
    let Some(Json::Array(events)) = list.get("data") else { return Err(ApiError::internal()) };
    for event in events {
        let object = event.get("data").and_then(|data| data.get("object"));
        let Some(Json::Raw(object)) = object else { return Err(ApiError::internal()) };
        let resource = carried(object).ok_or_else(ApiError::internal)?;
        call.caller.may_read(&call.owner.id, &resource)?;
    }
    Ok(())
}
