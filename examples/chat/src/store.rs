//! Where sessions and accounts live, as the command line asks for it.

use std::sync::Arc;

use session_core::MemoryStore;
use session_core::store::SessionStore;
use store_redis::{ConnectError, RedisStore};
use store_sql::{SqlError, SqlStore};

use crate::accounts::{AccountStore, MemoryAccounts, SqlAccounts, SqlFault};
use crate::options::Options;

/// The database for accounts where sessions live in Redis, which has no room for them.
const ACCOUNTS_BESIDE_REDIS: &str = "sqlite:chat.db";

/// Why sessions or accounts cannot live where they are to. The URL may hold a password, and is not
/// repeated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No store has URLs of this kind.
    #[error(
        "--store: use memory, sqlite:PATH, redis://HOST:PORT, redis-cluster://HOST:PORT,HOST:PORT, \
         postgres://... or mysql://..."
    )]
    UnknownStore,
    /// Redis refuses.
    #[error("--store: {0}")]
    Redis(#[from] ConnectError),
    /// The database of the sessions refuses.
    #[error("--store: {0}")]
    Sql(#[from] SqlError),
    /// The database of the accounts refuses, or is none.
    #[error("--accounts: {0}")]
    Accounts(#[from] SqlFault),
    /// Sessions would outlive the accounts that are logged in: somebody else could take the name
    /// of one, and find its sessions among their own.
    #[error(
        "--accounts memory: accounts would end with this program, and sessions in --store would \
         not; leave --accounts out, or give it a database"
    )]
    AccountsEndFirst,
}

/// Where sessions live. One whose server is away is opened all the same: until it comes, sessions
/// are answered with 503.
///
/// # Errors
/// When there is no such store, or its server was reached and refuses.
pub async fn sessions(options: &Options) -> Result<Arc<dyn SessionStore>, OpenError> {
    let url = options.store.reveal();
    match scheme(url) {
        _ if url == "memory" => Ok(Arc::new(MemoryStore::new())),
        "redis" | "redis-cluster" => Ok(Arc::new(RedisStore::connect(url).await?)),
        "sqlite" | "postgres" | "mysql" => Ok(Arc::new(SqlStore::connect(url).await?)),
        _ => Err(OpenError::UnknownStore),
    }
}

/// Where accounts live. A database that is away is taken all the same: until it comes, logins are
/// answered with 503.
///
/// # Errors
/// When accounts cannot live there, or the database was reached and refuses.
pub async fn accounts(options: &Options) -> Result<AccountStore, OpenError> {
    let url = accounts_url(options)?;
    if url == "memory" {
        return Ok(AccountStore::Memory(MemoryAccounts::default()));
    }
    let accounts = SqlAccounts::new(url)?;
    match accounts.make_tables().await {
        Err(fault) if !fault.is_outage() => Err(fault.into()),
        Ok(()) | Err(_) => Ok(AccountStore::Sql(accounts)),
    }
}

fn accounts_url(options: &Options) -> Result<&str, OpenError> {
    let store = options.store.reveal();
    match &options.accounts {
        Some(asked) if asked.reveal() == "memory" && store != "memory" => {
            Err(OpenError::AccountsEndFirst)
        }
        Some(asked) => Ok(asked.reveal()),
        None if scheme(store).starts_with("redis") => Ok(ACCOUNTS_BESIDE_REDIS),
        None => Ok(store),
    }
}

fn scheme(url: &str) -> &str {
    url.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn url(arguments: &[&str]) -> Result<String, OpenError> {
        let options = Options::try_parse_from([&["chat"], arguments].concat()).unwrap();
        accounts_url(&options).map(str::to_owned)
    }

    #[test]
    fn accounts_live_with_the_sessions_unless_they_cannot_or_are_told_otherwise() {
        for (arguments, expected) in [
            (&[][..], "memory"),
            (&["--store=sqlite:a.db"], "sqlite:a.db"),
            (&["--store=mysql://h/d"], "mysql://h/d"),
            (&["--store=redis://h:1"], "sqlite:chat.db"),
            (&["--store=redis-cluster://h:1,h:2"], "sqlite:chat.db"),
            (&["--accounts=postgres://h/d"], "postgres://h/d"),
            (&["--store=redis://h:1", "--accounts=sqlite:b"], "sqlite:b"),
        ] {
            assert_eq!(url(arguments).unwrap(), expected, "{arguments:?}");
        }
    }

    #[test]
    fn sessions_never_outlive_the_accounts_that_are_logged_in() {
        let refused = url(&["--store=sqlite:a.db", "--accounts=memory"]).unwrap_err();
        assert!(matches!(refused, OpenError::AccountsEndFirst));
        assert!(url(&["--accounts=memory"]).is_ok());
    }
}
