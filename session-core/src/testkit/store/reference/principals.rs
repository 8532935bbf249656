//! The sessions by principal in their plainest form: whoever asks looks through all of them.

use async_trait::async_trait;

use super::{Entry, ReferenceStore, Table};
use crate::clock::Timestamp;
use crate::session::{
    AtLimit, Attributes, ChangeSet, PrincipalKey, Record, SessionHandle, SessionLimit, StoreKey,
};
use crate::store::{Applied, PrincipalIndex, RemovalReason, Removed, StoreError};

impl Table {
    fn list(&self, principal: &PrincipalKey, now: Timestamp) -> Vec<Record> {
        let entries = self.entries.values().filter(|entry| !entry.is_over(now));
        let mut sessions: Vec<_> = entries
            .filter_map(|entry| match entry {
                Entry::Forward { .. } => None,
                Entry::Session(record) => Some((record.authentication.as_ref()?, record)),
            })
            .filter(|(login, _)| login.key == *principal)
            .map(|(login, record)| (login.authenticated_at, record))
            .collect();
        sessions.sort_by_key(|(since, record)| (*since, record.key));
        let unread = |record: &Record| Record {
            attributes: Attributes::default(),
            ..record.clone()
        };
        sessions.iter().map(|(_, record)| unread(record)).collect()
    }

    fn end(
        &mut self,
        principal: &PrincipalKey,
        handle: &SessionHandle,
        now: Timestamp,
    ) -> Option<Record> {
        let sessions = self.list(principal, now);
        let found = sessions.iter().find(|record| record.handle == *handle)?;
        self.remove(&found.key)
    }

    fn remove(&mut self, key: &StoreKey) -> Option<Record> {
        match self.entries.remove(key)? {
            Entry::Forward { .. } => None,
            Entry::Session(record) => Some(record),
        }
    }

    /// The sessions that have to end for a login of the session under `key`, or `None` when it
    /// is refused.
    pub(super) fn surplus(
        &self,
        principal: &PrincipalKey,
        limit: Option<SessionLimit>,
        key: &StoreKey,
        now: Timestamp,
    ) -> Option<Vec<Record>> {
        let Some(limit) = limit else {
            return Some(Vec::new());
        };
        let mut others = self.list(principal, now);
        others.retain(|record| record.key != *key);
        let surplus = (others.len() + 1).saturating_sub(limit.max);
        if surplus > 0 && limit.at_limit == AtLimit::Refuse {
            return None;
        }
        others.truncate(surplus);
        Some(others)
    }

    pub(super) fn replace(&mut self, surplus: &[Record]) {
        for record in surplus {
            let removed = self.remove(&record.key);
            self.ended.extend(removed.map(|record| Removed {
                record,
                reason: RemovalReason::Replaced,
            }));
        }
    }

    fn end_everybody(&mut self) {
        for entry in std::mem::take(&mut self.entries).into_values() {
            if let Entry::Session(record) = entry {
                self.ended.push(Removed {
                    record,
                    reason: RemovalReason::Generation,
                });
            }
        }
    }

    /// Runs `write`, which lets the session under `key` log in if the change set says so.
    pub(super) fn log_in(
        &mut self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
        write: impl FnOnce(&mut Self) -> Applied,
    ) -> Applied {
        let Some(login) = &changes.login else {
            return write(self);
        };
        let principal = &login.authentication.key;
        let Some(surplus) = self.surplus(principal, login.limit, key, now) else {
            return Applied::Refused;
        };
        let applied = write(self);
        if let Applied::Applied { .. } = applied {
            self.replace(&surplus);
        }
        applied
    }
}

#[async_trait]
impl PrincipalIndex for ReferenceStore {
    async fn list(
        &self,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        Ok(self.table.lock().list(principal, now))
    }

    async fn end(
        &self,
        principal: &PrincipalKey,
        handle: &SessionHandle,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        Ok(self.table.lock().end(principal, handle, now))
    }

    async fn end_all(
        &self,
        principal: &PrincipalKey,
        spared: Option<&SessionHandle>,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        let mut table = self.table.lock();
        let mut ended = table.list(principal, now);
        ended.retain(|record| Some(&record.handle) != spared);
        Ok(ended
            .iter()
            .filter_map(|record| table.remove(&record.key))
            .collect())
    }

    async fn end_everybody(&self) -> Result<(), StoreError> {
        self.table.lock().end_everybody();
        Ok(())
    }
}
