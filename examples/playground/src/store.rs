//! The store that the command line asks for.

use std::sync::Arc;

use session_core::MemoryStore;
use session_core::store::SessionStore;
use store_redis::{ConnectError, RedisStore};
use store_sql::{SqlError, SqlStore};

use crate::options::Options;

/// Why there can be no store as asked for. The URL may hold a password, and is not repeated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// No store has URLs of this kind.
    #[error(
        "--store: use memory, sqlite:PATH, redis://HOST:PORT, redis-cluster://HOST:PORT,HOST:PORT, \
         postgres://... or mysql://..."
    )]
    Unknown,
    /// Only the store in memory counts what it holds.
    #[error(
        "--max-sessions: only --store memory has a limit of its own; others have their server's"
    )]
    Limit,
    /// No other process has sessions in this memory.
    #[error("--store-prefix: only stores that others use as well have names that begin with it")]
    Prefix,
    /// Redis refuses.
    #[error("--store: {0}")]
    Redis(#[from] ConnectError),
    /// The database refuses.
    #[error("--store: {0}")]
    Sql(#[from] SqlError),
}

/// The store that the options ask for. One whose server is away is opened all the same: until it
/// comes, sessions are answered with 503.
///
/// # Errors
/// When there is no such store, or its server was reached and refuses.
pub(crate) async fn open(options: &Options) -> Result<Arc<dyn SessionStore>, OpenError> {
    let url = options.store.reveal();
    let prefix = options.store_prefix.as_ref();
    if url == "memory" {
        if prefix.is_some() {
            return Err(OpenError::Prefix);
        }
        let builder = MemoryStore::builder();
        return Ok(Arc::new(match options.max_sessions {
            Some(sessions) => builder.max_sessions(sessions).build(),
            None => builder.build(),
        }));
    }
    let scheme = url.split(':').next().unwrap_or_default();
    match scheme {
        _ if options.max_sessions.is_some() => Err(OpenError::Limit),
        "redis" | "redis-cluster" => {
            let mut builder = RedisStore::builder();
            if let Some(prefix) = prefix {
                builder = builder.prefix(prefix);
            }
            Ok(Arc::new(builder.connect(url).await?))
        }
        "sqlite" | "postgres" | "mysql" => {
            let mut builder = SqlStore::builder(url);
            if let Some(prefix) = prefix {
                builder = builder.table_prefix(prefix);
            }
            Ok(Arc::new(builder.connect().await?))
        }
        _ => Err(OpenError::Unknown),
    }
}
