//! Stores side by side with those of the peers, on real servers on this machine, in one run.
//!
//! What is compared is how many requests a second an application answers whose sessions are in
//! Redis, PostgreSQL or SQLite, and how often a request waits for the store. Applications are
//! called in this process, without HTTP in between, from 32 visitors at once on one thread; the
//! server has the rest of the machine. Numbers of one run can be compared with each other, and
//! the ratio is what can be quoted.
//!
//! - A *slot* is one library with one kind of request; a *round* is a slot of everything, the
//!   libraries alternating. The result is the median over the rounds.
//! - Every visitor has a session of its own with a counter in it. What happens when they share
//!   one is not measured here: the peers lose updates then.
//! - Round trips are counted on the wire, with one visitor alone.
//! - A session of this workspace lives on while it is visited. Those of the peers expire after
//!   their last change unless they are told that visits count, so each peer is there twice: as it
//!   comes, and where visits count.
//! - The peers get what makes them fast: a pool where they have one, a write-ahead log for
//!   SQLite.

mod backend;
mod measure;
mod on_actix;
mod on_axum;
mod site;

use std::error::Error;
use std::time::Duration;

use clap::Parser;

use backend::Backend;
use measure::Plan;
use site::Action;

/// Compares stores: requests a second and round trips.
#[derive(Parser)]
struct Arguments {
    /// A rough answer in half a minute.
    #[arg(long)]
    quick: bool,
    /// Only this store: redis, postgresql or sqlite.
    #[arg(long)]
    store: Option<String>,
    /// Only this kind of request: untouched, read, write or create.
    #[arg(long)]
    request: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let plan = if arguments.quick {
        Plan {
            rounds: 3,
            slot: Duration::from_millis(300),
        }
    } else {
        Plan {
            rounds: 9,
            slot: Duration::from_secs(1),
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let wanted = |wanted: &Option<String>, name: &str| {
            let wanted = wanted.as_deref();
            wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(name))
        };
        let actions: Vec<Action> = Action::ALL
            .into_iter()
            .filter(|action| wanted(&arguments.request, action.name()))
            .collect();
        for backend in Backend::ALL {
            if wanted(&arguments.store, backend.name()) {
                measure::compare(backend, &actions, &plan).await?;
            }
        }
        Ok(())
    })
}
