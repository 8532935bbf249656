//! The stores that an application is tested on.

use std::env;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::Error;
use crate::folder::Folder;
use crate::kind::Kind;
use crate::shared::shared;

/// Set by `scripts/test --quick`, on a machine that has no servers.
const WITHOUT_SERVERS: &str = "TESTS_WITHOUT_SERVERS";

/// A store that an application can be told to use by a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// The memory of the process.
    Memory,
    /// A file of SQLite.
    Sqlite,
    /// A server of this kind.
    On(Kind),
}

impl Store {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Memory,
        Self::On(Kind::Redis),
        Self::On(Kind::RedisCluster),
        Self::On(Kind::Postgres),
        Self::On(Kind::MariaDb),
        Self::Sqlite,
    ];

    /// Those that are tested on this machine: under `scripts/test --quick` only those that need
    /// no server.
    pub fn present() -> impl Iterator<Item = Self> {
        let is_quick = env::var_os(WITHOUT_SERVERS).is_some();
        let stores = Self::ALL.into_iter();
        stores.filter(move |store| !is_quick || !matches!(store, Self::On(_)))
    }

    /// What it is called in the names of tests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
            Self::On(Kind::Redis) => "redis",
            Self::On(Kind::RedisCluster) => "redis-cluster",
            Self::On(Kind::Postgres) => "postgres",
            Self::On(Kind::MariaDb) => "mariadb",
            Self::On(Kind::Valkey) => "valkey",
        }
    }

    /// A place on it where no other test has sessions: a file, or names with a prefix on the
    /// server that all tests share.
    ///
    /// # Errors
    /// When its server is not installed or does not start, or no folder can be made.
    pub fn place(self) -> Result<Place, Error> {
        let (url, folder) = match self {
            Self::Memory => ("memory".into(), None),
            Self::Sqlite => {
                let folder = Folder::create()?;
                let file = folder.join("sessions.db");
                (format!("sqlite:{}", file.display()), Some(folder))
            }
            Self::On(kind) => (shared(kind)?, None),
        };
        Ok(Place {
            url,
            prefix: prefix(),
            _folder: folder,
        })
    }
}

/// Where a test has sessions of its own. A file goes with it; what is on a server stays there
/// until that stops.
#[derive(Debug)]
pub struct Place {
    url: String,
    prefix: String,
    _folder: Option<Folder>,
}

impl Place {
    /// Of the store.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the names of keys or tables have to begin with there. It is a name wherever one is
    /// asked for.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

/// One that was never used before, also not by a process that had the same number.
fn prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.unwrap_or_default().as_secs();
    format!("t{:x}_{number:x}_{seconds:x}_", process::id())
}
