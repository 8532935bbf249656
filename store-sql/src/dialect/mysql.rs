//! MariaDB and MySQL.

use std::str::FromStr;
use std::time::Duration;

use session_core::store::{Applied, Created};
use session_core::{ChangeSet, Record, StoreKey, Timestamp};
use sqlx::mysql::{
    MySqlArguments, MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlRow,
};
use sqlx::{Arguments, AssertSqlSafe, ConnectOptions, Row};

use super::{Arg, Dialect, Fields, Placeholders, Sql, Syntax};
use crate::batches::Sizes;
use crate::engine::Engine;
use crate::error::{Column, Damage, Failure, SqlError, Verdict, sort};
use crate::steps::Kind;

/// A MariaDB or a MySQL.
pub(crate) struct MySql {
    options: MySqlConnectOptions,
    set_up: Sql,
}

impl MySql {
    pub(crate) fn new(url: &str, timeout: Duration) -> Result<Self, SqlError> {
        // The driver knows the database by one name.
        let url = url.replacen("mariadb:", "mysql:", 1);
        let options = MySqlConnectOptions::from_str(&url)
            .map_err(|_| SqlError::Url("it is not of the form mysql://USER@HOST/DATABASE"))?
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None)
            .set_names(false)
            .disable_statement_logging();
        let seconds = timeout.as_secs().max(1);
        Ok(Self {
            options,
            // What does not fit is an error and never cut; what is waited for longer than a call
            // takes is waited for in vain. MariaDB can also free what a client that vanished in
            // the middle of a transaction has locked.
            set_up: format!(
                "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
                 SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
                 SESSION innodb_lock_wait_timeout = {seconds}, SESSION autocommit = 1 \
                 /*M!100600 , SESSION idle_transaction_timeout = {} */",
                seconds * 2
            )
            .into(),
        })
    }
}

impl Dialect for MySql {
    type Connection = MySqlConnection;
    type Row = MySqlRow;

    const SYNTAX: Syntax = Syntax {
        placeholders: Placeholders::Marks,
        begin: "BEGIN",
        // An insertion that ignores a duplicate ignores other errors, too.
        or_nothing: "",
        or_update: " ON DUPLICATE KEY UPDATE revision = VALUES(revision), codec = VALUES(codec), \
            value = VALUES(value)",
        skip_locked: " FOR UPDATE SKIP LOCKED",
        for_update: " FOR UPDATE",
    };
    const SCHEMA: &'static str = include_str!("../../migrations/mysql.sql");
    const IS_REMOTE: bool = true;
    // It would take a transaction, which is not much less than the one that locks first.
    const BATCHES: Sizes = Sizes::None;

    async fn connect(&self) -> Result<MySqlConnection, sqlx::Error> {
        let mut connection = self.options.connect().await?;
        Self::command(&mut connection, self.set_up.clone()).await?;
        Ok(connection)
    }

    async fn rows(
        connection: &mut MySqlConnection,
        sql: Sql,
        values: &[Arg<'_>],
    ) -> Result<Vec<MySqlRow>, sqlx::Error> {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values)?);
        query.fetch_all(connection).await
    }

    async fn run(
        connection: &mut MySqlConnection,
        sql: Sql,
        values: &[Arg<'_>],
    ) -> Result<u64, sqlx::Error> {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values)?);
        Ok(query.execute(connection).await?.rows_affected())
    }

    async fn command(connection: &mut MySqlConnection, sql: Sql) -> Result<(), sqlx::Error> {
        let command = sqlx::raw_sql(AssertSqlSafe(sql));
        command.execute(connection).await.map(drop)
    }

    fn sort(error: &sqlx::Error) -> Failure {
        sort(error, |error| {
            let error = error.try_downcast_ref::<MySqlDatabaseError>();
            match error.map_or(0, MySqlDatabaseError::number) {
                // A record that changed since it was read, a lock that was waited for in vain,
                // and a deadlock.
                1020 | 1205 | 1213 => Verdict::Contended,
                1062 => Verdict::Duplicate,
                // Too many connections; the server or the connection is being stopped; it may
                // only read by now.
                1040 | 1053 | 1290 | 1836 | 1927 | 4031 => Verdict::Away,
                _ => Verdict::Refused,
            }
        })
    }

    async fn lock(
        engine: &Engine<Self>,
        connection: &mut MySqlConnection,
        keys: &[&StoreKey],
    ) -> Result<Vec<MySqlRow>, sqlx::Error> {
        // A selection that locks reads what is committed last, row by row: first the record,
        // where it waits, and then its attributes.
        let values: Vec<_> = keys.iter().map(|key| Arg::key(key)).collect();
        let sql = engine.statements.lock_keys(keys.len());
        Self::rows(connection, sql, &values).await
    }

    async fn apply(
        _: &Engine<Self>,
        _: &StoreKey,
        _: &ChangeSet,
        _: Timestamp,
    ) -> Option<Result<Applied, Failure>> {
        None
    }

    async fn write(
        _: &Engine<Self>,
        _: &mut MySqlConnection,
        _: Kind,
        _: &[Vec<Arg<'_>>],
    ) -> Result<Vec<MySqlRow>, sqlx::Error> {
        Ok(Vec::new())
    }

    async fn create(_: &Engine<Self>, _: &Record) -> Option<Result<Created, Failure>> {
        None
    }
}

fn arguments(values: &[Arg<'_>]) -> Result<MySqlArguments, sqlx::Error> {
    let mut arguments = MySqlArguments::default();
    for value in values {
        match value {
            Arg::Number(number) => arguments.add(*number),
            Arg::Bytes(bytes) => arguments.add(*bytes),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

impl Fields for MySqlRow {
    fn number(&self, column: usize) -> Result<Option<i64>, Damage> {
        self.try_get_unchecked(column)
            .map_err(|_| Damage::Column(Column(column)))
    }

    fn bytes(&self, column: usize) -> Result<Option<&[u8]>, Damage> {
        self.try_get_unchecked(column)
            .map_err(|_| Damage::Column(Column(column)))
    }
}
