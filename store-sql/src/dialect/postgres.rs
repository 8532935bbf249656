//! PostgreSQL.

use std::str::FromStr;
use std::time::Duration;

use session_core::store::{Applied, Created, StoreError};
use session_core::{ChangeSet, Record, StoreKey, Timestamp};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow};
use sqlx::{Arguments, AssertSqlSafe, ConnectOptions, Row, TypeInfo, ValueRef};

use super::postgres_apply;
use super::{Arg, Dialect, Fields, Placeholders, Sql, Syntax};
use crate::batches::Sizes;
use crate::engine::{Engine, For, Tries};
use crate::error::{Column, Damage, Failure, SqlError, Verdict, sort};
use crate::steps::Kind;
use crate::values;

/// A PostgreSQL.
pub(crate) struct Postgres {
    options: PgConnectOptions,
    set_up: Sql,
}

impl Postgres {
    pub(crate) fn new(url: &str, timeout: Duration) -> Result<Self, SqlError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| SqlError::Url("it is not of the form postgres://USER@HOST/DATABASE"))?
            .disable_statement_logging();
        let millis = timeout.as_millis().clamp(1, 86_400_000);
        Ok(Self {
            options,
            // Statements are prepared while the tables are small, and sessions are always found by an
            // index: what is best for a few rows would be kept for a million.
            //
            // What takes longer than a call is asked for in vain, and what a client that vanished
            // in the middle of a transaction has locked is freed.
            set_up: format!(
                "SET default_transaction_isolation = 'read committed'; \
                 SET statement_timeout = {millis}; \
                 SET enable_seqscan = off; SET enable_hashjoin = off; \
                 SET enable_mergejoin = off; SET jit = off; \
                 SET idle_in_transaction_session_timeout = {}",
                millis * 2
            )
            .into(),
        })
    }
}

impl Dialect for Postgres {
    type Connection = PgConnection;
    type Row = PgRow;

