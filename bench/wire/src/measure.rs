//! Rounds over the servers of a framework, and the report.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::load::{self, Request};
use crate::process;
use crate::servers::{Family, Memory};
use crate::visit::Visitor;

/// How much is measured.
pub(crate) struct Plan {
    /// The medians are taken over them.
    pub(crate) rounds: usize,
    /// How long a server is asked in a round.
    pub(crate) slot: Duration,
}

/// How long a server may take to begin to listen.
const START: Duration = Duration::from_secs(20);

/// A server that listens, and its visitor.
struct Running {
    name: &'static str,
    memory: Memory,
    address: SocketAddr,
    visitor: Visitor,
    _process: process::Server,
}

/// Measures the servers of a framework and prints a table.
///
/// # Errors
/// When one does not start, keeps no session, or does not answer everything.
pub(crate) fn compare(family: &Family, plan: &Plan) -> Result<(), Box<dyn Error>> {
    let (for_servers, for_wrk) = (0, thread::available_parallelism()?.get() - 1);
    if for_wrk == for_servers {
        return Err("it takes two CPUs: one for the servers and one for wrk".into());
    }
    let mut servers = Vec::new();
    for server in &family.servers {
        let address = free_address()?;
        let mut process = server.program.serve(address, for_servers)?;
        await_start(address, &mut process)
            .and_then(|()| Visitor::welcomed(address, server.memory))
            .map(|visitor| {
                servers.push(Running {
                    name: server.name,
                    memory: server.memory,
                    address,
                    visitor,
                    _process: process,
                });
            })
            .map_err(|error| format!("{} {}: {error}", family.name, server.name))?;
    }
    for request in Request::ALL {
        let mut rates = vec![Vec::new(); servers.len()];
        for server in &servers {
            rate(server, request, Duration::from_secs(1), for_wrk)?; // a warm-up
        }
        for round in 0..plan.rounds {
            // Another one goes first each time.
            for turn in 0..servers.len() {
                let which = (round + turn) % servers.len();
                rates[which].push(rate(&servers[which], request, plan.slot, for_wrk)?);
            }
        }
        report(family.name, request, &servers, &rates);
    }
    for server in &mut servers {
        let counter = server.visitor.counter(server.address)?;
        let has_counted = counter > 1_000;
        if (server.memory == Memory::Server) != has_counted {
            return Err(format!("{} has counted to {counter}", server.name).into());
        }
    }
    Ok(())
}

fn rate(
    server: &Running,
    request: Request,
    slot: Duration,
    cpu: usize,
) -> Result<f64, Box<dyn Error>> {
    load::rate(server.address, request, &server.visitor, slot, cpu)
        .map_err(|error| format!("{}: {error}", server.name).into())
}

/// One line for each server; the first has no sessions.
fn report(family: &str, request: Request, servers: &[Running], rates: &[Vec<f64>]) {
    println!("\n{family}, {}", request.name());
    println!(
        "{:<18} {:>10} {:>19} {:>14} {:>11}",
        "", "requests/s", "(min..max)", "ratio to bare", "us/request"
    );
    for (server, own) in servers.iter().zip(rates) {
        let ratios = own.iter().zip(&rates[0]).map(|(own, bare)| own / bare);
        let added = own
            .iter()
            .zip(&rates[0])
            .map(|(own, bare)| 1e6 / own - 1e6 / bare);
        let (least, most) = own.iter().fold((f64::MAX, 0.0_f64), |(least, most), rate| {
            (least.min(*rate), most.max(*rate))
        });
        println!(
            "{:<18} {:>10.0} {:>19} {:>14.3} {:>+11.2}",
            server.name,
            median(own.clone()),
            format!("{least:.0}..{most:.0}"),
            median(ratios.collect()),
            median(added.collect()),
        );
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// An address that was free a moment ago.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn await_start(address: SocketAddr, process: &mut process::Server) -> Result<(), Box<dyn Error>> {
    let deadline = Instant::now() + START;
    while TcpStream::connect(address).is_err() {
        if !process.runs() || Instant::now() > deadline {
            return Err("it does not start".into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
