//! Calls of scripts on the server that has the keys.

mod cluster;
mod driver;
mod node;
mod outbox;

use std::time::Duration;

use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep, timeout_at};

use self::cluster::Cluster;
use self::node::Node;
use crate::address::Address;
use crate::error::{ConnectError, Fault};
use crate::names::Group;
use crate::script::{Answer, Call};

/// The way to the server, or to the nodes of a cluster. Connections are made when they are
/// needed, and made again when they are lost.
pub(crate) struct Connection {
    servers: Servers,
    timeout: Duration,
}

enum Servers {
    Single(Node),
    Cluster(Box<Cluster>),
}

/// A session as it was read.
pub(crate) struct Read {
    pub(crate) fields: Vec<Vec<u8>>,
    pub(crate) generation: u64,
}

/// What a call waits for at most, with all its repetitions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

/// How often a call is sent on at once to where a server points. More is a circle.
const REDIRECTS_MAX: usize = 16;

/// How long a call waits before it asks again for keys that are on their way, and how long in
/// the end.
const PAUSE: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// How much longer than its time a verb may take. A timer for each call costs more than the call
/// itself does here, so one that has most of its time left does without.
const SLACK: Duration = Duration::from_millis(50);

/// What a refusal calls for.
enum Remedy {
    /// The server forgot the scripts.
    Teach,
    /// Another node has the keys: ask it from now on.
    Redirect(String, u16),
    /// Another node is getting the keys: ask it this once.
    Ask(String, u16),
    /// The keys are on their way, or the cluster changes.
    Wait,
    /// Nothing helps.
    GiveUp,
}

impl Connection {
    pub(crate) fn to(address: Address, timeout: Duration) -> Result<Self, ConnectError> {
        let servers = match address {
            Address::Single(info) => Servers::Single(Node::new(info, timeout)?),
            Address::Cluster(seeds) => Servers::Cluster(Box::new(Cluster::new(seeds, timeout)?)),
        };
        Ok(Self { servers, timeout })
    }

