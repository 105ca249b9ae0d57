//! The way through a store: one workspace after the other, in it one account after the other, and
//! row after row, so that no more of a store is in memory than a row and what it refers to.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use api::audit::{Audit, Audits, BookAudit, Findings};
use api::operation::Resource;
use api::runtime::{Acting, view};
use api::{App, Owner, View};
use rusqlite::types::ToSql;
use rusqlite::{Connection, Row};
use store::seal::Sealer;
use store::{Reader, Result, Scope, Session, Workspace, WorkspaceState};

use super::events::Subject;

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub workspaces: u64,
    pub snapshots: u64,
    pub objects: u64,
    pub postings: u64,
    pub events: u64,
}

pub struct Walk<'a> {
    pub app: &'a App,
    /// By the prefix of the ids.
    pub kinds: HashMap<&'static str, Audit>,
    pub books: HashMap<&'static str, BookAudit>,
    /// By the type of the events.
    pub subjects: HashMap<&'static str, Subject>,
    pub rows: &'a Connection,
    pub reader: &'a dyn Reader,
    pub sealer: &'a Sealer,
    pub findings: Findings,
    pub totals: Totals,
    /// The second and counter of the newest id in the workspace that is looked at.
    pub newest_id: (i64, i64),
}

/// A workspace whose row can be read.
pub struct Place {
    /// The number that its rows have.
    pub ws: i64,
    pub workspace: Arc<Workspace>,
    pub state: WorkspaceState,
    /// It is what a workspace once was.
    pub is_snapshot: bool,
}

/// The tables whose keys begin with a workspace and an account.
const OF_ACCOUNTS: [&str; 4] = ["objects", "object_index", "postings", "events"];
/// Those that have rows of a workspace.
const OF_WORKSPACES: [&str; 8] = [
    "objects",
    "object_index",
    "postings",
    "events",
    "jobs",
    "answers",
    "answer_index",
    "deliveries",
];

/// What each type of event is about.
fn subjects(app: &App) -> HashMap<&'static str, Subject> {
    let of = |resource: &Resource| {
        let object = resource.object;
        let mut kinds = resource.operations.iter().filter_map(|operation| operation.object);
        let kept = kinds.find(|kind| kind.object == object && !kind.prefix.is_empty());
        let subject = Subject { object, kept };
        resource.events.iter().map(move |kind| (*kind, subject))
    };
    app.api.resources.iter().flat_map(of).collect()
}

