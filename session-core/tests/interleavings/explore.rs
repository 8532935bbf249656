//! Playing one test in many orders, by two ways of choosing them, and saying how to play again
//! the one that failed.

use std::cell::Cell;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, Runner};

use crate::word::{self, Again, Noting, Turns};

/// Orders in which a test is played where nothing else was asked for.
const ORDERS: usize = 200;

/// How many times one thread interrupts another where the orders are chosen by PCT: nearly all
/// faults need no more.
const INTERRUPTIONS: usize = 3;

/// Futures of a build without optimisation are large.
const STACK_SIZE: usize = 1 << 19;

thread_local! {
    /// Explorations of the test so far. Each test has a thread of its own.
    static EXPLORATIONS: Cell<usize> = const { Cell::new(0) };
}

/// Plays `test` in many orders: in one half any thread may be interrupted at any lock, in the
/// other few are (PCT, which finds rare faults with a known probability).
pub(crate) fn explore(test: impl Fn() + Send + Sync + 'static) {
    let test = Arc::new(test);
    let exploration = EXPLORATIONS.get() + 1;
    EXPLORATIONS.set(exploration);
    if let Ok(schedule) = env::var("INTERLEAVINGS_SCHEDULE") {
        let (of, turns) =
            word::read(&schedule).expect("the schedule is one that a failure printed");
        if of == exploration {
            play(Again::new(turns), &test, exploration, "again");
        }
        return;
    }
    let orders: usize = read("INTERLEAVINGS").unwrap_or(ORDERS);
    let seed: u64 = read("INTERLEAVINGS_SEED").unwrap_or(1);
    let half = orders.div_ceil(2);
    let random = RandomScheduler::new_from_seed(seed, half);
    play(
        random,
        &test,
        exploration,
        &format!("by chance, seed {seed}"),
    );
    let pct = PctScheduler::new_from_seed(seed, INTERRUPTIONS, half);
    play(pct, &test, exploration, &format!("by PCT, seed {seed}"));
}

fn play<T>(scheduler: impl Scheduler + 'static, test: &Arc<T>, exploration: usize, how: &str)
where
    T: Fn() + Send + Sync + 'static,
{
    let mut config = Config::new();
    config.stack_size = STACK_SIZE;
    config.silence_warnings = true;
    // Its words are of many lines and do not say of which exploration they are.
    config.failure_persistence = FailurePersistence::None;
    let turns = Turns::default();
    let scheduler = Noting(scheduler, turns.clone());
    let played = Arc::new(AtomicUsize::new(0));
    let (test, count) = (test.clone(), played.clone());
    let run = move || {
        count.fetch_add(1, Ordering::Relaxed);
        test();
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        Runner::new(scheduler, config).run(run);
    }));
    if let Err(panic) = outcome {
        let number = played.load(Ordering::Relaxed);
        let word = word::write(exploration, &turns.lock().unwrap());
        eprintln!("order {number}, {how}; scripts/interleavings plays it again with");
        eprintln!("--schedule {word}");
        resume_unwind(panic);
    }
}

fn read<T: FromStr>(variable: &str) -> Option<T> {
    let text = env::var(variable).ok()?;
    let number = text.parse().ok();
    assert!(number.is_some(), "{variable} is no number: {text}");
    number
}
