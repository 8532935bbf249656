//! A store that keeps every rule but for one [`Flaw`].

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::Flaw;
use crate::clock::Timestamp;
use crate::runtime::yield_once;
use crate::session::{
    Attribute, ChangeSet, MaxInactiveInterval, Record, Revision, SessionLimit, StoreKey,
};
use crate::store::Verb;
use crate::store::{
    Access, Applied, Census, Created, Deleted, ImmediateStore, Loaded, PrincipalIndex,
    SessionStore, StoreError, Swept,
};
use crate::testkit::store::reference::{Entry, Table};

#[derive(Debug, Default)]
pub(super) struct FlawedStore {
    pub(super) flaw: Option<Flaw>,
    pub(super) table: Mutex<Table>,
    /// What was deleted, for the flaws that do not let go.
    pub(super) deleted: Mutex<BTreeMap<StoreKey, Record>>,
    /// Deadlines from before a change of the idle limit, for the flaw that goes on with them.
    pub(super) old_deadlines: Mutex<BTreeMap<StoreKey, Timestamp>>,
}

impl FlawedStore {
    pub(super) fn with(flaw: Flaw) -> Self {
        Self {
            flaw: Some(flaw),
            ..Self::default()
        }
    }

    pub(super) fn flawless() -> Self {
        Self::default()
    }

    pub(super) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }
}

#[async_trait]
impl SessionStore for FlawedStore {
    async fn create(
        &self,
        record: &Record,
        _limit: Option<SessionLimit>,
        _now: Timestamp,
    ) -> Result<Created, StoreError> {
        yield_once().await;
        let mut record = record.clone().renamed(self.cut(&record.key));
        record.attributes = record
            .attributes
            .iter()
            .map(|attribute| Attribute {
                name: self.misread_name(&attribute.name),
                ..attribute.clone()
            })
            .collect();
        match self.flaw {
            Some(Flaw::CutsTimesToSeconds) => cut_to_seconds(&mut record),
            Some(Flaw::ForgetsRevision) => record.revision = Revision::default(),
            _ => {}
        }
        let mut table = self.table.lock();
        let overwritten = match table.entries.get(&record.key) {
            Some(Entry::Session(_)) => self.has(Flaw::CreateOverwrites),
            Some(Entry::Forward { .. }) => self.has(Flaw::CreateOverwritesForwards),
            None => false,
        };
        if overwritten {
            table.entries.remove(&record.key);
        }
        Ok(table.create(&record))
    }

    async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        yield_once().await;
        let mut key = self.cut(key);
        let now = self.misread_time(Verb::Load, &key, now);
        let access = match (self.flaw, access) {
            (Some(Flaw::PeekCounts), Access::Peek)
            | (Some(Flaw::CountedLoadIgnoresTheSpared), Access::Counted { .. }) => {
                Access::Counted {
                    unless_within: Duration::ZERO,
                }
            }
            (Some(Flaw::LoadCountsNothing), Access::Counted { .. }) => Access::Peek,
            _ => access,
        };
        let mut table = self.table.lock();
        if self.has(Flaw::LoadFollowsForwards) {
            while let Some(Entry::Forward { to, .. }) = table.entries.get(&key) {
                key = *to;
            }
        }
        let mut loaded = table.load(&key, access, now);
        match (self.flaw, &mut loaded) {
            (Some(Flaw::AbsentIsAnError), Loaded::Absent) => {
                return Err(StoreError::Unavailable("no such row".into()));
            }
            (
                Some(Flaw::CountedLoadAnswersItself),
                Loaded::Live {
                    record,
                    last_accessed,
                },
            ) => *last_accessed = record.accessed_at,
            (Some(Flaw::LoadRemovesExpired), Loaded::Absent) => {
                table.entries.remove(&key);
            }
            _ => {}
        }
        Ok(loaded)
    }

    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        yield_once().await;
        let key = self.cut(key);
        let now = self.misread_time(Verb::Apply, &key, now);
        if self.has(Flaw::ReadsThenWrites) {
            return Ok(self.apply_unlocked(&key, changes, now).await);
        }
        if self.has(Flaw::WritesHalves) && changes.attributes.len() > 1 {
            let (mut first, mut second) = (changes.clone(), changes.clone());
            second.attributes = first.attributes.split_off(1);
            self.apply_in(&mut self.table.lock(), &key, &first, now);
            yield_once().await;
            return Ok(self.apply_in(&mut self.table.lock(), &key, &second, now));
        }
        Ok(self.apply_in(&mut self.table.lock(), &key, changes, now))
    }

    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        yield_once().await;
        let (old, new) = (self.cut(old), self.cut(new));
        let now = self.misread_time(Verb::Rename, &old, now);
        if self.has(Flaw::RenameReadsThenWrites) {
            return Ok(self.rename_unlocked(&old, &new, changes, now).await);
        }
        Ok(self.rename_in(&mut self.table.lock(), &old, &new, changes, now))
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        yield_once().await;
        let key = self.cut(key);
        if self.has(Flaw::DeleteSparesImmortals)
            && let Some(Entry::Session(record)) = self.table.lock().entries.get(&key)
            && record.max_inactive_interval == MaxInactiveInterval::Never
        {
            return Ok(Deleted::Absent);
        }
        let answer = self.table.lock().delete(&key);
        match (self.flaw, &answer) {
            (Some(Flaw::DeleteIgnoresForwards), Deleted::Moved(_)) => Ok(Deleted::Absent),
            (Some(Flaw::DeleteRemovesForwards), Deleted::Moved(_)) => {
                self.table.lock().entries.remove(&key);
                Ok(answer)
            }
            (_, Deleted::Removed(Some(record))) => {
                self.deleted.lock().insert(key, record.clone());
                Ok(answer)
            }
            (Some(Flaw::DeleteAnswersTwice), Deleted::Absent) => {
                let again = self.deleted.lock().remove(&key);
                Ok(again.map_or(answer, |record| Deleted::Removed(Some(record))))
            }
            _ => Ok(answer),
        }
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        yield_once().await;
        if self.has(Flaw::SweepReportsTwice) {
            return Ok(self.sweep_unlocked(now, limit).await);
        }
        Ok(self.sweep_in(&mut self.table.lock(), now, limit))
    }

    async fn census(&self, now: Timestamp) -> Result<Census, StoreError> {
        yield_once().await;
        let table = self.table.lock();
        let mut census = table.census(now);
        let is_counted = |entry: &&Entry| match entry {
            Entry::Session(_) => self.has(Flaw::CensusCountsExpired) && entry.is_over(now),
            Entry::Forward { .. } => self.has(Flaw::CensusCountsForwards),
        };
        let too_many = table.entries.values().filter(is_counted).count();
        census.count_class(0, too_many);
        if self.has(Flaw::CensusIgnoresAges) {
            let live = census.live();
            census = Census::default();
            census.count_class(0, live);
        }
        Ok(census)
    }

    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        None
    }

    fn principals(&self) -> Option<&dyn PrincipalIndex> {
        None
    }
}

fn cut_to_seconds(record: &mut Record) {
    for time in [
        &mut record.created_at,
        &mut record.accessed_at,
        &mut record.issued_at,
    ] {
        *time = Timestamp::from_millis(time.as_millis() / 1000 * 1000);
    }
}
