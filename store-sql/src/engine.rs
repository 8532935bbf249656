//! What every verb goes through: a deadline, tables that are there, a connection, and what is to
//! be done when a statement is refused.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use session_core::store::StoreError;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use crate::batches::Batches;
use crate::builder::{CreateTables, Settings};
use crate::dialect::{Arg, Dialect, Fields, Sql};
use crate::error::{Failure, SqlError};
use crate::loads::Loads;
use crate::pool::{Lease, Pool};
use crate::recent::Recent;
use crate::statements::Statements;

/// How often a call is tried when others are in its way.
const TRIES_MAX: u32 = 20;

/// The pause before the second try; each one is longer by as much.
const PAUSE: Duration = Duration::from_millis(2);

/// One store on one database.
pub(crate) struct Engine<D: Dialect> {
    /// Itself, for tasks that outlive a call.
    this: Weak<Self>,
    dialect: D,
    pub(crate) statements: Statements,
    pub(crate) recent: Recent,
    pub(crate) loads: Loads,
    pub(crate) batches: Batches,
    settings: Settings,
    /// For everything, or for what writes where `readers` are apart.
    pool: Pool<D>,
    readers: Option<Pool<D>>,
    /// True once the tables were found.
    is_ready: AtomicBool,
    making_ready: Mutex<()>,
}

/// What a connection is wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    Reading,
    Writing,
}

/// What becomes of a transaction, and what is answered.
pub(crate) enum Outcome<T> {
    /// It is committed.
    Commit(T),
    /// Nothing was changed, or nothing is to be.
    Undo(T),
}

/// Something that is done in one transaction, and can be done again after it was undone.
pub(crate) trait Job<D: Dialect>: Sync {
    type Answer: Send;

    fn run(
        &self,
        engine: &Engine<D>,
        connection: &mut D::Connection,
    ) -> impl Future<Output = Result<Outcome<Self::Answer>, Failure>> + Send;
}

impl<D: Dialect> Engine<D> {
    pub(crate) fn shared_over(dialect: D, settings: Settings) -> Arc<Self> {
        Arc::new_cyclic(|this| Self::new(this.clone(), dialect, settings))
    }

    fn new(this: Weak<Self>, dialect: D, settings: Settings) -> Self {
        let readers = (!D::IS_REMOTE).then(|| Pool::new(settings.pool));
        let mut writers = settings.pool;
        if readers.is_some() {
            writers.size = 1;
            // Those that write wait for each other, however many there are.
            writers.patience = settings.timeout;
        }
        Self {
            this,
            statements: Statements::new::<D>(&settings.prefix),
            recent: Recent::default(),
            loads: Loads::default(),
            batches: Batches::default(),
            dialect,
            pool: Pool::new(writers),
            readers,
            settings,
            is_ready: AtomicBool::new(false),
            making_ready: Mutex::default(),
        }
    }

    /// The same engine, for a task of its own.
    pub(crate) fn shared(&self) -> Option<Arc<Self>> {
        self.this.upgrade()
    }

    /// Runs a verb within the time that a call may take, on tables that are there.
    pub(crate) async fn call<T: Send>(
        &self,
        verb: impl Future<Output = Result<T, Failure>> + Send,
    ) -> Result<T, StoreError> {
        let all = async {
            if !self.is_ready.load(Ordering::Acquire) {
                self.make_ready().await?;
            }
            verb.await
        };
        self.in_time(all).await.map_err(StoreError::from)
    }

    /// Runs something else within that time.
    pub(crate) async fn within<T: Send>(
        &self,
        what: impl Future<Output = Result<T, Failure>> + Send,
    ) -> Result<T, SqlError> {
        self.in_time(what).await.map_err(Failure::into_sql)
    }

    pub(crate) async fn in_time<T>(
        &self,
        what: impl Future<Output = Result<T, Failure>> + Send,
    ) -> Result<T, Failure> {
        let limit = self.settings.timeout;
        timeout(limit, what).await.unwrap_or_else(|_| {
            // What answered nothing is not worth being asked by the next one.
            self.forget_idle();
            Err(Failure::Lost(SqlError::TimedOut(limit)))
        })
    }

