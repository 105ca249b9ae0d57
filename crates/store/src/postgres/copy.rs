//! Copies a store into a file's tables, whose checks then apply to it.

use rusqlite::Connection;
use rusqlite::types::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::reader::at;
use super::{Database, PostgresReader};
use crate::{Result, StoreError};

const TABLES: [&str; 10] = [
    "workspaces",
    "objects",
    "object_index",
    "postings",
    "events",
    "jobs",
    "answers",
    "answer_index",
    "deliveries",
    "copies",
];
/// How many rows are in memory at a time.
const ROWS_AT_ONCE: usize = 1000;

/// Copies one snapshot of the database, all of it, into empty tables.
pub fn copy_to(database: &Database, file: &Connection) -> Result<()> {
    let reader = database.snapshot()?;
    file.execute_batch("BEGIN")?;
    for table in TABLES {
        copy_table(&reader, file, table)?;
    }
    file.execute_batch("COMMIT")?;
    reader.link.run("COMMIT")
}

fn copy_table(reader: &PostgresReader, file: &Connection, table: &str) -> Result<()> {
    let names = columns_of(file, table)?;
    let (list, marks) = (names.join(", "), vec!["?"; names.len()].join(", "));
    let mut put = file.prepare(&format!("INSERT INTO {table} ({list}) VALUES ({marks})"))?;
    reader.link.run(&format!("DECLARE rows NO SCROLL CURSOR FOR SELECT {list} FROM {table}"))?;
    loop {
        let rows = reader.link.query_once(&format!("FETCH {ROWS_AT_ONCE} FROM rows"))?;
        for row in &rows {
            let values: Vec<Value> =
                (0..names.len()).map(|column| value(row, column)).collect::<Result<_>>()?;
            put.execute(rusqlite::params_from_iter(values))?;
        }
        if rows.len() < ROWS_AT_ONCE {
            return reader.link.run("CLOSE rows");
        }
    }
}

fn columns_of(file: &Connection, table: &str) -> Result<Vec<String>> {
    let mut statement = file.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = statement.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

fn value(row: &Row, column: usize) -> Result<Value> {
    let kind = row.columns().get(column).map(|column| column.type_().clone());
    Ok(match kind {
        Some(Type::INT8) => at::<Option<i64>>(row, column)?.map_or(Value::Null, Value::Integer),
        Some(Type::BOOL) => Value::Integer(at::<bool>(row, column)?.into()),
        Some(Type::TEXT) => at::<Option<String>>(row, column)?.map_or(Value::Null, Value::Text),
        Some(Type::BYTEA) => at::<Option<Vec<u8>>>(row, column)?.map_or(Value::Null, Value::Blob),
        other => return Err(StoreError::Corrupt(format!("a column is of type {other:?}"))),
    })
}
