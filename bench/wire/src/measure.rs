//! Rounds over the servers of a framework, and the report.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::load::{self, Request};
use crate::others::Watch;
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

/// The part of a processor that others may have while a server is asked. Whatever runs beside
/// `wrk` has to be interrupted for each answer, which costs the server several times its own work.
const DISTURBED: f64 = 0.05;

/// How often a server is asked once more because others ran meanwhile.
const REPEATS_MAX: usize = 5;

/// A server that listens, and its visitor.
struct Running {
    name: &'static str,
    memory: Memory,
    address: SocketAddr,
    visitor: Visitor,
    process: process::Server,
}

/// What came of asking a server for a while.
struct Slot {
    /// Requests a second.
    rate: f64,
    /// Whether others ran meanwhile.
    is_disturbed: bool,
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
                    process,
                });
            })
            .map_err(|error| format!("{} {}: {error}", family.name, server.name))?;
    }
    for request in Request::ALL {
        let mut rates = vec![Vec::new(); servers.len()];
        let mut disturbed = 0;
        for server in &servers {
            slot(server, request, Duration::from_secs(1), for_wrk)?; // a warm-up
        }
        for round in 0..plan.rounds {
            // Another one goes first each time.
            for turn in 0..servers.len() {
                let which = (round + turn) % servers.len();
                let slot = quiet_slot(&servers[which], request, plan.slot, for_wrk)?;
                disturbed += usize::from(slot.is_disturbed);
                rates[which].push(slot.rate);
            }
        }
        report(family.name, request, &servers, &rates);
        if disturbed > 0 {
            println!(
                "others ran during {disturbed} of {} slots",
                plan.rounds * servers.len()
            );
        }
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

/// Asks until nothing else runs meanwhile, within reason.
fn quiet_slot(
    server: &Running,
    request: Request,
    length: Duration,
    cpu: usize,
) -> Result<Slot, Box<dyn Error>> {
    let mut last = slot(server, request, length, cpu)?;
    for _ in 0..REPEATS_MAX {
        if !last.is_disturbed {
            break;
        }
        last = slot(server, request, length, cpu)?;
    }
    Ok(last)
}

fn slot(
    server: &Running,
    request: Request,
    length: Duration,
    cpu: usize,
) -> Result<Slot, Box<dyn Error>> {
    let watch = Watch::start(server.process.number())?;
    let rate = load::rate(server.address, request, &server.visitor, length, cpu)
        .map_err(|error| format!("{}: {error}", server.name))?;
    Ok(Slot {
        rate,
        is_disturbed: watch.others()? > DISTURBED,
    })
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
