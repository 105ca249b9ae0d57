//! The store: what is kept, and the one way to change it.
//!
//! Everything is kept in a handful of narrow tables behind [`Reader`] and an engine: SQLite in a file,
//! or PostgreSQL for several programs at once. Nothing writes to an engine but the [`committer`]: commands run one after another on an
//! in-memory [`overlay`], and a whole batch of them becomes one write set and one commit.
//!
//! This crate knows rows, batches and clocks; it does not know what an operation or a resource is.

pub mod cache;
pub mod committer;
pub mod copying;
pub mod counters;
pub mod database;
pub mod id;
#[cfg(test)]
mod laws;
pub mod overlay;
pub mod postgres;
pub mod reader;
pub mod rows;
pub mod seal;
pub mod session;
pub mod sqlite;
mod statements;
pub mod tables;
pub mod transfer;
pub mod workspace;

use std::fmt;

pub use committer::{Command, Committer, Notice};
pub use database::{Database, Writers};
pub use reader::{IdRange, Reader};
pub use rows::*;
pub use session::Session;
pub use workspace::{Clock, ClockMode, Registry, Settings, Workspace, WorkspaceState};

/// Milliseconds since 1970.
pub type Millis = i64;

#[derive(Debug, Clone)]
pub enum StoreError {
    /// The store cannot be used as it is: it is not ours, newer than the program, or in use.
    Unusable(String),
    /// The engine failed.
    Engine(String),
    /// A row does not say what a row of its kind must say.
    Corrupt(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Unusable(why) => f.write_str(why),
            StoreError::Engine(why) => write!(f, "the store's engine failed: {why}"),
            StoreError::Corrupt(why) => write!(f, "the store is damaged: {why}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::Engine(error.to_string())
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        StoreError::Corrupt(error.to_string())
    }
}

pub type Result<T, E = StoreError> = std::result::Result<T, E>;
