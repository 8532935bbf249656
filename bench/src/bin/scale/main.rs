//! The memory store with one session, a thousand and a million of them, on one thread and on two,
//! beside the stores of tower-sessions and axum_session.
//!
//! - *Threads* (`threads.rs`): requests through a whole application on axum, called as its server
//!   calls it, by 32 tasks on a runtime of one thread and on one of two; each request is a random
//!   visitor's. In a round every library is measured with each number of threads, in a new order.
//!   The result is how much faster two threads are than one, compared with how much faster they
//!   make bare axum in the same round; medians over the rounds. Times are those of the clock on
//!   the wall, so rounds in which others had the processors are marked, and left out where enough
//!   others remain.
//! - *Latency* (`latency.rs`): single calls of our store and single requests to all libraries, on
//!   one thread, with a thousand sessions and with a million. Of ours one percent expires each
//!   second and is swept by the requests, as it is in production; as many are made. The peers
//!   do not expire anything in so short a time: tower-sessions never does, axum_session once an
//!   hour. A call that took more than 10 µs counts for the time that its thread ran: on one
//!   thread there is nobody to wait for but other programs.
//! - *Locks* (`locks.rs`): for how long a lock of our store is held, in a build of their own.
//! - *Growth* (`growth.rs`): from nobody to a million sessions of 100 bytes, each library in a
//!   process of its own: what one takes in memory, and what the slowest one took to make.
//! - *Flood* (`flood.rs`): a million anonymous sessions against a store with little room. It is a
//!   check: where a visitor who logged in is evicted, or the budget exceeded, the run fails.
//!
//! Sessions of ours come as they do with the defaults, in a store with room for more of them.

mod calls;
mod chance;
mod check;
mod document;
mod flood;
mod growth;
mod histogram;
mod latency;
mod locks;
mod machine;
mod plots;
mod replay;
mod report;
mod site;
mod stopwatch;
mod table;
mod target;
mod threads;
mod visitor;

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use report::Report;
use site::Library;

/// Measures the memory store and those of the peers by the number of sessions and of threads.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// A rough answer in less than a minute.
    #[arg(long)]
    quick: bool,

    /// What is measured.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Part::USUAL)]
    parts: Vec<Part>,

    /// Writes the JSON there instead of printing it after the tables.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Writes the tables into this document, in place of those of an earlier run.
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,

    /// Writes the plots into this folder, as SVG.
    #[arg(long, value_name = "FOLDER")]
    plots: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Lets one site grow, in this process; a run does it by itself.
    #[command(hide = true)]
    Grow {
        /// The library, or `store`.
        of: String,
    },
}

/// A part of the measurement.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Threads,
    Latency,
    Locks,
    Growth,
    Flood,
}

impl Part {
    /// Those that an ordinary build measures.
    const USUAL: [Self; 4] = [Self::Threads, Self::Latency, Self::Growth, Self::Flood];
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let Some(Command::Grow { of }) = &arguments.command {
        println!("{}", serde_json::to_string(&growth::grow(of)?)?);
        return Ok(());
    }

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(check::all_do_their_job())?;
    let report = measure(&arguments)?;
    print!("{report}");
    if let Some(folder) = &arguments.plots {
        plots::write(&report, folder)?;
    }
    if let Some(file) = &arguments.document {
        document::update(&report, file)?;
    }
    match &arguments.json {
        Some(file) => fs::write(file, serde_json::to_string_pretty(&report)? + "\n")?,
        None => println!("\n{}", serde_json::to_string(&report)?),
    }
    if report
        .flood
        .as_ref()
        .is_some_and(|flood| !flood.is_survived())
    {
        return Err("the flood did what it must not do".into());
    }
    Ok(())
}

fn measure(arguments: &Arguments) -> Result<Report, Box<dyn Error>> {
    let quick = arguments.quick;
    let mut report = Report::new();
    for part in &arguments.parts {
        match part {
            Part::Threads => {
                report.threads = threads::measure(&threads::Plan {
                    rounds: if quick { 3 } else { 11 },
                    slot: Duration::from_millis(if quick { 60 } else { 200 }),
                })?;
            }
            Part::Latency => {
                let calls = if quick { 200_000 } else { 1_000_000 };
                report.latencies = latency::measure(calls)?;
            }
            Part::Locks => {
                let locks = locks::measure(1_000_000);
                report.locks = locks.map_err(|error| error as Box<dyn Error>)?;
            }

            Part::Growth => {
                for of in [latency::STORE]
                    .into_iter()
                    .chain(Library::STORING.map(Library::name))
                {
                    report.growths.push(growth::measure(of)?);
                }
            }
            Part::Flood => report.flood = Some(flood::measure()?),
        }
    }
    Ok(report)
}
