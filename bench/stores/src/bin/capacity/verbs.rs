//! What each kind of call costs, and whether a mix of them costs what they cost apart.

use std::ops::Range;

use crate::Trouble;
use crate::crew::{Crew, Spent};
use crate::footprint::in_postgres;
use crate::place::{Kind, Place};
use crate::step::{FAMILIAR, Step, Times};

/// How long loads are repeated whose cost is small: this many times as many calls.
const REPEATED: u64 = 5;

/// Measures all kinds of calls on a store with this many sessions, and prints a table.
pub(crate) fn measure(
    crew: &mut Crew,
    place: &Place,
    sessions: u64,
    calls: u64,
    times: Times,
) -> Result<(), Trouble> {
    // What the mix loads must not have been loaded before.
    let calls = calls.min(sessions / 2);
    println!(
        "| call | calls/s here | server µs | calls/s of a core | application µs | journal bytes |"
    );
    println!("|---|---|---|---|---|---|");
    let (soon, later) = (times.later(1), times.later(62));
    run(crew, place, Step::LoadUnseen, 0..calls, soon)?;
    let touch = run(crew, place, Step::Touch, 0..calls, later)?;
    run(crew, place, Step::LoadSeen, 0..calls, later)?;
    let load = run(crew, place, Step::LoadSeen, 0..calls * REPEATED, later)?;
    let change = run(crew, place, Step::Change, 0..calls, later)?;
    if place.is_postgres() {
        // The first change of a page after a checkpoint writes the whole page to the journal.
        in_postgres(place, "CHECKPOINT; SELECT 0::bigint")?;
        let spent = crew.take(place, Step::Change, 0..calls, times.later(63))?;
        print("the same right after a checkpoint", place, &spent);
    }
    let new = sessions..sessions + calls;
    for step in [Step::Create, Step::Login, Step::Rotate, Step::Delete] {
        run(crew, place, step, new.clone(), later)?;
    }
    let last = times.later(130);
    crew.take(place, Step::LoadSeen, 0..FAMILIAR, last)?;
    let spent = crew.take(place, Step::Requests, calls..calls * 2, last)?;
    print(Step::Requests.name(), place, &spent);
    let expected = 0.95 * load + 0.05 * touch + 0.2 * change;
    println!(
        "\nThe mix, by the sum of its parts: {expected:.1} µs; measured: {:.1} µs",
        spent.server_micros()
    );
    if place.kind == Kind::Cluster {
        println!("The busiest master did {:.2} of the mean", spent.busiest());
    }
    Ok(())
}

fn run(
    crew: &mut Crew,
    place: &Place,
    step: Step,
    numbers: Range<u64>,
    times: Times,
) -> Result<f64, Trouble> {
    let spent = crew.take(place, step, numbers, times)?;
    print(step.name(), place, &spent);
    Ok(spent.server_micros())
}

fn print(name: &str, place: &Place, spent: &Spent) {
    let server = spent.server_micros();
    // The process of a store that is in it is the server.
    let application = if place.servers.is_empty() {
        "-".into()
    } else {
        format!("{:.1}", spent.application_micros())
    };
    let journal = spent.journal.map_or("-".into(), |bytes| {
        format!("{:.0}", bytes as f64 / spent.calls as f64)
    });
    println!(
        "| {name} | {:.0} | {server:.1} | {:.0} | {application} | {journal} |",
        spent.calls as f64 / spent.elapsed.as_secs_f64(),
        1e6 / server,
    );
}
