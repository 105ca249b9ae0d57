//! What a product is written with: operations, parameters, errors, rendering, lists, expansion,
//! and the transaction that an operation sees.

pub mod error;
pub mod json;
