//! What is refused before any operation runs.

use api::ApiError;

/// No operation has that method and path.
pub fn unknown_url(method: &str, path: &str) -> ApiError {
    let hint = if path.ends_with('/') {
        " If you are trying to list objects, remove the trailing slash. If you are trying to \
         retrieve an object, make sure you passed a valid (non-empty) identifier in your code."
    } else {
        ""
    };
    ApiError::invalid(format!(
        "Unrecognized request URL ({method}: {path}).{hint} Please see https://stripe.com/docs or \
         we can help at https://support.stripe.com/."
    ))
    .status(404)
}

/// The account has not been admitted to the product.
pub fn not_onboarded(method: &str, path: &str) -> ApiError {
    let mut error = unknown_url(method, path);
    error.message.push_str(
        " (Hint: Have you onboarded to Treasury? You can learn more about the steps needed at \
         https://stripe.com/docs/treasury/access)",
    );
    error
}

pub fn test_helper_in_live_mode() -> ApiError {
    ApiError::invalid("Test helpers can only be called with a test mode key.")
}

pub fn account_invalid(key: &str, account: &str) -> ApiError {
    ApiError::invalid(format!(
        "The provided key '{key}' does not have access to account '{account}' (or that account \
         does not exist). Application access may have been revoked."
    ))
    .code("account_invalid")
    .status(403)
}

/// The server serves as many connections as it may.
pub fn too_many_connections() -> ApiError {
    let mut error = overloaded();
    error.message = "The server has too many connections. Please try again.".into();
    error
}

/// The bodies of requests in progress fill the memory that they may take.
pub fn too_many_bodies() -> ApiError {
    let mut error = overloaded();
    error.message = "The server holds too many large requests. Please try again.".into();
    error
}

/// The committer's queue is full: refusing at once keeps the rest fast.
pub fn overloaded() -> ApiError {
    let mut error = ApiError::internal().status(503).retry(true);
    error.message = "The server has too many requests waiting. Please try again.".into();
    error
}

/// What is told of the whole server is not for keys that may do only some things.
pub fn secret_key_required() -> ApiError {
    ApiError::invalid("This call needs a secret key.").code("secret_key_required").status(403)
}

pub fn too_many_sandboxes(max: usize) -> ApiError {
    ApiError::invalid(format!(
        "This server holds its maximum of {max} sandboxes; use an existing key."
    ))
    .status(403)
}

/// A page of another site must not drive a server that takes every key.
pub fn foreign_site() -> ApiError {
    ApiError::invalid(
        "Requests from other sites, or to another host name, are not taken while every test key \
         works.",
    )
    .status(403)
}
