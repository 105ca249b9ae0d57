//! The embedded engine: SQLite in a file, in WAL mode, flushed at every commit.
//!
//! `:memory:` is a private temporary file that is never flushed, because shared in-memory databases
//! of SQLite allow no snapshot reads beside a writer.

mod memory;
mod pool;
mod reader;
pub(crate) mod statements;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod transfer;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

pub use reader::SqliteReader;
pub(crate) use transfer::{fill, with_snapshot};
pub use writer::Writer;

use self::pool::Pool;
use self::statements as sql;
use crate::cache::DecodedCache;
use crate::seal::Sealer;
use crate::{Reader, Result, StoreError};

/// Marks a file as ours ("XCHQ").
const APPLICATION_ID: i64 = 0x5843_4851;
/// The schema this program writes; a store with a higher number is refused.
const SCHEMA_VERSION: i64 = 3;
/// Forward migrations: `MIGRATIONS[n]` leads from version n to n + 1.
pub(crate) const MIGRATIONS: [&str; SCHEMA_VERSION as usize] =
    [include_str!("schema.sql"), include_str!("answer_index.sql"), include_str!("copies.sql")];

/// Pages big enough that an event's row does not spill over into a page of its own.
const PAGE_BYTES: i64 = 8192;
const WRITER_CACHE_KIB: i64 = 32 * 1024;
const READER_CACHE_KIB: i64 = 8 * 1024;
/// What the log is cut back to after a checkpoint.
const WAL_BYTES_MAX: i64 = 64 << 20;
/// How long the log grows before it is written back. Pages at the ends of the tables change in
/// every batch: a longer log writes each of them back once for more batches.
const WAL_PAGES: i64 = 2000;
const STATEMENTS_CACHED: usize = 64;

/// What a connection may do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Make the store if there is none.
    Create,
    Change,
    Read,
}

/// An open store.
pub struct Database {
    path: PathBuf,
    durable: bool,
    /// How its readers open it.
    access: Access,
    pool: Arc<Pool>,
    /// Objects that reads decoded lately.
    pub decoded: DecodedCache,
    pub sealer: Arc<Sealer>,
    /// Held as long as the store is open: one program at a time.
    _lock: Option<File>,
    /// The directory of a `:memory:` store, removed at the end.
    temporary: Option<PathBuf>,
}

impl Database {
    /// Opens the store in that file, or makes one; `:memory:` is a private one.
    pub fn open(data: &str) -> Result<(Arc<Database>, Writer)> {
        if data != ":memory:" {
            return Database::file(Path::new(data));
        }
        Database::private(Sealer::random()?)
    }

    /// Opens an existing store of this program's version, of which nothing is changed.
    pub fn open_to_read(data: &str) -> Result<Arc<Database>> {
        let path = Path::new(data);
        if !path.is_file() {
            return Err(StoreError::Unusable(format!("there is no store at {data}")));
        }
        let connection = connect(path, READER_CACHE_KIB, true, Access::Read)?;
        let (is_empty, version) = version_of(&connection).map_err(|e| unusable(path, &e))?;
        if is_empty || version < SCHEMA_VERSION {
            return Err(StoreError::Unusable(format!(
                "the store has version {version}, older than the {SCHEMA_VERSION} of this \
                 program: serving it brings it up to date"
            )));
        }
        let key_path = key_path(path);
        let sealer = Arc::new(Sealer::open(&key_path, false)?);
        check_key(&connection, &sealer)?;
        drop(connection);
        Ok(Arc::new(Database {
            path: path.to_owned(),
            durable: true,
            access: Access::Read,
            pool: Arc::default(),
            decoded: DecodedCache::default(),
            sealer,
            _lock: Some(lock_file(&key_path)?),
            temporary: None,
        }))
    }

    /// A private store with rows from elsewhere, sealed with the key they are sealed with.
    pub fn filled(
        sealer: Sealer,
        fill: impl FnOnce(&Connection) -> Result<()>,
    ) -> Result<Arc<Database>> {
        let (database, _) = Database::private(sealer)?;
        fill(&database.raw()?)?;
        Ok(database)
    }

    fn private(sealer: Sealer) -> Result<(Arc<Database>, Writer)> {
        let (directory, lock) = memory::directory()?;
        let path = directory.join("store.db");
        let pool = Arc::<Pool>::default();
        let mut connection = connect(&path, WRITER_CACHE_KIB, false, Access::Create)?;
        prepare(&mut connection, &sealer)?;
        let writer = Writer::new(connection, pool.clone());
        let database = Database {
            path,
            durable: false,
            access: Access::Change,
            pool,
            decoded: DecodedCache::default(),
            sealer: Arc::new(sealer),
            _lock: Some(lock),
            temporary: Some(directory),
        };
        Ok((Arc::new(database), writer))
    }

