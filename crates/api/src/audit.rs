//! What must be true of a store's rows, apart from the code that wrote them. `verify` walks the rows;
//! each product says here what its own must say. An audit reads and never changes anything.

use std::collections::HashSet;
use std::fmt::Display;

use store::{IndexKey, JobRow, Millis, PostingRow, Scope, StoredObject};

use crate::error::{Failure, Fault, Result};
use crate::resource::{Index, Resource, decode};
use crate::view::View;

/// How many problems are told one by one.
pub const PROBLEMS_TOLD_MAX: usize = 100;

/// The problems found so far, each in a line that names its row.
#[derive(Default)]
pub struct Findings {
    lines: Vec<String>,
    count: u64,
    /// The jobs of the workspace that is looked at, by which an object can be told to wait for one.
    jobs: HashSet<Planned>,
}

/// A job, whenever it is due: its account, kind, object and detail.
type Planned = (i64, String, String, String);

impl Findings {
    /// Where to tell problems of one row of an account.
    pub fn at<'a>(&'a mut self, table: &'a str, scope: Scope, id: &'a str) -> Row<'a> {
        Row { findings: self, table, scope: Some(scope), id }
    }

    /// Where to tell problems of a row that belongs to no account.
    pub fn at_row<'a>(&'a mut self, table: &'a str, id: &'a str) -> Row<'a> {
        Row { findings: self, table, scope: None, id }
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// Forgets the jobs of the workspace before.
    pub fn begin_workspace(&mut self) {
        self.jobs.clear();
    }

    pub fn planned(&mut self, job: JobRow) {
        let JobRow { acct, kind, object, detail } = job;
        self.jobs.insert((acct, kind, object, detail));
    }

    /// The first of them.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

/// The row that is looked at.
pub struct Row<'a> {
    findings: &'a mut Findings,
    table: &'a str,
    scope: Option<Scope>,
    id: &'a str,
}

impl Row<'_> {
    /// The row breaks a rule.
    pub fn wrong(&mut self, rule: impl Display) {
        self.findings.count += 1;
        if self.findings.lines.len() >= PROBLEMS_TOLD_MAX {
            return;
        }
        let (table, id) = (self.table, self.id);
        self.findings.lines.push(match self.scope {
            Some(Scope { ws, acct }) => format!("{table} (ws {ws}, acct {acct}, {id}): {rule}"),
            None => format!("{table} ({id}): {rule}"),
        });
    }

    /// The same, unless it is as it must be.
    pub fn must(&mut self, holds: bool, rule: impl Display) {
        if !holds {
            self.wrong(rule);
        }
    }

    /// A job of this kind and detail must be planned for the row.
    pub fn must_wait_for(&mut self, kind: &str, detail: &str) {
        let acct = self.scope.map_or(0, |scope| scope.acct);
        let job = (acct, kind.to_owned(), self.id.to_owned(), detail.to_owned());
        if !self.findings.jobs.contains(&job) {
            self.wrong(format!("its job {kind} to {detail} is not there"));
        }
    }
}

/// What an object says of itself, if it can be read.
pub struct Declared {
    pub created: Millis,
    /// Its places in the lists.
    pub places: Vec<IndexKey>,
}

type Check = Box<dyn Fn(&View<'_>, &StoredObject, &mut Row<'_>) -> Option<Declared>>;

/// The rules of one kind of object.
pub struct Audit {
    pub object: &'static str,
    /// What the ids of the kind begin with.
    pub prefix: &'static str,
    /// Tells what is wrong with a kept object; gives what it declares, if it can be read.
    pub check: Check,
}

impl Audit {
    /// Of a kind that has no rules of its own: it can be read and knows its id.
    pub fn plain<T: Resource>() -> Audit {
        Audit::of::<T>(|_, _, _| Ok(()))
    }

    /// `rules` tells what is wrong with an object of the account of the view.
    pub fn of<T: Resource>(rules: fn(&View<'_>, &T, &mut Row<'_>) -> Result<()>) -> Audit {
        let check = move |view: &View<'_>, stored: &StoredObject, row: &mut Row<'_>| {
            let object = match decode::<T>(stored) {
                Ok(object) => object,
                Err(error) => {
                    row.wrong(format!("its state cannot be read: {error}"));
                    return None;
                }
            };
            if object.id() != stored.id {
                row.wrong(format!("its state says that it is {}", object.id()));
            }
            if let Err(failure) = rules(view, &object, row) {
                row.wrong(format!("it cannot be checked: {}", words(&failure)));
            }
            let places = Index::keys(&object, view.session.scope(view.owner.number));
            Some(Declared { created: object.created(), places })
        };
        Audit { object: T::OBJECT, prefix: T::PREFIX, check: Box::new(check) }
    }
}

/// The rules of the postings in one kind of book.
pub struct BookAudit {
    /// What the ids of its books begin with.
    pub prefix: &'static str,
    pub check: fn(&View<'_>, id: &str, &PostingRow, &mut Row<'_>) -> Result<()>,
}

/// All rules of a product.
#[derive(Default)]
pub struct Audits {
    pub objects: Vec<Audit>,
    pub books: Vec<BookAudit>,
}

/// What a failure says.
pub fn words(failure: &Failure) -> String {
    match failure {
        Failure::Refused(error) | Failure::Declined(error) => error.message.clone(),
        Failure::Fault(Fault(why)) => why.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_waits_for_its_own_job_alone() {
        let mut findings = Findings::default();
        let job = |object: &str| JobRow {
            acct: 1,
            kind: "pay".into(),
            object: object.into(),
            detail: "now".into(),
        };
        findings.planned(job("obp_1"));
        let waits = |findings: &mut Findings, acct: i64, id: &str, detail: &str| {
            let before = findings.count();
            findings.at("objects", Scope { ws: 3, acct }, id).must_wait_for("pay", detail);
            findings.count() == before
        };
        assert!(waits(&mut findings, 1, "obp_1", "now"));
        assert!(!waits(&mut findings, 1, "obp_1", "later"));
        assert!(!waits(&mut findings, 1, "obp_2", "now"));
        assert!(!waits(&mut findings, 0, "obp_1", "now"));
        findings.begin_workspace();
        assert!(!waits(&mut findings, 1, "obp_1", "now"));
    }

    #[test]
    fn a_problem_names_its_row_and_only_so_many_are_told() {
        let mut findings = Findings::default();
        let scope = Scope { ws: 3, acct: 1 };
        findings.at("objects", scope, "fa_1").must(true, "it is well");
        assert_eq!(findings.count(), 0);
        findings.at("objects", scope, "fa_1").wrong("it is empty");
        findings.at_row("workspaces", "ws 3").must(false, "it is not");
        let told = ["objects (ws 3, acct 1, fa_1): it is empty", "workspaces (ws 3): it is not"];
        assert_eq!(findings.lines(), told);
        for _ in 0..PROBLEMS_TOLD_MAX {
            findings.at("objects", scope, "fa_1").wrong("it is empty");
        }
        assert_eq!((findings.lines().len(), findings.count()), (PROBLEMS_TOLD_MAX, 102));
    }
}
