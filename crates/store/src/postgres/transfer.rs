//! A database's side of exports and imports.

use std::path::Path;

use tokio_postgres::types::ToSql;

use super::link::Link;
use super::reader::PostgresReader;
use super::statements as sql;
use super::{Database, columns, number_of, prepare, refuse_newer, stored, writer};
use crate::rows::{CopyKey, CopyRow};
use crate::seal::Sealer;
use crate::tables::Row;
use crate::transfer::{Target, Totals};
use crate::workspace::{Workspace, WorkspaceState};
use crate::{Reader, Result, StoreError};

/// A transaction that waits for a slow file is no program that was cut off.
const PATIENTLY: &str = "SET idle_in_transaction_session_timeout = 0";

/// Lets `work` read one snapshot of a store that may be served, with the mark of its key.
pub(crate) fn with_snapshot(
    url: &str,
    work: impl FnOnce(&dyn Reader, &[u8]) -> Result<()>,
) -> Result<()> {
    let link = Database::connect(url)?.link()?;
    let exists: bool = link.query(sql::STORE_EXISTS, &[])?.first().is_some_and(|row| row.get(0));
    if !exists {
        return Err(StoreError::Unusable("there is no store in this database".into()));
    }
    let (version, mark) = stored(&link)?;
    refuse_newer(version)?;
    if version < super::SCHEMA_VERSION {
        let why = format!("the store has version {version}: serving it brings it up to date");
        return Err(StoreError::Unusable(why));
    }
    link.run(PATIENTLY)?;
    link.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    let reader = PostgresReader::new(link);
    work(&reader, &mark.unwrap_or_default())?;
    reader.link.run("COMMIT")
}

/// Fills an empty store. The key must be the one of that mark.
pub(crate) fn fill(
    url: &str,
    seal_key: Option<&Path>,
    mark: &[u8],
    read: &mut dyn FnMut(&mut dyn Target) -> Result<Totals>,
) -> Result<Totals> {
    let missing = || {
        let why = "a store in a database needs --seal-key FILE: the key of the exported store";
        StoreError::Unusable(why.into())
    };
    let seal_key = seal_key.ok_or_else(missing)?;
    let sealer = Sealer::open(seal_key, false)?;
    if sealer.mark() != mark {
        let why = format!("{} is not the key that the file is sealed with", seal_key.display());
        return Err(StoreError::Unusable(why));
    }
    let link = Database::connect(url)?.link()?;
    prepare(&link, seal_key)?;
    link.run(PATIENTLY)?;
    link.run("BEGIN")?;
    let reader = PostgresReader::new(link);
    if !reader.workspaces(0, 1)?.is_empty() {
        return Err(StoreError::Unusable("the store is not empty".into()));
    }
    // What was not kept is gone with the connection.
    read(&mut DatabaseTarget { link: &reader.link })
}

struct DatabaseTarget<'a> {
    link: &'a Link,
}

impl DatabaseTarget<'_> {
    fn run(&self, (sql, values): columns::Statement<'_>) -> Result<()> {
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value as _).collect();
        self.link.execute(sql, &values)?;
        Ok(())
    }
}

impl Target for DatabaseTarget<'_> {
    fn workspace(&mut self, workspace: &Workspace, state: &WorkspaceState) -> Result<i64> {
        let ws = number_of(&workspace.tail);
        let state = serde_json::to_string(state)?;
        let tail = workspace.tail.as_slice();
        let values: [&(dyn ToSql + Sync); 5] =
            [&ws, &tail, &workspace.account, &workspace.livemode, &state];
        if self.link.execute(sql::MAKE, &values)? == 1 {
            return Ok(ws);
        }
        Err(StoreError::Unusable("a workspace is there already".into()))
    }

    /// When something is due follows from the rows, by now all there.
    fn workspace_done(&mut self, workspace: &Workspace, state: &WorkspaceState) -> Result<()> {
        let ws = number_of(&workspace.tail);
        self.run((sql::KEEP_WORKSPACE, writer::imported_values(ws, state)?))
    }

    fn copy(&mut self, key: CopyKey, row: &CopyRow) -> Result<()> {
        self.run(columns::put_copy(&key.ws, &key, row)?)
    }

    fn put(&mut self, part: i64, table: usize, rows: &[Row]) -> Result<()> {
        self.run(columns::put_rows(&part, table, rows))
    }

    fn keep(&mut self) -> Result<()> {
        self.link.run("COMMIT")
    }
}