impl<'a> Walk<'a> {
    pub fn new(
        app: &'a App,
        audits: Vec<Audits>,
        rows: &'a Connection,
        reader: &'a dyn Reader,
        sealer: &'a Sealer,
    ) -> Walk<'a> {
        let declared = app.api.resources.iter().flat_map(|resource| &resource.audits);
        let declared = declared.map(|audit| audit());
        // What has no ids of its own is not kept by itself.
        let declared = declared.filter(|audit| !audit.prefix.is_empty());
        let mut kinds: HashMap<_, _> = declared.map(|audit| (audit.prefix, audit)).collect();
        let mut books = HashMap::new();
        for product in audits {
            // The rules of a product stand in for what was declared without any.
            kinds.extend(product.objects.into_iter().map(|audit| (audit.prefix, audit)));
            books.extend(product.books.into_iter().map(|audit| (audit.prefix, audit)));
        }
        let (findings, totals) = (Findings::default(), Totals::default());
        let (subjects, newest_id) = (subjects(app), (0, 0));
        Walk { app, kinds, books, subjects, rows, reader, sealer, findings, totals, newest_id }
    }

    /// Goes through everything. Where the file itself is damaged, no row can be trusted.
    pub fn all(&mut self) -> Result<()> {
        self.check_file()?;
        if self.findings.count() > 0 {
            return Ok(());
        }
        let mut known = BTreeSet::new();
        for place in self.places()? {
            if place.is_snapshot {
                self.totals.snapshots += 1;
            } else {
                self.totals.workspaces += 1;
            }
            known.insert(place.ws);
            self.findings.begin_workspace();
            self.newest_id = (0, 0);
            self.jobs(&place)?;
            self.answers(&place)?;
            self.deliveries(&place)?;
            let mut in_transit = 0;
            for acct in self.numbers(&OF_ACCOUNTS, "ws = ?1 AND acct", &[&place.ws])? {
                let scope = Scope { ws: place.ws, acct };
                if !(0..=place.state.accounts).contains(&acct) {
                    let rule = "the workspace never gave an account this number";
                    self.findings.at("objects", scope, "account").wrong(rule);
                }
                self.objects(&place, scope)?;
                self.events(&place, scope)?;
                in_transit += self.postings(&place, scope)?;
            }
            self.ids(&place);
            if in_transit != 0 {
                let id = format!("ws {}", place.ws);
                let mut row = self.findings.at_row("postings", &id);
                let rule = "what is between the books of a workspace";
                row.wrong(format!("{rule} holds {in_transit}, which must be none"));
            }
        }
        self.strangers(&known)
    }

    fn check_file(&mut self) -> Result<()> {
        let mut statement = self.rows.prepare("PRAGMA integrity_check")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let says: String = row.get(0)?;
            if says != "ok" {
                self.findings.at_row("the file", "integrity_check").wrong(says);
            }
        }
        Ok(())
    }

    /// Rows of workspaces that are none.
    fn strangers(&mut self, known: &BTreeSet<i64>) -> Result<()> {
        for table in OF_WORKSPACES {
            for ws in self.numbers(&[table], "ws", &[])? {
                // A workspace whose row cannot be read has been told of, and so has a copy.
                let named = "SELECT count(*) FROM workspaces WHERE ws = ?1";
                let copied = "SELECT count(*) FROM copies WHERE part = ?1";
                let is_known = known.contains(&ws)
                    || self.count(named, &[&ws])? == 1
                    || self.count(copied, &[&ws])? == 1;
                let id = format!("ws {ws}");
                let mut row = self.findings.at_row(table, &id);
                row.must(is_known, "its workspace is not there");
            }
        }
        Ok(())
    }

    /// The values of the key's next column in any of the tables, each found by one step in its
    /// tree. `column` ends with it; what stands before it uses the `values`.
    fn numbers(&self, tables: &[&str], column: &str, values: &[&dyn ToSql]) -> Result<Vec<i64>> {
        let name = column.rsplit(' ').next().unwrap_or(column);
        let at = values.len() + 1;
        let mut found = Vec::new();
        for table in tables {
            let sql = format!("SELECT min({name}) FROM {table} WHERE {column} > ?{at}");
            let mut statement = self.rows.prepare(&sql)?;
            let mut last = i64::MIN;
            loop {
                let mut all = values.to_vec();
                all.push(&last);
                let next: Option<i64> = statement.query_row(all.as_slice(), |row| row.get(0))?;
                let Some(next) = next else { break };
                found.push(next);
                last = next;
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// What an account of the workspace sees.
    pub fn view(&self, place: &Place, scope: Scope) -> View<'a> {
        let id = place.workspace.account.clone();
        let owner = Owner { number: 0, id };
        let session = Session::reading(
            self.reader,
            None,
            self.sealer,
            place.workspace.clone(),
            place.state,
            place.state.last_now,
        );
        let mut view = view(self.app, session, Acting { owner, request: None });
        if scope.acct != 0 {
            let id = (self.app.api.account_by_number)(&view, scope.acct).ok().flatten();
            view.owner = Owner { number: scope.acct, id: id.unwrap_or_default() };
        }
        view
    }

    /// Goes through the rows of a query. A row that does not hold what its columns must hold is
    /// told by its place.
    pub fn each<T>(
        &mut self,
        table: &str,
        sql: &str,
        values: &[&dyn ToSql],
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
        mut visit: impl FnMut(&mut Self, T) -> Result<()>,
    ) -> Result<()> {
        let rows = self.rows;
        let mut statement = rows.prepare(sql)?;
        let mut rows = statement.query(values)?;
        let mut number = 0u64;
        while let Some(row) = rows.next()? {
            number += 1;
            match read(row) {
                Ok(row) => visit(self, row)?,
                Err(error) => {
                    let id = format!("row {number} of {sql}");
                    self.findings.at_row(table, &id).wrong(format!("it cannot be read: {error}"));
                }
            }
        }
        Ok(())
    }

    /// How many rows a query counts.
    pub fn count(&self, sql: &str, values: &[&dyn ToSql]) -> Result<i64> {
        Ok(self.rows.prepare_cached(sql)?.query_row(values, |row| row.get(0))?)
    }
}
