//! Session libraries side by side, on axum, in one process and one run.
//!
//! What is compared is what a session costs: the time of a request through a router with a
//! session layer, less the time of the same request through the same router without one.
//! Absolute times belong to a machine; the ratio between two libraries in one run is what can
//! be quoted, so that is what has targets.
//!
//! How it is measured:
//!
//! - Every router gets its state at once (`with_state(())`), as `axum::serve` does it. A
//!   router without a state applies its layers again for every request.
//! - A *slot* is one variant in one scenario: a new router with an empty store, one visitor
//!   whose session is prepared, a warm-up, then about 20 ms of requests one after the other.
//!   A *round* is a slot of everything, in a new (seeded) order. The overhead is taken within
//!   a round; the result is the median over the rounds, with the quartiles beside it.
//! - The clock is the CPU time of the process, pinned to one CPU: other programs do not count,
//!   blocking pools do, and no library pays for wake-ups across CPUs that its user might avoid.
//! - Building the request and draining the body, as a server does it, is inside; it is the
//!   same for all and cancels out.
//! - The chat history stays at about 50 messages: a slot times batches of 11 appends, and
//!   before each batch sets the history back to 45 messages, outside of the timed part.
//!   `append` is the best way that a library has, `update` reads and writes the whole history;
//!   a peer without an append does the same in both.
//! - Before anything is timed, every variant is asked to prove that it does its job.
//!
//! `bench --profile VARIANT SCENARIO` only sends requests, for a profiler.

mod axum_session;
mod bare;
mod check;
mod machine;
mod measure;
mod ours;
mod report;
mod scenario;
mod tower_sessions;
mod variant;
mod visitor;

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use measure::Plan;
use report::Report;
use scenario::Scenario;
use variant::Variant;
use visitor::Visitor;

/// Compares session libraries on axum: overhead per request over bare axum.
#[derive(Parser)]
struct Arguments {
    /// A rough answer in a few seconds.
    #[arg(long)]
    quick: bool,

    /// How many rounds; the medians are taken over them.
    #[arg(long, default_value_t = 31, conflicts_with = "quick",
        value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Seeds the order in which a round visits the variants.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Writes the JSON there instead of printing it after the table.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Only sends requests of one kind to one variant, for a profiler.
    #[arg(long, num_args = 2, value_names = ["VARIANT", "SCENARIO"])]
    profile: Option<Vec<String>>,

    /// How many requests `--profile` sends.
    #[arg(long, default_value_t = 10_000, requires = "profile")]
    requests: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    // Before the runtime starts its threads, which inherit the setting.
    let pinned = machine::pin_to_one_cpu();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(&arguments, pinned))
}

async fn run(arguments: &Arguments, pinned: bool) -> Result<(), Box<dyn Error>> {
    if let Some(names) = &arguments.profile {
        return profile(names, arguments.requests).await;
    }

    for variant in Variant::ALL {
        check::does_its_job(variant).await?;
    }
    let plan = Plan {
        rounds: if arguments.quick { 5 } else { arguments.rounds },
        slot: Duration::from_millis(if arguments.quick { 4 } else { 20 }),
        seed: arguments.seed,
    };
    let measurements = measure::measure(&plan).await?;

    let report = Report::new(&plan, pinned, &measurements);
    print!("{report}");
    match &arguments.json {
        Some(file) => fs::write(file, serde_json::to_string_pretty(&report)? + "\n")?,
        None => println!("\n{}", serde_json::to_string(&report)?),
    }
    Ok(())
}

/// Sends `requests` requests and measures nothing: instruction counts come out of comparing
/// two runs of different length.
async fn profile(names: &[String], requests: u32) -> Result<(), Box<dyn Error>> {
    let variant = Variant::ALL.iter().find(|v| names[0] == v.name());
    let scenario = Scenario::ALL.iter().find(|s| names[1] == s.name());
    let (Some(variant), Some(scenario)) = (variant, scenario) else {
        let variants: Vec<_> = Variant::ALL.iter().map(|v| v.name()).collect();
        let scenarios: Vec<_> = Scenario::ALL.iter().map(|s| s.name()).collect();
        return Err(format!("variants: {variants:?}; scenarios: {scenarios:?}").into());
    };
    let mut visitor = Visitor::arrive(*variant, *scenario).await?;
    for request in 0..requests {
        if request % scenario.batch() == 0 {
            visitor.prepare_batch().await?;
        }
        visitor.visit().await?;
    }
    Ok(())
}
