//! Timing one call, without what other programs took meanwhile.

use std::time::{Duration, Instant};

use crate::machine::thread_time;

/// A call that took less was not interrupted: to lose the processor and to get it back takes
/// longer.
const SURELY_WHOLE: Duration = Duration::from_micros(10);

/// A clock on the wall, and one that runs while this thread does.
pub(crate) struct Stopwatch {
    thread: Duration,
    wall: Instant,
}

/// What a call took.
#[derive(Clone, Copy)]
pub(crate) struct Took {
    /// By the clock on the wall.
    pub(crate) wall: Duration,
    /// Of it, what this thread ran for.
    pub(crate) running: Duration,
}

impl Stopwatch {
    /// Begins now. The clock of the thread comes first: asking it takes a call of the system.
    pub(crate) fn start() -> Self {
        Self {
            thread: thread_time(),
            wall: Instant::now(),
        }
    }

    /// What was taken until now.
    pub(crate) fn stop(&self) -> Took {
        let wall = self.wall.elapsed();
        let running = if wall < SURELY_WHOLE {
            wall
        } else {
            wall.min(thread_time().saturating_sub(self.thread))
        };
        Took { wall, running }
    }
}

/// Runs `call` and times it.
pub(crate) fn time<T>(call: impl FnOnce() -> T) -> (T, Took) {
    let watch = Stopwatch::start();
    let answer = call();
    (answer, watch.stop())
}
