//! Ending everybody at once, however many there are.
//!
//! The store has a generation, and so has each shard. A shard that is locked and is behind
//! gives up its whole table before anything else happens to it. So raising one number ends
//! every session, and the work of removing them is done a shard at a time.

use hashbrown::hash_table::IntoIter;

use super::MemoryStore;
use super::shard::{Entry, Shard};
use crate::store::{RemovalReason, Removed};
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// The generation of the store, and what is left of earlier ones.
#[derive(Default)]
pub(super) struct Generation {
    current: AtomicU64,
    waiting: AtomicUsize,
    /// Tables whose sessions are to be reported and freed.
    tables: Mutex<Vec<IntoIter<Box<Entry>>>>,
}

impl MemoryStore {
    /// Ends every session there is.
    pub(super) fn raise_generation(&self) {
        self.generation.current.fetch_add(1, Ordering::SeqCst);
        // A round of sweeping finds the shards that nobody uses.
        self.sweeper.expect_everywhere();
    }

    /// Locks a shard. What it holds is of the present generation.
    #[inline]
    pub(super) fn lock(&self, index: usize) -> MutexGuard<'_, Shard> {
        let mut shard = self.shards[index].lock();
        let current = self.generation.current.load(Ordering::SeqCst);
        if shard.generation != current {
            self.bring_up(&mut shard, current);
        }
        shard
    }

    /// Locks two different shards in the order of `first` and `second`. Both are of one
    /// generation.
    pub(super) fn lock_both(
        &self,
        first: usize,
        second: usize,
    ) -> (MutexGuard<'_, Shard>, MutexGuard<'_, Shard>) {
        let (mut first, mut second) = (self.shards[first].lock(), self.shards[second].lock());
        let current = self.generation.current.load(Ordering::SeqCst);
        for shard in [&mut first, &mut second] {
            if shard.generation != current {
                self.bring_up(shard, current);
            }
        }
        (first, second)
    }

    /// Empties a shard of an earlier generation.
    #[cold]
    fn bring_up(&self, shard: &mut Shard, current: u64) {
        let old = std::mem::take(shard);
        shard.generation = current;
        let table = old.into_entries();
        if table.len() > 0 {
            let mut tables = self.generation.tables.lock();
            tables.push(table);
            self.generation
                .waiting
                .store(tables.len(), Ordering::Relaxed);
        }
    }

    /// True when sessions of earlier generations are still to be reported.
    pub(super) fn has_outdated(&self) -> bool {
        self.generation.waiting.load(Ordering::Relaxed) > 0
    }

    /// Frees up to `limit` sessions of earlier generations, and reports them.
    pub(super) fn take_outdated(&self, limit: usize) -> Vec<Removed> {
        if !self.has_outdated() {
            return Vec::new();
        }
        let entries: Vec<_> = {
            let mut tables = self.generation.tables.lock();
            let mut entries = Vec::new();
            while let Some(table) = tables.last_mut().filter(|_| entries.len() < limit) {
                entries.extend(table.take(limit - entries.len()));
                if table.len() == 0 {
                    tables.pop();
                }
            }
            self.generation
                .waiting
                .store(tables.len(), Ordering::Relaxed);
            entries
        };
        let mut removed = Vec::with_capacity(entries.len());
        for entry in entries {
            self.budget.give_back(entry.cost());
            self.forget(&entry);
            if let Some(record) = entry.into_record() {
                removed.push(Removed {
                    record,
                    reason: RemovalReason::Generation,
                });
            }
        }
        removed
    }
}
