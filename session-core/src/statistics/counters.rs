//! The numbers, as they rise.

use std::array;
use std::time::Duration;

use super::{SessionStats, StoreCalls};
use crate::event::SessionEvent;
use crate::store::Verb;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Counts from many threads at once. No number says anything about another one, so none is
/// ordered with the others.
#[derive(Default)]
pub(crate) struct Counters {
    events: [AtomicU64; SessionEvent::ALL.len()],
    calls: [CallCounters; Verb::ALL.len()],
    conflicts: AtomicU64,
}

#[derive(Default)]
struct CallCounters {
    calls: AtomicU64,
    failures: AtomicU64,
    /// Of five hundred years at most.
    nanoseconds: AtomicU64,
}

impl Counters {
    pub(crate) fn new() -> Self {
        #[cfg(feature = "metrics")]
        super::facade::announce();
        Self::default()
    }

    pub(crate) fn count_event(&self, event: SessionEvent) {
        rise(&self.events[event.place()], 1);
        #[cfg(feature = "metrics")]
        super::facade::event(event);
    }

    pub(super) fn count_call(&self, verb: Verb, failed: bool, latency: Duration) {
        let of_verb = &self.calls[verb as usize];
        rise(&of_verb.calls, 1);
        rise(&of_verb.failures, u64::from(failed));
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        rise(&of_verb.nanoseconds, nanoseconds);
        #[cfg(feature = "metrics")]
        super::facade::store_call(verb, failed, latency);
    }

    pub(super) fn count_conflict(&self) {
        rise(&self.conflicts, 1);
        #[cfg(feature = "metrics")]
        super::facade::conflict();
    }

    pub(crate) fn read(&self) -> SessionStats {
        SessionStats {
            events: array::from_fn(|place| now(&self.events[place])),
            calls: array::from_fn(|verb| {
                let of_verb = &self.calls[verb];
                StoreCalls {
                    calls: now(&of_verb.calls),
                    failures: now(&of_verb.failures),
                    latency: Duration::from_nanos(now(&of_verb.nanoseconds)),
                }
            }),
            conflicts: now(&self.conflicts),
        }
    }
}

fn rise(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

fn now(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
