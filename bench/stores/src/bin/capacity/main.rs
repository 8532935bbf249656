//! What a store takes for a session, and what a call costs it: the figures behind
//! `docs/capacity.md`.
//!
//! - `capacity fill` makes sessions in a store, through the door that the engine uses, and
//!   prints what one takes; with `--verbs` also what each kind of call costs the server, and with
//!   `--sweep` what it is to expire a tenth of them, and with `--snapshot` what a fork of Redis takes.
//! - `capacity masters` does the same calls on clusters of one, two, three masters.
//! - `capacity groups` computes how evenly the groups of a cluster lie on its masters.
//!
//! Servers are private ones on this machine. What a call costs is the processor time of all
//! processes of the server, divided by the calls: that does not depend on what else the machine
//! does, and on how fast the callers are. Tables are printed as they stand in the document.

mod cluster;
mod cpu;
mod crew;
mod footprint;
mod fork;
mod groups;
mod journal;
mod partitions;
mod place;
mod shape;
mod step;
mod sweep;
mod verbs;

use std::error::Error;
use std::time::Instant;

use clap::{Args, Parser, Subcommand};

use crew::Crew;
use place::{Kind, Place};
use shape::Shape;
use step::{Step, Times};

/// Whatever went wrong; it ends the run.
pub(crate) type Trouble = Box<dyn Error + Send + Sync>;

/// Measures what sessions take and what calls cost.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes sessions, and measures what they take.
    Fill(Fill),
    /// Measures calls on clusters of several sizes.
    Masters {
        /// How many masters each cluster has.
        #[arg(long, value_delimiter = ',', default_value = "1,2,3")]
        masters: Vec<usize>,
        /// How many calls of each kind, for each master.
        #[arg(long, default_value_t = 20_000)]
        calls: u64,
    },
    /// Computes how evenly the groups of sessions lie on the masters of a cluster.
    Groups {
        /// Prints slots by which this many masters have as many groups each.
        #[arg(long)]
        even: Option<usize>,
    },
}

#[derive(Args)]
struct Fill {
    /// The stores, one after the other.
    #[arg(long, value_enum, value_delimiter = ',', required = true)]
    store: Vec<Kind>,
    /// The sessions, each kind in a store of its own.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "login")]
    shape: Vec<Shape>,
    /// How many sessions.
    #[arg(long, default_value_t = 100_000)]
    sessions: u64,
    /// Also measures the calls.
    #[arg(long)]
    verbs: bool,
    /// How many calls of each kind.
    #[arg(long, default_value_t = 20_000)]
    calls: u64,
    /// Also expires a tenth of the sessions.
    #[arg(long)]
    sweep: bool,
    /// Also has Redis write a snapshot while sessions change.
    #[arg(long)]
    snapshot: bool,
    /// SQL servers that keep what they acknowledge through a loss of power, with all that it
    /// costs.
    #[arg(long)]
    durable: bool,
}

fn main() -> Result<(), Trouble> {
    match Arguments::parse().command {
        Command::Fill(fill) => {
            for kind in &fill.store {
                for shape in &fill.shape {
                    fill.one(*kind, *shape)?;
                }
            }
            Ok(())
        }
        Command::Masters { masters, calls } => masters.into_iter().try_for_each(|count| {
            let place = Place::cluster_of(count)?;
            let mut crew = Crew::at(&place)?;
            let times = Times::now();
            let sessions = 2 * calls * count as u64;
            let fill = Step::Fill(Shape::Login);
            crew.take(&place, fill, 0..sessions, times)?;
            let calls = sessions / 2;
            println!("\nCluster, masters: {count}; {calls} calls of each kind\n");
            verbs::measure(&mut crew, &place, sessions, calls, times)
        }),
        Command::Groups { even } => {
            match even {
                None => groups::print(),
                Some(masters) => groups::print_even(masters.clamp(1, 256)),
            }
            Ok(())
        }
    }
}

impl Fill {
    fn one(&self, kind: Kind, shape: Shape) -> Result<(), Trouble> {
        let place = Place::start(kind, self.durable)?;
        let before = footprint::of(&place)?;
        let mut crew = Crew::at(&place)?;
        let times = Times::now();
        let began = Instant::now();
        let fill = Step::Fill(shape);
        let spent = crew.take(&place, fill, 0..self.sessions, times)?;
        let took = began.elapsed().as_secs_f64();
        footprint::settle(&place)?;
        println!(
            "\n{}{}, {} {} sessions, made in {took:.1} s, {:.1} µs of the server each\n",
            kind.name(),
            if self.durable { " (durable)" } else { "" },
            self.sessions,
            shape.name(),
            spent.server_micros(),
        );
        footprint::of(&place)?.print_since(&before, self.sessions);
        if self.verbs {
            println!();
            verbs::measure(&mut crew, &place, self.sessions, self.calls, times)?;
            footprint::print_details(&place)?;
        }
        if self.snapshot {
            println!();
            fork::measure(&mut crew, &place, self.sessions, times)?;
        }
        if self.sweep {
            println!();
            sweep::measure(&mut crew, &place, self.sessions, times)?;
        }
        Ok(())
    }
}
