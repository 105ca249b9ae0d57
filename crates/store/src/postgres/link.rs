//! One connection, used by one thread at a time, with its prepared statements.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

use super::address::Address;
use super::columns;
use crate::{Result, StoreError};

pub(super) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A database that says nothing for so long is given up; a batch on it is then in doubt. Emptying
/// a large sandbox is the longest that one statement takes.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How long a program that was cut off in a batch may still hold the workspace's row, how long
/// others wait for it, and plans that depend neither on values nor on statistics: every statement
/// is one walk along an index. A limit on statements would end the wait for a standby as if the
/// commit were safe.
const SESSION: &str = "SET idle_in_transaction_session_timeout = '10s'; SET lock_timeout = '15s'; \
                       SET statement_timeout = 0; \
                       SET client_min_messages = warning; SET jit = off; SET timezone = 'UTC'; \
                       SET plan_cache_mode = force_generic_plan; \
                       SET enable_seqscan = off; SET enable_bitmapscan = off; \
                       SET enable_hashjoin = off; SET enable_mergejoin = off";

pub(super) struct Link {
    /// Drives the connection while somebody waits for it; none only while this is dropped.
    runtime: Option<Runtime>,
    client: Client,
    statements: RefCell<HashMap<&'static str, Statement>>,
    /// Whether a statement has failed since [`Link::mend`]: its transaction is lost.
    failed: Cell<Option<Failure>>,
}

/// Why there is no connection.
pub(super) struct Refused {
    pub failure: Failure,
    pub why: String,
}

impl Refused {
    pub fn new(failure: Failure, why: String) -> Self {
        Refused { failure, why }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Refused { failure: failure(&error), why: told(&error) }
    }
}

/// What a failure means for whoever tries again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The same can succeed the next time.
    Passing,
    Lasting,
}

impl Link {
    pub fn open(address: &Address) -> Result<Link, Refused> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| Refused::new(Failure::Passing, e.to_string()))?;
        let connected = runtime.block_on(async {
            let client = address.connect().await?;
            client.batch_execute(SESSION).await?;
            Ok(client)
        });
        let client = match connected {
            Ok(client) => client,
            Err(refused) => {
                runtime.shutdown_background();
                return Err(refused);
            }
        };
        let (statements, failed) = (RefCell::default(), Cell::new(None));
        Ok(Link { runtime: Some(runtime), client, statements, failed })
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T> {
        let Some(runtime) = &self.runtime else {
            return Err(StoreError::Engine("the connection is closed".into()));
        };
        match runtime.block_on(async { tokio::time::timeout(SILENCE_MAX, work).await }) {
            Ok(result) => result.map_err(|error| self.note(&error)),
            Err(_) => {
                self.failed.set(Some(Failure::Passing));
                Err(StoreError::Engine("the database does not answer".into()))
            }
        }
    }

    fn note(&self, error: &Error) -> StoreError {
        self.failed.set(Some(failure(error)));
        StoreError::Engine(told(error))
    }

    /// Whether something failed since the last [`Link::mend`].
    pub fn failed(&self) -> Option<Failure> {
        if self.client.is_closed() { Some(Failure::Passing) } else { self.failed.get() }
    }

    pub fn mend(&self) {
        self.failed.set(None);
    }

    pub fn run(&self, sql: &str) -> Result<()> {
        self.wait(self.client.batch_execute(sql))
    }

    /// Statements without values, then one with: all are on their way before the first answers.
    pub fn run_then_query(
        &self,
        first: &str,
        sql: &'static str,
        values: Values<'_>,
    ) -> Result<Vec<Row>> {
        let statement = self.statement(sql)?;
        self.wait(async {
            let (ran, rows) = tokio::join!(
                self.client.batch_execute(first),
                self.client.query(&statement, values)
            );
            ran?;
            rows
        })
    }

    pub fn query(&self, sql: &'static str, values: Values<'_>) -> Result<Vec<Row>> {
        let statement = self.statement(sql)?;
        self.wait(self.client.query(&statement, values))
    }

    pub fn execute(&self, sql: &'static str, values: Values<'_>) -> Result<u64> {
        let statement = self.statement(sql)?;
        self.wait(self.client.execute(&statement, values))
    }

    /// One statement for each of these values, all on their way before the first answers.
    pub fn execute_each<const N: usize>(
        &self,
        sql: &'static str,
        values: &[[&(dyn ToSql + Sync); N]],
    ) -> Result<Vec<u64>> {
        let statement = self.statement(sql)?;
        self.wait(async {
            let each = values.iter().map(|values| self.client.execute(&statement, values));
            join_all(each).await.into_iter().collect()
        })
    }

    /// A statement that is not worth preparing.
    pub fn query_once(&self, sql: &str) -> Result<Vec<Row>> {
        self.wait(self.client.query(sql, &[]))
    }

    /// All of them and the commit at once, in order. The first that fails counts; the commit after
    /// it only ends the transaction.
    pub fn execute_all_and_commit(&self, work: &[columns::Statement<'_>]) -> Result<()> {
        let mut ready = Vec::with_capacity(work.len());
        for (sql, values) in work {
            let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|v| &**v as _).collect();
            ready.push((self.statement(sql)?, values));
        }
        self.wait(async {
            let writing = ready.iter().map(|(s, values)| self.client.execute(s, values));
            let (written, committed) =
                tokio::join!(join_all(writing), self.client.batch_execute("COMMIT"));
            written.into_iter().try_for_each(|result| result.map(|_| ()))?;
            committed
        })
    }

    fn statement(&self, sql: &'static str) -> Result<Statement> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.wait(self.client.prepare(sql))?;
        self.statements.borrow_mut().insert(sql, statement.clone());
        Ok(statement)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Does not wait, so that it can happen on any thread.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Whether trying again can help: the connection is gone, the server is going or coming, or
/// another transaction was in the way.
fn failure(error: &Error) -> Failure {
    let Some(code) = error.code() else {
        let cause = std::error::Error::source(error);
        let is_io = cause.is_some_and(|cause| cause.is::<std::io::Error>());
        return if is_io || error.is_closed() { Failure::Passing } else { Failure::Lasting };
    };
    let passing = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    let is_connection = code.code().starts_with("08");
    if is_connection || passing.contains(code) { Failure::Passing } else { Failure::Lasting }
}

pub(super) fn told(error: &Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => {
            let cause = std::error::Error::source(error);
            cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
        }
    }
}
