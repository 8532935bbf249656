//! Those who call: some threads, each with a store of its own as another process would have, and
//! many calls at a time.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use session_core::store::SessionStore;
use tokio::runtime::Runtime;

use crate::Trouble;
use crate::cpu;
use crate::journal;
use crate::place::Place;
use crate::step::{Step, Times};

/// Calls of one thread at a time, for each server. Servers that have more to do at once spend less
/// on each call.
const AT_ONCE: usize = 16;

/// Threads that call.
pub(crate) struct Crew {
    pub(crate) workers: Vec<Worker>,
}

/// One of the threads.
pub(crate) struct Worker {
    pub(crate) runtime: Runtime,
    pub(crate) store: Arc<dyn SessionStore>,
    at_once: usize,
}

/// What some calls cost.
pub(crate) struct Spent {
    pub(crate) calls: u64,
    pub(crate) elapsed: Duration,
    /// Processor time of each server.
    pub(crate) servers: Vec<Duration>,
    /// Processor time of this process.
    pub(crate) application: Duration,
    /// What the server wrote to its journal, in bytes.
    pub(crate) journal: Option<u64>,
}

impl Crew {
    /// Threads that have connected.
    pub(crate) fn at(place: &Place) -> Result<Self, Trouble> {
        let workers = (0..place.kind.threads()).map(|_| Worker::at(place));
        Ok(Self {
            workers: workers.collect::<Result<_, _>>()?,
        })
    }

    /// Takes a step for each of the numbers.
    pub(crate) fn take(
        &mut self,
        place: &Place,
        step: Step,
        numbers: Range<u64>,
        times: Times,
    ) -> Result<Spent, Trouble> {
        let calls = numbers.end - numbers.start;
        let (servers, application) = (place.times()?, cpu::own()?);
        let journal = journal::written(place)?;
        let began = Instant::now();
        let crew = self.workers.len() as u64;
        thread::scope(|scope| {
            let threads: Vec<_> = (numbers.start..)
                .zip(&mut self.workers)
                .map(|(first, worker)| {
                    let end = numbers.end;
                    scope.spawn(move || worker.take(step, first..end, crew, times))
                })
                .collect();
            threads.into_iter().try_for_each(|thread| {
                let outcome = thread.join();
                outcome.unwrap_or_else(|_| Err("a thread has panicked".into()))
            })
        })?;
        let elapsed = began.elapsed();
        let since = |(after, before): (Duration, Duration)| after.saturating_sub(before);
        let journal = journal::written(place)?.zip(journal);
        Ok(Spent {
            calls,
            elapsed,
            servers: place.times()?.into_iter().zip(servers).map(since).collect(),
            application: cpu::own()?.saturating_sub(application),
            journal: journal.map(|(after, before)| after.saturating_sub(before)),
        })
    }
}

impl Worker {
    pub(crate) fn at(place: &Place) -> Result<Self, Trouble> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let store = runtime.block_on(place.store())?;
        Ok(Self {
            runtime,
            store,
            at_once: AT_ONCE * place.servers.len().max(1),
        })
    }

    /// Takes the step for every `stride`th of the numbers.
    fn take(
        &mut self,
        step: Step,
        numbers: Range<u64>,
        stride: u64,
        times: Times,
    ) -> Result<(), Trouble> {
        let next = AtomicU64::new(numbers.start);
        let (next, store) = (&next, &*self.store);
        self.runtime.block_on(async {
            let callers = (0..self.at_once).map(async |_| {
                loop {
                    let number = next.fetch_add(stride, Ordering::Relaxed);
                    if number >= numbers.end {
                        return Ok::<(), Trouble>(());
                    }
                    step.take(store, number, times).await?;
                    // A store that answers without waiting would keep the others from their turn.
                    if number.is_multiple_of(64) {
                        tokio::task::yield_now().await;
                    }
                }
            });
            try_join_all(callers).await
        })?;
        Ok(())
    }
}

impl Spent {
    /// Microseconds of all servers for one call.
    pub(crate) fn server_micros(&self) -> f64 {
        let sum: Duration = self.servers.iter().sum();
        micros(sum, self.calls)
    }

    /// Microseconds of the callers for one call.
    pub(crate) fn application_micros(&self) -> f64 {
        micros(self.application, self.calls)
    }

    /// How much more the busiest server has done than the mean of all.
    pub(crate) fn busiest(&self) -> f64 {
        let sum: Duration = self.servers.iter().sum();
        let most = self.servers.iter().max().copied().unwrap_or_default();
        most.as_secs_f64() * self.servers.len() as f64 / sum.as_secs_f64()
    }
}

fn micros(time: Duration, calls: u64) -> f64 {
    time.as_secs_f64() * 1e6 / calls as f64
}
