//! A store that keeps every rule about principals but for one [`IndexFlaw`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::index::IndexFlaw;
use crate::clock::Timestamp;
use crate::runtime::yield_once;
use crate::session::{
    AtLimit, Authentication, ChangeSet, PrincipalKey, Record, SessionHandle, SessionLimit, StoreKey,
};
use crate::store::memory::MemoryStore;
use crate::store::{
    Access, Applied, Census, Created, Deleted, ImmediateStore, Loaded, PrincipalIndex,
    RemovalReason, Removed, SessionStore, StoreError, Swept,
};

/// A memory store that is asked the wrong things, or whose answers are spoilt.
#[derive(Default)]
pub(super) struct FlawedIndex {
    flaw: Option<IndexFlaw>,
    store: MemoryStore,
    /// Under which key each session was made.
    first_keys: Mutex<BTreeMap<SessionHandle, StoreKey>>,
    /// Under which keys there have been sessions of anybody.
    logged_in: Mutex<BTreeSet<StoreKey>>,
    unlisted: Mutex<BTreeSet<SessionHandle>>,
    reported: Mutex<Vec<Removed>>,
    was_everybody_ended: AtomicBool,
}

impl FlawedIndex {
    pub(super) fn with(flaw: IndexFlaw) -> Self {
        Self {
            flaw: Some(flaw),
            ..Self::default()
        }
    }

    fn has(&self, flaw: IndexFlaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn index(&self) -> &dyn PrincipalIndex {
        &self.store
    }

    fn cut(&self, principal: &PrincipalKey) -> PrincipalKey {
        let mut bytes = *principal.as_bytes();
        if self.has(IndexFlaw::CutsPrincipals) {
            bytes[16..].fill(0);
        }
        PrincipalKey::from_bytes(bytes)
    }

    fn cut_login(&self, login: &Authentication) -> Arc<Authentication> {
        Arc::new(Authentication {
            key: self.cut(&login.key),
            ..login.clone()
        })
    }

    /// Whether a login is let in, and under which limit the store is asked to do it.
    async fn misjudge(
        &self,
        login: &Authentication,
        limit: Option<SessionLimit>,
        handle: Option<SessionHandle>,
        now: Timestamp,
    ) -> Result<Option<Option<SessionLimit>>, StoreError> {
        let Some(asked) = limit else {
            return Ok(Some(None));
        };
        let at = match self.flaw {
            Some(IndexFlaw::CountsTheExpired) => Timestamp::EPOCH,
            Some(
                IndexFlaw::CountsItself | IndexFlaw::CountsThenBinds | IndexFlaw::EndsTheNewest,
            ) => now,
            Some(IndexFlaw::IgnoresTheLimit) => return Ok(Some(None)),
            _ => return Ok(Some(limit)),
        };
        let mut sessions = self.index().list(&login.key, at).await?;
        yield_once().await;
        if !self.has(IndexFlaw::CountsItself) {
            sessions.retain(|record| Some(record.handle) != handle);
        }
        if sessions.len() < asked.max {
            return Ok(Some(None));
        }
        if asked.at_limit == AtLimit::Refuse {
            return Ok(None);
        }
        while sessions.len() >= asked.max {
            let ended = if self.has(IndexFlaw::EndsTheNewest) {
                sessions.pop()
            } else {
                Some(sessions.remove(0))
            };
            if let Some(ended) = ended {
                self.index().end(&login.key, &ended.handle, now).await?;
            }
        }
        Ok(Some(None))
    }

    async fn handle_under(&self, key: &StoreKey, now: Timestamp) -> Option<SessionHandle> {
        match SessionStore::load(&self.store, key, Access::Peek, now).await {
            Ok(Loaded::Live { record, .. }) => Some(record.handle),
            _ => None,
        }
    }

    /// The change set with the login as the store understands it; `None` when it refuses.
    async fn misread(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Option<ChangeSet>, StoreError> {
        let mut misread = changes.clone();
        if let Some(login) = &mut misread.login {
            login.authentication = self.cut_login(&login.authentication);
            let handle = self.handle_under(key, now).await;
            match self
                .misjudge(&login.authentication, login.limit, handle, now)
                .await?
            {
                Some(limit) => login.limit = limit,
                None => return Ok(None),
            }
            self.logged_in.lock().insert(*key);
            if self.has(IndexFlaw::NotesOnlyCreated) {
                self.unlisted.lock().extend(handle);
            }
        }
        Ok(Some(misread))
    }

    async fn end_session(
        &self,
        principal: &PrincipalKey,
        record: &Record,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        let record = record.clone();
        match self.flaw {
            Some(IndexFlaw::EndOnlyUnlists) => {
                let is_new = self.unlisted.lock().insert(record.handle);
                Ok(is_new.then_some(record))
            }
            Some(IndexFlaw::EndMissesTheRenamed) => {
                yield_once().await;
                SessionStore::delete(&self.store, &record.key).await?;
                Ok(Some(record))
            }
            Some(IndexFlaw::EndForgetsAttributes) => {
                let ended = self.index().end(principal, &record.handle, now).await?;
                // What a list answers has no attributes.
                Ok(ended.map(|_| record))
            }
            _ => self.index().end(principal, &record.handle, now).await,
        }
    }
}

#[async_trait]
impl SessionStore for FlawedIndex {
    async fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        yield_once().await;
        let mut record = record.clone();
        let mut limit = limit;
        self.first_keys.lock().insert(record.handle, record.key);
        if let Some(login) = &record.authentication {
            let login = self.cut_login(login);
            let Some(judged) = self.misjudge(&login, limit, None, now).await? else {
                return Ok(Created::Refused);
            };
            limit = judged;
            record.authentication = Some(login);
            self.logged_in.lock().insert(record.key);
        }
        let created = SessionStore::create(&self.store, &record, limit, now).await?;
        if self.has(IndexFlaw::RefusalApplies) && created == Created::Refused {
            SessionStore::create(&self.store, &record, None, now).await?;
        }
        Ok(created)
    }

    async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        let is_down = self.was_everybody_ended.load(Ordering::Relaxed);
        if is_down && self.has(IndexFlaw::KeepsTheGenerationDown) {
            return Ok(Loaded::Absent);
        }
        SessionStore::load(&self.store, key, access, now).await
    }

    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        yield_once().await;
        let Some(misread) = self.misread(key, changes, now).await? else {
            return Ok(Applied::Refused);
        };
        let applied = SessionStore::apply(&self.store, key, &misread, now).await?;
        if self.has(IndexFlaw::RefusalApplies) && applied == Applied::Refused {
            let mut rest = misread.clone();
            rest.login = None;
            SessionStore::apply(&self.store, key, &rest, now).await?;
        }
        Ok(applied)
    }

    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        yield_once().await;
        let Some(misread) = self.misread(old, changes, now).await? else {
            return Ok(Applied::Refused);
        };
        if changes.login.is_some() || self.logged_in.lock().contains(old) {
            self.logged_in.lock().insert(*new);
        }
        SessionStore::rename(&self.store, old, new, &misread, now).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        SessionStore::delete(&self.store, key).await
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        let mut swept = SessionStore::sweep(&self.store, now, limit).await?;
        match self.flaw {
            Some(IndexFlaw::ReplacedGoUnreported) => {
                let is_told = |removed: &Removed| removed.reason != RemovalReason::Replaced;
                swept.removed.retain(is_told);
            }
            Some(IndexFlaw::GenerationReportedAsExpiry) => {
                for removed in &mut swept.removed {
                    if removed.reason == RemovalReason::Generation {
                        removed.reason = RemovalReason::Expired;
                    }
                }
            }
            Some(IndexFlaw::ReportsTwice) if swept.removed.is_empty() => {
                swept.removed.extend(self.reported.lock().pop());
            }
            Some(IndexFlaw::ReportsTwice) => {
                self.reported.lock().extend(swept.removed.iter().cloned());
            }
            _ => {}
        }
        Ok(swept)
    }

    async fn census(&self, now: Timestamp) -> Result<Census, StoreError> {
        SessionStore::census(&self.store, now).await
    }

    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        None
    }

    fn principals(&self) -> Option<&dyn PrincipalIndex> {
        Some(self)
    }
}

