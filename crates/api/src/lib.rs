//! What a product is written with: operations, parameters, errors, rendering, lists, expansion,
//! and the transaction that an operation sees.

// Derived code names this crate as its dependents do.
extern crate self as api;

pub mod currency;
pub mod error;
pub mod form;
pub mod json;
pub mod metadata;
pub mod params;