    /// Asks the database whether the tables are there, and makes them if they never were.
    pub(crate) async fn check(&self) -> Result<(), Failure> {
        if !self.is_ready.load(Ordering::Acquire) {
            return self.make_ready().await;
        }
        match self.has_tables().await? {
            true => Ok(()),
            false => Err(Failure::Refused(SqlError::NoTables)),
        }
    }

    /// Finds the tables, or makes them.
    async fn make_ready(&self) -> Result<(), Failure> {
        let _one = self.making_ready.lock().await;
        if self.is_ready.load(Ordering::Acquire) {
            return Ok(());
        }
        if !self.has_tables().await? {
            match self.settings.tables {
                CreateTables::OnDemand => self.migrate().await?,
                CreateTables::Never => return Err(Failure::Refused(SqlError::NoTables)),
            }
        }
        self.is_ready.store(true, Ordering::Release);
        Ok(())
    }

    /// True when the tables of this version, or of a later one, are there.
    async fn has_tables(&self) -> Result<bool, Failure> {
        match self.read(&self.statements.version, &[]).await {
            Ok(rows) => {
                let version = rows.first().map_or(Ok(0), |row| row.count(0));
                Ok(version.is_ok_and(|version| version >= SCHEMA_VERSION))
            }
            // There is no such table.
            Err(Failure::Refused(_)) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// Makes the tables; does nothing where they are.
    pub(crate) async fn migrate(&self) -> Result<(), Failure> {
        let mut tries = Tries::default();
        loop {
            let mut lease = self.lease(For::Writing).await?;
            let schema = self.statements.schema.clone();
            match D::command(lease.connection(), schema).await {
                Ok(()) => {
                    lease.give_back();
                    return Ok(());
                }
                // The connection may be in the middle of a transaction, so it is given up.
                Err(error) => drop((lease, tries.after(D::sort(&error)).await?)),
            }
        }
    }

    pub(crate) async fn lease(&self, what_for: For) -> Result<Lease<'_, D>, Failure> {
        let pool = match (&self.readers, what_for) {
            (Some(readers), For::Reading) => readers,
            _ => &self.pool,
        };
        pool.lease(&self.dialect).await
    }

    fn forget_idle(&self) {
        if D::IS_REMOTE {
            self.pool.forget_idle();
        }
    }

    /// Runs a statement that changes nothing. On a connection that turns out to be lost it is
    /// run once more, on a new one.
    pub(crate) async fn read(&self, sql: &Sql, values: &[Arg<'_>]) -> Result<Vec<D::Row>, Failure> {
        let mut tries = Tries::default();
        loop {
            match self.single(For::Reading, sql, values).await {
                Ok(rows) => return Ok(rows),
                Err(failure) => {
                    self.forget_lost(&failure);
                    tries.after_harmless(failure).await?;
                }
            }
        }
    }

    /// Runs one statement that changes something, and is a transaction of its own. It is run
    /// again only when the database refused it because of others.
    pub(crate) async fn write(&self, sql: &Sql, values: &[Arg<'_>]) -> Result<u64, Failure> {
        let mut tries = Tries::default();
        loop {
            let mut lease = self.lease(For::Writing).await?;
            let done = D::run(lease.connection(), sql.clone(), values).await;
            match self.settle(lease, done) {
                Ok(touched) => return Ok(touched),
                Err(failure) => tries.after(failure).await?,
            }
        }
    }

    async fn single(
        &self,
        what_for: For,
        sql: &Sql,
        values: &[Arg<'_>],
    ) -> Result<Vec<D::Row>, Failure> {
        let mut lease = self.lease(what_for).await?;
        let rows = D::rows(lease.connection(), sql.clone(), values).await;
        self.settle(lease, rows)
    }

    /// Gives the connection of a single statement back, unless it is lost.
    pub(crate) fn settle<T>(
        &self,
        lease: Lease<'_, D>,
        done: Result<T, sqlx::Error>,
    ) -> Result<T, Failure> {
        let done = done.map_err(|error| D::sort(&error));
        match &done {
            Err(failure @ Failure::Lost(_)) => {
                drop(lease);
                self.forget_lost(failure);
            }
            _ => lease.give_back(),
        }
        done
    }

    fn forget_lost(&self, failure: &Failure) {
        if matches!(failure, Failure::Lost(SqlError::Lost(_))) {
            self.forget_idle();
        }
    }

    /// Does a job in one transaction.
    ///
    /// It is done again when the database refused it because of others, and once when the
    /// connection broke before the commit was sent: then nothing can have been applied. After
    /// that it is unknown, and the job is not done again.
    pub(crate) async fn transact<J: Job<D>>(&self, job: &J) -> Result<J::Answer, Failure> {
        let mut tries = Tries::default();
        loop {
            let mut lease = self.lease(For::Writing).await?;
            let done = match self.begin_and_run(job, &mut lease).await {
                Ok(outcome) => outcome,
                Err(failure) => {
                    self.abandon(lease, &failure).await;
                    tries.after_harmless(failure).await?;
                    continue;
                }
            };
            let (end, answer) = match done {
                Outcome::Commit(answer) => (&self.statements.commit, answer),
                Outcome::Undo(answer) => (&self.statements.rollback, answer),
            };
            let ended = D::command(lease.connection(), end.clone()).await;
            let ended = ended.map_err(|error| D::sort(&error));
            match ended {
                Ok(()) => {
                    lease.give_back();
                    return Ok(answer);
                }
                Err(failure) => {
                    self.abandon(lease, &failure).await;
                    tries.after(failure).await?;
                }
            }
        }
    }

    async fn begin_and_run<J: Job<D>>(
        &self,
        job: &J,
        lease: &mut Lease<'_, D>,
    ) -> Result<Outcome<J::Answer>, Failure> {
        let begin = self.statements.begin.clone();
        D::command(lease.connection(), begin)
            .await
            .map_err(|error| D::sort(&error))?;
        job.run(self, lease.connection()).await
    }

    /// Undoes a transaction that failed. The connection is given up when that fails, too.
    pub(crate) async fn abandon(&self, mut lease: Lease<'_, D>, failure: &Failure) {
        if matches!(failure, Failure::Lost(_)) {
            drop(lease);
            return self.forget_lost(failure);
        }
        let rollback = self.statements.rollback.clone();
        if D::command(lease.connection(), rollback).await.is_ok() {
            lease.give_back();
        }
    }
}

/// The version of the tables that this program needs.
const SCHEMA_VERSION: i64 = 1;

/// How often something was tried.
#[derive(Default)]
pub(crate) struct Tries {
    contended: u32,
    lost: u32,
}

impl Tries {
    /// After a failure that may have been a success: only a refusal because of others is
    /// followed by another try.
    pub(crate) async fn after(&mut self, failure: Failure) -> Result<(), Failure> {
        match failure {
            Failure::Contended(_) if self.contended < TRIES_MAX => {
                self.contended += 1;
                // The other one goes on meanwhile.
                sleep(PAUSE * self.contended).await;
                Ok(())
            }
            failure => Err(failure),
        }
    }

    /// After a failure that certainly changed nothing: a lost connection is followed by one
    /// more try, too.
    pub(crate) async fn after_harmless(&mut self, failure: Failure) -> Result<(), Failure> {
        match failure {
            Failure::Lost(SqlError::Lost(_)) if self.lost == 0 => {
                self.lost += 1;
                Ok(())
            }
            failure => self.after(failure).await,
        }
    }
}

/// Statements of a transaction, with their errors sorted.
pub(crate) async fn rows<D: Dialect>(
    connection: &mut D::Connection,
    sql: &Sql,
    values: &[Arg<'_>],
) -> Result<Vec<D::Row>, Failure> {
    let rows = D::rows(connection, sql.clone(), values).await;
    rows.map_err(|error| D::sort(&error))
}

/// A statement of a transaction that answers how many rows it touched.
pub(crate) async fn run<D: Dialect>(
    connection: &mut D::Connection,
    sql: &Sql,
    values: &[Arg<'_>],
) -> Result<u64, Failure> {
    let done = D::run(connection, sql.clone(), values).await;
    done.map_err(|error| D::sort(&error))
}
