//! The parameters that lists share.

use crate::error::ApiError;

use super::scalar::{Parsed, invalid_integer, parse_integer};
use super::{At, Field, Kind, Param, Params, Value};

/// Which page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListParams {
    /// From 1 to 100.
    pub limit: usize,
    pub starting_after: Option<String>,
    pub ending_before: Option<String>,
}

const LIMIT_DEFAULT: usize = 10;
const LIMIT_MAX: i64 = 100;

impl Default for ListParams {
    fn default() -> Self {
        ListParams { limit: LIMIT_DEFAULT, starting_after: None, ending_before: None }
    }
}

impl Params for ListParams {
    fn fields() -> Vec<Field> {
        let cursor = |name, doc| Field { name, doc, required: false, kind: String::kind };
        vec![
            cursor("ending_before", "The page that ends just before the object of this id."),
            Field {
                name: "limit",
                doc: "The number of objects on a page, from 1 to 100; 10 unless given.",
                required: false,
                kind: || Kind::Integer { min: Some(1), max: Some(LIMIT_MAX) },
            },
            cursor("starting_after", "The page that begins just after the object of this id."),
        ]
    }

    fn has_field(name: &str) -> bool {
        matches!(name, "ending_before" | "limit" | "starting_after")
    }

    fn read_fields(at: &At<'_>) -> Option<Self> {
        let limit = read_limit(&at.child("limit"));
        let starting_after = Param::read(&at.child("starting_after"));
        let ending_before = Param::read(&at.child("ending_before"));
        Some(ListParams {
            limit: limit?,
            starting_after: starting_after?,
            ending_before: ending_before?,
        })
    }
}

/// Integers out of range are moved into it: clients that ask for 1000 get the largest page.
fn read_limit(at: &At<'_>) -> Option<usize> {
    if at.is_absent() {
        return Some(LIMIT_DEFAULT);
    }
    let text = at.text("integer")?;
    match parse_integer(text) {
        Some(Parsed::Exactly(value)) => Some(value.clamp(1, LIMIT_MAX) as usize),
        Some(Parsed::Above) => Some(LIMIT_MAX as usize),
        Some(Parsed::Below) => Some(1),
        None => invalid_integer(at, text),
    }
}

/// A filter such as `created`: an exact integer, or bounds that can be combined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    pub exact: Option<i64>,
    pub gt: Option<i64>,
    pub gte: Option<i64>,
    pub lt: Option<i64>,
    pub lte: Option<i64>,
}

impl Range {
    pub fn contains(&self, value: i64) -> bool {
        let (min, max) = self.bounds();
        min.is_none_or(|min| min <= value) && max.is_none_or(|max| value <= max)
    }

    /// The least and the greatest value within; where nothing is, the least exceeds the greatest.
    pub fn bounds(&self) -> (Option<i64>, Option<i64>) {
        const NOTHING: (Option<i64>, Option<i64>) = (Some(i64::MAX), Some(i64::MIN));
        if self.gt == Some(i64::MAX) || self.lt == Some(i64::MIN) {
            return NOTHING;
        }
        let above = self.gt.map(|gt| gt.saturating_add(1));
        let below = self.lt.map(|lt| lt.saturating_sub(1));
        let min = [self.exact, self.gte, above].into_iter().flatten().max();
        let max = [self.exact, self.lte, below].into_iter().flatten().min();
        (min, max)
    }
}

impl Param for Range {
    fn kind() -> Kind {
        Kind::Range
    }

    fn read(at: &At<'_>) -> Option<Self> {
        let Value::Hash(_) = at.value() else {
            return i64::read(at).map(|exact| Range { exact: Some(exact), ..Range::default() });
        };
        at.refuse_unknown(|name| matches!(name, "gt" | "gte" | "lt" | "lte"));
        let bound = |name: &str| Option::<i64>::read(&at.child(name));
        let (gt, gte, lt, lte) = (bound("gt"), bound("gte"), bound("lt"), bound("lte"));
        Some(Range { exact: None, gt: gt?, gte: gte?, lt: lt?, lte: lte? })
    }
}

/// What to answer with whole objects instead of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expand(pub Vec<String>);

impl Param for Expand {
    fn kind() -> Kind {
        Vec::<String>::kind()
    }

    fn read(at: &At<'_>) -> Option<Self> {
        if at.is_absent() { Some(Expand::default()) } else { Vec::read(at).map(Expand) }
    }

    fn is_required() -> bool {
        false
    }
}

impl ListParams {
    /// The refusal of both cursors at once, due when each of them has been looked up.
    pub fn check_cursors(&self) -> Result<(), ApiError> {
        if self.starting_after.is_some() && self.ending_before.is_some() {
            return Err(ApiError::invalid(
                "Received both starting_after and ending_before parameters. Please pass in only \
                 one.",
            ));
        }
        Ok(())
    }
}
