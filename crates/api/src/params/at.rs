//! A place among the parameters: what stands there, its path, and where its errors go.

use std::cell::RefCell;

use crate::error::ApiError;
use crate::form::{self, Node};

use super::Limits;

/// How bad an error is. The worst one is told; of equals the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// A value of the wrong type, out of its range or not among the choices.
    Type,
    Empty,
    Missing,
    /// Each value is right and their combination is not.
    Combination,
}

/// Collects what is wrong with a request.
#[derive(Default)]
pub struct Errors(RefCell<Collected>);

#[derive(Default)]
struct Collected {
    unknown: Vec<String>,
    worst: Option<(Rank, ApiError)>,
}

impl Errors {
    /// What was read, unless something was wrong.
    pub fn into_result<T>(self, read: Option<T>) -> Result<T, ApiError> {
        let Collected { unknown, worst } = self.0.into_inner();
        if let Some(first) = unknown.first() {
            let plural = if unknown.len() > 1 { "s" } else { "" };
            let message = format!("Received unknown parameter{plural}: {}", unknown.join(", "));
            return Err(ApiError::param("parameter_unknown", first, message));
        }
        match (worst, read) {
            (Some((_, error)), _) => Err(error),
            (None, Some(read)) => Ok(read),
            // A reader gave up without a reason: a bug of that reader.
            (None, None) => Err(ApiError::internal()),
        }
    }
}

