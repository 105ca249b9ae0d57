//! Typed parameters: what an operation accepts is a Rust type, and every refusal names the exact
//! path of what it refuses.
//!
//! `#[derive(Params)]` on a struct writes a plain reader; nothing is generic over a format. All
//! that is wrong with a request is collected, and the worst of it is what the client is told.

use crate::error::ApiError;
use crate::form::{Bag, Node};

pub use crate::currency::Currency;
pub use crate::metadata::Metadata;
pub use macros::{Choice, Params};

pub use at::{At, Errors, Rank, Value};
pub use list::{Expand, ListParams, Range};
pub use scalar::{Email, Timestamp};
pub use shape::{Unset, read_hash};

mod at;
pub mod choice;
mod list;
mod scalar;
mod shape;

/// What a parameter accepts, for the documentation, `/openapi.json` and the CLI.
#[derive(Clone, Debug)]
pub enum Kind {
    String {
        max: usize,
    },
    Integer {
        min: Option<i64>,
        max: Option<i64>,
    },
    Boolean,
    Timestamp,
    Enum(&'static [&'static str]),
    Currency,
    Email,
    IpAddress,
    /// An exact integer, or a hash of `gt`, `gte`, `lt` and `lte`.
    Range,
    Hash(fn() -> Vec<Field>),
    Array(Box<Kind>),
    /// Strings under names that the client chooses, such as metadata.
    Map,
    Any,
}

impl Kind {
    /// The kind as narrowed by a field's attributes.
    pub fn limited(self, limits: &Limits) -> Kind {
        match self {
            Kind::String { max } => Kind::String { max: limits.chars_max(max) },
            Kind::Integer { min, max } => {
                Kind::Integer { min: limits.min.or(min), max: limits.max.or(max) }
            }
            Kind::Array(item) => Kind::Array(Box::new(item.limited(limits))),
            other => other,
        }
    }
}

/// What a field's attributes demand of the values in it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    pub min: Option<i64>,
    /// The greatest integer, or the most characters of a string.
    pub max: Option<i64>,
    /// The error code of an integer above `max`.
    pub over_max: Option<&'static str>,
}

impl Limits {
    pub const NONE: &'static Limits = &Limits { min: None, max: None, over_max: None };

    /// The most characters that a string may have, given what it may have otherwise.
    pub fn chars_max(&self, otherwise: usize) -> usize {
        self.max.and_then(|max| usize::try_from(max).ok()).unwrap_or(otherwise)
    }
}

/// One declared parameter.
#[derive(Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub doc: &'static str,
    pub required: bool,
    pub kind: fn() -> Kind,
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Field")
            .field("name", &self.name)
            .field("required", &self.required)
            .finish_non_exhaustive()
    }
}

/// A type that a parameter can have.
pub trait Param: Sized {
    fn kind() -> Kind;

    /// `None` means that an error has been recorded.
    fn read(at: &At<'_>) -> Option<Self>;

    fn is_required() -> bool {
        true
    }
}

/// The parameters of an operation, or of a hash within them.
pub trait Params: Sized + Send + Sync + 'static {
    fn fields() -> Vec<Field>;

    /// Whether a name is one of the fields', without building their list.
    fn has_field(name: &str) -> bool;

    /// Reads the fields and pays no attention to other names. `None`: an error has been recorded.
    fn read_fields(at: &At<'_>) -> Option<Self>;
}

/// Parameters of an operation that takes none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoParams;

impl Params for NoParams {
    fn fields() -> Vec<Field> {
        vec![]
    }

    fn has_field(_: &str) -> bool {
        false
    }

    fn read_fields(_: &At<'_>) -> Option<Self> {
        Some(NoParams)
    }
}

/// Reads a request's parameters, or says what is wrong: unknown names before wrong types, then
/// empty values, then missing ones, then combinations. `expand` belongs to every operation and is
/// read by its caller.
pub fn read<P: Params>(bag: &Bag) -> Result<P, ApiError> {
    let errors = Errors::default();
    let at = At::root(&bag.root, &errors);
    at.refuse_unknown(|name| name == "expand" || P::has_field(name));
    let params = P::read_fields(&at);
    errors.into_result(params)
}

/// Reads one parameter by itself, as `read` would read a field of that name.
pub fn read_one<T: Param>(name: &'static str, node: Option<&Node>) -> Result<T, ApiError> {
    let errors = Errors::default();
    let value = T::read(&At::top(name, node, &errors));
    errors.into_result(value)
}

#[cfg(test)]
mod tests;
