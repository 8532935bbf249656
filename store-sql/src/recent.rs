//! The sessions that were read or written last, as they were then.
//!
//! A change mostly follows a load of the same request. What was read is enough to decide what the
//! change comes to, and [`foreseen`](crate::foreseen) writes that if the row is still the same.
//! Nothing is ever answered from here.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use session_core::{Record, StoreKey};

/// How many sessions are kept at most, twice: the newer ones and those before.
const COUNT_MAX: usize = 512;

/// The largest session that is kept, in bytes of its attributes.
const SIZE_MAX: usize = 16 * 1024;

/// How long the newer ones are the newer ones: a session is forgotten after twice this time, or by
/// the first sweep after it where nobody reads another one. It is longer than a request takes, and
/// values do not stay in memory for nothing.
const AGE_MAX: Duration = Duration::from_secs(5);

/// What was read or written last.
#[derive(Default)]
pub(crate) struct Recent(Mutex<Kept>);

struct Kept {
    newer: HashMap<StoreKey, Record>,
    older: HashMap<StoreKey, Record>,
    /// When the newer ones began.
    since: Instant,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            newer: HashMap::new(),
            older: HashMap::new(),
            since: Instant::now(),
        }
    }
}

impl Kept {
    fn age(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.since);
        if age < AGE_MAX && self.newer.len() < COUNT_MAX {
            return;
        }
        let newer = mem::take(&mut self.newer);
        // Nobody has asked for a long time, so that these are old as well.
        self.older = match age >= AGE_MAX * 2 {
            true => HashMap::new(),
            false => newer,
        };
        self.since = now;
    }
}

impl Recent {
    /// Keeps a record as it is in the database, or was a moment ago.
    pub(crate) fn remember(&self, record: &Record) {
        if record.size() > SIZE_MAX {
            return;
        }
        let mut kept = self.kept();
        kept.age(Instant::now());
        let version = |it: &Record| (it.revision, it.accessed_at);
        let is_older = |known: &Record| version(record) < version(known);
        // A load that was slow says less than the change that overtook it.
        if !kept.newer.get(&record.key).is_some_and(is_older) {
            kept.newer.insert(record.key, record.clone());
        }
    }

    /// Forgets what is old, also where no session is read that would take its place.
    pub(crate) fn age(&self) {
        self.kept().age(Instant::now());
    }

    /// What is known of the session under a key, and forgets it.
    pub(crate) fn take(&self, key: &StoreKey) -> Option<Record> {
        let mut kept = self.kept();
        let older = kept.older.remove(key);
        kept.newer.remove(key).or(older)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use session_core::{SessionHandle, Timestamp};

    use super::*;

    #[test]
    fn what_nobody_asks_for_is_forgotten_although_nothing_else_is_read() {
        let handle = SessionHandle::from_bytes([1; 16]);
        let record = Record::new(StoreKey::from_bytes([1; 32]), handle, Timestamp::EPOCH);
        for (ages, is_known) in [(vec![1], true), (vec![1, 2], false), (vec![2], false)] {
            let recent = Recent::default();
            recent.remember(&record);
            let began = recent.kept().since;
            for age in ages {
                recent.kept().age(began + AGE_MAX * age);
            }
            assert_eq!(recent.take(&record.key).is_some(), is_known);
        }
    }
}
