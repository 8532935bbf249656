//! What can go wrong with a database, and what follows from it.

use std::fmt;
use std::io;
use std::time::Duration;

use session_core::store::StoreError;
use sqlx::error::DatabaseError;

/// Why the database cannot be used.
///
/// It never holds a URL, a password or a key: what is printed is what a database says of itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqlError {
    /// The database refused: a wrong password, a table that is missing, a full disk.
    #[error("the database says: {message} ({code})")]
    Database {
        /// Its code: an SQLSTATE, or the number of an error of SQLite.
        code: String,
        /// Its words, without those in which it repeats values.
        message: String,
    },
    /// All connections were in use for longer than a call waits for one.
    #[error("all connections to the database were in use for {0:?}")]
    Exhausted(Duration),
    /// The connection broke or could not be made.
    #[error("the connection to the database is lost: {0}")]
    Lost(Box<str>),
    /// The tables are missing, and the store was told not to make them.
    #[error("the tables of the sessions are missing; see SqlStore::migrate")]
    NoTables,
    /// A prefix is 1 to 30 characters of `a` to `z`, digits and underscores, and begins with a
    /// letter.
    #[error("the prefix of the tables has to be a lower-case name of 1 to 30 characters")]
    Prefix,
    /// The database wants an encrypted connection, and this program cannot have one with it.
    #[error("an encrypted connection to the database could not be set up")]
    Tls,
    /// The database did not answer in time.
    #[error("the database did not answer within {0:?}")]
    TimedOut(Duration),
    /// The URL is not one of `postgres:`, `mysql:` and `sqlite:`, or something in it is wrong.
    #[error("the URL of the database cannot be used: {0}")]
    Url(&'static str),
}

impl SqlError {
    /// True for what may be over by itself: the database cannot be reached, or has no time.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Exhausted(_) | Self::Lost(_) | Self::TimedOut(_))
    }
}

/// What the caller of a statement can do about an error.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The connection is lost: what was asked for may be done or not.
    Lost(SqlError),
    /// Refused because of others, and undone: it may be asked for again.
    Contended(SqlError),
    /// Refused, and undone.
    Refused(SqlError),
    /// The key is in use.
    Duplicate,
    /// What is stored cannot be used.
    Stored(StoreError),
}

impl Failure {
    /// The error that is told to whoever made the call.
    pub(crate) fn into_sql(self) -> SqlError {
        match self {
            Self::Lost(error) | Self::Contended(error) | Self::Refused(error) => error,
            Self::Duplicate => SqlError::Database {
                code: "23000".into(),
                message: "a row is there already".into(),
            },
            Self::Stored(error) => SqlError::Database {
                code: "22000".into(),
                message: error.to_string(),
            },
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Stored(error) => error,
            other => Self::Unavailable(other.into_sql().into()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Stored(error)
    }
}

/// How a database sorts its own errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A deadlock, a serialization failure, a lock that was not to be had.
    Contended,
    /// A row with this key is there.
    Duplicate,
    /// It is starting, stopping, or has no room for connections.
    Away,
    /// Anything else.
    Refused,
}

/// Words of a database that may repeat what is stored, and are therefore not kept.
const UNTOLD: &str = "the values do not fit";

/// Sorts an error of the driver; `verdict` is what the database means by its code.
pub(crate) fn sort(
    error: &sqlx::Error,
    verdict: impl FnOnce(&dyn DatabaseError) -> Verdict,
) -> Failure {
    let error = match error {
        sqlx::Error::Database(error) => error,
        sqlx::Error::Tls(_) => return Failure::Refused(SqlError::Tls),
        sqlx::Error::Configuration(_) => {
            return Failure::Refused(SqlError::Url("the driver refuses something in it"));
        }
        lost => return Failure::Lost(SqlError::Lost(words(lost))),
    };
    let code = error.code().unwrap_or_default().into_owned();
    let verdict = verdict(&**error);
    // Class 22 is about data and 23 about constraints; MariaDB repeats values in both.
    let message = match &code {
        code if code.starts_with("22") || code.starts_with("23") => UNTOLD.into(),
        _ => error.message().to_owned(),
    };
    match verdict {
        Verdict::Duplicate => Failure::Duplicate,
        Verdict::Away => Failure::Lost(SqlError::Lost(message.into())),
        Verdict::Contended => Failure::Contended(SqlError::Database { code, message }),
        Verdict::Refused => Failure::Refused(SqlError::Database { code, message }),
    }
}

/// What the driver says about a connection. Only what is known to hold no secret is repeated.
fn words(error: &sqlx::Error) -> Box<str> {
    match error {
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "it was closed by the other side".into()
        }
        sqlx::Error::Io(error) => error.to_string().into(),
        sqlx::Error::Protocol(words) => words.as_str().into(),
        sqlx::Error::WorkerCrashed => "its thread has ended".into(),
        _ => "the driver gave up".into(),
    }
}

/// What is wrong with a stored session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damage {
    #[error("the column {0} of a stored session holds something else")]
    Column(Column),
    #[error("a stored session holds a value in the unknown codec {0}")]
    Codec(i64),
    #[error("a name in a stored session is empty, too long or not UTF-8")]
    Name,
    #[error("a stored session has the format {0}, which never was")]
    Format(i64),
}

/// The place of a column in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column(pub(crate) usize);

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Damage> for StoreError {
    fn from(damage: Damage) -> Self {
        Self::Unreadable(damage.into())
    }
}
