//! Accounts in a database.

use std::sync::Arc;

use session_core::Timestamp;
use sqlx::Row;
use sqlx::any::AnyRow;
use tokio::sync::OnceCell;

use super::AccountError;
use super::credentials::AccountName;
use super::database::{Again, Database, Value};
use super::fault::SqlFault;
use super::kept::{Kept, Put};
use super::passwords::PasswordHash;
use crate::prompt::ChatPrompt;

/// Accounts in PostgreSQL, MariaDB, MySQL or an SQLite file, with their conversations, in two
/// tables that are made when they are missing. Clones are the same accounts.
#[derive(Clone, Debug)]
pub struct SqlAccounts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    database: Database,
    /// Set once the tables are there.
    tables: OnceCell<()>,
}

impl SqlAccounts {
    /// The accounts in the database at `url`. It is not asked yet: until it comes, nobody can log
    /// in.
    ///
    /// # Errors
    /// [`SqlFault::Url`]
    pub fn new(url: &str) -> Result<Self, SqlFault> {
        Ok(Self(Arc::new(Inner {
            database: Database::new(url)?,
            tables: OnceCell::new(),
        })))
    }

    /// Makes the tables where they are missing.
    ///
    /// # Errors
    /// When the database cannot be reached, or refuses.
    pub async fn make_tables(&self) -> Result<(), SqlFault> {
        let made = self.0.tables.get_or_try_init(async || {
            let [key, bytes] = self.0.database.dialect().types();
            let accounts = format!(
                "CREATE TABLE IF NOT EXISTS chat_accounts (name {key} NOT NULL PRIMARY KEY, \
                 password {bytes} NOT NULL, created BIGINT NOT NULL)"
            );
            let conversations = format!(
                "CREATE TABLE IF NOT EXISTS chat_conversations (name {key} NOT NULL PRIMARY KEY, \
                 revision BIGINT NOT NULL, prompt {bytes} NOT NULL, updated BIGINT NOT NULL)"
            );
            self.make(&accounts).await?;
            self.make(&conversations).await
        });
        made.await.copied()
    }

    async fn make(&self, table: &str) -> Result<(), SqlFault> {
        let make = || self.0.database.ask(table, &[], Again::Harmless);
        match make().await {
            // Somebody else made it at the same time, which PostgreSQL does not wait for.
            Err(SqlFault::Duplicate | SqlFault::Refused(_)) => make().await.map(drop),
            made => made.map(drop),
        }
    }

    pub(super) async fn insert(
        &self,
        name: &AccountName,
        password: &PasswordHash,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        self.make_tables().await?;
        let values = [
            Value::Bytes(name.as_str().as_bytes()),
            Value::Bytes(password.as_str().as_bytes()),
            Value::Number(millis(now)),
        ];
        let sql = "INSERT INTO chat_accounts (name, password, created) VALUES (?, ?, ?)";
        match self.0.database.ask(sql, &values, Again::Never).await {
            Err(SqlFault::Duplicate) => Err(AccountError::Taken),
            done => Ok(done.map(drop)?),
        }
    }

    pub(super) async fn password_of(
        &self,
        name: &AccountName,
    ) -> Result<Option<PasswordHash>, AccountError> {
        self.make_tables().await?;
        let sql = "SELECT password FROM chat_accounts WHERE name = ?";
        let Some(row) = self.row_of(sql, name).await? else {
            return Ok(None);
        };
        let hash = String::from_utf8(bytes(&row, 0)?).map_err(|_| SqlFault::Damaged)?;
        Ok(Some(PasswordHash::kept(&hash)))
    }

    pub(super) async fn conversation_of(&self, name: &AccountName) -> Result<Kept, AccountError> {
        self.make_tables().await?;
        let sql = "SELECT prompt, revision FROM chat_conversations WHERE name = ?";
        let Some(row) = self.row_of(sql, name).await? else {
            return Ok(Kept::default());
        };
        let revision: i64 = row.try_get(1).map_err(|_| SqlFault::Damaged)?;
        let prompt = serde_json::from_slice(&bytes(&row, 0)?);
        Ok(Kept {
            prompt: prompt.map_err(|_| SqlFault::Damaged)?,
            revision: Some(revision),
        })
    }

    pub(super) async fn put_conversation(
        &self,
        name: &AccountName,
        revision: Option<i64>,
        prompt: &ChatPrompt,
        now: Timestamp,
    ) -> Result<Put, AccountError> {
        self.make_tables().await?;
        let prompt = serde_json::to_vec(prompt).map_err(|_| SqlFault::Damaged)?;
        let name = Value::Bytes(name.as_str().as_bytes());
        let (prompt, now) = (Value::Bytes(&prompt), Value::Number(millis(now)));
        let database = &self.0.database;
        let done = match revision {
            None => {
                let sql = "INSERT INTO chat_conversations (prompt, updated, name, revision) \
                    VALUES (?, ?, ?, 1)";
                database.ask(sql, &[prompt, now, name], Again::Never).await
            }
            Some(revision) => {
                let sql = "UPDATE chat_conversations SET prompt = ?, updated = ?, \
                    revision = revision + 1 WHERE name = ? AND revision = ?";
                let values = [prompt, now, name, Value::Number(revision)];
                database.ask(sql, &values, Again::Never).await
            }
        };
        match done {
            Ok(answered) if answered.touched > 0 => Ok(Put::Done),
            Ok(_) | Err(SqlFault::Duplicate) => Ok(Put::Outrun),
            Err(fault) => Err(fault.into()),
        }
    }

    async fn row_of(&self, sql: &str, name: &AccountName) -> Result<Option<AnyRow>, SqlFault> {
        let name = Value::Bytes(name.as_str().as_bytes());
        let answered = self.0.database.ask(sql, &[name], Again::Harmless).await?;
        Ok(answered.rows.into_iter().next())
    }
}

fn bytes(row: &AnyRow, column: usize) -> Result<Vec<u8>, SqlFault> {
    row.try_get(column).map_err(|_| SqlFault::Damaged)
}

fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
