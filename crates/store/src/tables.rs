//! The tables that hold the rows of a workspace, as they look in every engine: what is copied,
//! moved and removed with it. `ws` stands before their columns; the key's other columns come first.

use crate::{Millis, Result, StoreError};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Int,
    Bool,
    Text,
    Bytes,
}

#[derive(Clone, Copy, Debug)]
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [(&'static str, Kind)],
    /// How many of the columns belong to the key.
    pub key: usize,
}

use Kind::{Bool, Bytes, Int, Text};

pub const TABLES: [Table; 8] = [
    Table {
        name: "objects",
        columns: &[("acct", Int), ("id", Text), ("v", Int), ("state", Text)],
        key: 2,
    },
    Table {
        name: "object_index",
        columns: &[("acct", Int), ("field", Text), ("value", Text), ("id", Text)],
        key: 4,
    },
    Table {
        name: "postings",
        columns: &[
            ("acct", Int),
            ("id", Text),
            ("book", Text),
            ("txn", Text),
            ("type", Text),
            ("taken_from", Text),
            ("given_to", Text),
            ("amount", Int),
            ("currency", Text),
            ("created", Int),
        ],
        key: 2,
    },
    Table {
        name: "events",
        columns: &[
            ("acct", Int),
            ("id", Text),
            ("type", Text),
            ("created", Int),
            ("object", Text),
            ("previous", Text),
            ("request", Text),
            ("idempotency_key", Text),
            ("by_request", Bool),
            ("targets", Int),
        ],
        key: 2,
    },
    Table {
        name: "jobs",
        columns: &[
            ("due", Int),
            ("seq", Int),
            ("acct", Int),
            ("kind", Text),
            ("object", Text),
            ("detail", Text),
        ],
        key: 2,
    },
    Table {
        name: "answers",
        columns: &[
            ("seq", Int),
            ("acct", Int),
            ("hash", Int),
            ("idempotency_key", Text),
            ("fingerprint", Bytes),
            ("path", Text),
            ("request", Text),
            ("status", Int),
            ("created", Int),
            ("event", Text),
            ("body", Bytes),
        ],
        key: 1,
    },
    Table {
        name: "answer_index",
        columns: &[("part", Int), ("acct", Int), ("hash", Int), ("seq", Int)],
        key: 4,
    },
    Table {
        name: "deliveries",
        columns: &[
            ("event", Text),
            ("endpoint", Text),
            ("acct", Int),
            ("due", Int),
            ("delivered", Bool),
            ("attempts", Text),
        ],
        key: 2,
    },
];

/// What stands in one column of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    None,
    Int(i64),
    Bool(bool),
    Text(String),
    Bytes(Vec<u8>),
}

/// A row without its `ws`.
pub type Row = Vec<Value>;

impl Table {
    /// Before every key of the table.
    pub fn first_key(&self) -> Row {
        let least = |kind: &Kind| match kind {
            Int => Value::Int(Millis::MIN),
            Bool => Value::Bool(false),
            Text => Value::Text(String::new()),
            Bytes => Value::Bytes(Vec::new()),
        };
        self.columns.iter().take(self.key).map(|(_, kind)| least(kind)).collect()
    }

    /// The key of a row.
    pub fn key_of(&self, row: &Row) -> Row {
        row.iter().take(self.key).cloned().collect()
    }

    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|(column, _)| *column == name)
    }

    /// Whether a row has the values that the columns hold.
    pub fn check(&self, row: &Row) -> Result<()> {
        let fits = |(value, (_, kind)): (&Value, &(&str, Kind))| {
            matches!(
                (value, kind),
                (Value::None, _)
                    | (Value::Int(_), Int)
                    | (Value::Bool(_), Bool)
                    | (Value::Text(_), Text)
                    | (Value::Bytes(_), Bytes)
            )
        };
        if row.len() == self.columns.len() && row.iter().zip(self.columns).all(fits) {
            return Ok(());
        }
        Err(StoreError::Corrupt(format!("a row of {} does not have its columns", self.name)))
    }
}
