//! Counting what happens, for those who asked for it.
//!
//! Events are counted by an observer among the others, store calls by a store around the store.
//! Without [`SessionManagerBuilder::statistics`](crate::SessionManagerBuilder::statistics) there
//! is neither.

mod counted;
mod counters;
#[cfg(feature = "metrics")]
mod facade;

use std::fmt;
use std::time::Duration;

pub(crate) use counted::Counted;
pub(crate) use counters::Counters;

use crate::event::SessionEvent;
use crate::store::Verb;

/// What a manager has counted since it was built; see
/// [`SessionManager::stats`](crate::SessionManager::stats).
///
/// All numbers only rise. They are read one after the other while requests go on, so two of
/// them may be a moment apart. They tell nothing of a single session.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SessionStats {
    events: [u64; SessionEvent::ALL.len()],
    calls: [StoreCalls; Verb::ALL.len()],
    conflicts: u64,
}

/// What was counted of the calls of one verb.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreCalls {
    /// How many calls there were, the failed ones included.
    pub calls: u64,
    /// How many of them ended with an error, or had not ended when their caller gave up.
    pub failures: u64,
    /// How long all of them took together.
    pub latency: Duration,
}

impl SessionStats {
    /// How often this happened.
    #[must_use]
    pub const fn count(&self, event: SessionEvent) -> u64 {
        self.events[event.place()]
    }

    /// How often each thing happened that can, with zeros.
    pub fn events(&self) -> impl Iterator<Item = (SessionEvent, u64)> + '_ {
        SessionEvent::ALL.into_iter().zip(self.events)
    }

    /// The calls of one verb of the store.
    #[must_use]
    pub const fn store_calls(&self, verb: Verb) -> StoreCalls {
        self.calls[verb as usize]
    }

    /// How often the store refused a change because another request had been faster, so that
    /// it had to be made again.
    #[must_use]
    pub const fn conflicts(&self) -> u64 {
        self.conflicts
    }
}

impl fmt::Debug for SessionStats {
    /// What is not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = Verb::ALL.map(|verb| (verb, self.store_calls(verb)));
        let mut map = f.debug_map();
        map.entries(self.events().filter(|(_, count)| *count > 0));
        map.entries(calls.iter().filter(|(_, it)| it.calls > 0).copied());
        map.entry(&"conflicts", &self.conflicts).finish()
    }
}
