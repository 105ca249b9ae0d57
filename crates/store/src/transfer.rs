//! A whole store as one file, to be kept as a backup or moved into another store of either engine.
//!
//! The file is text, a JSON value in each line: what it is, each workspace and snapshot followed by
//! its rows table by table, and at the end how much there is with a hash of all lines before. It
//! says nothing of the numbers that workspaces have in a store, which every store gives itself.
//! What is sealed stays sealed: the key is not in it, only the mark by which the key is known.

mod export;
mod import;
mod lines;

pub use export::export;
pub(crate) use import::Target;
pub use import::import;

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Totals {
    pub workspaces: u64,
    pub snapshots: u64,
    pub rows: u64,
}

/// Told every now and then while it goes on.
pub type Progress<'a> = dyn FnMut(&Totals) + 'a;

/// How many rows are in memory at a time.
const ROWS_AT_ONCE: usize = 1000;
