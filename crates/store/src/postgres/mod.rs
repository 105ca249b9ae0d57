//! The shared engine: PostgreSQL, for several programs on one database.
//!
//! A batch holds the commands of one workspace and locks that workspace's row first, so commands
//! of a workspace run one after another wherever they come in. Nothing here needs a sequence, an
//! advisory lock or a stored procedure, and every key begins with the workspace.

mod address;
mod columns;
mod copy;
mod lease;
mod link;
mod reader;
pub(crate) mod statements;
mod tls;
mod transfer;
mod writer;

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use copy::copy_to;
pub use lease::Due;
pub(crate) use transfer::{fill, with_snapshot};
pub use writer::{Trouble, Writer};

use self::address::Address;
use self::link::{Failure, Link, Refused};
use self::reader::PostgresReader;
use self::statements as sql;
use crate::id::{random_u64, secret_bytes};
use crate::seal::Sealer;
use crate::workspace::{Tail, Workspace, lock};
use crate::{Reader, Result, StoreError};

/// The schema this program writes; a store with a higher number is refused.
const SCHEMA_VERSION: i64 = 3;
/// Forward migrations: `MIGRATIONS[n]` leads from version n to n + 1.
pub(crate) const MIGRATIONS: [&str; SCHEMA_VERSION as usize] =
    [include_str!("schema.sql"), include_str!("answer_index.sql"), include_str!("copies.sql")];
/// One row: which schema it is, and a mark of the seal key, so that no program with another key
/// writes what the others cannot read.
pub(crate) const STORE: &str = include_str!("store.sql");

/// How many threads commit, each with a connection of its own.
pub const WRITERS: usize = 4;
/// Connections for reading. To wait for one costs less than to make another: that takes the
/// database a process.
const READERS_MAX: usize = 16;
/// The longest wait for one of them; then there is one more for a moment.
const READER_AWAITED_MAX: Duration = Duration::from_secs(1);
/// How often a read that lost its connection takes another.
const CONNECT_TRIES_MAX: usize = 3;

/// How long a read waits for a database that is away, and how often it looks.
const AWAY_MAX: Duration = Duration::from_secs(15);
const AWAY_PAUSE: Duration = Duration::from_millis(100);

/// Whether the data is in a database and not in a file.
pub fn is_url(data: &str) -> bool {
    data.starts_with("postgres://") || data.starts_with("postgresql://")
}

/// The address as people may see it: without a password.
pub fn shown(data: &str) -> String {
    let Some((user, rest)) = data.split_once('@').filter(|_| is_url(data)) else {
        return data.split("password=").next().unwrap_or(data).to_owned();
    };
    let at = user.find("://").map_or(0, |at| at + 3);
    let name = user[at..].split(':').next().unwrap_or("");
    format!("{}{name}@{}", &user[..at], rest.split("password=").next().unwrap_or(rest))
}

/// The number of a workspace follows from its tail, so that all programs number it alike. Two of
/// them with one number are found when the second is made.
pub(crate) fn number_of(tail: &Tail) -> i64 {
    let mut bytes = [0u8; 8];
    bytes.copy_from_slice(&tail[..8]);
    (i64::from_be_bytes(bytes) & (i64::MAX >> 1)).max(1)
}

/// What all connections of this program share.
struct Shared {
    address: Address,
    /// This program among those on the database.
    node: i64,
}

impl Shared {
    fn connect(&self) -> Result<Link, Refused> {
        Link::open(&self.address)
    }
}

/// An open store.
pub struct Database {
    shared: Arc<Shared>,
    idle: Mutex<Vec<PostgresReader>>,
    /// How many may begin to read.
    free: Mutex<usize>,
    freed: Condvar,
}

/// The right to use one connection for reading.
struct Turn<'a>(&'a Database);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *lock(&self.0.free) += 1;
        self.0.freed.notify_one();
    }
}

impl Database {
    /// Opens the store in that database, or makes one. `seal_key` is the file of the key, made
    /// with a new store.
    pub fn open(url: &str, seal_key: &Path) -> Result<(Database, Vec<Writer>, Sealer)> {
        let database = Database::connect(url)?;
        let link = database.link()?;
        let sealer = prepare(&link, seal_key)?;
        lock(&database.idle).push(PostgresReader::new(link));
        let mut writers = Vec::new();
        for _ in 0..WRITERS {
            let reader = PostgresReader::new(database.link()?);
            writers.push(Writer::new(database.shared.clone(), reader));
        }
        Ok((database, writers, sealer))
    }

    /// Opens an existing store of this program's version, of which nothing is changed.
    pub fn open_to_read(url: &str, seal_key: &Path) -> Result<(Database, Sealer)> {
        let database = Database::connect(url)?;
        let link = database.link()?;
        let exists: bool =
            link.query(sql::STORE_EXISTS, &[])?.first().is_some_and(|row| row.get(0));
        if !exists {
            return Err(StoreError::Unusable("there is no store in this database".into()));
        }
        let (version, mark) = stored(&link)?;
        if version < SCHEMA_VERSION {
            return Err(StoreError::Unusable(format!(
                "the store has version {version}, older than the {SCHEMA_VERSION} of this \
                 program: serving it brings it up to date"
            )));
        }
        refuse_newer(version)?;
        let sealer = Sealer::open(seal_key, false)?;
        refuse_other_key(&sealer, mark.as_deref())?;
        lock(&database.idle).push(PostgresReader::new(link));
        Ok((database, sealer))
    }

    fn connect(url: &str) -> Result<Database> {
        let address = Address::parse(url)?;
        let mut node = [0u8; 8];
        secret_bytes(&mut node);
        let shared = Shared { address, node: i64::from_be_bytes(node) };
        Ok(Database {
            shared: Arc::new(shared),
            idle: Mutex::default(),
            free: Mutex::new(READERS_MAX),
            freed: Condvar::new(),
        })
    }