/// What was sent in a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    Absent,
    Text(&'a str),
    List(&'a [Node]),
    Hash(&'a [(String, Node)]),
}

impl<'a> From<Option<&'a Node>> for Value<'a> {
    fn from(node: Option<&'a Node>) -> Self {
        match node {
            None => Value::Absent,
            Some(Node::Scalar(text)) => Value::Text(text),
            Some(Node::List(items)) => Value::List(items),
            Some(Node::Hash(members)) => Value::Hash(members),
        }
    }
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Name(&'a str),
    Index(usize),
}

/// One place. The path is a chain to the root and becomes text for an error only.
#[derive(Clone, Copy)]
pub struct At<'a> {
    value: Value<'a>,
    step: Step<'a>,
    parent: Option<&'a At<'a>>,
    limits: &'a Limits,
    errors: &'a Errors,
}

impl<'a> At<'a> {
    pub fn root(members: &'a [(String, Node)], errors: &'a Errors) -> At<'a> {
        At::new(Value::Hash(members), Step::Root, None, errors)
    }

    /// A parameter of the first level, without its siblings.
    pub fn top(name: &'a str, node: Option<&'a Node>, errors: &'a Errors) -> At<'a> {
        At::new(node.into(), Step::Name(name), None, errors)
    }

    fn new(
        value: Value<'a>,
        step: Step<'a>,
        parent: Option<&'a At<'a>>,
        errors: &'a Errors,
    ) -> At<'a> {
        At { value, step, parent, limits: Limits::NONE, errors }
    }

    /// The member of that name; absent as well where this is no hash.
    pub fn child<'b>(&'b self, name: &'b str) -> At<'b> {
        let Value::Hash(members) = self.value else { return self.entry(name, None) };
        let node = members.iter().find(|(key, _)| key == name).map(|(_, node)| node);
        self.entry(name, node)
    }

    /// A member that has been found already.
    pub fn entry<'b>(&'b self, name: &'b str, node: Option<&'b Node>) -> At<'b> {
        At::new(node.into(), Step::Name(name), Some(self), self.errors)
    }

    /// An element of the array that stands here; it has the array's limits.
    pub fn item<'b>(&'b self, index: usize, node: &'b Node) -> At<'b> {
        let at = At::new(Some(node).into(), Step::Index(index), Some(self), self.errors);
        at.limited(self.limits)
    }

    /// The same place with the limits of a field.
    pub fn limited(self, limits: &'a Limits) -> At<'a> {
        At { limits, ..self }
    }

    pub fn value(&self) -> Value<'a> {
        self.value
    }

    pub fn limits(&self) -> &'a Limits {
        self.limits
    }

    pub fn is_absent(&self) -> bool {
        self.value == Value::Absent
    }

    pub fn is_empty_string(&self) -> bool {
        self.value == Value::Text("")
    }

    /// As people write it: `line_items[0][price]`.
    pub fn path(&self) -> String {
        let mut path = self.parent.map(At::path).unwrap_or_default();
        match self.step {
            Step::Root => {}
            Step::Name(name) if path.is_empty() => path.push_str(name),
            Step::Name(name) => path.push_str(&format!("[{name}]")),
            Step::Index(index) => path.push_str(&format!("[{index}]")),
        }
        path
    }

    pub fn fail(&self, rank: Rank, error: ApiError) {
        let mut collected = self.errors.0.borrow_mut();
        if collected.worst.as_ref().is_none_or(|(worst, _)| rank < *worst) {
            collected.worst = Some((rank, error));
        }
    }

    /// Refuses the members that nobody declared.
    pub fn refuse_unknown(&self, is_known: impl Fn(&str) -> bool) {
        let Value::Hash(members) = self.value else { return };
        for (key, _) in members.iter().filter(|(key, _)| !is_known(key)) {
            let path = self.entry(key, None).path();
            self.errors.0.borrow_mut().unknown.push(path);
        }
    }

    /// Refuses more than one of these members; an empty one counts, it is an attempt to unset.
    pub fn at_most_one(&self, names: &[&str]) {
        let sent = |name: &&&str| !self.child(name).is_absent();
        if names.iter().filter(sent).count() < 2 {
            return;
        }
        let paths: Vec<String> = names.iter().map(|name| self.child(name).path()).collect();
        let list = paths.join(", ");
        let message = format!("You may only specify one of these parameters: {list}.");
        let error = ApiError::invalid(message);
        self.fail(
            Rank::Combination,
            match paths.first() {
                Some(first) => error.on(first),
                None => error,
            },
        );
    }

    /// The text that stands here. Everything else is refused in the words for `what`.
    pub fn text(&self, what: &str) -> Option<&'a str> {
        match self.value {
            Value::Absent => self.missing(),
            Value::Text("") => self.empty(),
            Value::Text(text) => Some(text),
            Value::List(_) | Value::Hash(_) => self.not_a_string(what),
        }
    }

    /// Refuses a structure where a scalar is expected, showing what was parsed.
    pub fn not_a_string<T>(&self, what: &str) -> Option<T> {
        let json = match self.value {
            Value::Hash(members) => form::hash_to_json(members),
            Value::List(items) => Node::List(items.to_vec()).to_json(),
            Value::Text(text) => text.to_owned().into(),
            Value::Absent => return self.missing(),
        };
        self.wrong(format!("Invalid {what}: {}", json.compact()))
    }

    /// A wrong type without a code.
    pub fn wrong<T>(&self, message: impl Into<String>) -> Option<T> {
        self.fail(Rank::Type, ApiError::invalid(message).on(self.path()));
        None
    }

    /// A wrong type with a code.
    pub fn wrong_with<T>(&self, code: &'static str, message: impl Into<String>) -> Option<T> {
        self.fail(Rank::Type, ApiError::param(code, self.path(), message));
        None
    }

    pub fn missing<T>(&self) -> Option<T> {
        let path = self.path();
        let message = format!("Missing required param: {path}.");
        self.fail(Rank::Missing, ApiError::param("parameter_missing", path, message));
        None
    }

    pub fn empty<T>(&self) -> Option<T> {
        let path = self.path();
        let message = format!(
            "You passed an empty string for '{path}'. We assume empty values are an attempt to \
             unset a parameter; however '{path}' cannot be unset. You should remove '{path}' from \
             your request or supply a non-empty value."
        );
        self.fail(Rank::Empty, ApiError::param("parameter_invalid_empty", path, message));
        None
    }
}
