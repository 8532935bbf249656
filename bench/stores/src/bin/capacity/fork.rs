//! What it takes Redis to write a snapshot, as it also does for a rewrite of its append-only file
//! and for a new replica: it forks, and pages that change meanwhile are copied.

use std::thread;
use std::time::{Duration, Instant};

use crate::Trouble;
use crate::crew::Crew;
use crate::footprint::info;
use crate::place::Place;
use crate::step::{Step, Times};

/// How many sessions are changed between two looks at whether the snapshot is done.
const CHANGES: u64 = 10_000;

/// Writes a snapshot while sessions are changed as fast as it goes, and prints what that took.
pub(crate) fn measure(
    crew: &mut Crew,
    place: &Place,
    sessions: u64,
    times: Times,
) -> Result<(), Trouble> {
    if !place.is_redis() {
        return Ok(());
    }
    let before = info(place, "memory", "used_memory")?;
    let began = Instant::now();
    for server in &place.servers {
        let mut connection = redis::Client::open(server.url())?.get_connection()?;
        redis::cmd("BGSAVE").exec(&mut connection)?;
    }
    let (mut changed, later) = (0, times.later(200));
    while info(place, "persistence", "rdb_bgsave_in_progress")? > 0 {
        let first = changed % (sessions - CHANGES);
        crew.take(place, Step::Change, first..first + CHANGES, later)?;
        changed += CHANGES;
    }
    let elapsed = began.elapsed();
    // What was copied is told when the child is gone.
    thread::sleep(Duration::from_millis(200));
    let mebibytes = |bytes: u64| bytes >> 20;
    println!(
        "A snapshot of {} MiB took {:.1} s, in which {changed} sessions were changed; the fork held \
         up the server for {:.1} ms, and {} MiB were copied",
        mebibytes(before),
        elapsed.as_secs_f64(),
        info(place, "stats", "latest_fork_usec")? as f64 / 1e3,
        mebibytes(info(place, "persistence", "rdb_last_cow_size")?),
    );
    Ok(())
}
