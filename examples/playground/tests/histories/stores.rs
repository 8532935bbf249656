//! The stores that the program can be started on, and what runs on each: the one table.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use testbed::{Durability, Kind, Server, Wire};

/// The environment variable that says that no server of a store is to be started.
const WITHOUT_SERVERS: &str = "TESTS_WITHOUT_SERVERS";

/// How long a store may take to start again.
const PATIENCE: Duration = Duration::from_secs(30);

/// A store of the playground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Memory,
    Redis,
    RedisCluster,
    Postgres,
    MariaDb,
    Sqlite,
}

impl Store {
    pub(crate) const ALL: [Self; 6] = [
        Self::Memory,
        Self::Redis,
        Self::RedisCluster,
        Self::Postgres,
        Self::MariaDb,
        Self::Sqlite,
    ];

    /// Those that the program has; of these, under `scripts/test --quick`, those that need no
    /// server.
    pub(crate) fn present() -> impl Iterator<Item = Self> {
        let is_quick = std::env::var_os(WITHOUT_SERVERS).is_some();
        let present = Self::ALL.into_iter().filter(|store| store.is_present());
        present.filter(move |store| !is_quick || matches!(store, Self::Memory | Self::Sqlite))
    }

    const fn is_present(self) -> bool {
        true
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Redis => "redis",
            Self::RedisCluster => "redis-cluster",
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
            Self::Sqlite => "sqlite",
        }
    }

    /// The frameworks of the servers that run on it at a time; each of these sets is tried.
    pub(crate) const fn casts(self) -> &'static [&'static [&'static str]] {
        match self {
            // The sessions of one process are its own.
            Self::Memory => &[&["axum"], &["actix"], &["warp"]],
            _ => &[&["axum", "actix", "warp"]],
        }
    }

    /// The server behind it that can be broken on purpose; `None` where there is none.
    const fn kind(self) -> Option<Kind> {
        match self {
            Self::Redis => Some(Kind::Redis),
            Self::Postgres => Some(Kind::Postgres),
            Self::MariaDb => Some(Kind::MariaDb),
            Self::Memory | Self::RedisCluster | Self::Sqlite => None,
        }
    }

    /// What survives on it.
    pub(crate) const fn survives(self) -> Survives {
        match (self, self.kind()) {
            (Self::Memory, _) => Survives::Nothing,
            (_, None) => Survives::ItsClients,
            (_, Some(_)) => Survives::ItsServer,
        }
    }

    /// The store that all tests share, or a file of one's own.
    pub(crate) fn open(self) -> Backing {
        let shared = |kind| testbed::shared(kind).unwrap_or_else(|error| panic!("{error}"));
        match self {
            Self::Memory => Backing::at("memory"),
            Self::Redis => Backing::at(&shared(Kind::Redis)),
            Self::RedisCluster => Backing::at(&shared(Kind::RedisCluster)),
            Self::Postgres => Backing::at(&shared(Kind::Postgres)),
            Self::MariaDb => Backing::at(&shared(Kind::MariaDb)),
            Self::Sqlite => {
                let folder = Folder::create();
                let file = folder.0.join("sessions.db");
                Backing {
                    _folder: Some(folder),
                    ..Backing::at(&format!("sqlite:{}", file.display()))
                }
            }
        }
    }

    /// The store for a test of what `survives`: one of its own where that is its server.
    pub(crate) fn open_for(self, survives: Survives) -> Backing {
        let kind = self.kind().filter(|_| survives == Survives::ItsServer);
        let Some(kind) = kind else {
            return self.open();
        };
        let own = || -> Result<Own, testbed::Error> {
            let server = Server::start_with(kind, Durability::Acknowledged)?;
            let wire = Wire::to(server.port())?;
            let server = Mutex::new(server);
            Ok(Own { server, wire })
        };
        let own = own().unwrap_or_else(|error| panic!("{error}"));
        let url = own.server().url_over(&own.wire);
        Backing {
            own: Some(own),
            ..Backing::at(&url)
        }
    }
}

/// What may die without losing what was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Survives {
    /// Nothing.
    Nothing,
    /// The processes that use the store.
    ItsClients,
    /// These, and the server of the store.
    ItsServer,
}

/// An open store.
#[derive(Debug)]
pub(crate) struct Backing {
    /// For `--store`.
    pub(crate) url: String,
    /// What can be broken.
    pub(crate) own: Option<Own>,
    _folder: Option<Folder>,
}

impl Backing {
    /// A store that is there, and stays when this is dropped.
    pub(crate) fn at(url: &str) -> Self {
        Self {
            url: url.into(),
            own: None,
            _folder: None,
        }
    }
}

/// A server of one's own, and the wire over which the processes use it.
#[derive(Debug)]
pub(crate) struct Own {
    server: Mutex<Server>,
    pub(crate) wire: Wire,
}

impl Own {
    pub(crate) fn kill(&self) {
        self.server().kill().expect("the store can be killed");
        // Whose ends the wire would keep.
        self.wire.cut();
    }

    /// Starts it again. What a killed server left may be in its way for a moment.
    pub(crate) fn start_again(&self) {
        let began = Instant::now();
        while let Err(error) = self.server().start_again() {
            assert!(began.elapsed() < PATIENCE, "{error}");
            sleep(Duration::from_millis(100));
        }
    }

    pub(crate) fn pause(&self) {
        self.server().pause().expect("the store can be stopped");
    }

    pub(crate) fn resume(&self) {
        self.server().resume().expect("the store can go on");
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A temporary folder that goes with its owner.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn create() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("histories-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // One that is left from a process that was killed and had the same number.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("a temporary folder can be made");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed lies in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}