#[async_trait]
impl PrincipalIndex for FlawedIndex {
    async fn list(
        &self,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        yield_once().await;
        let at = match self.flaw {
            Some(IndexFlaw::ListsTheExpired) => Timestamp::EPOCH,
            _ => now,
        };
        let mut sessions = self.index().list(&self.cut(principal), at).await?;
        sessions.retain(|record| !self.unlisted.lock().contains(&record.handle));
        for record in &mut sessions {
            match self.flaw {
                Some(IndexFlaw::ListsAttributes) => {
                    let loaded = SessionStore::load(&self.store, &record.key, Access::Peek, now);
                    if let Loaded::Live { record: whole, .. } = loaded.await? {
                        *record = whole;
                    }
                }
                Some(IndexFlaw::ListsUnderTheFirstKey) => {
                    record.key = self.first_keys.lock()[&record.handle];
                }
                _ => {}
            }
        }
        Ok(sessions)
    }

    async fn end(
        &self,
        principal: &PrincipalKey,
        handle: &SessionHandle,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        if self.has(IndexFlaw::EndIgnoresThePrincipal) {
            let key = self.first_keys.lock().get(handle).copied();
            let Some(key) = key else { return Ok(None) };
            return Ok(match SessionStore::delete(&self.store, &key).await? {
                Deleted::Removed(record) => record,
                _ => None,
            });
        }
        let sessions = self.index().list(&self.cut(principal), now).await?;
        match sessions.iter().find(|record| record.handle == *handle) {
            Some(record) => self.end_session(&self.cut(principal), record, now).await,
            None => Ok(None),
        }
    }

    async fn end_all(
        &self,
        principal: &PrincipalKey,
        spared: Option<&SessionHandle>,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        let spared = spared.filter(|_| !self.has(IndexFlaw::SparesNobody));
        if self.has(IndexFlaw::EndsAllOthersToo) {
            let keys: Vec<_> = self.first_keys.lock().values().copied().collect();
            for key in keys {
                if self.handle_under(&key, now).await.as_ref() != spared {
                    SessionStore::delete(&self.store, &key).await?;
                }
            }
        }
        let principal = self.cut(principal);
        let mut ended = Vec::new();
        for record in self.index().list(&principal, now).await? {
            if Some(&record.handle) != spared {
                ended.extend(self.end_session(&principal, &record, now).await?);
            }
        }
        Ok(ended)
    }

    async fn end_everybody(&self) -> Result<(), StoreError> {
        self.was_everybody_ended.store(true, Ordering::Relaxed);
        if !self.has(IndexFlaw::EverybodyIsWhoeverLoggedIn) {
            return self.index().end_everybody().await;
        }
        let logged_in = std::mem::take(&mut *self.logged_in.lock());
        for key in logged_in {
            SessionStore::delete(&self.store, &key).await?;
        }
        Ok(())
    }
}
