//! HTTP: keys, scopes, bodies, idempotency, the envelopes, and the control of the server itself.

pub mod answer;
pub mod body;
pub mod clock;
pub mod connections;
pub mod control;
pub mod gateway;
pub mod head;
pub mod idempotency;
pub mod keys;
pub mod limits;
pub mod load;
pub mod metrics;
pub mod openapi;
pub mod pages;
pub mod rate;
pub mod readiness;
pub mod refusals;
pub mod router;
pub mod seen;
pub mod server;
pub mod snapshots;
pub mod tls;