    const SYNTAX: Syntax = Syntax {
        placeholders: Placeholders::Numbers,
        begin: "BEGIN",
        or_nothing: " ON CONFLICT (store_key) DO NOTHING",
        or_update: " ON CONFLICT (store_key, name) DO UPDATE SET revision = excluded.revision, \
            codec = excluded.codec, value = excluded.value",
        skip_locked: " FOR UPDATE SKIP LOCKED",
        for_update: " FOR UPDATE",
    };
    const SCHEMA: &'static str = include_str!("../../migrations/postgres.sql");
    const IS_REMOTE: bool = true;
    const BATCHES: Sizes = Sizes::All;

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = self.options.connect().await?;
        Self::command(&mut connection, self.set_up.clone()).await?;
        Ok(connection)
    }

    async fn rows(
        connection: &mut PgConnection,
        sql: Sql,
        values: &[Arg<'_>],
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values)?);
        query.fetch_all(connection).await
    }

    async fn run(
        connection: &mut PgConnection,
        sql: Sql,
        values: &[Arg<'_>],
    ) -> Result<u64, sqlx::Error> {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values)?);
        Ok(query.execute(connection).await?.rows_affected())
    }

    async fn command(connection: &mut PgConnection, sql: Sql) -> Result<(), sqlx::Error> {
        let command = sqlx::raw_sql(AssertSqlSafe(sql));
        command.execute(connection).await.map(drop)
    }

    fn sort(error: &sqlx::Error) -> Failure {
        sort(error, |error| match &*error.code().unwrap_or_default() {
            // A serialization failure, and a deadlock.
            "40001" | "40P01" => Verdict::Contended,
            "23505" => Verdict::Duplicate,
            // It may only read by now; it has too many connections; it is being stopped or
            // started.
            "25006" | "53300" | "57P01" | "57P02" | "57P03" => Verdict::Away,
            code if code.starts_with("08") => Verdict::Away,
            _ => Verdict::Refused,
        })
    }

    async fn find(
        engine: &Engine<Self>,
        connection: &mut PgConnection,
        keys: &[StoreKey],
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let keys: Vec<&[u8]> = keys.iter().map(|key| &key.as_bytes()[..]).collect();
        let mut arguments = PgArguments::default();
        arguments.add(keys).map_err(sqlx::Error::Encode)?;
        let (sql, _) = engine.statements.find(1);
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
        query.fetch_all(connection).await
    }

    async fn lock(
        engine: &Engine<Self>,
        connection: &mut PgConnection,
        keys: &[&StoreKey],
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let keys: Vec<&[u8]> = keys.iter().map(|key| &key.as_bytes()[..]).collect();
        let mut arguments = PgArguments::default();
        arguments.add(keys).map_err(sqlx::Error::Encode)?;
        let sql = AssertSqlSafe(engine.statements.lock.clone());
        sqlx::query_with(sql, arguments).fetch_all(connection).await
    }

    async fn apply(
        engine: &Engine<Self>,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Option<Result<Applied, Failure>> {
        let arguments = || postgres_apply::arguments(key, changes, now);
        let rows = once(engine, &engine.statements.apply, arguments).await;
        Some(rows.and_then(|rows| Ok(postgres_apply::answer(&rows)?)))
    }

    async fn write(
        engine: &Engine<Self>,
        connection: &mut PgConnection,
        kind: Kind,
        steps: &[Vec<Arg<'_>>],
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let Some(sql) = engine.statements.steps.of(kind, 1).cloned() else {
            return Ok(Vec::new());
        };
        let query = sqlx::query_with(AssertSqlSafe(sql), lists(steps)?);
        query.fetch_all(connection).await
    }

    async fn create(engine: &Engine<Self>, record: &Record) -> Option<Result<Created, Failure>> {
        let rows = once(engine, &engine.statements.create, || new_record(record)).await;
        Some(rows.and_then(|rows| {
            let made = rows.first().map_or(Ok(0), |row| row.count(0));
            Ok(match made.map_err(StoreError::from)? {
                0 => Created::Taken,
                _ => Created::Created,
            })
        }))
    }
}

/// Runs one statement that changes something, in one round trip. It is run again only when the
/// database refused it because of others.
async fn once(
    engine: &Engine<Postgres>,
    sql: &Sql,
    arguments: impl Fn() -> Result<PgArguments, sqlx::Error>,
) -> Result<Vec<PgRow>, Failure> {
    let mut tries = Tries::default();
    loop {
        let mut lease = engine.lease(For::Writing).await?;
        let rows = match arguments() {
            Ok(arguments) => {
                let query = sqlx::query_with(AssertSqlSafe(sql.clone()), arguments);
                query.fetch_all(lease.connection()).await
            }
            Err(error) => Err(error),
        };
        match engine.settle(lease, rows) {
            Ok(rows) => return Ok(rows),
            Err(failure) => tries.after(failure).await?,
        }
    }
}

/// The values of an insertion with all attributes.
fn new_record(record: &Record) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = arguments(&values::inserted(record))?;
    let attributes = || record.attributes.iter();
    let names: Vec<&[u8]> = attributes().map(|it| it.name.as_bytes()).collect();
    let revisions: Vec<i64> = attributes()
        .map(|it| values::signed(it.revision.get()))
        .collect();
    let codecs: Vec<i16> = attributes()
        .map(|it| it.value.codec().as_byte().into())
        .collect();
    let values: Vec<&[u8]> = attributes().map(|it| it.value.bytes()).collect();
    let add = || {
        arguments.add(names)?;
        arguments.add(revisions)?;
        arguments.add(codecs)?;
        arguments.add(values)
    };
    add().map_err(sqlx::Error::Encode)?;
    Ok(arguments)
}

/// The values of several steps: a list of those that come first, a list of those that come second,
/// and so on.
fn lists(steps: &[Vec<Arg<'_>>]) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for place in 0..steps.first().map_or(0, Vec::len) {
        let values = || steps.iter().filter_map(|step| step.get(place));
        let are_numbers = values().all(|value| matches!(value, Arg::Number(_)));
        if are_numbers {
            let numbers = values().map(|value| match value {
                Arg::Number(number) => *number,
                Arg::Bytes(_) => None,
            });
            arguments.add(numbers.collect::<Vec<_>>())
        } else {
            let bytes = values().map(|value| match value {
                Arg::Bytes(bytes) => *bytes,
                Arg::Number(_) => None,
            });
            arguments.add(bytes.collect::<Vec<_>>())
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

pub(super) fn arguments(values: &[Arg<'_>]) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Arg::Number(number) => arguments.add(*number),
            Arg::Bytes(bytes) => arguments.add(*bytes),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

impl Fields for PgRow {
    fn number(&self, column: usize) -> Result<Option<i64>, Damage> {
        let damage = |_| Damage::Column(Column(column));
        let value = self.try_get_raw(column).map_err(damage)?;
        if value.is_null() {
            return Ok(None);
        }
        // The format in which numbers travel says how long they are.
        match value.type_info().name() {
            "INT2" => self.try_get::<i16, _>(column).map(i64::from),
            "INT4" => self.try_get::<i32, _>(column).map(i64::from),
            _ => self.try_get::<i64, _>(column),
        }
        .map(Some)
        .map_err(damage)
    }

    fn bytes(&self, column: usize) -> Result<Option<&[u8]>, Damage> {
        self.try_get_unchecked(column)
            .map_err(|_| Damage::Column(Column(column)))
    }
}
