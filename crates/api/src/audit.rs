//! What must be true of a store's rows, apart from the code that wrote them. `verify` walks the rows;
//! each product says here what its own must say. An audit reads and never changes anything.

use std::fmt::Display;

use store::{IndexKey, PostingRow, Scope, StoredObject};

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
}

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
}

type Check = Box<dyn Fn(&View<'_>, &StoredObject, &mut Row<'_>) -> Option<Vec<IndexKey>>>;

/// The rules of one kind of object.
pub struct Audit {
    pub object: &'static str,
    /// What the ids of the kind begin with.
    pub prefix: &'static str,
    /// Tells what is wrong with a kept object; gives its places in the lists, if it can be read.
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
            Some(Index::keys(&object, view.session.scope(view.owner.number)))
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
