//! The contract in its plainest form: one lock around one map. The flawed stores start from
//! it, and other stores are compared with it.

mod principals;

use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::clock::Timestamp;
use crate::session::{ChangeSet, Record, Refusal, Reply, SessionLimit, StoreKey};
use crate::store::{
    Access, Applied, Census, Created, Deleted, FORWARD_LIFETIME, ImmediateStore, Loaded,
    PrincipalIndex, RemovalReason, Removed, SessionStore, StoreError, Swept,
};

#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) entries: BTreeMap<StoreKey, Entry>,
    /// What it ended by itself and no sweep has reported.
    ended: Vec<Removed>,
}

#[derive(Clone, Debug)]
pub(super) enum Entry {
    Forward {
        to: StoreKey,
        since: Timestamp,
        /// True when somebody else's session went on under the new key.
        is_closed: bool,
    },
    Session(Record),
}

impl Entry {
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        match self {
            Self::Forward { since, .. } => since.saturating_add(FORWARD_LIFETIME) <= now,
            Self::Session(record) => record.is_expired(now),
        }
    }
}

impl Table {
    /// The entry under `key`, unless its time is over.
    pub(super) fn find(&mut self, key: &StoreKey, now: Timestamp) -> Option<&mut Entry> {
        self.entries
            .get_mut(key)
            .filter(|entry| !entry.is_over(now))
    }

    pub(super) fn create(&mut self, record: &Record) -> Created {
        if self.entries.contains_key(&record.key) {
            return Created::Taken;
        }
        self.entries
            .insert(record.key, Entry::Session(record.clone()));
        Created::Created
    }

    pub(super) fn load(&mut self, key: &StoreKey, access: Access, now: Timestamp) -> Loaded {
        match self.find(key, now) {
            None => Loaded::Absent,
            Some(Entry::Forward { since, .. }) => Loaded::Moved { since: *since },
            Some(Entry::Session(record)) => {
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
    }

    pub(super) fn apply(&mut self, key: &StoreKey, changes: &ChangeSet, now: Timestamp) -> Applied {
        match self.find(key, now) {
            None => Applied::Gone,
            Some(Entry::Forward {
                is_closed: true, ..
            }) => Applied::Gone,
            Some(Entry::Forward { to, .. }) => Applied::Moved(*to),
            Some(Entry::Session(record)) => apply_to(record, changes, now),
        }
    }

    pub(super) fn rename(
        &mut self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Applied {
        let mut record = match self.find(old, now) {
            None => return Applied::Gone,
            Some(Entry::Forward { to, .. }) => return Applied::Moved(*to),
            Some(Entry::Session(record)) => record.clone(),
        };
        if self.entries.contains_key(new) {
            return Applied::Taken;
        }
        let mut answer = apply_to(&mut record, changes, now);
        let record = record.renamed(*new);
        if let Applied::Applied {
            record: answered, ..
        } = &mut answer
        {
            *answered = answered.take().map(|answered| answered.renamed(*new));
            let forward = Entry::Forward {
                to: *new,
                since: now,
                is_closed: changes.clear_attributes,
            };
            self.entries.insert(*old, forward);
            self.entries.insert(*new, Entry::Session(record));
        }
        answer
    }

    pub(super) fn delete(&mut self, key: &StoreKey) -> Deleted {
        match self.entries.get(key) {
            None => Deleted::Absent,
            Some(Entry::Forward {
                is_closed: true, ..
            }) => Deleted::Absent,
            Some(Entry::Forward { to, .. }) => Deleted::Moved(*to),
            Some(Entry::Session(record)) => {
                let record = record.clone();
                self.entries.remove(key);
                Deleted::Removed(Some(record))
            }
        }
    }

    pub(super) fn census(&self, now: Timestamp) -> Census {
        let mut census = Census::default();
        for entry in self.entries.values() {
            match entry {
                Entry::Session(record) if !entry.is_over(now) => {
                    census.count(now.saturating_since(record.created_at));
                }
                Entry::Session(_) | Entry::Forward { .. } => {}
            }
        }
        census
    }

    pub(super) fn sweep(&mut self, now: Timestamp, limit: usize) -> Swept {
        let reported = self.ended.len().min(limit);
        let mut swept = Swept {
            removed: self.ended.drain(..reported).collect(),
            more: !self.ended.is_empty(),
        };
        self.entries.retain(|_, entry| {
            if !entry.is_over(now) {
                return true;
            }
            let Entry::Session(record) = entry else {
                return false;
            };
            swept.more |= swept.removed.len() == limit;
            if swept.more {
                return true;
            }
            swept.removed.push(Removed {
                record: record.clone(),
                reason: RemovalReason::Expired,
            });
            false
        });
        swept
    }
}

pub(super) fn apply_to(record: &mut Record, changes: &ChangeSet, now: Timestamp) -> Applied {
    let before = (changes.reply == Reply::Change).then(|| Box::new(record.clone()));
    match record.apply(changes, now) {
        Ok(()) => Applied::Applied {
            revision: record.revision,
            record: (changes.reply != Reply::Revision).then(|| record.clone()),
            before,
        },
        Err(Refusal::Conflict) => Applied::Conflict(record.clone()),
        Err(Refusal::NotAList(name)) => Applied::NotAList(name),
        Err(Refusal::TooLarge) => Applied::TooLarge,
    }
}

/// A store that keeps every rule.
#[derive(Debug, Default)]
pub(super) struct ReferenceStore {
    table: Mutex<Table>,
}

impl ReferenceStore {
    pub(super) fn state(&self, key: &StoreKey, now: Timestamp) -> State {
        match self.table.lock().entries.get(key) {
            None => State::Absent,
            Some(entry) if entry.is_over(now) => State::Over,
            Some(Entry::Forward { .. }) => State::Moved,
            Some(Entry::Session(_)) => State::Live,
        }
    }
}

/// What stands under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Absent,
    Live,
    Moved,
    /// An expired session or an old forwarding entry that no sweep has removed yet.
    Over,
}

#[async_trait]
impl SessionStore for ReferenceStore {
    async fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        let mut table = self.table.lock();
        let surplus = match &record.authentication {
            Some(login) => table.surplus(&login.key, limit, &record.key, now),
            None => Some(Vec::new()),
        };
        let Some(surplus) = surplus else {
            return Ok(Created::Refused);
        };
        let created = table.create(record);
        if created == Created::Created {
            table.replace(&surplus);
        }
        Ok(created)
    }

    async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        Ok(self.table.lock().load(key, access, now))
    }

    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let mut table = self.table.lock();
        let apply = |table: &mut Table| table.apply(key, changes, now);
        Ok(table.log_in(key, changes, now, apply))
    }

    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let mut table = self.table.lock();
        let rename = |table: &mut Table| table.rename(old, new, changes, now);
        Ok(table.log_in(old, changes, now, rename))
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        Ok(self.table.lock().delete(key))
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        Ok(self.table.lock().sweep(now, limit))
    }

    async fn census(&self, now: Timestamp) -> Result<Census, StoreError> {
        Ok(self.table.lock().census(now))
    }

    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        None
    }

    fn principals(&self) -> Option<&dyn PrincipalIndex> {
        Some(self)
    }
}
