//! What each kind of call costs, and whether a mix of them costs what they cost apart.

use crate::Trouble;
use crate::crew::{Crew, Spent};
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
    let mut run = |step: Step, numbers: std::ops::Range<u64>, at: Times| {
        let spent = crew.take(place, step, numbers, at)?;
        print(step, place, &spent);
        Ok::<f64, Trouble>(spent.server_micros())
    };
    let (soon, later) = (times.later(1), times.later(62));
    run(Step::LoadUnseen, FAMILIAR..calls, soon)?;
    let touch = run(Step::Touch, 0..calls, later)?;
    run(Step::LoadSeen, 0..calls, later)?;
    let load = run(Step::LoadSeen, 0..calls * REPEATED, later)?;
    let change = run(Step::Change, 0..calls, later)?;
    let new = sessions..sessions + calls;
    for step in [Step::Create, Step::Login, Step::Rotate, Step::Delete] {
        run(step, new.clone(), later)?;
    }
    let last = times.later(130);
    crew.take(place, Step::LoadSeen, 0..FAMILIAR, last)?;
    let spent = crew.take(place, Step::Requests, calls..calls * 2, last)?;
    print(Step::Requests, place, &spent);
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

fn print(step: Step, place: &Place, spent: &Spent) {
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
        "| {} | {:.0} | {server:.1} | {:.0} | {application} | {journal} |",
        step.name(),
        spent.calls as f64 / spent.elapsed.as_secs_f64(),
        1e6 / server,
    );
}
