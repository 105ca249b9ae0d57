//! What a product is written with: operations, parameters, errors, rendering, lists, expansion,
//! and the transaction that an operation sees.

// Derived code names this crate as its dependents do.
extern crate self as api;

pub mod addresses;
pub mod app;
pub mod audit;
pub mod currency;
pub mod error;
pub mod expand;
pub mod form;
pub mod json;
pub mod list;
pub mod metadata;
pub mod operation;
pub mod params;
pub mod resource;
pub mod runtime;
pub mod versions;
pub mod view;

pub use app::{Api, App, Config, WebhookTargets};
pub use error::{ApiError, Failure, Fault, Result};
pub use expand::Include;
pub use json::{Json, array, object};
pub use list::{Page, Query, list};
pub use operation::Path;
pub use resource::{Expandable, Index, Resource, copy};
pub use view::{Owner, Tx, View, seconds, seconds_or_null};
