//! What the databases have in common, as far as the store needs it, and where they differ.

pub(crate) mod mysql;
pub(crate) mod postgres;
mod postgres_apply;
pub(crate) mod sqlite;
mod sqlite_scripts;

use std::future::Future;
use std::sync::Arc;

use session_core::store::{Applied, Created};
use session_core::{ChangeSet, Record, StoreKey, Timestamp};

use crate::batches::Sizes;
use crate::engine::Engine;
use crate::error::{Column, Damage, Failure};
use crate::steps::Kind;

/// The text of a statement. It holds no value: those travel beside it.
pub(crate) type Sql = Arc<str>;

/// A database and how it is talked to.
pub(crate) trait Dialect: Send + Sync + Sized + 'static {
    /// A connection to it.
    type Connection: sqlx::Connection;
    /// A row that it answers with.
    type Row: Fields + Send;

    /// The differences in what is asked.
    const SYNTAX: Syntax;
    /// The statements that make the tables.
    const SCHEMA: &'static str;
    /// True when connections are made over a network and can break.
    const IS_REMOTE: bool;

    /// How many steps are [written together](crate::batches).
    const BATCHES: Sizes;

    /// Makes a connection and sets it up.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, sqlx::Error>> + Send;

    /// Runs a statement and answers its rows.
    fn rows(
        connection: &mut Self::Connection,
        sql: Sql,
        values: &[Arg<'_>],
    ) -> impl Future<Output = Result<Vec<Self::Row>, sqlx::Error>> + Send;

    /// Runs a statement and answers how many rows it touched.
    fn run(
        connection: &mut Self::Connection,
        sql: Sql,
        values: &[Arg<'_>],
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// Runs statements without values.
    fn command(
        connection: &mut Self::Connection,
        sql: Sql,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// What can be done about an error.
    fn sort(error: &sqlx::Error) -> Failure;

    /// Reads what is under some keys, at most [`TOGETHER_MAX`](crate::loads::TOGETHER_MAX), in any
    /// order.
    fn find(
        engine: &Engine<Self>,
        connection: &mut Self::Connection,
        keys: &[StoreKey],
    ) -> impl Future<Output = Result<Vec<Self::Row>, sqlx::Error>> + Send {
        async move {
            // There is a statement for every power of two; a key more than once changes nothing.
            let (sql, count) = engine.statements.find(keys.len());
            let last = keys.last().into_iter();
            let padded = keys.iter().chain(last.cycle()).take(count);
            let values: Vec<_> = padded.map(Arg::key).collect();
            Self::rows(connection, sql, &values).await
        }
    }

    /// Locks what is under some keys, in their order, and answers it with its attributes, as it
    /// is once it is locked.
    fn lock(
        engine: &Engine<Self>,
        connection: &mut Self::Connection,
        keys: &[&StoreKey],
    ) -> impl Future<Output = Result<Vec<Self::Row>, sqlx::Error>> + Send;

    /// Applies changes without a login by a faster way than a transaction, if there is one.
    fn apply(
        engine: &Engine<Self>,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> impl Future<Output = Option<Result<Applied, Failure>>> + Send;

    /// Writes steps of one kind, each given by its values, as far as they can be written without
    /// waiting for somebody else. Answers the keys of those that were.
    fn write(
        engine: &Engine<Self>,
        connection: &mut Self::Connection,
        kind: Kind,
        steps: &[Vec<Arg<'_>>],
    ) -> impl Future<Output = Result<Vec<Self::Row>, sqlx::Error>> + Send;

    /// Stores a record whose principal has no limit by a faster way than a transaction, if there
    /// is one.
    fn create(
        engine: &Engine<Self>,
        record: &Record,
    ) -> impl Future<Output = Option<Result<Created, Failure>>> + Send;
}

/// The differences in what is asked.
pub(crate) struct Syntax {
    /// Whether values are `?`, or `$1` and so on.
    pub(crate) placeholders: Placeholders,
    /// Begins a transaction that is going to write.
    pub(crate) begin: &'static str,
    /// What follows an insertion that does nothing where the key is in use; nothing where that
    /// is an error.
    pub(crate) or_nothing: &'static str,
    /// What follows an insertion of attributes and overwrites those that are there.
    pub(crate) or_update: &'static str,
    /// What follows a selection whose rows are locked, except those that others have locked.
    pub(crate) skip_locked: &'static str,
    /// What follows a selection of a row that is locked; nothing where one transaction writes
    /// at a time.
    pub(crate) for_update: &'static str,
}

/// How values are marked in a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placeholders {
    Marks,
    Numbers,
}

/// A value of a statement.
#[derive(Clone, Copy)]
pub(crate) enum Arg<'a> {
    Number(Option<i64>),
    Bytes(Option<&'a [u8]>),
}

impl Arg<'_> {
    pub(crate) const fn number(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl<'a> Arg<'a> {
    pub(crate) const fn bytes(bytes: &'a [u8]) -> Self {
        Self::Bytes(Some(bytes))
    }

    pub(crate) const fn key(key: &'a StoreKey) -> Self {
        Self::Bytes(Some(key.as_bytes()))
    }
}

/// The fields of a row, by the numbers of its columns.
pub(crate) trait Fields {
    /// An integer, or `None` for null.
    fn number(&self, column: usize) -> Result<Option<i64>, Damage>;

    /// Bytes, or `None` for null.
    fn bytes(&self, column: usize) -> Result<Option<&[u8]>, Damage>;

    /// An integer that is never null.
    fn count(&self, column: usize) -> Result<i64, Damage> {
        self.number(column)?.ok_or(Damage::Column(Column(column)))
    }

    /// Bytes that are never null.
    fn some_bytes(&self, column: usize) -> Result<&[u8], Damage> {
        self.bytes(column)?.ok_or(Damage::Column(Column(column)))
    }
}
