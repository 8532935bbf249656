//! The reference store and the default: the memory of this process.
//!
//! Sessions live in thousands of small shards, each behind a lock of its own that is held for
//! one operation on one session. Nothing ever walks the whole store: expiry, eviction and
//! snapshots go shard by shard, a little at a time.

mod budget;
mod eviction;
mod shard;
mod snapshot;
mod sweeper;

use std::fmt;

use async_trait::async_trait;
use parking_lot::{Mutex, MutexGuard};

use self::budget::{Budget, Cost};
use self::eviction::Evicted;
pub use self::eviction::WhenFull;
use self::shard::{Entry, Shard, Slot};
pub use self::snapshot::SnapshotError;
use self::sweeper::Sweeper;
use super::{
    Access, Applied, Created, Deleted, ImmediateStore, Loaded, SessionStore, StoreError, Swept,
};
use crate::clock::Timestamp;
use crate::session::{ChangeSet, Record, Refusal, Reply, StoreKey};

/// Sessions in the memory of this process.
///
/// Fast, bounded, and gone when the process ends, unless a development server saves a
/// [snapshot](Self::save_snapshot). One store may serve several managers.
///
/// # Defaults
/// At most 1,000,000 sessions and 1 GiB; a full store evicts anonymous sessions.
pub struct MemoryStore {
    shards: Box<[Mutex<Shard>]>,
    budget: Budget,
    sweeper: Sweeper,
    evicted: Evicted,
    when_full: WhenFull,
}

/// How many times an operation makes room and tries again before it says that the store is
/// full: others may take the room that was made.
const ROOM_ATTEMPTS_MAX: usize = 32;

/// The configuration of a [`MemoryStore`].
#[derive(Clone, Debug)]
pub struct MemoryStoreBuilder {
    max_sessions: usize,
    max_bytes: usize,
    when_full: WhenFull,
    shards: usize,
}

impl MemoryStoreBuilder {
    /// The most sessions that the store holds.
    #[must_use]
    pub const fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = sessions;
        self
    }

    /// The most bytes that sessions may take, with an estimate of what keeping them costs.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// What happens to a new session, or to one that grows, when the store is full.
    #[must_use]
    pub const fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// How many parts the store has, rounded up to a power of two. Many small parts keep each
    /// lock and each growth of a table short.
    #[must_use]
    pub const fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// Makes the store, empty.
    #[must_use]
    pub fn build(self) -> MemoryStore {
        let shards = self.shards.clamp(1, 1 << 16).next_power_of_two();
        MemoryStore {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            budget: Budget::new(Cost {
                sessions: self.max_sessions,
                bytes: self.max_bytes,
            }),
            sweeper: Sweeper::default(),
            evicted: Evicted::default(),
            when_full: self.when_full,
        }
    }
}

