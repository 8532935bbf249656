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

/// How long the newer ones are the newer ones: a session is forgotten after twice this time. It is
/// longer than a request takes, and values do not stay in memory for nothing.
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

impl Recent {
    /// Keeps a record as it is in the database, or was a moment ago.
    pub(crate) fn remember(&self, record: &Record) {
        if record.size() > SIZE_MAX {
            return;
        }
        let mut kept = self.kept();
        let age = kept.since.elapsed();
        if age >= AGE_MAX || kept.newer.len() >= COUNT_MAX {
            let newer = mem::take(&mut kept.newer);
            // Nobody has asked for a long time, so that these are old as well.
            kept.older = if age >= AGE_MAX * 2 {
                HashMap::new()
            } else {
                newer
            };
            kept.since = Instant::now();
        }
        let version = |it: &Record| (it.revision, it.accessed_at);
        let is_older = |known: &Record| version(record) < version(known);
        // A load that was slow says less than the change that overtook it.
        if !kept.newer.get(&record.key).is_some_and(is_older) {
            kept.newer.insert(record.key, record.clone());
        }
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
