//! Expiring a tenth of the sessions in one go, and what others notice of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Trouble;
use crate::crew::{Crew, Worker};
use crate::place::Place;
use crate::shape::EARLY;
use crate::step::{Step, Times};

/// How many sessions a sweep may remove in one call: as many as the engine asks for.
const BATCH: usize = 256;

/// How long the others are watched before the sweep.
const QUIET: Duration = Duration::from_secs(3);

/// How long a visitor waits between two requests.
const PAUSE: Duration = Duration::from_millis(2);

/// Sweeps what has expired, and prints how long that takes and what a visitor notices.
pub(crate) fn measure(
    crew: &mut Crew,
    place: &Place,
    sessions: u64,
    times: Times,
) -> Result<(), Trouble> {
    let later = times.later(2 * 60 * 60);
    let Worker { runtime, store, .. } = &mut crew.workers[0];
    let visitor = Worker::at(place)?;
    let (is_sweeping, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    let (swept, [mut quiet, mut busy]) = thread::scope(|scope| {
        let visits = scope.spawn(|| {
            // Sessions that do not expire early.
            let numbers = (0..sessions).filter(|number| number % EARLY != 0).cycle();
            visitor.runtime.block_on(async {
                let mut waits = [Vec::new(), Vec::new()];
                for number in numbers {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let began = Instant::now();
                    Step::Touch.take(&*visitor.store, number, later).await?;
                    Step::Change.take(&*visitor.store, number, later).await?;
                    let when = usize::from(is_sweeping.load(Ordering::Relaxed));
                    waits[when].push(began.elapsed());
                    tokio::time::sleep(PAUSE).await;
                }
                Ok::<_, Trouble>(waits)
            })
        });
        thread::sleep(QUIET);
        is_sweeping.store(true, Ordering::Relaxed);
        let swept = runtime.block_on(sweep(&**store, place, later));
        is_over.store(true, Ordering::Relaxed);
        let waits = visits
            .join()
            .unwrap_or_else(|_| Err("a thread has panicked".into()));
        Ok::<_, Trouble>((swept?, waits?))
    })?;
    println!(
        "Swept {} sessions in {:.1} s by calls of up to {BATCH}: {:.0} a second, {:.1} µs of the \
         server each; the longest call took {:.1} ms",
        swept.removed,
        swept.elapsed.as_secs_f64(),
        swept.removed as f64 / swept.elapsed.as_secs_f64(),
        swept.server.as_secs_f64() * 1e6 / swept.removed.max(1) as f64,
        swept.longest.as_secs_f64() * 1e3,
    );
    for (when, waits) in [("before", &mut quiet), ("meanwhile", &mut busy)] {
        waits.sort_unstable();
        let at = |share: f64| {
            let place = (waits.len() as f64 * share) as usize;
            waits
                .get(place.min(waits.len().saturating_sub(1)))
                .map_or(0.0, |it| it.as_secs_f64() * 1e3)
        };
        println!(
            "A visitor who reads and writes, {when}: {} requests, median {:.2} ms, 99 % within {:.2} ms, \
             the slowest {:.1} ms",
            waits.len(),
            at(0.5),
            at(0.99),
            at(1.0),
        );
    }
    let began = Instant::now();
    let census = runtime.block_on(store.census(later.now))?;
    println!(
        "A census of {} sessions took {:.2} s",
        census.live(),
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

struct Swept {
    removed: usize,
    elapsed: Duration,
    longest: Duration,
    server: Duration,
}

async fn sweep(
    store: &dyn session_core::store::SessionStore,
    place: &Place,
    times: Times,
) -> Result<Swept, Trouble> {
    let before: Duration = place.times()?.iter().sum();
    let (began, mut removed, mut longest) = (Instant::now(), 0, Duration::ZERO);
    loop {
        let called = Instant::now();
        let swept = store.sweep(times.now, BATCH).await?;
        longest = longest.max(called.elapsed());
        removed += swept.removed.len();
        if !swept.more {
            break;
        }
        tokio::task::yield_now().await;
    }
    let server: Duration = place.times()?.iter().sum();
    Ok(Swept {
        removed,
        elapsed: began.elapsed(),
        longest,
        server: server.saturating_sub(before),
    })
}
