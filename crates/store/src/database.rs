//! A store, whichever engine keeps it: a file of this program alone, or a database that several
//! programs share.

use std::path::Path;
use std::sync::Arc;

use crate::cache::DecodedCache;
use crate::postgres::{self, Due};
use crate::seal::Sealer;
use crate::sqlite;
use crate::workspace::{Workspace, WorkspaceState};
use crate::{Reader, Result, StoreError};

enum Engine {
    File(Arc<sqlite::Database>),
    Shared(postgres::Database),
}

/// What commits: one writer of a file, or a few of a database.
pub enum Writers {
    File(sqlite::Writer),
    Shared(Vec<postgres::Writer>),
}

impl From<sqlite::Writer> for Writers {
    fn from(writer: sqlite::Writer) -> Self {
        Writers::File(writer)
    }
}

pub struct Database {
    engine: Engine,
    /// Objects that reads decoded lately.
    pub decoded: DecodedCache,
    pub sealer: Arc<Sealer>,
}

impl Database {
    /// Opens the store, or makes one. `data` is a file, `:memory:` or the address of a database,
    /// which needs the file of a seal key; a file of data has its own beside it.
    pub fn open(data: &str, seal_key: Option<&Path>) -> Result<(Arc<Database>, Writers)> {
        let (engine, writers, sealer) = if postgres::is_url(data) {
            let seal_key = needed(seal_key)?;
            let (database, writers, sealer) =
                tokio::task::block_in_place(|| postgres::Database::open(data, seal_key))?;
            (Engine::Shared(database), Writers::Shared(writers), Arc::new(sealer))
        } else {
            let (database, writer) = sqlite::Database::open(data)?;
            let sealer = database.sealer.clone();
            (Engine::File(database), Writers::File(writer), sealer)
        };
        let decoded = DecodedCache::default();
        Ok((Arc::new(Database { engine, decoded, sealer }), writers))
    }

    /// Lets `work` read one snapshot of everything committed so far.
    pub fn read<T>(&self, work: impl FnOnce(&dyn Reader) -> T) -> Result<T> {
        match &self.engine {
            Engine::File(database) => database.read(work),
            Engine::Shared(database) => database.read(work),
        }
    }

    /// The same for one workspace, with its state as that snapshot has it.
    pub fn read_of<T>(
        &self,
        workspace: &Workspace,
        work: impl FnOnce(&dyn Reader, WorkspaceState) -> T,
    ) -> Result<T> {
        let mut work = Some(work);
        loop {
            let number = workspace.number();
            let done = self.read(|reader| {
                let state = reader.state(workspace)?;
                // The state of a file's workspace is not read from the snapshot. Where its rows got
                // another number meanwhile, the snapshot may be too old to have them all.
                if !self.is_shared() && workspace.number() != number {
                    return Ok(None);
                }
                Ok::<_, StoreError>(work.take().map(|work| work(reader, state)))
            })??;
            if let Some(done) = done {
                return Ok(done);
            }
        }
    }

    pub fn is_shared(&self) -> bool {
        matches!(self.engine, Engine::Shared(_))
    }

    /// Learns what other programs did to a workspace.
    pub fn refresh(&self, workspace: &Workspace) -> Result<()> {
        match &self.engine {
            Engine::File(_) => Ok(()),
            Engine::Shared(database) => database.refresh(workspace),
        }
    }

    /// What is due in any workspace and is ours to look after; nothing where no other program is.
    pub fn claim(&self) -> Result<Vec<Due>> {
        match &self.engine {
            Engine::File(_) => Ok(Vec::new()),
            Engine::Shared(database) => database.claim(),
        }
    }
}

/// Opens an existing store of this program's version, of which nothing is changed. What is in a
/// database is copied into a private file first, as it is at one moment.
pub fn open_to_read(data: &str, seal_key: Option<&Path>) -> Result<Arc<sqlite::Database>> {
    if !postgres::is_url(data) {
        return sqlite::Database::open_to_read(data);
    }
    let (database, sealer) = postgres::Database::open_to_read(data, needed(seal_key)?)?;
    sqlite::Database::filled(sealer, |file| postgres::copy_to(&database, file))
}

fn needed(seal_key: Option<&Path>) -> Result<&Path> {
    let missing = || StoreError::Unusable("a store in a database needs --seal-key FILE".into());
    seal_key.ok_or_else(missing)
}
