//! The refusals of a key, word for word as people know them.

use std::net::IpAddr;

use api::ApiError;

use super::Caller;
use super::permissions::Slug;
use super::shape::masked;

pub fn no_key() -> ApiError {
    ApiError::invalid(
        "You did not provide an API key. You need to provide your API key in the Authorization \
         header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See \
         https://stripe.com/docs/api#authentication for details, or we can help at \
         https://support.stripe.com/.",
    )
    .status(401)
}

pub fn invalid_key(key: &str) -> ApiError {
    ApiError::invalid(format!("Invalid API Key provided: {}", masked(key))).status(401)
}

pub fn expired(key: &str) -> ApiError {
    let message = format!("Expired API Key provided: {}", masked(key));
    ApiError::invalid(message).code("api_key_expired").status(401)
}

pub fn publishable() -> ApiError {
    ApiError::invalid(
        "This API call cannot be made with a publishable API key. Please use a secret API key. You \
         can find a list of your API keys at https://dashboard.stripe.com/account/apikeys.",
    )
    .code("secret_key_required")
    .status(403)
}

pub fn foreign_address(from: IpAddr) -> ApiError {
    ApiError::invalid(format!(
        "The API key provided does not allow requests from your IP address ({from})."
    ))
    .status(403)
}

/// The key lacks a permission that it could be given.
pub fn lacking(caller: &Caller, account: &str, slug: &Slug) -> ApiError {
    let own = &caller.workspace.account;
    let hint = format!(
        "Enabling {} ('{slug}') permissions on this key would allow this request to continue. You \
         can edit permissions at \
         https://dashboard.stripe.com/b/{own}?destination=%2Fapikeys%2F{}%2Fedit",
        slug.label(),
        caller.key_id,
    );
    denied(caller, account, &hint)
}

/// No permission allows a restricted key to do that.
pub fn never(caller: &Caller, account: &str) -> ApiError {
    let hint = "This is a restricted API key, but the required permissions are not available for \
                use by restricted keys.";
    denied(caller, account, hint)
}

fn denied(caller: &Caller, account: &str, hint: &str) -> ApiError {
    ApiError::invalid(format!(
        "Permission denied. The provided key '{}' does not have the required permissions for this \
         endpoint on account '{account}'. {hint}",
        caller.masked
    ))
    .code("more_permissions_required")
    .status(403)
}