    fn link(&self) -> Result<Link> {
        self.shared.connect().map_err(|refused| {
            StoreError::Unusable(format!("the database cannot be reached: {}", refused.why))
        })
    }

    /// The same where the database may be restarting, or a standby be taking over.
    fn link_patiently(&self) -> Result<Link> {
        let began = Instant::now();
        loop {
            match self.shared.connect() {
                Ok(link) => return Ok(link),
                Err(refused)
                    if refused.failure == Failure::Passing && began.elapsed() < AWAY_MAX =>
                {
                    std::thread::sleep(AWAY_PAUSE);
                }
                Err(refused) => {
                    let why = refused.why;
                    return Err(StoreError::Engine(format!("the database is away: {why}")));
                }
            }
        }
    }

    /// Lets `work` read one snapshot of everything committed so far.
    pub fn read<T>(&self, work: impl FnOnce(&dyn Reader) -> T) -> Result<T> {
        tokio::task::block_in_place(|| {
            let _turn = self.turn();
            let reader = self.snapshot()?;
            let result = work(&reader);
            if reader.link.run("COMMIT").is_ok() {
                self.give_back(reader);
            }
            Ok(result)
        })
    }

    /// Learns what other programs did to a workspace, if they did anything.
    pub fn refresh(&self, workspace: &Workspace) -> Result<()> {
        tokio::task::block_in_place(|| {
            let _turn = self.turn();
            let mut tries = 0;
            loop {
                let idle = self.take_idle();
                let reader = match idle {
                    Some(reader) => reader,
                    None => {
                        tries += 1;
                        PostgresReader::new(self.link_patiently()?)
                    }
                };
                match reader.state(workspace) {
                    Ok(_) => {
                        self.give_back(reader);
                        return Ok(());
                    }
                    Err(error) if tries >= CONNECT_TRIES_MAX => return Err(error),
                    Err(_) => {}
                }
            }
        })
    }

    fn turn(&self) -> Option<Turn<'_>> {
        let free = lock(&self.free);
        let waited = self.freed.wait_timeout_while(free, READER_AWAITED_MAX, |free| *free == 0);
        let (mut free, late) = waited.unwrap_or_else(PoisonError::into_inner);
        if late.timed_out() {
            return None;
        }
        *free -= 1;
        Some(Turn(self))
    }

    fn take_idle(&self) -> Option<PostgresReader> {
        lock(&self.idle).pop()
    }

    fn give_back(&self, reader: PostgresReader) {
        let mut idle = lock(&self.idle);
        if reader.link.failed().is_none() && idle.len() < READERS_MAX {
            idle.push(reader);
        }
    }

    /// A reader with a snapshot. An idle connection may be gone: then there is another.
    fn snapshot(&self) -> Result<PostgresReader> {
        let mut tries = 0;
        loop {
            let idle = self.take_idle();
            let reader = match idle {
                Some(reader) => reader,
                None => {
                    tries += 1;
                    PostgresReader::new(self.link_patiently()?)
                }
            };
            match reader.link.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") {
                Ok(()) => return Ok(reader),
                Err(error) if tries >= CONNECT_TRIES_MAX => return Err(error),
                Err(_) => {}
            }
        }
    }
}

/// Brings the schema up to date and opens the seal key. Programs that start at the same time do
/// this one after another, because each locks the one row first.
fn prepare(link: &Link, seal_key: &Path) -> Result<Sealer> {
    let encoding = link.query(sql::SERVER_ENCODING, &[])?;
    if encoding.first().is_none_or(|row| row.get::<_, &str>(0) != "UTF8") {
        return Err(StoreError::Unusable("the database's encoding must be UTF8".into()));
    }
    // Two programs may try to make it at once; the second then finds it.
    if link.run(STORE).is_err() {
        std::thread::sleep(Duration::from_millis(random_u64() % 100));
        link.run(STORE)?;
    }
    link.mend();
    link.run("BEGIN")?;
    link.run(sql::MAKE_STORE)?;
    let (version, mark) = stored(link)?;
    refuse_newer(version)?;
    let sealer = Sealer::open(seal_key, version == 0)?;
    refuse_other_key(&sealer, mark.as_deref())?;
    for statements in MIGRATIONS.iter().skip(version.unsigned_abs() as usize) {
        link.run(statements)?;
    }
    let (version, mark) = (SCHEMA_VERSION, mark_of(&sealer));
    link.execute(sql::KEEP_STORE, &[&version, &mark])?;
    link.run("COMMIT")?;
    Ok(sealer)
}

/// The version of the store and the mark of its key.
fn stored(link: &Link) -> Result<(i64, Option<Vec<u8>>)> {
    let rows = link.query(sql::STORE_ROW, &[])?;
    let row = rows.first().ok_or_else(|| StoreError::Corrupt("the store has no version".into()))?;
    Ok((row.get(0), row.get(1)))
}

fn refuse_newer(version: i64) -> Result<()> {
    if version <= SCHEMA_VERSION {
        return Ok(());
    }
    Err(StoreError::Unusable(format!(
        "the store has version {version}, newer than the {SCHEMA_VERSION} of this program"
    )))
}

fn mark_of(sealer: &Sealer) -> Vec<u8> {
    sealer.mark().to_vec()
}

fn refuse_other_key(sealer: &Sealer, mark: Option<&[u8]>) -> Result<()> {
    if mark.is_none_or(|mark| mark == mark_of(sealer)) {
        return Ok(());
    }
    Err(StoreError::Unusable("the seal key is not the one this store is sealed with".into()))
}
