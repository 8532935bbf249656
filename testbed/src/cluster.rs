//! A Redis Cluster of three masters.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::kind::{Durability, Kind};
use crate::programs::{Program, run};
use crate::server::Server;
use crate::wire::Wire;

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
        url_of(self.nodes.iter().map(Server::port))
    }

    /// Lays a wire to each node, in their order, and has the nodes send clients to these, now and
    /// after each restart. The nodes still talk to each other without a wire.
    ///
    /// # Errors
    /// When the nodes do not tell each other in time.
    pub fn lay_wires(&mut self) -> Result<Vec<Wire>, Error> {
        let nodes = self.nodes.iter();
        let wires = nodes.map(|node| Wire::to(node.port()));
        let wires = wires.collect::<Result<Vec<_>, _>>()?;
        for (node, wire) in self.nodes.iter_mut().zip(&wires) {
            node.will_announce(wire.port());
            let (port, announced) = (node.port().to_string(), wire.port().to_string());
            let mut set = client()?;
            set.args(["-p", &port, "config", "set"]);
            run(
                Program::REDIS_CLI,
                set.args(["cluster-announce-port", &announced]),
            )?;
        }
        let places: Vec<_> = wires
            .iter()
            .map(|wire| format!(":{}@", wire.port()))
            .collect();
        self.wait_until("nodes", |told| {
            places.iter().all(|place| told.contains(place))
        })?;
        Ok(wires)
    }

    /// Where clients connect to it by way of the wires to its nodes.
    #[must_use]
    pub fn url_over(&self, wires: &[Wire]) -> String {
        url_of(wires.iter().map(Wire::port))
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
        self.wait_until("info", |told| told.contains("cluster_state:ok"))
    }

    /// Waits until what each node tells about the cluster is right.
    fn wait_until(&self, what: &str, is_right: impl Fn(&str) -> bool) -> Result<(), Error> {
        let began = Instant::now();
        for node in &self.nodes {
            loop {
                let mut ask = client()?;
                ask.args(["-p", &node.port().to_string(), "cluster", what]);
                let told = run(Program::REDIS_CLI, &mut ask).unwrap_or_default();
                if is_right(&told) {
                    break;
                }
                if began.elapsed() > PATIENCE {
                    return Err(Error::Silent {
                        program: Program::REDIS.name.into(),
                        seconds: PATIENCE.as_secs(),
                        log: told,
                    });
                }
                sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }
}

fn url_of(ports: impl Iterator<Item = u16>) -> String {
    let nodes: Vec<_> = ports.map(|port| format!("127.0.0.1:{port}")).collect();
    format!("redis-cluster://{}", nodes.join(","))
}

fn client() -> Result<Command, Error> {
    Ok(Command::new(Program::REDIS_CLI.find()?))
}
