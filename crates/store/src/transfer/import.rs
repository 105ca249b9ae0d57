//! Reading the file into an empty store: all of it in one transaction, or nothing.

use std::io::BufRead;
use std::path::Path;

use ring::digest::{Context, SHA256};
use serde_json::Value as Json;

use super::lines::{FORMAT, Mark, damaged, from_hex, hex, row_of, table_of};
use super::{Progress, ROWS_AT_ONCE, Totals};
use crate::copying::fresh_part;
use crate::rows::{CopyKey, CopyRow};
use crate::tables::Row;
use crate::workspace::{Tail, Workspace, WorkspaceState};
use crate::{Millis, Result, StoreError, postgres, sqlite};

/// The longest line: an object's state with room to spare.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// Where the rows go. What is put stands only once [`Target::keep`] was called.
pub(crate) trait Target {
    /// Gives the number of the workspace, under which its rows go.
    fn workspace(&mut self, workspace: &Workspace, state: &WorkspaceState) -> Result<i64>;
    /// The rows of a workspace are all there.
    fn workspace_done(&mut self, workspace: &Workspace, state: &WorkspaceState) -> Result<()>;
    fn copy(&mut self, key: CopyKey, row: &CopyRow) -> Result<()>;
    fn put(&mut self, part: i64, table: usize, rows: &[Row]) -> Result<()>;
    fn keep(&mut self) -> Result<()>;
}

/// Fills an empty store with what the file says. `seal_key` is the file of the key that the other
/// store is sealed with; a store in a file may have it beside it already.
pub fn import(
    data: &str,
    seal_key: Option<&Path>,
    file: &mut dyn BufRead,
    progress: &mut Progress<'_>,
) -> Result<Totals> {
    let mut lines = Lines { file, hash: Context::new(&SHA256), bytes: Vec::new() };
    let seal = match lines.next()? {
        Some(Line::Mark(Mark::Exchequer { format, seal })) if format <= FORMAT => seal,
        Some(Line::Mark(Mark::Exchequer { format, .. })) => {
            let why = format!("the file has format {format}, newer than this program's {FORMAT}");
            return Err(StoreError::Unusable(why));
        }
        _ => return Err(StoreError::Unusable("this is no file of an exported store".into())),
    };
    let seal = from_hex(&seal).ok_or_else(|| damaged("it names no key"))?;
    let mut read = |target: &mut dyn Target| {
        let filling = Filling {
            lines: &mut lines,
            target,
            totals: Totals::default(),
            progress,
            of: None,
            part: 0,
            table: None,
            rows: Vec::new(),
        };
        filling.all()
    };
    if postgres::is_url(data) {
        postgres::fill(data, seal_key, &seal, &mut read)
    } else {
        sqlite::fill(Path::new(data), seal_key, &seal, &mut read)
    }
}

enum Line {
    Mark(Mark),
    Row(Vec<Json>),
}

struct Lines<'a> {
    file: &'a mut dyn BufRead,
    hash: Context,
    bytes: Vec<u8>,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<Line>> {
        // The last line says what the hash is before it.
        self.hash.update(&self.bytes);
        self.bytes.clear();
        let mut limited = std::io::Read::take(&mut *self.file, LINE_BYTES_MAX);
        let unreadable = |error| StoreError::Unusable(format!("the file cannot be read: {error}"));
        limited.read_until(b'\n', &mut self.bytes).map_err(unreadable)?;
        if self.bytes.is_empty() {
            return Ok(None);
        }
        if self.bytes.last() != Some(&b'\n') {
            return Err(damaged("it ends within a line"));
        }
        let line = match self.bytes.first() {
            Some(b'[') => serde_json::from_slice(&self.bytes).map(Line::Row),
            _ => serde_json::from_slice(&self.bytes).map(Line::Mark),
        };
        line.map(Some).map_err(damaged)
    }
}

/// The workspace whose rows come now.
struct Current {
    workspace: Workspace,
    state: WorkspaceState,
    home: i64,
}

