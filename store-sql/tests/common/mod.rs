//! Stores on real databases, each with tables of its own.

// Each test program uses a part of this.
#![allow(dead_code)]

pub(crate) mod raw;
pub(crate) mod samples;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use store_sql::{SqlStore, SqlStoreBuilder};
use testbed::Kind;

/// A database that stores are tested on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    Postgres,
    MariaDb,
    Sqlite,
}

impl Database {
    pub(crate) const ALL: [Self; 3] = [Self::Postgres, Self::MariaDb, Self::Sqlite];
    pub(crate) const SERVERS: [Self; 2] = [Self::Postgres, Self::MariaDb];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
            Self::Sqlite => "sqlite",
        }
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Postgres => Kind::Postgres,
            Self::MariaDb => Kind::MariaDb,
            Self::Sqlite => panic!("SQLite has no server"),
        }
    }

    /// A place that no other test uses.
    pub(crate) fn place(self) -> Place {
        let number = next_number();
        match self {
            Self::Sqlite => {
                let file = File::new(number);
                Place {
                    url: format!("sqlite:{}", file.0.display()),
                    prefix: "session_".into(),
                    _file: Some(file),
                }
            }
            server => Place {
                url: testbed::shared(server.kind()).expect("a server"),
                prefix: format!("t{}_{number}_", std::process::id()),
                _file: None,
            },
        }
    }
}

fn next_number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Tables of one's own.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) prefix: String,
    _file: Option<File>,
}

impl Place {
    /// Tables with a prefix of their own on the server at this URL.
    pub(crate) fn at(url: String) -> Self {
        Self {
            url,
            prefix: format!("t{}_{}_", std::process::id(), next_number()),
            _file: None,
        }
    }

    pub(crate) fn builder(&self) -> SqlStoreBuilder {
        SqlStore::builder(&self.url).table_prefix(&self.prefix)
    }

    pub(crate) async fn store(&self) -> SqlStore {
        self.builder().connect().await.expect("a store")
    }
}

/// A file that goes with the test.
#[derive(Debug)]
struct File(PathBuf);

impl File {
    fn new(number: u32) -> Self {
        let folder = std::env::temp_dir();
        let file = folder.join(format!("store-sql-{}-{number}.db", std::process::id()));
        let file = Self(file);
        // One that is left from a process that was killed and had the same number.
        file.remove();
        file
    }

    fn remove(&self) {
        for ending in ["", "-wal", "-shm"] {
            let mut path = self.0.clone().into_os_string();
            path.push(ending);
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.remove();
    }
}
