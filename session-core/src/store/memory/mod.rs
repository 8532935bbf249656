//! The reference store and the default: the memory of this process.
//!
//! Sessions live in thousands of small shards, each behind a lock of its own that is held for
//! one operation on one session. Nothing ever locks the whole store: expiry, eviction,
//! snapshots and a census go shard by shard, a little at a time.

mod budget;
mod builder;
mod census;
mod eviction;
mod generation;
mod principals;
mod shard;
mod snapshot;
mod sweeper;
#[cfg(test)]
mod tests;
mod verbs;

use std::fmt;

use async_trait::async_trait;

use self::budget::Budget;
pub use self::builder::MemoryStoreBuilder;
use self::eviction::Evicted;
pub use self::eviction::WhenFull;
use self::generation::Generation;
use self::principals::{Binding, Principals};
use self::shard::{Shard, Slot};
pub use self::snapshot::SnapshotError;
use self::sweeper::Sweeper;
use super::{
    Access, Applied, Census, Created, Deleted, ImmediateStore, Loaded, PrincipalIndex, Removed,
    SessionStore, StoreError, Swept,
};
use crate::clock::Timestamp;
use crate::session::{ChangeSet, PrincipalKey, Record, SessionLimit, StoreKey};
use crate::sync::{Mutex, MutexGuard};

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
    principals: Principals,
    generation: Generation,
    when_full: WhenFull,
}

/// Shards that are passed in one step where there is nothing to do in any of them. There are many
/// more shards than a quiet site has sessions.
const GROUP: usize = 16;

impl MemoryStore {
    /// An empty store with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Starts a configuration.
    #[must_use]
    pub const fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder::new()
    }

    /// How many sessions there are, those included that expired, or ended with everybody's, and
    /// are not swept yet.
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

    /// False when a sweep has nothing to do, which each commit finds out: a few looks at
    /// counters.
    fn is_sweep_due(&self, now: Timestamp) -> bool {
        self.evicted.is_waiting()
            || self.has_outdated()
            || self.principals.has_gone()
            || self.sweeper.is_due(now)
    }

    fn shard_index(&self, key: &StoreKey) -> usize {
        // Bytes that the table inside of a shard does not hash by.
        let [.., high, low] = *key.as_bytes();
        usize::from(u16::from_be_bytes([high, low])) & (self.shards.len() - 1)
    }

    #[inline]
    fn shard(&self, key: &StoreKey) -> MutexGuard<'_, Shard> {
        self.lock(self.shard_index(key))
    }
}

impl ImmediateStore for MemoryStore {
    fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        let insert = || self.with_room(now, &record.key, Created::Full, || self.insert_new(record));
        let Some(login) = &record.authentication else {
            return Ok(insert());
        };
        let binding = Binding {
            login,
            limit,
            old: &record.key,
            new: record.key,
        };
        let created = self.bind(&binding, now, insert, |it| *it == Created::Created);
        Ok(created.unwrap_or(Created::Refused))
    }

    fn load(&self, key: &StoreKey, access: Access, now: Timestamp) -> Result<Loaded, StoreError> {
        let mut shard = self.shard(key);
        let loaded = self.edit(&mut shard, key, |entry| {
            if entry.is_over(now) {
                return Loaded::Absent;
            }
            match &mut entry.slot {
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
            }
        });
        Ok(loaded.unwrap_or(Loaded::Absent))
    }

    fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let apply = |before: &mut Option<PrincipalKey>| {
            self.with_room(now, key, Applied::Full, || {
                self.try_apply(key, changes, before, now)
            })
        };
        Ok(match &changes.login {
            None => apply(&mut None),
            Some(login) => self.log_in(login, key, *key, now, apply),
        })
    }

    fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let rename = |before: &mut Option<PrincipalKey>| {
            self.with_room(now, old, Applied::Full, || {
                self.try_rename(old, new, changes, before, now)
            })
        };
        if let Some(login) = &changes.login {
            return Ok(self.log_in(login, old, *new, now, rename));
        }
        let mut before = None;
        let applied = rename(&mut before);
        if let (Applied::Applied { .. }, Some(principal)) = (&applied, before) {
            self.note(&principal, old, new);
        }
        Ok(applied)
    }

    fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        let removed = {
            let mut shard = self.shard(key);
            match shard.get(key).map(|entry| &entry.slot) {
                None => return Ok(Deleted::Absent),
                Some(Slot::Forward {
                    is_closed: true, ..
                }) => return Ok(Deleted::Absent),
                Some(Slot::Forward { to, .. }) => return Ok(Deleted::Moved(*to)),
                Some(Slot::Live(_)) => shard.remove(key),
            }
        };
        let Some(entry) = removed else {
            return Ok(Deleted::Absent);
        };
        self.budget.give_back(entry.cost());
        self.forget(&entry);
        Ok(Deleted::Removed(entry.into_record()))
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        if !self.is_sweep_due(now) {
            return Ok(Swept::default());
        }
        let mut removed = self.evicted.take(limit);
        removed.extend(self.take_outdated(limit - removed.len()));
        let swept = self.sweep_expired(now, limit - removed.len());
        removed.extend(swept.removed);
        self.strike_off();
        Ok(Swept {
            removed,
            more: swept.more || self.evicted.is_waiting() || self.has_outdated(),
        })
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        ImmediateStore::create(self, record, limit, now)
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

    async fn census(&self, now: Timestamp) -> Result<Census, StoreError> {
        Ok(self.count_live(now).await)
    }

    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        Some(self)
    }

    fn principals(&self) -> Option<&dyn PrincipalIndex> {
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