    fn file(path: &Path) -> Result<(Arc<Database>, Writer)> {
        let is_new = std::fs::metadata(path).map_or(true, |meta| meta.len() == 0);
        let key_path = key_path(path);
        let sealer = Arc::new(Sealer::open(&key_path, is_new)?);
        let lock = lock_file(&key_path)?;
        let mut connection = connect(path, WRITER_CACHE_KIB, true, Access::Create)?;
        prepare(&mut connection, &sealer)?;
        let pool = Arc::<Pool>::default();
        let writer = Writer::new(connection, pool.clone());
        let database = Database {
            path: path.to_owned(),
            durable: true,
            access: Access::Change,
            pool,
            decoded: DecodedCache::default(),
            sealer,
            _lock: Some(lock),
            temporary: None,
        };
        Ok((Arc::new(database), writer))
    }

    /// Lets `work` read one snapshot of everything committed so far.
    pub fn read<T>(&self, work: impl FnOnce(&dyn Reader) -> T) -> Result<T> {
        let (reader, shows) = self.pool.take(|| Ok(SqliteReader::new(self.raw()?)))?;
        let result = work(&reader);
        self.pool.give(reader, shows)?;
        Ok(result)
    }

    /// The connection itself, for `verify`, which reads the rows as they are.
    pub fn raw(&self) -> Result<Connection> {
        connect(&self.path, READER_CACHE_KIB, self.durable, self.access)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(directory) = &self.temporary {
            self.pool.clear();
            // Nothing can be done about a temporary file that will not go.
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

/// The seal key lies beside the store.
fn key_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".key");
    PathBuf::from(name)
}

/// Brings the schema up to date and makes sure that the key is the store's.
fn prepare(connection: &mut Connection, sealer: &Sealer) -> Result<()> {
    migrate(connection)?;
    connection.execute(sql::MARK, [sealer.mark()])?;
    check_key(connection, sealer)
}

/// Another key would seal new rows so that neither key opens them all.
fn check_key(connection: &Connection, sealer: &Sealer) -> Result<()> {
    let mark: Vec<u8> = connection.query_row(sql::MARKED, [], |row| row.get(0))?;
    if mark == sealer.mark() {
        return Ok(());
    }
    Err(StoreError::Unusable("the seal key is not the one this store is sealed with".into()))
}

/// Takes the key file's lock: two programs on one store would each trust their own caches.
fn lock_file(path: &Path) -> Result<File> {
    let file = File::open(path).map_err(|e| unusable(path, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => Err(StoreError::Unusable("the store is in use by another program".into())),
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unusable(format!("cannot open {}: {error}", path.display()))
}

fn connect(path: &Path, cache_kib: i64, durable: bool, access: Access) -> Result<Connection> {
    let flags = match access {
        Access::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        Access::Change => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|e| unusable(path, &e))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    // Plans must not depend on the values bound: SQLite would prepare some statements anew at
    // every use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let wrong = |e: rusqlite::Error| unusable(path, &e);
    connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(wrong)?;
    if access != Access::Read {
        connection.pragma_update(None, "page_size", PAGE_BYTES).map_err(wrong)?;
        connection
            .query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0))
            .map_err(wrong)?;
        connection.pragma_update(None, "synchronous", if durable { "FULL" } else { "OFF" })?;
        for (name, value) in
            [("journal_size_limit", WAL_BYTES_MAX), ("wal_autocheckpoint", WAL_PAGES)]
        {
            connection.query_row(&format!("PRAGMA {name} = {value}"), [], |_| Ok(()))?;
        }
    }
    connection.pragma_update(None, "cache_size", -cache_kib).map_err(wrong)?;
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(wrong)?;
    Ok(connection)
}

/// Whether nothing is in the store yet, and its version. A file of somebody else's and a newer store
/// are refused.
fn version_of(connection: &Connection) -> Result<(bool, i64)> {
    let number = |name: &str| {
        connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
    };
    let (application, version) = (number("application_id")?, number("user_version")?);
    let is_empty = connection.query_row(sql::TABLES_COUNT, [], |row| row.get::<_, i64>(0))? == 0;
    if !is_empty && application != APPLICATION_ID {
        return Err(StoreError::Unusable("the file is a database, but no store of ours".into()));
    }
    if version > SCHEMA_VERSION {
        return Err(StoreError::Unusable(format!(
            "the store has version {version}, newer than the {SCHEMA_VERSION} of this program"
        )));
    }
    Ok((is_empty, version))
}

/// Brings the schema up to date, a version at a time, each in a transaction of its own.
fn migrate(connection: &mut Connection) -> Result<()> {
    let (_, version) = version_of(connection)?;
    for (at, statements) in MIGRATIONS.iter().enumerate().skip(version.unsigned_abs() as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(statements)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", at as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}
