//! What the verbs do to sessions: under the lock of their shard, and within what the budget gives.

use super::MemoryStore;
use super::budget::Cost;
use super::principals::Binding;
use super::shard::{Entry, Room, Shard, Slot};
use crate::clock::Timestamp;
use crate::session::{ChangeSet, Login, PrincipalKey, Record, Refusal, Reply, StoreKey};
use crate::store::{Applied, Created};
use crate::sync::MutexGuard;

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
    /// Runs `attempt` until it needs no more room than there is, making room in between: what
    /// has expired goes first.
    pub(super) fn with_room<T>(
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

    pub(super) fn insert_new(&self, record: &Record) -> Result<Created, Cost> {
        let cost = Cost::of_session(record);
        if !self.budget.has_room(cost) {
            // Nothing is made for somebody who cannot stay.
            return match self.shard(&record.key).contains(&record.key) {
                true => Ok(Created::Taken),
                false => Err(cost),
            };
        }
        // Made before the lock is taken, since an allocator may take its time.
        let entry = Box::new(Entry::live(record.clone()));
        // What the shard moves out of is freed after it is unlocked. Others may come in between, so all
        // that follows looks again.
        let mut room;
        let mut shard = self.shard(&record.key);
        if let Some(need) = shard.need_for(&entry) {
            drop(shard);
            room = Room::of(need);
            shard = self.shard(&record.key);
            shard.move_to(&mut room);
        }
        if shard.contains(&record.key) {
            return Ok(Created::Taken);
        }
        self.budget.take(cost)?;
        self.add(&mut shard, entry);
        Ok(Created::Created)
    }

    /// Inserts an entry whose key is free into its shard, which is locked, and notes what sweeps
    /// and evictions go by.
    pub(super) fn add(&self, shard: &mut Shard, entry: Box<Entry>) {
        let index = self.shard_index(entry.key());
        if entry.is_anonymous() {
            self.evicted.expect_anonymous(index);
        }
        let due = shard.insert(entry);
        self.sweeper.expect(index, due);
    }

    /// Changes the entry under `key`, or answers `None` when there is none.
    pub(super) fn edit<T>(
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

    pub(super) fn try_apply(
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

    pub(super) fn try_rename(
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
    pub(super) fn log_in(
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
