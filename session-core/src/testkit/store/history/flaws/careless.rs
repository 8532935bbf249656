//! A store that keeps good books but for one [`Slip`].

use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::Slip;
use crate::clock::Timestamp;
use crate::session::{
    Attributes, ChangeSet, Limits, PrincipalKey, Record, SessionHandle, SessionLimit, StoreKey,
};
use crate::store::{
    Access, Applied, Census, Created, Deleted, ImmediateStore, Loaded, PrincipalIndex,
    RemovalReason, Removed, SessionStore, StoreError, Swept,
};
use crate::testkit::store::reference::ReferenceStore;

/// A reference store whose answers are spoilt.
pub(super) struct CarelessStore {
    slip: Option<Slip>,
    store: ReferenceStore,
    memory: Mutex<Memory>,
}

/// What the store remembers for its slips.
#[derive(Default)]
struct Memory {
    created: BTreeMap<SessionHandle, Record>,
    loaded: BTreeMap<SessionHandle, Record>,
    deleted: BTreeMap<StoreKey, Record>,
    reported: Vec<Removed>,
    listed: BTreeMap<PrincipalKey, Vec<Record>>,
    renamed: usize,
}

impl CarelessStore {
    pub(super) fn new(slip: Option<Slip>) -> Self {
        Self {
            slip,
            store: ReferenceStore::default(),
            memory: Mutex::default(),
        }
    }

    fn has(&self, slip: Slip) -> bool {
        self.slip == Some(slip)
    }

    fn spoil(&self, mut applied: Applied) -> Applied {
        let Applied::Applied { record, before, .. } = &mut applied else {
            return applied;
        };
        let (Some(record), Some(before)) = (record, before) else {
            return applied;
        };
        match self.slip {
            Some(Slip::BeforeIsAfter) => {
                let key = before.key;
                **before = Record {
                    key,
                    ..record.clone()
                };
            }
            Some(Slip::BeforeIsWhatWasLoaded) => {
                if let Some(loaded) = self.memory.lock().loaded.get(&before.handle) {
                    **before = loaded.clone();
                }
            }
            Some(Slip::RenameForgetsTheHandle) if record.key != before.key => {
                record.handle = SessionHandle::from_bytes([7; 16]);
            }
            Some(Slip::ReplyLacksAnAttribute) => {
                let attributes = record.attributes.iter().skip(1);
                record.attributes = attributes.cloned().collect();
            }
            _ => {}
        }
        applied
    }
}

