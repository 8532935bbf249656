//! Which node of a cluster has which group.
//!
//! The store finds the nodes itself: each group is one slot, so all there is to know is which
//! node has it, and a node is reached by the same connection as a single server.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{ConnectionAddr, ConnectionInfo, ErrorKind, RedisError, RedisResult, Value};
use tokio::time::timeout;

use super::node::Node;
use crate::error::ConnectError;
use crate::names::{GROUPS, Group};

type HostAndPort = (String, u16);

pub(super) struct Cluster {
    /// What every node is connected to with, but for its address.
    login: ConnectionInfo,
    timeout: Duration,
    seeds: Vec<HostAndPort>,
    first: Node,
    known: Mutex<Known>,
    /// True when the nodes should be asked again who has what.
    is_doubtful: AtomicBool,
    is_asking: AtomicBool,
}

struct Known {
    nodes: HashMap<HostAndPort, Node>,
    /// By the number of the group.
    owners: Vec<Option<HostAndPort>>,
}

impl Cluster {
    pub(super) fn new(seeds: Vec<ConnectionInfo>, timeout: Duration) -> Result<Self, ConnectError> {
        let addresses: Vec<HostAndPort> = seeds.iter().filter_map(address_of).collect();
        let login = seeds.into_iter().next();
        let none = ConnectError::Url("names no node of a cluster");
        let (Some(login), false) = (login, addresses.is_empty()) else {
            return Err(none);
        };
        let mut nodes = HashMap::new();
        for address in &addresses {
            nodes.insert(address.clone(), connect(&login, address, timeout)?);
        }
        let first = connect(&login, &addresses[0], timeout)?;
        Ok(Self {
            login,
            timeout,
            seeds: addresses,
            first,
            known: Mutex::new(Known {
                nodes,
                owners: vec![None; GROUPS],
            }),
            is_doubtful: AtomicBool::new(true),
            is_asking: AtomicBool::new(false),
        })
    }

    /// Some node.
    pub(super) fn any(&self) -> Node {
        self.first.clone()
    }

    /// The node that has a group, as far as is known.
    pub(super) async fn owner(&self, group: Group) -> RedisResult<Node> {
        if self.is_doubtful() {
            self.ask_who_has_what(group).await;
        }
        let owner = self.known().owners[group.number()].clone();
        let nobody = || RedisError::from((ErrorKind::Client, "no node of the cluster has the key"));
        let (host, port) = owner.ok_or_else(nobody)?;
        self.node(&host, port)
    }

    /// The node at this address.
    pub(super) fn node(&self, host: &str, port: u16) -> RedisResult<Node> {
        let mut known = self.known();
        let address = (host.to_owned(), port);
        if let Some(node) = known.nodes.get(&address) {
            return Ok(node.clone());
        }
        let refused = |_| RedisError::from((ErrorKind::Client, "the node cannot be connected to"));
        let node = connect(&self.login, &address, self.timeout).map_err(refused)?;
        known.nodes.insert(address, node.clone());
        Ok(node)
    }

    /// A node said that another one has a group.
    pub(super) fn redirect(&self, group: Group, host: &str, port: u16) {
        self.known().owners[group.number()] = Some((host.to_owned(), port));
        // Where one slot has moved, others may have.
        self.doubt();
    }

    pub(super) fn is_doubtful(&self) -> bool {
        self.is_doubtful.load(Ordering::Relaxed)
    }

    pub(super) fn doubt(&self) {
        self.is_doubtful.store(true, Ordering::Relaxed);
    }

    /// Asks the nodes who has which slot. While one call does, others go on with what they know,
    /// if they know anything.
    async fn ask_who_has_what(&self, group: Group) {
        let is_known = self.known().owners[group.number()].is_some();
        if self.is_asking.swap(true, Ordering::AcqRel) && is_known {
            return;
        }
        let _asking = Asking(&self.is_asking);
        let nodes: Vec<(HostAndPort, Node)> = {
            let known = self.known();
            let nodes = known.nodes.iter();
            nodes
                .map(|(address, node)| (address.clone(), node.clone()))
                .collect()
        };
        let mut slots = redis::cmd("CLUSTER");
        slots.arg("SLOTS");
        for ((host, _), node) in nodes {
            // A node that does not answer must not take the time that another one needs.
            let asked = timeout(self.timeout / 4, node.send(slots.clone())).await;
            let Ok(Ok(answer)) = asked else {
                continue;
            };
            let ranges = ranges(answer, &host);
            if !ranges.is_empty() {
                self.learn(&ranges);
                self.is_doubtful.store(false, Ordering::Relaxed);
                return;
            }
        }
    }

    fn learn(&self, ranges: &[Range]) {
        let mut known = self.known();
        for group in Group::all() {
            let slot = group.slot();
            let range = ranges
                .iter()
                .find(|range| (range.first..=range.last).contains(&slot));
            if let Some(range) = range {
                known.owners[group.number()] = Some(range.owner.clone());
            }
        }
        let Known { nodes, owners } = &mut *known;
        let is_used = |address: &HostAndPort| {
            self.seeds.contains(address) || owners.iter().flatten().any(|owner| owner == address)
        };
        nodes.retain(|address, _| is_used(address));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call asks; the next one may when this is dropped.
struct Asking<'a>(&'a AtomicBool);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Slots that one master has.
struct Range {
    first: u16,
    last: u16,
    owner: HostAndPort,
}

/// The ranges that `CLUSTER SLOTS` answers: first, last, the master, replicas.
fn ranges(answer: Value, asked: &str) -> Vec<Range> {
    let Value::Array(ranges) = answer else {
        return Vec::new();
    };
    ranges
        .into_iter()
        .filter_map(|range| {
            let Value::Array(parts) = range else {
                return None;
            };
            let [
                Value::Int(first),
                Value::Int(last),
                Value::Array(master),
                ..,
            ] = &parts[..]
            else {
                return None;
            };
            let [host, Value::Int(port), ..] = &master[..] else {
                return None;
            };
            let host = match host {
                Value::BulkString(host) if !host.is_empty() => {
                    String::from_utf8(host.clone()).ok()?
                }
                // The node does not know its own name: it is the one that was asked.
                _ => asked.to_owned(),
            };
            Some(Range {
                first: u16::try_from(*first).ok()?,
                last: u16::try_from(*last).ok()?,
                owner: (host, u16::try_from(*port).ok()?),
            })
        })
        .collect()
}

fn connect(
    login: &ConnectionInfo,
    (host, port): &HostAndPort,
    timeout: Duration,
) -> Result<Node, ConnectError> {
    let tcp = ConnectionAddr::Tcp(host.clone(), *port);
    Node::new(login.clone().set_addr(tcp), timeout)
}

fn address_of(info: &ConnectionInfo) -> Option<HostAndPort> {
    match info.addr() {
        ConnectionAddr::Tcp(host, port) => Some((host.clone(), *port)),
        _ => None,
    }
}
