//! What can be wrong with a database.

use std::io;

use sqlx::error::DatabaseError;

/// Why a database did not do what it was asked for. What it prints holds neither the URL, where a
/// password may be, nor what is stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqlFault {
    /// The URL is none of a database that can be used.
    #[error("use sqlite:PATH, postgres://USER@HOST/DATABASE or mysql://USER@HOST/DATABASE")]
    Url,
    /// It did not answer in time.
    #[error("the database did not answer in time")]
    TimedOut,
    /// The connection was lost, or there is none.
    #[error("the database cannot be reached: {0}")]
    Lost(Box<str>),
    /// Others were in the way for too long.
    #[error("the database is busy (code {0})")]
    Contended(Box<str>),
    /// There is a row with this key.
    #[error("the row is there already")]
    Duplicate,
    /// It refuses.
    #[error("the database refuses (code {0})")]
    Refused(Box<str>),
    /// What is stored is no conversation, or no account.
    #[error("what the database has stored cannot be read")]
    Damaged,
}

impl SqlFault {
    /// True for what may be over by itself.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::TimedOut | Self::Lost(_) | Self::Contended(_))
    }
}

/// Sorts an error of the driver.
pub(super) fn sort(error: &sqlx::Error) -> SqlFault {
    match error {
        sqlx::Error::Database(error) => sorted(&**error),
        sqlx::Error::Configuration(_) => SqlFault::Url,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::AnyDriverError(_) => SqlFault::Damaged,
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            SqlFault::Lost("it closed the connection".into())
        }
        sqlx::Error::Io(error) => SqlFault::Lost(error.to_string().into()),
        sqlx::Error::Tls(_) => SqlFault::Lost("it wants an encrypted connection".into()),
        _ => SqlFault::Lost("the driver gave up".into()),
    }
}

fn sorted(error: &dyn DatabaseError) -> SqlFault {
    if error.is_unique_violation() {
        return SqlFault::Duplicate;
    }
    let code = error.code().unwrap_or_default();
    // SQLite's codes are numbers whose lowest byte is the kind: busy and locked; cannot open.
    match code.parse::<u32>().map(|number| number & 0xff) {
        Ok(5 | 6) if code.len() < 5 => return SqlFault::Contended((*code).into()),
        Ok(14) if code.len() < 5 => return SqlFault::Lost("the file cannot be opened".into()),
        _ => {}
    }
    match &*code {
        // A serialization failure, and a deadlock.
        "40001" | "40P01" => SqlFault::Contended((*code).into()),
        // It may only read by now; it has too many connections; it is being stopped or started.
        "25006" | "53300" | "57P01" | "57P02" | "57P03" | "57014" => {
            SqlFault::Lost(format!("code {code}").into())
        }
        code if code.starts_with("08") => SqlFault::Lost(format!("code {code}").into()),
        code => SqlFault::Refused(code.into()),
    }
}
