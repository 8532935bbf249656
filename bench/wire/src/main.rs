//! Session libraries side by side over a real connection: requests a second that `wrk` gets from
//! one core.
//!
//! What is compared is how much of its speed a server keeps when it has sessions. Absolute figures
//! belong to a machine; the ratio of a server with sessions to the same server without, in one
//! run, is what can be quoted.
//!
//! - Each server is a process of its own with one thread, on the first CPU;
//!   `wrk` sends from the last one, over 16 connections that stay open.
//! - There is one visitor, whose session was made before and is proved to be kept: `read` answers
//!   its counter, `count` adds one to it and answers it.
//! - A *round* asks every server for some seconds, a framework's servers one after the other; the
//!   ratio is taken within a round, and the result is the median over the rounds.
//! - A server is asked again when anything else ran meanwhile: it would be measured, too, and far
//!   more where there are sessions, since `wrk` then waits and has to be woken.
//! - "bare" answers a constant. It gets a `Cookie` line too.
//! - Everything is as it comes, except that cookies are signed where a library leaves the choice.
//! - Programs in other languages are asked where `--controls` names a folder in which
//!   `controls/install` has put what they need.

mod control;
mod load;
mod measure;
mod on_actix;
mod on_axum;
mod on_warp;
mod others;
mod process;
mod servers;
mod visit;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

use measure::Plan;

/// Compares session libraries over the wire.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// A rough answer: 3 rounds of one second.
    #[arg(long)]
    quick: bool,
    /// Only the servers of this framework.
    #[arg(long)]
    framework: Option<String>,
    /// Where `controls/install` has put the servers in other languages.
    #[arg(long, value_name = "FOLDER")]
    controls: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Is one of the servers.
    Serve {
        /// Which: FRAMEWORK/LIBRARY.
        server: String,
        /// Where it listens.
        address: SocketAddr,
    },
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let Some(Command::Serve { server, address }) = arguments.command {
        return servers::serve(&server, address);
    }
    let plan = if arguments.quick {
        Plan {
            rounds: 3,
            slot: Duration::from_secs(1),
        }
    } else {
        Plan {
            rounds: 7,
            slot: Duration::from_secs(2),
        }
    };
    let mut families = servers::families()?;
    match &arguments.controls {
        Some(folder) => families.extend(control::families(folder)),
        None => eprintln!("without --controls no server in another language is asked"),
    }
    if let Some(framework) = &arguments.framework {
        families.retain(|family| family.name == framework);
    }
    for family in families {
        measure::compare(&family, &plan)?;
    }
    Ok(())
}
