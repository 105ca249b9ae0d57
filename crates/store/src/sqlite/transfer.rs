//! A file's side of exports and imports.

use std::path::Path;

use rusqlite::Connection;

use super::reader::{SqliteReader, last_workspace};
use super::statements as sql;
use super::{
    Access, READER_CACHE_KIB, SCHEMA_VERSION, WRITER_CACHE_KIB, connect, key_path, lock_file,
    prepare, unusable, version_of, writer,
};
use crate::rows::{CopyKey, CopyRow};
use crate::seal::Sealer;
use crate::tables::Row;
use crate::transfer::{Target, Totals};
use crate::workspace::{Workspace, WorkspaceState};
use crate::{Reader, Result, StoreError};

/// Lets `work` read one snapshot of a store that may be served, with the mark of its key.
pub(crate) fn with_snapshot(
    data: &str,
    work: impl FnOnce(&dyn Reader, &[u8]) -> Result<()>,
) -> Result<()> {
    let path = Path::new(data);
    if !path.is_file() {
        return Err(StoreError::Unusable(format!("there is no store at {data}")));
    }
    let connection = connect(path, READER_CACHE_KIB, true, Access::Read)?;
    let (is_empty, version) = version_of(&connection).map_err(|e| unusable(path, &e))?;
    if is_empty || version < SCHEMA_VERSION {
        return Err(StoreError::Unusable(format!(
            "the store has version {version}, older than the {SCHEMA_VERSION} of this program: \
             serving it brings it up to date"
        )));
    }
    let reader = SqliteReader::new(connection);
    reader.begin()?;
    let mark: Vec<u8> = reader.connection().query_row(sql::MARKED, [], |row| row.get(0))?;
    work(&reader, &mark)?;
    reader.end()
}

/// Fills an empty store. The key must be the one of that mark: it is beside the store already, or
/// it is given, and then put there.
pub(crate) fn fill(
    path: &Path,
    seal_key: Option<&Path>,
    mark: &[u8],
    read: &mut dyn FnMut(&mut dyn Target) -> Result<Totals>,
) -> Result<Totals> {
    let beside = key_path(path);
    let given = seal_key.unwrap_or(&beside);
    let sealer = Sealer::open(given, false).map_err(|error| {
        let why = "give the key that the exported store is sealed with as --seal-key";
        StoreError::Unusable(format!("{error}: {why}"))
    })?;
    if sealer.mark() != mark {
        let why = format!("{} is not the key that the file is sealed with", given.display());
        return Err(StoreError::Unusable(why));
    }
    if !beside.exists() {
        Sealer::copy_key(given, &beside)?;
    }
    let lock = lock_file(&beside)?;
    let mut connection = connect(path, WRITER_CACHE_KIB, true, Access::Create)?;
    prepare(&mut connection, &sealer)?;
    if last_workspace(&connection)? != 0 {
        return Err(StoreError::Unusable("the store is not empty".into()));
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut target = FileTarget { connection: &connection, last: 0 };
    let done = read(&mut target);
    if done.is_err() {
        connection.execute_batch("ROLLBACK")?;
    }
    drop(lock);
    done
}

struct FileTarget<'a> {
    connection: &'a Connection,
    last: i64,
}

impl Target for FileTarget<'_> {
    fn workspace(&mut self, workspace: &Workspace, state: &WorkspaceState) -> Result<i64> {
        self.last += 1;
        writer::put_workspace(self.connection, self.last, workspace, state)?;
        Ok(self.last)
    }

    fn workspace_done(&mut self, _: &Workspace, _: &WorkspaceState) -> Result<()> {
        Ok(())
    }

    fn copy(&mut self, key: CopyKey, row: &CopyRow) -> Result<()> {
        writer::put_copy(self.connection, &key, row)
    }

    fn put(&mut self, part: i64, table: usize, rows: &[Row]) -> Result<()> {
        writer::put_rows(self.connection, part, table, rows)
    }

    fn keep(&mut self) -> Result<()> {
        Ok(self.connection.execute_batch("COMMIT")?)
    }
}
