//! A database, and the few connections to it.

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use sqlx::any::{AnyConnectOptions, AnyRow};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions, Connection, Either, Executor};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::fault::{SqlFault, sort};

/// How long a call may take in all.
const PATIENCE: Duration = Duration::from_secs(4);

/// How long a connection may take, and a sign of life.
const CONNECT: Duration = Duration::from_secs(2);

/// How many calls are under way at once.
const CONNECTIONS: usize = 8;

/// A connection that has not been used for this long is asked for a sign of life first.
const ASKED_AFTER: Duration = Duration::from_secs(1);

/// How often a statement is tried that others are in the way of.
const TRIES: u32 = 20;

/// The pause after such a try.
const PAUSE: Duration = Duration::from_millis(10);

/// A database. Its connections live on the runtime that they were made on, so it is to be called on
/// one that outlives all others.
///
/// A connection is given back after its statement has ended, and else closed: nobody gets one
/// whose state is not known.
pub(super) struct Database {
    options: AnyConnectOptions,
    dialect: Dialect,
    places: Semaphore,
    idle: Mutex<VecDeque<(AnyConnection, Instant)>>,
}

/// The language of a database.
pub(super) enum Dialect {
    Postgres,
    MySql,
    /// With the file.
    Sqlite(PathBuf),
}

/// A value in a statement.
pub(super) enum Value<'a> {
    Bytes(&'a [u8]),
    Number(i64),
}

/// Whether a statement may be sent again when nobody knows whether it was carried out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It does no harm.
    Harmless,
    /// It would mean something else.
    Never,
}

/// What a statement answered.
#[derive(Default)]
pub(super) struct Answered {
    pub(super) rows: Vec<AnyRow>,
    /// How many rows it changed.
    pub(super) touched: u64,
}

impl Database {
    pub(super) fn new(url: &str) -> Result<Self, SqlFault> {
        // Does nothing when they are.
        sqlx::any::install_default_drivers();
        let dialect = match url.split(':').next().unwrap_or_default() {
            "postgres" => Dialect::Postgres,
            "mysql" => Dialect::MySql,
            "sqlite" if url.contains(":memory:") || url.contains("mode=memory") => {
                return Err(SqlFault::Url);
            }
            "sqlite" => {
                let options = SqliteConnectOptions::from_str(url).map_err(|_| SqlFault::Url)?;
                Dialect::Sqlite(options.get_filename().to_owned())
            }
            _ => return Err(SqlFault::Url),
        };
        let options = AnyConnectOptions::from_str(url).map_err(|_| SqlFault::Url)?;
        Ok(Self {
            options: options.disable_statement_logging(),
            dialect,
            places: Semaphore::new(CONNECTIONS),
            idle: Mutex::default(),
        })
    }

