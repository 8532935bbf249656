//! The configuration of a store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::dialect::mysql::MySql;
use crate::dialect::postgres::Postgres;
use crate::dialect::sqlite::Sqlite;
use crate::engine::Engine;
use crate::error::SqlError;
use crate::pool::PoolSettings;
use crate::statements::{DEFAULT_PREFIX, is_prefix};
use crate::store::{Backend, SqlStore};

/// Whether a store makes its tables by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CreateTables {
    /// It does when they are missing, which takes the right to make them.
    OnDemand,
    /// It never does: an operator ran the statements, or calls
    /// [`migrate`](SqlStore::migrate).
    Never,
}

/// What a store goes by.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) prefix: String,
    pub(crate) pool: PoolSettings,
    /// How long a call may take in all.
    pub(crate) timeout: Duration,
    pub(crate) tables: CreateTables,
}

/// The configuration of a [`SqlStore`].
#[derive(Clone)]
pub struct SqlStoreBuilder {
    url: String,
    settings: Settings,
}

impl SqlStoreBuilder {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            settings: Settings {
                prefix: DEFAULT_PREFIX.into(),
                pool: PoolSettings {
                    size: 0,
                    patience: Duration::from_secs(2),
                    connect: Duration::from_secs(2),
                },
                timeout: Duration::from_secs(4),
                tables: CreateTables::OnDemand,
            },
        }
    }

    /// What the names of the tables begin with: a lower-case name, `session_` unless another is
    /// asked for. Stores with different prefixes share a database and nothing else.
    #[must_use]
    pub fn table_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings.prefix = prefix.into();
        self
    }

    /// The most connections: 16, unless another number is asked for. For SQLite those that read,
    /// 4; one more writes.
    #[must_use]
    pub const fn max_connections(mut self, connections: usize) -> Self {
        self.settings.pool.size = connections;
        self
    }

    /// How long a call may take in all: connecting, waiting for others, and every statement.
    /// Less than the [`store_timeout`](session_core::SessionManagerBuilder::store_timeout) of
    /// the manager, so that errors tell more than that it took too long.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// How long making a connection may take.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.pool.connect = timeout;
        self
    }

    /// How long a call waits for a connection when all are in use.
    #[must_use]
    pub const fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.settings.pool.patience = timeout;
        self
    }

    /// Whether the store makes its tables by itself when they are missing.
    #[must_use]
    pub const fn create_tables(mut self, tables: CreateTables) -> Self {
        self.settings.tables = tables;
        self
    }

    /// Makes the store; see [`SqlStore::connect`].
    ///
    /// # Errors
    /// [`SqlError`], but not for a database that cannot be reached.
    pub async fn connect(self) -> Result<SqlStore, SqlError> {
        let store = SqlStore::over(self.backend()?);
        match store.ready().await {
            Err(error) if !error.is_outage() => Err(error),
            Ok(()) | Err(_) => Ok(store),
        }
    }

    fn backend(&self) -> Result<Arc<dyn Backend>, SqlError> {
        let Self { url, settings } = self;
        if !is_prefix(&settings.prefix) {
            return Err(SqlError::Prefix);
        }
        let mut settings = settings.clone();
        let (scheme, _) = url
            .split_once(':')
            .ok_or(SqlError::Url("it begins with no scheme"))?;
        if settings.pool.size == 0 {
            settings.pool.size = if scheme == "sqlite" { 4 } else { 16 };
        }
        match scheme {
            "postgres" | "postgresql" => {
                let dialect = Postgres::new(url, settings.timeout)?;
                Ok(Engine::shared_over(dialect, settings))
            }
            "mysql" | "mariadb" => {
                let dialect = MySql::new(url, settings.timeout)?;
                Ok(Engine::shared_over(dialect, settings))
            }
            "sqlite" => {
                let dialect = Sqlite::new(url, settings.timeout)?;
                Ok(Engine::shared_over(dialect, settings))
            }
            _ => Err(SqlError::Url("its scheme is not postgres, mysql or sqlite")),
        }
    }
}

impl fmt::Debug for SqlStoreBuilder {
    /// Without the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStoreBuilder")
            .field("table_prefix", &self.settings.prefix)
            .field("max_connections", &self.settings.pool.size)
            .field("timeout", &self.settings.timeout)
            .field("connect_timeout", &self.settings.pool.connect)
            .field("acquire_timeout", &self.settings.pool.patience)
            .field("create_tables", &self.settings.tables)
            .finish_non_exhaustive()
    }
}