#[async_trait]
impl SessionStore for CarelessStore {
    async fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        let created = self.store.create(record, limit, now).await?;
        let mut memory = self.memory.lock();
        memory.created.insert(record.handle, record.clone());
        let is_some = memory.created.len().is_multiple_of(4);
        match created {
            Created::Created if self.has(Slip::CreateDisowns) && is_some => Ok(Created::Taken),
            created => Ok(created),
        }
    }

    async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        let loaded = self.store.load(key, access, now).await?;
        if let Loaded::Live { record, .. } = &loaded {
            let loaded = &mut self.memory.lock().loaded;
            loaded.insert(record.handle, record.clone());
        }
        Ok(loaded)
    }

    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let mut applied = self.store.apply(key, changes, now).await?;
        if applied == Applied::TooLarge && self.has(Slip::AppliesWhatItRefuses) {
            let limits = Limits::NONE;
            let changes = ChangeSet {
                limits,
                ..changes.clone()
            };
            self.store.apply(key, &changes, now).await?;
        }
        let deleted = self.memory.lock().deleted.get(key).cloned();
        if let (Applied::Gone, Some(deleted), true) =
            (&applied, deleted, self.has(Slip::ApplyRevives))
        {
            self.store.create(&deleted, None, now).await?;
            applied = self.store.apply(key, changes, now).await?;
        }
        Ok(self.spoil(applied))
    }

    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let before = self.store.load(old, Access::Peek, now).await?;
        let applied = self.store.rename(old, new, changes, now).await?;
        if let (Applied::Applied { .. }, Loaded::Live { record, .. }) = (&applied, before) {
            self.memory.lock().renamed += 1;
            if self.has(Slip::RenameLeavesACopy) {
                let mut copy = record;
                copy.key = StoreKey::from_bytes(copy.key.as_bytes().map(|byte| !byte));
                self.store.create(&copy, None, now).await?;
            }
        }
        Ok(self.spoil(applied))
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        let deleted = self.store.delete(key).await?;
        let mut memory = self.memory.lock();
        match &deleted {
            Deleted::Removed(Some(record)) => {
                memory.deleted.insert(*key, record.clone());
                match self.has(Slip::DeleteSaysNothing) {
                    true => Ok(Deleted::Absent),
                    false => Ok(deleted),
                }
            }
            Deleted::Absent if self.has(Slip::DeleteAnswersTwice) => {
                let again = memory.deleted.get(key).cloned();
                Ok(again.map_or(deleted, |record| Deleted::Removed(Some(record))))
            }
            _ => Ok(deleted),
        }
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        let mut swept = self.store.sweep(now, limit).await?;
        let mut memory = self.memory.lock();
        match self.slip {
            Some(Slip::ReportsExpiryOnly) => {
                let is_told = |removed: &Removed| removed.reason == RemovalReason::Expired;
                swept.removed.retain(is_told);
            }
            Some(Slip::SweepForgets) => drop(swept.removed.pop()),
            Some(Slip::SweepReportsTwice) => {
                let again = std::mem::replace(&mut memory.reported, swept.removed.clone());
                swept.removed.extend(again);
            }
            Some(Slip::SweepReportsTheBeginning) => {
                for removed in &mut swept.removed {
                    if let Some(created) = memory.created.get(&removed.record.handle) {
                        removed.record.attributes = created.attributes.clone();
                    }
                }
            }
            Some(Slip::SweepRemovesNothing) => {
                let reported = std::mem::take(&mut swept.removed);
                drop(memory);
                for removed in &reported {
                    let mut stays = removed.record.clone();
                    stays.max_inactive_interval = None.into();
                    stays.absolute_deadline = Timestamp::NEVER;
                    self.store.create(&stays, None, now).await?;
                }
                swept.removed = reported;
            }
            _ => {}
        }
        Ok(swept)
    }

    async fn census(&self, now: Timestamp) -> Result<Census, StoreError> {
        let mut census = self.store.census(now).await?;
        if self.has(Slip::CensusCountsForwards) {
            census.count_class(0, self.memory.lock().renamed);
        }
        Ok(census)
    }

    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        None
    }

    fn principals(&self) -> Option<&dyn PrincipalIndex> {
        Some(self)
    }
}

#[async_trait]
impl PrincipalIndex for CarelessStore {
    async fn list(
        &self,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        let listed = self.store.list(principal, now).await?;
        let mut memory = self.memory.lock();
        memory.listed.insert(*principal, listed.clone());
        Ok(listed)
    }

    async fn end(
        &self,
        principal: &PrincipalKey,
        handle: &SessionHandle,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        let ended = self.store.end(principal, handle, now).await?;
        Ok(match self.slip {
            Some(Slip::EndSaysNothing) => None,
            Some(Slip::EndForgetsAttributes) => ended.map(|record| Record {
                attributes: Attributes::default(),
                ..record
            }),
            _ => ended,
        })
    }

    async fn end_all(
        &self,
        principal: &PrincipalKey,
        spared: Option<&SessionHandle>,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        let ended = self.store.end_all(principal, spared, now).await?;
        let listed = self.memory.lock().listed.remove(principal);
        match listed {
            Some(listed) if self.has(Slip::EndsWhatWasListed) => Ok(listed),
            _ => Ok(ended),
        }
    }

    async fn end_everybody(&self) -> Result<(), StoreError> {
        self.store.end_everybody().await
    }
}
