//! How a store is configured.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use crate::address::Address;
use crate::connection::Connection;
use crate::error::ConnectError;
use crate::names::{Names, Spread};
use crate::recent::Recent;
use crate::store::{Inner, RedisStore};

/// A configuration of a [`RedisStore`].
#[derive(Clone, Debug)]
#[must_use]
pub struct RedisStoreBuilder {
    prefix: String,
    timeout: Duration,
}

impl RedisStoreBuilder {
    pub(crate) fn new() -> Self {
        Self {
            prefix: "session".into(),
            timeout: Duration::from_secs(1),
        }
    }

    /// What the names of all keys begin with: a namespace of its own on a server that several
    /// applications share. Any text will do; in the names everything but ASCII letters, digits,
    /// `-`, `_` and `.` is escaped as `%` and two digits, so that no prefix reaches the keys of
    /// another. `session` by default.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a call waits for the server until it is answered with an error, a second by
    /// default. A server that is down is known at once.
    ///
    /// Loads, changes, logins and deletes wait this long in all. What works through many
    /// sessions (a sweep, a census, the list of a principal) waits this long for each step.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The store, as [`RedisStore::connect`].
    ///
    /// # Errors
    /// As there.
    pub async fn connect(self, url: &str) -> Result<RedisStore, ConnectError> {
        let address = Address::parse(url)?;
        let spread = match address {
            Address::Single(_) => Spread::One,
            Address::Cluster(_) => Spread::All,
        };
        let connection = Connection::to(address, self.timeout)?;
        connection.probe().await?;
        Ok(RedisStore(Arc::new(Inner {
            connection,
            names: Names::new(&self.prefix, spread),
            next_swept: AtomicUsize::new(0),
            recent: Recent::new(),
        })))
    }
}
