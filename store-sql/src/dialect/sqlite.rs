//! SQLite: a file, read by several connections and written by one at a time.

use std::str::FromStr;
use std::time::Duration;

use session_core::store::{Applied, Created};
use session_core::{ChangeSet, Record, StoreKey, Timestamp};
use sqlx::error::DatabaseError;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Arguments, AssertSqlSafe, ConnectOptions, Row, ValueRef};
use tokio::time::sleep;

use super::sqlite_scripts;
use super::{Arg, Dialect, Fields, Placeholders, Sql, Syntax};
use crate::batches::Sizes;
use crate::change::Change;
use crate::engine::Engine;
use crate::error::{Column, Damage, Failure, SqlError, Verdict, sort};
use crate::steps::Kind;

/// How often a file is opened when others are just setting it up.
const OPENINGS_MAX: u32 = 50;

/// An SQLite file.
pub(crate) struct Sqlite {
    options: SqliteConnectOptions,
}

impl Sqlite {
    pub(crate) fn new(url: &str, timeout: Duration) -> Result<Self, SqlError> {
        if url.contains(":memory:") || url.contains("mode=memory") {
            return Err(SqlError::Url(
                "sessions in memory are what MemoryStore is for",
            ));
        }
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|_| SqlError::Url("it is not of the form sqlite:PATH"))?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(timeout)
            // In pages, 16 MiB: to bring the log into the file costs a sync of both, and the later
            // that is, the more changes of one page are one.
            .pragma("wal_autocheckpoint", "4000")
            // A script is some statements, and there is one for each size of a batch.
            .statement_cache_capacity(200)
            .disable_statement_logging();
        Ok(Self { options })
    }

    /// Makes the file, if there is none, so that nobody but its owner can read what is in the
    /// sessions. The files beside it get the same rights from SQLite.
    fn make_private(&self) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;

            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            // It is there already, or SQLite says what is in the way.
            let _ = options.open(self.options.get_filename());
        }
    }
}

impl Dialect for Sqlite {
    type Connection = SqliteConnection;
    type Row = SqliteRow;

    const SYNTAX: Syntax = Syntax {
        placeholders: Placeholders::Marks,
        begin: "BEGIN IMMEDIATE",
        or_nothing: " ON CONFLICT (store_key) DO NOTHING",
        or_update: " ON CONFLICT (store_key, name) DO UPDATE SET revision = excluded.revision, \
            codec = excluded.codec, value = excluded.value",
        skip_locked: "",
        for_update: "",
    };
    const SCHEMA: &'static str = include_str!("../../migrations/sqlite.sql");
    const IS_REMOTE: bool = false;
    const BATCHES: Sizes = Sizes::PowersOfTwo;

    async fn connect(&self) -> Result<SqliteConnection, sqlx::Error> {
        self.make_private();
        let mut openings = 0;
        loop {
            match self.options.connect().await {
                // Switching to a write-ahead log takes the file alone, and does not wait for it.
                Err(sqlx::Error::Database(error))
                    if is_busy(&*error) && openings < OPENINGS_MAX =>
                {
                    openings += 1;
                    sleep(Duration::from_millis(10)).await;
                }
                opened => return opened,
            }
        }
    }

    async fn rows(
        connection: &mut SqliteConnection,
        sql: Sql,
        values: &[Arg<'_>],
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values)?);
        query.fetch_all(connection).await
    }

    async fn run(
        connection: &mut SqliteConnection,
        sql: Sql,
        values: &[Arg<'_>],
    ) -> Result<u64, sqlx::Error> {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values)?);
        Ok(query.execute(connection).await?.rows_affected())
    }

    async fn command(connection: &mut SqliteConnection, sql: Sql) -> Result<(), sqlx::Error> {
        let command = sqlx::raw_sql(AssertSqlSafe(sql));
        command.execute(connection).await.map(drop)
    }

    fn sort(error: &sqlx::Error) -> Failure {
        sort(error, |error| match code(error) {
            // SQLITE_CONSTRAINT_PRIMARYKEY and SQLITE_CONSTRAINT_UNIQUE
            1555 | 2067 => Verdict::Duplicate,
            _ if is_busy(error) => Verdict::Contended,
            _ => Verdict::Refused,
        })
    }

    async fn lock(
        engine: &Engine<Self>,
        connection: &mut SqliteConnection,
        keys: &[&StoreKey],
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        // The transaction writes alone already.
        if let [key] = keys {
            let sql = engine.statements.load.clone();
            return Self::rows(connection, sql, &[Arg::key(key)]).await;
        }
        let values: Vec<_> = keys.iter().map(|key| Arg::key(key)).collect();
        let sql = engine.statements.lock_keys(keys.len());
        Self::rows(connection, sql, &values).await
    }

    async fn apply(
        engine: &Engine<Self>,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Option<Result<Applied, Failure>> {
        let change = Change {
            key,
            new_key: None,
            changes,
            now,
        };
        Some(sqlite_scripts::apply(engine, &change).await)
    }

    async fn write(
        engine: &Engine<Self>,
        connection: &mut SqliteConnection,
        kind: Kind,
        steps: &[Vec<Arg<'_>>],
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        match engine.statements.steps.of(kind, steps.len()) {
            Some(sql) => Self::rows(connection, sql.clone(), &steps.concat()).await,
            None => Ok(Vec::new()),
        }
    }

    async fn create(engine: &Engine<Self>, record: &Record) -> Option<Result<Created, Failure>> {
        Some(sqlite_scripts::create(engine, record).await)
    }
}

fn code(error: &dyn DatabaseError) -> i32 {
    error
        .code()
        .and_then(|code| code.parse().ok())
        .unwrap_or_default()
}

/// SQLITE_BUSY and SQLITE_LOCKED, whatever is added to say why.
fn is_busy(error: &dyn DatabaseError) -> bool {
    matches!(code(error) & 0xff, 5 | 6)
}

fn arguments(values: &[Arg<'_>]) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Arg::Number(number) => arguments.add(*number),
            Arg::Bytes(bytes) => arguments.add(*bytes),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

impl Fields for SqliteRow {
    fn number(&self, column: usize) -> Result<Option<i64>, Damage> {
        self.try_get(column)
            .map_err(|_| Damage::Column(Column(column)))
    }

    fn bytes(&self, column: usize) -> Result<Option<&[u8]>, Damage> {
        let damage = |_| Damage::Column(Column(column));
        // An empty value has no type of its own.
        if self.try_get_raw(column).map_err(damage)?.is_null() {
            return Ok(None);
        }
        self.try_get_unchecked(column).map_err(damage)
    }
}