    pub(super) fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// Carries a statement out whose values stand for its question marks.
    pub(super) async fn ask(
        &self,
        sql: &str,
        values: &[Value<'_>],
        again: Again,
    ) -> Result<Answered, SqlFault> {
        let all = async {
            let sql = self.dialect.written(sql);
            let mut tries = 0;
            loop {
                let done = self.ask_once(&sql, values).await;
                match done {
                    // Others are in the way, or a connection that others have left to die.
                    Err(SqlFault::Contended(_)) if tries < TRIES => {}
                    Err(SqlFault::Lost(_)) if tries == 0 && again == Again::Harmless => {}
                    done => return done,
                }
                tries += 1;
                sleep(PAUSE).await;
            }
        };
        timeout(PATIENCE, all).await.unwrap_or_else(|_| {
            self.idle().clear();
            Err(SqlFault::TimedOut)
        })
    }

    async fn ask_once(&self, sql: &str, values: &[Value<'_>]) -> Result<Answered, SqlFault> {
        let place = timeout(CONNECT, self.places.acquire()).await;
        let Ok(Ok(_place)) = place else {
            return Err(SqlFault::TimedOut);
        };
        let mut connection = match self.reuse().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let done = answered(&mut connection, sql, values).await;
        let done = done.map_err(|error| sort(&error));
        match &done {
            Err(SqlFault::Lost(_)) => self.idle().clear(),
            _ => self.idle().push_back((connection, Instant::now())),
        }
        done
    }

    /// The connection that was used last, if it still works.
    async fn reuse(&self) -> Option<AnyConnection> {
        let (mut connection, since) = self.idle().pop_back()?;
        if since.elapsed() < ASKED_AFTER {
            return Some(connection);
        }
        match timeout(CONNECT, connection.ping()).await {
            Ok(Ok(())) => Some(connection),
            // The others were used before this one, so they are no better.
            Ok(Err(_)) | Err(_) => {
                self.idle().clear();
                None
            }
        }
    }

    async fn connect(&self) -> Result<AnyConnection, SqlFault> {
        let made = async {
            self.dialect.make_private();
            let mut connection = self.options.connect().await?;
            for command in self.dialect.settings() {
                let command = sqlx::raw_sql(*command);
                command.execute(&mut connection).await?;
            }
            Ok(connection)
        };
        match timeout(CONNECT, made).await {
            Ok(connected) => connected.map_err(|error: sqlx::Error| sort(&error)),
            Err(_) => Err(SqlFault::TimedOut),
        }
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<(AnyConnection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answered(
    connection: &mut AnyConnection,
    sql: &str,
    values: &[Value<'_>],
) -> Result<Answered, sqlx::Error> {
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for value in values {
        query = match value {
            Value::Bytes(bytes) => query.bind(bytes.to_vec()),
            Value::Number(number) => query.bind(*number),
        };
    }
    let mut answered = Answered::default();
    let mut all = connection.fetch_many(query);
    while let Some(one) = all.try_next().await? {
        match one {
            Either::Left(result) => answered.touched += result.rows_affected(),
            Either::Right(row) => answered.rows.push(row),
        }
    }
    Ok(answered)
}

impl Dialect {
    /// A statement with question marks as the database wants it.
    fn written(&self, sql: &str) -> String {
        if !matches!(self, Self::Postgres) {
            return sql.to_owned();
        }
        let mut parts = sql.split('?');
        let mut written = parts.next().unwrap_or_default().to_owned();
        for (number, part) in (1..).zip(parts) {
            written.push_str(&format!("${number}{part}"));
        }
        written
    }

    /// The types for a short key and for any number of bytes.
    pub(super) const fn types(&self) -> [&'static str; 2] {
        match self {
            Self::Postgres => ["BYTEA", "BYTEA"],
            Self::MySql => ["VARBINARY(255)", "LONGBLOB"],
            Self::Sqlite(_) => ["BLOB", "BLOB"],
        }
    }

    /// What a new connection is told: what takes longer than a call is asked for in vain.
    const fn settings(&self) -> &'static [&'static str] {
        match self {
            Self::Postgres => &["SET statement_timeout = 4000"],
            Self::MySql => &["SET SESSION innodb_lock_wait_timeout = 4"],
            Self::Sqlite(_) => &[
                "PRAGMA busy_timeout = 4000",
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = NORMAL",
            ],
        }
    }

    /// Makes the file, if there is none, so that nobody but its owner can read what is in it.
    /// The files beside it get the same rights from SQLite.
    fn make_private(&self) {
        if let Self::Sqlite(file) = self {
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            // It is there already, or SQLite says what is in the way.
            let _ = options.open(file);
        }
    }
}

impl fmt::Debug for Database {
    /// Without the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("idle", &self.idle().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_for_postgresql_and_for_no_other() {
        let sql = "UPDATE t SET a = ? WHERE b = ?";
        let numbered = Dialect::Postgres.written(sql);
        assert_eq!(numbered, "UPDATE t SET a = $1 WHERE b = $2");
        assert_eq!(Dialect::MySql.written(sql), sql);
    }

    #[test]
    fn what_is_no_url_of_a_database_is_refused_without_being_repeated() {
        for url in [
            "",
            "memory",
            "sqlite::memory:",
            "redis://h",
            "mysql://:secret@h:port",
        ] {
            let refused = Database::new(url).map(drop).map_err(|it| it.to_string());
            let words = refused.unwrap_err();
            assert!(!words.contains("secret"), "{words}");
        }
    }
}
