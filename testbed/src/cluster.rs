//! A Redis Cluster of three masters.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::kind::{Durability, Kind};
use crate::programs::{Program, run};
use crate::server::Server;

/// How many masters there are: the fewest that a cluster can have.
const MASTERS: usize = 3;

/// How long the nodes may take until each knows the others.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Redis Cluster of one's own. It stops when this is dropped.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<Server>,
}

impl RedisCluster {
    /// Starts three masters that share the slots.
    ///
    /// # Errors
    /// When Redis is not installed, or the nodes do not find each other.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(Durability::None)
    }

    /// Starts three masters with the durability that a test needs.
    ///
    /// # Errors
    /// When Redis is not installed, or the nodes do not find each other.
    pub fn start_with(durability: Durability) -> Result<Self, Error> {
        let start = |_| Server::start_with(Kind::RedisCluster, durability);
        let nodes = (0..MASTERS).map(start).collect::<Result<Vec<_>, _>>()?;
        let mut create = client()?;
        create.args(["--cluster", "create"]);
        create.args(
            nodes
                .iter()
                .map(|node| format!("127.0.0.1:{}", node.port())),
        );
        create.args(["--cluster-replicas", "0", "--cluster-yes"]);
        run(Program::REDIS_CLI, &mut create)?;
        let cluster = Self { nodes };
        cluster.wait()?;
        Ok(cluster)
    }

    /// Where clients connect to it: `redis-cluster://` and all nodes.
    #[must_use]
    pub fn url(&self) -> String {
        let nodes = self.nodes.iter();
        let nodes: Vec<_> = nodes
            .map(|node| format!("127.0.0.1:{}", node.port()))
            .collect();
        format!("redis-cluster://{}", nodes.join(","))
    }

    /// Its nodes, to be broken on purpose.
    pub fn nodes(&mut self) -> &mut [Server] {
        &mut self.nodes
    }

    /// Waits until every node says that the cluster is whole: after a restart, too.
    ///
    /// # Errors
    /// When one does not in time.
    pub fn wait(&self) -> Result<(), Error> {
        let began = Instant::now();
        for node in &self.nodes {
            loop {
                let mut info = client()?;
                info.args(["-p", &node.port().to_string(), "cluster", "info"]);
                let state = run(Program::REDIS_CLI, &mut info).unwrap_or_default();
                if state.contains("cluster_state:ok") {
                    break;
                }
                if began.elapsed() > PATIENCE {
                    return Err(Error::Silent {
                        program: Program::REDIS.name.into(),
                        seconds: PATIENCE.as_secs(),
                        log: state,
                    });
                }
                sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }
}

fn client() -> Result<Command, Error> {
    Ok(Command::new(Program::REDIS_CLI.find()?))
}
