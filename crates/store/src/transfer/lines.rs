//! The lines of a file of a store.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Totals;
use crate::tables::{Kind, Row, TABLES, Table, Value};
use crate::workspace::WorkspaceState;
use crate::{Millis, Result, StoreError};

/// What this program writes; a file of a later one is refused.
pub(super) const FORMAT: u32 = 1;

/// What stands in a line that is no row.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Mark {
    /// The first line.
    Exchequer {
        format: u32,
        seal: String,
    },
    Workspace {
        tail: String,
        account: String,
        livemode: bool,
        state: Box<WorkspaceState>,
    },
    /// Of the workspace before it.
    Snapshot {
        name: String,
        taken: Millis,
        state: Box<WorkspaceState>,
    },
    /// The rows after it are of this table.
    Table(String),
    /// The last line.
    End {
        totals: Totals,
        sha256: String,
    },
}

pub(super) fn damaged(why: impl std::fmt::Display) -> StoreError {
    StoreError::Unusable(format!("the file is damaged or was changed: {why}"))
}

/// The table of that name: its number and what it is.
pub(super) fn table_of(name: &str) -> Result<(usize, &'static Table)> {
    let found = TABLES.iter().enumerate().find(|(_, table)| table.name == name);
    found.ok_or_else(|| damaged(format!("there is no table {name}")))
}

pub(super) fn row_line(row: &Row) -> Json {
    let json = |value: &Value| match value {
        Value::None => Json::Null,
        Value::Int(number) => Json::from(*number),
        Value::Bool(is) => Json::from(*is),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Bytes(bytes) => Json::from(STANDARD.encode(bytes)),
    };
    Json::Array(row.iter().map(json).collect())
}

pub(super) fn row_of(table: &Table, values: Vec<Json>) -> Result<Row> {
    let wrong = || damaged(format!("a row of {} does not have its columns", table.name));
    if values.len() != table.columns.len() {
        return Err(wrong());
    }
    let value = |(value, (_, kind)): (Json, &(&str, Kind))| {
        Ok(match (value, kind) {
            (Json::Null, _) => Value::None,
            (Json::Bool(is), Kind::Bool) => Value::Bool(is),
            (Json::Number(number), Kind::Int) => Value::Int(number.as_i64().ok_or_else(wrong)?),
            (Json::String(text), Kind::Text) => Value::Text(text),
            (Json::String(text), Kind::Bytes) => {
                Value::Bytes(STANDARD.decode(text).map_err(|_| wrong())?)
            }
            _ => return Err(wrong()),
        })
    };
    values.into_iter().zip(table.columns).map(value).collect()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}
