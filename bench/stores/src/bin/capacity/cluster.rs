//! A Redis Cluster of any number of masters, also of fewer than the usual tools agree to.

use std::thread::sleep;
use std::time::{Duration, Instant};

use redis::{Client, Connection};
use testbed::{Kind, Server};

use crate::Trouble;
use crate::groups::first_slot;

/// How long the nodes may take until each knows the others.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts masters that share the slots, each with a part of one piece.
pub(crate) fn start(masters: usize) -> Result<Vec<Server>, Trouble> {
    let servers = (0..masters).map(|_| Server::start(Kind::RedisCluster));
    let servers = servers.collect::<Result<Vec<_>, _>>()?;
    let connections = servers
        .iter()
        .map(|it| Client::open(it.url())?.get_connection());
    let mut nodes = connections.collect::<Result<Vec<Connection>, _>>()?;
    for (number, node) in nodes.iter_mut().enumerate() {
        let last = first_slot(number + 1, masters) - 1;
        let mut slots = redis::cmd("CLUSTER");
        slots
            .arg("ADDSLOTSRANGE")
            .arg(first_slot(number, masters))
            .arg(last);
        slots.exec(node)?;
        let mut epoch = redis::cmd("CLUSTER");
        epoch.arg("SET-CONFIG-EPOCH").arg(number + 1).exec(node)?;
    }
    for (server, number) in servers.iter().zip(0..).skip(1) {
        let mut ask = redis::cmd("CONFIG");
        ask.arg("GET").arg("cluster-port");
        let (_, bus): (String, u16) = ask.query(&mut nodes[number])?;
        let mut meet = redis::cmd("CLUSTER");
        meet.arg("MEET")
            .arg("127.0.0.1")
            .arg(server.port())
            .arg(bus);
        meet.exec(&mut nodes[0])?;
    }
    for node in &mut nodes {
        wait(node, masters)?;
    }
    Ok(servers)
}

fn wait(node: &mut Connection, masters: usize) -> Result<(), Trouble> {
    let began = Instant::now();
    let size = format!("cluster_size:{masters}\r");
    loop {
        let state: String = redis::cmd("CLUSTER").arg("INFO").query(node)?;
        if state.contains("cluster_state:ok") && state.contains(&size) {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("the cluster does not come about: {state}").into());
        }
        sleep(Duration::from_millis(50));
    }
}
