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

use std::fmt;

use async_trait::async_trait;

use self::budget::{Budget, Cost};
pub use self::builder::MemoryStoreBuilder;
use self::eviction::Evicted;
pub use self::eviction::WhenFull;
use self::generation::Generation;
use self::principals::{Binding, Principals};
use self::shard::{Entry, Shard, Slot};
pub use self::snapshot::SnapshotError;
use self::sweeper::Sweeper;
use super::{
    Access, Applied, Census, Created, Deleted, ImmediateStore, Loaded, PrincipalIndex, Removed,
    SessionStore, StoreError, Swept,
};
use crate::clock::Timestamp;
use crate::session::{
    ChangeSet, Login, PrincipalKey, Record, Refusal, Reply, SessionLimit, StoreKey,
};
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

/// How many times an operation makes room and tries again before it says that the store is
/// full: others may take the room that was made.
const ROOM_ATTEMPTS_MAX: usize = 32;

/// The verb that changes a session.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Apply,
    Rename,
}

impl Change {
    /// What is charged beside what the session grows by.
    const fn beside(self) -> Cost {
        match self {
            Self::Apply => Cost::NOTHING,
            Self::Rename => Cost::OF_FORWARD,
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

    /// Runs `attempt` until it needs no more room than there is, making room in between: what
    /// has expired goes first.
    fn with_room<T>(
        &self,
        now: Timestamp,
        spared: &StoreKey,
        full: T,
        mut attempt: impl FnMut() -> Result<T, Cost>,
    ) -> T {
        for _ in 0..ROOM_ATTEMPTS_MAX {
            match attempt() {
                Ok(answer) => return answer,
                Err(_) if self.sweep_for_room(now) => {}
                Err(cost) if !self.make_room(cost, spared) => return full,
                Err(_) => {}
            }
        }
        full
    }

    fn insert_new(&self, record: &Record) -> Result<Created, Cost> {
        let mut shard = self.shard(&record.key);
        if shard.contains(&record.key) {
            return Ok(Created::Taken);
        }
        self.budget.take(Cost::of_session(record))?;
        self.add(&mut shard, Box::new(Entry::live(record.clone())));
        Ok(Created::Created)
    }

    /// Inserts an entry whose key is free into its shard, which is locked, and notes what sweeps
    /// and evictions go by.
    fn add(&self, shard: &mut Shard, entry: Box<Entry>) {
        let index = self.shard_index(entry.key());
        if entry.is_anonymous() {
            self.evicted.expect_anonymous(index);
        }
        let due = shard.insert(entry);
        self.sweeper.expect(index, due);
    }

    /// Changes the entry under `key`, or answers `None` when there is none.
    fn edit<T>(
        &self,
        shard: &mut Shard,
        key: &StoreKey,
        change: impl FnOnce(&mut Entry) -> T,
    ) -> Option<T> {
        let (answer, earlier) = shard.edit(key, change)?;
        if let Some(deadline) = earlier {
            self.sweeper.expect(self.shard_index(key), deadline);
        }
        Some(answer)
    }

    /// Applies `changes` to `entry` if it is live, and charges the budget for what it grows by
    /// and for what the verb needs beside it.
    fn change(
        &self,
        entry: &mut Entry,
        changes: &ChangeSet,
        verb: Change,
        now: Timestamp,
    ) -> Result<Applied, Cost> {
        let beside = verb.beside();
        if entry.is_over(now) {
            return Ok(Applied::Gone);
        }
        let record = match &mut entry.slot {
            Slot::Forward {
                is_closed: true, ..
            } if verb == Change::Apply => return Ok(Applied::Gone),
            Slot::Forward { to, .. } => return Ok(Applied::Moved(*to)),
            Slot::Live(record) => record,
        };
        let charged_before = Cost::of_session(record).bytes;
        let growth = Cost::of_growth(record, changes);
        self.budget.take(growth.and(beside))?;
        let before = (changes.reply == Reply::Change).then(|| Box::new(record.clone()));
        if let Err(refusal) = record.apply(changes, now) {
            self.budget.give_back(growth.and(beside));
            return Ok(match refusal {
                Refusal::Conflict => Applied::Conflict(record.clone()),
                Refusal::NotAList(name) => Applied::NotAList(name),
                Refusal::TooLarge => Applied::TooLarge,
            });
        }
        let charged = charged_before + growth.bytes;
        let taken = Cost::of_session(record).bytes;
        debug_assert!(taken <= charged, "{taken} bytes were charged as {charged}");
        self.budget.settle(charged, taken);
        Ok(Applied::Applied {
            revision: record.revision,
            record: (changes.reply != Reply::Revision).then(|| record.clone()),
            before,
        })
    }

    fn try_apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        before: &mut Option<PrincipalKey>,
        now: Timestamp,
    ) -> Result<Applied, Cost> {
        let mut shard = self.shard(key);
        self.edit(&mut shard, key, |entry| {
            if changes.login.is_some() {
                *before = entry.principal();
            }
            self.change(entry, changes, Change::Apply, now)
        })
        .unwrap_or(Ok(Applied::Gone))
    }

    fn try_rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        before: &mut Option<PrincipalKey>,
        now: Timestamp,
    ) -> Result<Applied, Cost> {
        let (mut old_shard, mut new_shard) = self.two_shards(old, new);
        let is_taken = new_shard.as_mut().unwrap_or(&mut old_shard).contains(new);
        let applied = self.edit(&mut old_shard, old, |entry| {
            if is_taken && entry.is_live(now) {
                return Ok(Applied::Taken);
            }
            *before = entry.principal();
            self.change(entry, changes, Change::Rename, now)
        });
        let (revision, record, before) = match applied.unwrap_or(Ok(Applied::Gone))? {
            Applied::Applied {
                revision,
                record,
                before,
            } => (revision, record, before),
            refused => return Ok(refused),
        };
        if let Some(moved) = old_shard.remove(old) {
            let is_closed = changes.clear_attributes;
            let forward = Box::new(Entry::forward(*old, *new, is_closed, now));
            self.add(&mut old_shard, forward);
            let shard = new_shard.as_mut().unwrap_or(&mut old_shard);
            self.add(shard, moved.renamed(*new));
        }
        Ok(Applied::Applied {
            revision,
            record: record.map(|record| record.renamed(*new)),
            before,
        })
    }

    /// Runs `store`, which lets the session under `old`, and then under `new`, log in, and
    /// notes whose it was before.
    fn log_in(
        &self,
        login: &Login,
        old: &StoreKey,
        new: StoreKey,
        now: Timestamp,
        store: impl FnOnce(&mut Option<PrincipalKey>) -> Applied,
    ) -> Applied {
        let binding = Binding {
            login: &login.authentication,
            limit: login.limit,
            old,
            new,
        };
        let mut before = None;
        let store = || store(&mut before);
        let did = |applied: &Applied| matches!(applied, Applied::Applied { .. });
        let Some(applied) = self.bind(&binding, now, store, did) else {
            return Applied::Refused;
        };
        if let (Applied::Applied { .. }, Some(principal)) = (&applied, before)
            && principal != login.authentication.key
        {
            self.principals.forget(principal, *old);
        }
        applied
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
            (self.lock(a), None)
        } else if a < b {
            let (first, second) = self.lock_both(a, b);
            (first, Some(second))
        } else {
            let (second, first) = self.lock_both(b, a);
            (first, Some(second))
        }
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