    /// When a call that begins now has to have its answer.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline(Instant::now() + self.timeout)
    }

    /// Finds out whether the server is what the URL says, if it can be reached.
    pub(crate) async fn probe(&self) -> Result<(), ConnectError> {
        let deadline = self.deadline();
        let (node, expects_cluster) = match &self.servers {
            Servers::Single(node) => (node.clone(), false),
            Servers::Cluster(cluster) => (cluster.any(), true),
        };
        let mut info = redis::cmd("INFO");
        info.arg("cluster");
        let Ok(answer) = timeout_at(deadline.0, node.send(info)).await else {
            return Ok(());
        };
        match answer {
            Ok(redis::Value::BulkString(text)) => {
                let is_cluster = String::from_utf8_lossy(&text).contains("cluster_enabled:1");
                match (is_cluster, expects_cluster) {
                    (true, false) => Err(ConnectError::IsCluster),
                    (false, true) => Err(ConnectError::IsNoCluster),
                    _ => Ok(()),
                }
            }
            Ok(_) => Ok(()),
            // Whoever may only call scripts may do all that is needed.
            Err(error) if error.code() == Some("NOPERM") => Ok(()),
            Err(error) => match Fault::of(error) {
                Fault::Refused(error) if !is_unreachable(&*error) => {
                    Err(ConnectError::Refused(error))
                }
                _ => Ok(()),
            },
        }
    }

    /// Calls a script. What a server refuses for the moment is repeated; a call whose answer
    /// was lost never is.
    pub(crate) async fn call(&self, call: &Call, deadline: Deadline) -> Result<Answer, Fault> {
        let (mut is_known, mut asked) = (true, None);
        let (mut redirects, mut pause) = (0, PAUSE);
        while redirects < REDIRECTS_MAX {
            let command = if is_known { call.short() } else { call.long() };
            let sending = self.send(call, command, asked.take());
            let sent = match redirects {
                0 => self.first_in_time(deadline, sending).await,
                _ => timeout_at(deadline.0, sending).await,
            };
            redirects += 1;
            let error = match sent {
                Ok(Ok(value)) => return Answer::of(value),
                Ok(Err(error)) => error,
                Err(_) => {
                    self.doubt();
                    return Err(Fault::Lost("the server did not answer in time".into()));
                }
            };
            match remedy(&error) {
                Remedy::Teach => is_known = false,
                Remedy::Redirect(host, port) => self.redirect(call, &host, port),
                Remedy::Ask(host, port) => asked = Some((host, port)),
                Remedy::Wait => {
                    self.doubt();
                    if timeout_at(deadline.0, sleep(pause)).await.is_err() {
                        return Err(Fault::of(error));
                    }
                    redirects = 1;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Remedy::GiveUp => {
                    let fault = Fault::of(error);
                    if matches!(fault, Fault::Refused(_) | Fault::Lost(_)) {
                        self.doubt();
                    }
                    return Err(fault);
                }
            }
        }
        Err(Fault::Refused("the cluster sends calls in circles".into()))
    }

    /// Calls a script that only reads, or writes what may be written twice: it is repeated once
    /// when the connection turns out to be lost.
    pub(crate) async fn ask(&self, call: &Call, deadline: Deadline) -> Result<Answer, Fault> {
        match self.call(call, deadline).await {
            Err(Fault::Lost(_)) if Instant::now() < deadline.0 => self.call(call, deadline).await,
            answer => answer,
        }
    }

    /// Reads a session and the generation of its group, in this order and in one round trip.
    /// `None` when the server did not just answer; a script can be asked then.
    pub(crate) async fn read(
        &self,
        group: Group,
        session: &str,
        generation: &str,
        deadline: Deadline,
    ) -> Result<Option<Read>, Fault> {
        let reading = async {
            let node = match &self.servers {
                Servers::Single(node) => node.clone(),
                Servers::Cluster(cluster) => cluster.owner(group).await?,
            };
            node.read(session, generation).await
        };
        match self.first_in_time(deadline, reading).await {
            Ok(Ok((fields, generation))) => Ok(Some(Read { fields, generation })),
            Ok(Err(_)) if Instant::now() < deadline.0 => Ok(None),
            _ => {
                self.doubt();
                Err(Fault::Lost("the server did not answer in time".into()))
            }
        }
    }

    async fn send(
        &self,
        call: &Call,
        command: redis::Cmd,
        asked: Option<(String, u16)>,
    ) -> redis::RedisResult<redis::Value> {
        match (&self.servers, asked) {
            (Servers::Single(node), _) => node.send(command).await,
            (Servers::Cluster(cluster), None) => {
                cluster.owner(call.group).await?.send(command).await
            }
            (Servers::Cluster(cluster), Some((host, port))) => {
                cluster.node(&host, port)?.send_asking(command).await
            }
        }
    }

    fn redirect(&self, call: &Call, host: &str, port: u16) {
        if let Servers::Cluster(cluster) = &self.servers {
            cluster.redirect(call.group, host, port);
        }
    }

    /// What a verb takes at most.
    pub(crate) fn longest(&self) -> Duration {
        self.timeout + SLACK
    }

    /// Waits for the first answer of a call until the deadline. A node answers in time by itself
    /// when it is all that is asked.
    async fn first_in_time<T>(
        &self,
        deadline: Deadline,
        answer: impl Future<Output = T>,
    ) -> Result<T, Elapsed> {
        if self.needs_no_timer(deadline) {
            return Ok(answer.await);
        }
        timeout_at(deadline.0, answer).await
    }

    /// True for the first call of a verb to a node that is known, which answers in time by itself.
    fn needs_no_timer(&self, deadline: Deadline) -> bool {
        let is_known = match &self.servers {
            Servers::Single(_) => true,
            Servers::Cluster(cluster) => !cluster.is_doubtful(),
        };
        is_known && Instant::now() + self.timeout <= deadline.0 + SLACK
    }

    /// What is known about the cluster may be wrong.
    fn doubt(&self) {
        if let Servers::Cluster(cluster) = &self.servers {
            cluster.doubt();
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.servers {
            Servers::Single(_) => "Connection(single)",
            Servers::Cluster(_) => "Connection(cluster)",
        })
    }
}

fn remedy(error: &redis::RedisError) -> Remedy {
    let node = || {
        error
            .redirect_node()
            .map(|(address, _)| address)
            .and_then(|address| address.rsplit_once(':'))
            .and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)))
            .filter(|(host, _): &(String, u16)| !host.is_empty())
    };
    match error.code() {
        Some("NOSCRIPT") => Remedy::Teach,
        Some("MOVED") => node().map_or(Remedy::Wait, |(host, port)| Remedy::Redirect(host, port)),
        Some("ASK") => node().map_or(Remedy::Wait, |(host, port)| Remedy::Ask(host, port)),
        Some("TRYAGAIN" | "READONLY") => Remedy::Wait,
        _ => Remedy::GiveUp,
    }
}

fn is_unreachable(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error
        .downcast_ref::<redis::RedisError>()
        .is_none_or(|error| error.is_connection_refusal() || error.is_io_error())
}
