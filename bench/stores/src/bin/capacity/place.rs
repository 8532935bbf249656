//! A store that runs, and how to reach it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use session_core::MemoryStore;
use session_core::store::SessionStore;
use store_redis::RedisStore;
use store_sql::SqlStore;
use testbed::{Durability, Server};

use crate::Trouble;
use crate::cluster;
use crate::cpu;
use crate::partitions;

/// A kind of store, and how it is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Memory of this process.
    Memory,
    /// A single Redis as it comes, without persistence.
    Redis,
    /// The same with `hash-max-listpack-value 1024`.
    RedisListpack,
    /// The same with an append-only file, `appendfsync everysec`.
    RedisAof,
    /// A Redis Cluster of three masters.
    Cluster,
    /// PostgreSQL.
    Postgres,
    /// PostgreSQL with both tables in 16 partitions.
    PostgresPartitioned,
    /// MariaDB.
    Mariadb,
    /// A file of SQLite.
    Sqlite,
}

/// A store that runs.
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) servers: Vec<Server>,
    pub(crate) memory: Option<Arc<MemoryStore>>,
    pub(crate) url: String,
    folder: Option<PathBuf>,
}

/// How long a call may take here. The machine is busy with others, and nobody waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much of a database MariaDB may keep in memory, in bytes. The default is for machines
/// of long ago.
const BUFFER_POOL: u64 = 2 << 30;

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "Memory",
            Self::Redis => "Redis",
            Self::RedisListpack => "Redis, listpack 1024",
            Self::RedisAof => "Redis, append-only file",
            Self::Cluster => "Redis Cluster",
            Self::Postgres => "PostgreSQL",
            Self::PostgresPartitioned => "PostgreSQL, 16 partitions",
            Self::Mariadb => "MariaDB",
            Self::Sqlite => "SQLite",
        }
    }

    /// How many threads call. One process writes to a file of SQLite.
    pub(crate) const fn threads(self) -> usize {
        match self {
            Self::Sqlite => 1,
            _ => 2,
        }
    }

    const fn server(self) -> Option<testbed::Kind> {
        match self {
            Self::Redis | Self::RedisListpack | Self::RedisAof => Some(testbed::Kind::Redis),
            Self::Postgres | Self::PostgresPartitioned => Some(testbed::Kind::Postgres),
            Self::Mariadb => Some(testbed::Kind::MariaDb),
            Self::Memory | Self::Cluster | Self::Sqlite => None,
        }
    }
}

impl Place {
    pub(crate) fn start(kind: Kind, durable: bool) -> Result<Self, Trouble> {
        if kind == Kind::Cluster {
            return Self::cluster_of(3);
        }
        let mut place = Self::empty(kind);
        if let Some(server) = kind.server() {
            let durability = if durable && !place.is_redis() {
                Durability::Acknowledged
            } else {
                Durability::None
            };
            let server = Server::start_with(server, durability)?;
            place.url = server.url();
            place.servers.push(server);
        }
        match kind {
            Kind::Memory => {
                let memory = MemoryStore::builder()
                    .max_sessions(100_000_000)
                    .max_bytes(1 << 36);
                place.memory = Some(Arc::new(memory.build()));
            }
            Kind::RedisListpack => place.set(&["hash-max-listpack-value", "1024"])?,
            Kind::RedisAof => place.set(&[
                "appendfsync",
                "everysec",
                "auto-aof-rewrite-percentage",
                "0",
                "appendonly",
                "yes",
            ])?,
            Kind::Mariadb => {
                let pool = format!("SET GLOBAL innodb_buffer_pool_size = {BUFFER_POOL}");
                crate::footprint::in_mariadb(&place, &pool)?;
            }
            Kind::Sqlite => {
                let name = format!("capacity-{}", std::process::id());
                let folder = std::env::temp_dir().join(name);
                std::fs::create_dir_all(&folder)?;
                place.url = format!("sqlite:{}", folder.join("sessions.db").display());
                place.folder = Some(folder);
            }
            Kind::PostgresPartitioned => partitions::make(&place.url)?,
            Kind::Redis | Kind::Cluster | Kind::Postgres => {}
        }
        Ok(place)
    }

    /// A Redis Cluster of as many masters.
    pub(crate) fn cluster_of(masters: usize) -> Result<Self, Trouble> {
        let mut place = Self::empty(Kind::Cluster);
        place.servers = cluster::start(masters)?;
        let nodes = place.servers.iter();
        let nodes: Vec<_> = nodes
            .map(|node| format!("127.0.0.1:{}", node.port()))
            .collect();
        place.url = format!("redis-cluster://{}", nodes.join(","));
        Ok(place)
    }

    fn empty(kind: Kind) -> Self {
        Self {
            kind,
            servers: Vec::new(),
            memory: None,
            url: String::new(),
            folder: None,
        }
    }

    pub(crate) const fn is_redis(&self) -> bool {
        matches!(
            self.kind,
            Kind::Redis | Kind::RedisListpack | Kind::RedisAof | Kind::Cluster
        )
    }

    pub(crate) const fn is_postgres(&self) -> bool {
        matches!(self.kind, Kind::Postgres | Kind::PostgresPartitioned)
    }

    /// The file of SQLite.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join("sessions.db"))
    }

    /// A store here, as another process would have it.
    pub(crate) async fn store(&self) -> Result<Arc<dyn SessionStore>, Trouble> {
        if let Some(memory) = &self.memory {
            return Ok(memory.clone());
        }
        if self.is_redis() {
            let store = RedisStore::builder().timeout(PATIENCE);
            return Ok(Arc::new(store.connect(&self.url).await?));
        }
        let store = SqlStore::builder(&self.url)
            .timeout(PATIENCE)
            .acquire_timeout(PATIENCE);
        Ok(Arc::new(store.connect().await?))
    }

    /// The processor time of each server; for a store in this process, that of this process.
    pub(crate) fn times(&self) -> Result<Vec<Duration>, Trouble> {
        if self.servers.is_empty() {
            return Ok(vec![cpu::own()?]);
        }
        self.servers.iter().map(cpu::of_server).collect()
    }

    /// Settings of a Redis, names and values in turn.
    fn set(&self, settings: &[&str]) -> Result<(), Trouble> {
        for server in &self.servers {
            let mut connection = redis::Client::open(server.url())?.get_connection()?;
            for setting in settings.chunks(2) {
                let mut command = redis::cmd("CONFIG");
                command.arg("SET").arg(setting).exec(&mut connection)?;
            }
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            // What cannot be removed lies in the folder for temporary files.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}