impl MemoryStore {
    /// An empty store with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Starts a configuration.
    #[must_use]
    pub const fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder {
            max_sessions: 1_000_000,
            max_bytes: 1 << 30,
            when_full: WhenFull::EvictAnonymous,
            shards: 4_096,
        }
    }

    /// How many sessions there are, those included that expired and are not swept yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.budget.used().sessions
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that sessions take, by the estimate that
    /// [`max_bytes`](MemoryStoreBuilder::max_bytes) limits.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.budget.used().bytes
    }

    fn shard_index(&self, key: &StoreKey) -> usize {
        // Bytes that the table inside of a shard does not hash by.
        let [.., high, low] = *key.as_bytes();
        usize::from(u16::from_be_bytes([high, low])) & (self.shards.len() - 1)
    }

    fn shard(&self, key: &StoreKey) -> MutexGuard<'_, Shard> {
        self.shards[self.shard_index(key)].lock()
    }

    /// Runs `attempt` until it needs no more room than there is, making room in between.
    fn with_room<T>(
        &self,
        spared: &StoreKey,
        full: T,
        mut attempt: impl FnMut() -> Result<T, Cost>,
    ) -> T {
        for _ in 0..ROOM_ATTEMPTS_MAX {
            match attempt() {
                Ok(answer) => return answer,
                Err(cost) if !self.make_room(cost, spared) => return full,
                Err(_) => {}
            }
        }
        full
    }

    fn insert_new(&self, record: &Record) -> Result<Created, Cost> {
        let mut shard = self.shard(&record.key);
        if shard.find(&record.key).is_some() {
            return Ok(Created::Taken);
        }
        let cost = Cost::of_session(record);
        self.budget.take(cost)?;
        let due = shard.insert(Entry::live(record.clone(), cost.bytes));
        self.sweeper.expect(due);
        Ok(Created::Created)
    }

    /// Applies `changes` to a live entry whose growth fits into the budget.
    fn change(
        &self,
        entry: &mut Entry,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, Cost> {
        let Slot::Live(record) = &mut entry.slot else {
            return Ok(Applied::Gone);
        };
        let growth = Cost::of_growth(record, changes);
        self.budget.take(growth)?;
        let applied = record.apply(changes, now);
        let before = entry.bytes + growth.bytes;
        entry.bytes = match applied {
            Ok(()) if changes.raises_revision() => Cost::of_session(record).bytes,
            _ => entry.bytes,
        };
        self.budget
            .give_back(Cost::bytes(before.saturating_sub(entry.bytes)));
        Ok(match applied {
            Ok(()) => Applied::Applied {
                revision: record.revision,
                record: (changes.reply == Reply::Record).then(|| record.clone()),
            },
            Err(Refusal::Conflict) => Applied::Conflict(record.clone()),
            Err(Refusal::NotAList(name)) => Applied::NotAList(name),
            Err(Refusal::TooLarge) => Applied::TooLarge,
        })
    }

    fn try_apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, Cost> {
        let mut shard = self.shard(key);
        let Some(entry) = shard.find(key) else {
            return Ok(Applied::Gone);
        };
        match &entry.slot {
            Slot::Forward { to, .. } if !entry.is_over(now) => return Ok(Applied::Moved(*to)),
            Slot::Live(_) if !entry.is_over(now) => {}
            _ => return Ok(Applied::Gone),
        }
        let was_anonymous = entry.is_anonymous();
        let applied = self.change(entry, changes, now)?;
        let is_anonymous = entry.is_anonymous();
        let earlier = entry.earlier_deadline();
        shard.count_anonymous(was_anonymous, is_anonymous);
        if let Some(deadline) = earlier {
            shard.expect(key, deadline);
            self.sweeper.expect(deadline);
        }
        Ok(applied)
    }

    fn try_rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, Cost> {
        let (mut old_shard, mut new_shard) = self.two_shards(old, new);
        let taken = match &mut new_shard {
            Some(shard) => shard.find(new).is_some(),
            None => old_shard.find(new).is_some(),
        };
        let Some(entry) = old_shard.find(old) else {
            return Ok(Applied::Gone);
        };
        match &entry.slot {
            Slot::Forward { to, .. } if !entry.is_over(now) => return Ok(Applied::Moved(*to)),
            Slot::Live(_) if !entry.is_over(now) => {}
            _ => return Ok(Applied::Gone),
        }
        if taken {
            return Ok(Applied::Taken);
        }
        self.budget.take(Cost::OF_FORWARD)?;
        let applied = self.change(entry, changes, now);
        let Ok(Applied::Applied { revision, record }) = applied else {
            self.budget.give_back(Cost::OF_FORWARD);
            return applied;
        };
        let Some(moved) = old_shard.remove(old) else {
            return Ok(Applied::Gone);
        };
        let forward = Entry::forward(*old, *new, now);
        self.sweeper.expect(old_shard.insert(forward));
        let moved = moved.renamed(*new);
        let shard = new_shard.as_mut().unwrap_or(&mut old_shard);
        self.sweeper.expect(shard.insert(moved));
        Ok(Applied::Applied {
            revision,
            record: record.map(|record| record.renamed(*new)),
        })
    }

    /// Locks the shards of two keys, always in the same order; one lock where both keys share
    /// a shard.
    fn two_shards(
        &self,
        first: &StoreKey,
        second: &StoreKey,
    ) -> (MutexGuard<'_, Shard>, Option<MutexGuard<'_, Shard>>) {
        let (a, b) = (self.shard_index(first), self.shard_index(second));
        if a == b {
            (self.shards[a].lock(), None)
        } else if a < b {
            let first = self.shards[a].lock();
            (first, Some(self.shards[b].lock()))
        } else {
            let second = self.shards[b].lock();
            (self.shards[a].lock(), Some(second))
        }
    }
}

impl ImmediateStore for MemoryStore {
    fn create(&self, record: &Record, _: Timestamp) -> Result<Created, StoreError> {
        Ok(self.with_room(&record.key, Created::Full, || self.insert_new(record)))
    }

    fn load(&self, key: &StoreKey, access: Access, now: Timestamp) -> Result<Loaded, StoreError> {
        let mut shard = self.shard(key);
        let Some(entry) = shard.find(key) else {
            return Ok(Loaded::Absent);
        };
        if entry.is_over(now) {
            return Ok(Loaded::Absent);
        }
        Ok(match &mut entry.slot {
            Slot::Forward { since, .. } => Loaded::Moved { since: *since },
            Slot::Live(record) => {
                let last_accessed = record.accessed_at;
                if access.is_due(record, now) {
                    record.record_access(now, now);
                }
                Loaded::Live {
                    record: record.clone(),
                    last_accessed,
                }
            }
        })
    }

    fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        Ok(self.with_room(key, Applied::Full, || self.try_apply(key, changes, now)))
    }

    fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        Ok(self.with_room(old, Applied::Full, || {
            self.try_rename(old, new, changes, now)
        }))
    }

    fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        let removed = {
            let mut shard = self.shard(key);
            match shard.find(key).map(|entry| &entry.slot) {
                None => return Ok(Deleted::Absent),
                Some(Slot::Forward { to, .. }) => return Ok(Deleted::Moved(*to)),
                Some(Slot::Live(_)) => shard.remove(key),
            }
        };
        let Some(entry) = removed else {
            return Ok(Deleted::Absent);
        };
        self.budget.give_back(entry.cost());
        Ok(Deleted::Removed(entry.into_record()))
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        let evicted = self.evicted.take(limit);
        let mut swept = self.sweep_expired(now, limit - evicted.len());
        swept.removed.extend(evicted);
        Ok(swept)
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn create(&self, record: &Record, now: Timestamp) -> Result<Created, StoreError> {
        ImmediateStore::create(self, record, now)
    }

    async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        ImmediateStore::load(self, key, access, now)
    }

    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        ImmediateStore::apply(self, key, changes, now)
    }

    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        ImmediateStore::rename(self, old, new, changes, now)
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        ImmediateStore::delete(self, key)
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        ImmediateStore::sweep(self, now, limit)
    }

    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        Some(self)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("sessions", &self.len())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