struct Filling<'a, 'b> {
    lines: &'a mut Lines<'b>,
    target: &'a mut dyn Target,
    totals: Totals,
    progress: &'a mut Progress<'b>,
    of: Option<Current>,
    /// The number that the rows get.
    part: i64,
    table: Option<usize>,
    rows: Vec<Row>,
}

impl Filling<'_, '_> {
    fn all(mut self) -> Result<Totals> {
        loop {
            match self.lines.next()? {
                Some(Line::Row(values)) => self.row(values)?,
                Some(Line::Mark(Mark::Table(name))) => {
                    self.put()?;
                    self.table = Some(table_of(&name)?.0);
                }
                Some(Line::Mark(Mark::Workspace { tail, account, livemode, state })) => {
                    self.end_workspace()?;
                    self.begin_workspace(&tail, account, livemode, *state)?;
                }
                Some(Line::Mark(Mark::Snapshot { name, taken, state })) => {
                    self.put()?;
                    self.begin_snapshot(name, taken, state)?;
                }
                Some(Line::Mark(Mark::End { totals, sha256 })) => {
                    self.end_workspace()?;
                    return self.end(totals, &sha256);
                }
                Some(Line::Mark(Mark::Exchequer { .. })) => {
                    return Err(damaged("it begins twice"));
                }
                None => return Err(damaged("its end is missing")),
            }
        }
    }

    fn row(&mut self, values: Vec<Json>) -> Result<()> {
        let (Some(table), true) = (self.table, self.of.is_some()) else {
            return Err(damaged("a row belongs to nothing"));
        };
        self.rows.push(row_of(&crate::tables::TABLES[table], values)?);
        self.totals.rows += 1;
        if self.rows.len() >= ROWS_AT_ONCE {
            self.put()?;
        }
        Ok(())
    }

    /// Puts the rows that were gathered.
    fn put(&mut self) -> Result<()> {
        if let Some(table) = self.table
            && !self.rows.is_empty()
        {
            self.target.put(self.part, table, &self.rows)?;
            self.rows.clear();
            (self.progress)(&self.totals);
        }
        Ok(())
    }

    fn begin_workspace(
        &mut self,
        tail: &str,
        account: String,
        livemode: bool,
        state: WorkspaceState,
    ) -> Result<()> {
        let tail = from_hex(tail).and_then(|tail| Tail::try_from(tail).ok());
        let tail = tail.ok_or_else(|| damaged("a workspace has no tail of 32 bytes"))?;
        let state = WorkspaceState { rows: 0, ..state };
        let workspace = Workspace::new(tail, account, livemode);
        let home = self.target.workspace(&workspace, &state)?;
        self.totals.workspaces += 1;
        self.part = home;
        self.table = None;
        self.of = Some(Current { workspace, state, home });
        Ok(())
    }

    fn begin_snapshot(
        &mut self,
        name: String,
        taken: Millis,
        state: Box<WorkspaceState>,
    ) -> Result<()> {
        let Some(of) = &self.of else { return Err(damaged("a snapshot belongs to nothing")) };
        self.part = fresh_part();
        self.table = None;
        let key = CopyKey { ws: of.home, part: self.part };
        self.target.copy(key, &CopyRow::Kept { name, taken, state })?;
        self.totals.snapshots += 1;
        Ok(())
    }

    fn end_workspace(&mut self) -> Result<()> {
        self.put()?;
        if let Some(of) = self.of.take() {
            self.target.workspace_done(&of.workspace, &of.state)?;
        }
        Ok(())
    }

    /// Nothing stands unless the end says that this was all of it, as it was written.
    fn end(self, told: Totals, sha256: &str) -> Result<Totals> {
        let found = hex(self.lines.hash.clone().finish().as_ref());
        if told != self.totals || found != sha256 {
            return Err(damaged("its rows are not those that its end tells of"));
        }
        self.lines.bytes.clear();
        if self.lines.next()?.is_some() {
            return Err(damaged("it goes on behind its end"));
        }
        self.target.keep()?;
        Ok(self.totals)
    }
}
