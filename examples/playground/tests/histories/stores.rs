//! The stores that the program can be started on, and what runs on each: the one table.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use testbed::{Durability, Error, Kind, RedisCluster, Server, Wire};

use crate::chance::Chance;

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

    /// All of them; under `scripts/test --quick`, those that need no server.
    pub(crate) fn present() -> impl Iterator<Item = Self> {
        let is_quick = std::env::var_os(WITHOUT_SERVERS).is_some();
        let all = Self::ALL.into_iter();
        all.filter(move |store| !is_quick || matches!(store, Self::Memory | Self::Sqlite))
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
            Self::RedisCluster => Some(Kind::RedisCluster),
            Self::Postgres => Some(Kind::Postgres),
            Self::MariaDb => Some(Kind::MariaDb),
            Self::Memory | Self::Sqlite => None,
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
        let (own, url) = Own::start(kind).unwrap_or_else(|error| panic!("{error}"));
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

/// Servers of one's own, and the wires over which the processes use them.
#[derive(Debug)]
pub(crate) struct Own {
    servers: Mutex<Servers>,
    /// One to each server, in their order.
    wires: Vec<Wire>,
}

#[derive(Debug)]
enum Servers {
    One(Server),
    Cluster(RedisCluster),
}

/// Which servers of a store something happens to. A store with one server has no other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    All,
    One(usize),
}

impl Which {
    fn is(self, number: usize) -> bool {
        match self {
            Self::All => true,
            Self::One(one) => one == number,
        }
    }
}

impl Own {
    /// Starts what keeps everything that it acknowledged. With its URL.
    fn start(kind: Kind) -> Result<(Self, String), Error> {
        let durability = Durability::Acknowledged;
        let (servers, wires, url) = if kind == Kind::RedisCluster {
            let mut cluster = RedisCluster::start_with(durability)?;
            let wires = cluster.lay_wires()?;
            let url = cluster.url_over(&wires);
            (Servers::Cluster(cluster), wires, url)
        } else {
            let server = Server::start_with(kind, durability)?;
            let wire = Wire::to(server.port())?;
            let url = server.url_over(&wire);
            (Servers::One(server), vec![wire], url)
        };
        let servers = Mutex::new(servers);
        Ok((Self { servers, wires }, url))
    }

    /// One of the servers, by lot.
    pub(crate) fn one(&self, chance: &mut Chance) -> Which {
        Which::One(chance.below(self.wires.len()))
    }

    pub(crate) fn kill(&self, which: Which) {
        self.each(which, |server| {
            server.kill().expect("the store can be killed");
        });
        // Whose ends the wire would keep.
        self.cut(which);
    }

    /// Starts it again. What a killed server left may be in its way for a moment.
    pub(crate) fn start_again(&self, which: Which) {
        self.each(which, |server| {
            let began = Instant::now();
            while let Err(error) = server.start_again() {
                assert!(began.elapsed() < PATIENCE, "{error}");
                sleep(Duration::from_millis(100));
            }
        });
        self.wait();
    }

    pub(crate) fn pause(&self, which: Which) {
        self.each(which, |server| {
            server.pause().expect("the store can be stopped");
        });
    }

    pub(crate) fn resume(&self, which: Which) {
        self.each(which, |server| {
            server.resume().expect("the store can go on");
        });
        self.wait();
    }

    pub(crate) fn cut(&self, which: Which) {
        self.wires_to(which).for_each(Wire::cut);
    }

    /// Cuts the connections after so many more bytes of replies, until they are mended.
    pub(crate) fn cut_after(&self, which: Which, bytes: usize) {
        self.wires_to(which).for_each(|wire| wire.cut_after(bytes));
    }

    pub(crate) fn mend(&self) {
        self.wires_to(Which::All).for_each(Wire::mend);
    }

    fn wires_to(&self, which: Which) -> impl Iterator<Item = &Wire> {
        let wires = self.wires.iter().enumerate();
        wires.filter_map(move |(number, wire)| which.is(number).then_some(wire))
    }

    fn each(&self, which: Which, act: impl Fn(&mut Server)) {
        let mut servers = self.servers();
        let servers = match &mut *servers {
            Servers::One(server) => std::slice::from_mut(server),
            Servers::Cluster(cluster) => cluster.nodes(),
        };
        let chosen = servers.iter_mut().enumerate();
        chosen
            .filter(|(number, _)| which.is(*number))
            .for_each(|(_, server)| act(server));
    }

    /// The nodes of a cluster have to find each other before they answer clients.
    fn wait(&self) {
        if let Servers::Cluster(cluster) = &*self.servers() {
            cluster.wait().expect("the cluster is whole again");
        }
    }

    fn servers(&self) -> MutexGuard<'_, Servers> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
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
