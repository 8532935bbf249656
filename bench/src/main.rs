//! Session libraries side by side, on each web framework, in one process and one run.
//!
//! What is compared is what a session costs: the time of a request through an application with
//! sessions, less the time of the same request through the same application without.
//! Absolute times belong to a machine; the ratio between two libraries in one run is what can
//! be quoted, so that is what has targets.
//!
//! How it is measured:
//!
//! - An application is called as the server of its framework calls it; see the folder of that
//!   framework.
//! - A *slot* is one variant in one scenario: a new site with an empty store, one visitor
//!   whose session is prepared, a warm-up, then about 20 ms of requests one after the other.
//!   A *round* is a slot of everything on a framework, in a new (seeded) order. The overhead
//!   is taken within a round; the result is the median over the rounds, with the quartiles
//!   beside it.
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
//! `bench --framework FRAMEWORK --profile VARIANT SCENARIO` only sends requests, for a
//! profiler.

mod check;
mod framework;
mod machine;
mod measure;
mod on_actix;
mod on_axum;
mod on_warp;
mod report;
mod scenario;
mod site;
mod tower_site;
mod variant;
mod visitor;

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use framework::Framework;
use measure::Plan;
use report::Report;
use variant::Variant;
use visitor::Visitor;

/// Compares session libraries: overhead per request over the bare web framework.
#[derive(Parser)]
struct Arguments {
    /// On which web framework.
    #[arg(long, default_value = "all", value_parser = ["axum", "actix", "warp", "all"])]
    framework: String,

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
    let chosen = |framework: &&&Framework| ["all", framework.name].contains(&&*arguments.framework);
    let frameworks: Vec<&Framework> = Framework::ALL.iter().filter(chosen).copied().collect();
    if let Some(names) = &arguments.profile {
        return profile(&frameworks, names, arguments.requests).await;
    }

    for framework in &frameworks {
        check::all_do_their_job(framework).await?;
    }
    let plan = Plan {
        rounds: if arguments.quick { 5 } else { arguments.rounds },
        slot: Duration::from_millis(if arguments.quick { 4 } else { 20 }),
        seed: arguments.seed,
    };
    let mut report = Report::new(&plan, pinned);
    for framework in frameworks {
        report.add(framework, &measure::measure(framework, &plan).await?);
    }
    print!("{report}");
    match &arguments.json {
        Some(file) => fs::write(file, serde_json::to_string_pretty(&report)? + "\n")?,
        None => println!("\n{}", serde_json::to_string(&report)?),
    }
    Ok(())
}

/// Sends `requests` requests and measures nothing: instruction counts come out of comparing
/// two runs of different length. The first framework that knows both names is taken.
async fn profile(
    frameworks: &[&Framework],
    names: &[String],
    requests: u32,
) -> Result<(), Box<dyn Error>> {
    let mut known = String::new();
    for framework in frameworks {
        let (variants, scenarios) = (framework.variants(), framework.scenarios());
        let variant = variants.iter().find(|variant| names[0] == variant.name());
        let scenario = scenarios
            .iter()
            .find(|scenario| names[1] == scenario.name());
        if let (Some(variant), Some(scenario)) = (variant, scenario) {
            let mut visitor = Visitor::arrive(*variant, *scenario).await?;
            let mut left = requests;
            while left > 0 {
                let batch = left.min(scenario.batch());
                visitor.prepare_batch().await?;
                visitor.visit(batch).await?;
                left -= batch;
            }
            return Ok(());
        }
        let variants: Vec<_> = variants.iter().map(Variant::name).collect();
        let scenarios: Vec<_> = scenarios.iter().map(|scenario| scenario.name()).collect();
        known += &format!("; {}: {variants:?}, {scenarios:?}", framework.name);
    }
    Err(format!("variants and scenarios{known}").into())
}
