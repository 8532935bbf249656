//! Who has which sessions.
//!
//! The lists are kept beside the sessions, not under the same locks: what a list says is
//! verified with the session itself, and a key that was renamed leads on to the new one. Only
//! logins of one principal wait for each other, so that a limit holds. A principal is locked
//! before a shard, never while one is.
//!
//! Whatever changes where a session is, or whose, corrects the list afterwards, and looks at
//! the session again while it does. So corrections may come late and in any order: the last
//! one sees what there is.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use async_trait::async_trait;

use super::shard::{Entry, Slot};
use super::{MemoryStore, Removed};
use crate::clock::Timestamp;
use crate::session::{
    AtLimit, Attributes, Authentication, PrincipalKey, Record, SessionHandle, SessionLimit,
    StoreKey,
};
use crate::store::{PrincipalIndex, RemovalReason, StoreError};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard, RandomState};

/// The sessions of some principals, under the keys that they had when they were noted.
type Part = HashMap<PrincipalKey, HashSet<StoreKey, RandomState>, RandomState>;

/// The sessions of all principals.
pub(super) struct Principals {
    parts: Box<[Mutex<Part>]>,
    hasher: RandomState,
    /// Sessions that are gone and to be struck off.
    gone: Mutex<Vec<(PrincipalKey, StoreKey)>>,
    has_gone: AtomicBool,
}

impl Default for Principals {
    fn default() -> Self {
        /// Enough that logins of different principals hardly meet, and that none of the tables
        /// takes long to grow.
        const PARTS: usize = 1_024;
        Self {
            parts: (0..PARTS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::default(),
            gone: Mutex::default(),
            has_gone: AtomicBool::new(false),
        }
    }
}

impl Principals {
    fn part(&self, principal: &PrincipalKey) -> MutexGuard<'_, Part> {
        let hash = self.hasher.hash_one(principal);
        // The remainder is less than the number of parts.
        self.parts[(hash % self.parts.len() as u64) as usize].lock()
    }

    fn noted(&self, principal: &PrincipalKey) -> Vec<StoreKey> {
        let part = self.part(principal);
        let keys = part.get(principal).into_iter().flatten();
        keys.copied().collect()
    }

    /// Remembers that a session is gone. Locks no principal, so it can be called anywhere.
    pub(super) fn forget(&self, principal: PrincipalKey, key: StoreKey) {
        let mut gone = self.gone.lock();
        gone.push((principal, key));
        self.has_gone.store(true, Ordering::Relaxed);
    }

    /// True when something is to be struck off: a look at a flag, which a thread may see late;
    /// the next call finds it.
    pub(super) fn has_gone(&self) -> bool {
        self.has_gone.load(Ordering::Relaxed)
    }

    /// What was to be struck off.
    fn take_gone(&self) -> Vec<(PrincipalKey, StoreKey)> {
        if !self.has_gone() {
            return Vec::new();
        }
        let mut gone = self.gone.lock();
        self.has_gone.store(false, Ordering::Relaxed);
        std::mem::take(&mut *gone)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let count = |part: &Mutex<Part>| part.lock().values().map(HashSet::len).sum::<usize>();
        self.parts.iter().map(count).sum()
    }
}

/// A login and the session that it is about.
pub(super) struct Binding<'a> {
    pub(super) login: &'a Authentication,
    pub(super) limit: Option<SessionLimit>,
    /// The key of the session before the login.
    pub(super) old: &'a StoreKey,
    /// The key of the session after it.
    pub(super) new: StoreKey,
}

impl MemoryStore {
    /// Runs `store`, which lets a session log in, so that the limit of sessions holds: no
    /// other login of the principal runs meanwhile. `did` says whether it logged in. `None`
    /// when the principal may have no more sessions.
    pub(super) fn bind<T>(
        &self,
        binding: &Binding<'_>,
        now: Timestamp,
        store: impl FnOnce() -> T,
        did: impl FnOnce(&T) -> bool,
    ) -> Option<T> {
        let principal = &binding.login.key;
        let mut part = self.principals.part(principal);
        let surplus = match binding.limit {
            Some(limit) => {
                let noted = part.get(principal).into_iter().flatten().copied();
                let mut others = self.live_sessions(principal, noted, now);
                others.retain(|record| record.key != *binding.old);
                surplus(others, limit)?
            }
            None => Vec::new(),
        };
        let answer = store();
        if did(&answer) {
            // Nothing else goes from the list here: what has expired by this clock may be live
            // by the next one.
            let keys = part.entry(*principal).or_default();
            keys.remove(binding.old);
            keys.insert(binding.new);
            for record in &surplus {
                self.replace(principal, record);
            }
        }
        Some(answer)
    }

    /// Corrects the list of `principal`, who had a session under `old` that was moved to
    /// `new`: it may have moved on since, have ended, or be somebody else's. To be called
    /// without any lock.
    pub(super) fn note(&self, principal: &PrincipalKey, old: &StoreKey, new: &StoreKey) {
        let mut part = self.principals.part(principal);
        let session = self.session_of(principal, *new);
        let keys = part.entry(*principal).or_default();
        keys.remove(old);
        keys.extend(session.map(|record| record.key));
        if keys.is_empty() {
            part.remove(principal);
        }
    }

    /// Remembers that an entry that was removed is to be struck off the list of its principal.
    pub(super) fn forget(&self, entry: &Entry) {
        if let Some(principal) = entry.principal() {
            self.principals.forget(principal, *entry.key());
        }
    }

    /// Strikes off what is gone. To be called without any lock.
    pub(super) fn strike_off(&self) {
        for (principal, key) in self.principals.take_gone() {
            self.note(&principal, &key, &key);
        }
    }

    /// The live sessions of a principal, the oldest login first, without attributes.
    fn live_sessions(
        &self,
        principal: &PrincipalKey,
        noted: impl IntoIterator<Item = StoreKey>,
        now: Timestamp,
    ) -> Vec<Record> {
        let mut sessions: Vec<Record> = noted
            .into_iter()
            .filter_map(|key| self.session_of(principal, key))
            .filter(|record| !record.is_expired(now))
            .collect();
        sessions.sort_by_key(|record| {
            let since = record.authentication.as_ref();
            (since.map(|login| login.authenticated_at), record.key)
        });
        sessions.dedup_by_key(|record| record.key);
        sessions
    }

    /// The session that was noted under `key`, if it is still this principal's, without its
    /// attributes. It may have expired.
    fn session_of(&self, principal: &PrincipalKey, mut key: StoreKey) -> Option<Record> {
        loop {
            let shard = self.shard(&key);
            match &shard.get(&key)?.slot {
                Slot::Forward { to, .. } => key = *to,
                Slot::Live(record) => {
                    return is_of(record, principal).then(|| Record {
                        attributes: Attributes::default(),
                        ..record.clone()
                    });
                }
            }
        }
    }

    /// Ends a session of a principal that may have no more; the next sweeps report it.
    fn replace(&self, principal: &PrincipalKey, found: &Record) {
        if let Some(record) = self.end_session(principal, found.key, &found.handle) {
            self.evicted.report(Removed {
                record,
                reason: RemovalReason::Replaced,
            });
        }
    }

    /// Removes a session if it is still this principal's.
    pub(super) fn end_session(
        &self,
        principal: &PrincipalKey,
        mut key: StoreKey,
        handle: &SessionHandle,
    ) -> Option<Record> {
        let entry = loop {
            let mut shard = self.shard(&key);
            match &shard.get(&key)?.slot {
                Slot::Forward { to, .. } => key = *to,
                Slot::Live(record) if is_of(record, principal) && record.handle == *handle => {
                    break shard.remove(&key)?;
                }
                Slot::Live(_) => return None,
            }
        };
        self.budget.give_back(entry.cost());
        self.forget(&entry);
        entry.into_record()
    }
}

/// Which of the `others`, ordered by their logins, have to end so that the principal can have
/// one more session. `None` when it cannot.
fn surplus(mut others: Vec<Record>, limit: SessionLimit) -> Option<Vec<Record>> {
    let surplus = (others.len() + 1).saturating_sub(limit.max);
    others.truncate(surplus);
    match limit.at_limit {
        AtLimit::Refuse if surplus > 0 => None,
        AtLimit::Refuse | AtLimit::EndOldest => Some(others),
    }
}

fn is_of(record: &Record, principal: &PrincipalKey) -> bool {
    let login = record.authentication.as_ref();
    login.is_some_and(|login| login.key == *principal)
}

#[async_trait]
impl PrincipalIndex for MemoryStore {
    async fn list(
        &self,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        let noted = self.principals.noted(principal);
        Ok(self.live_sessions(principal, noted, now))
    }

    async fn end(
        &self,
        principal: &PrincipalKey,
        handle: &SessionHandle,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        let sessions = self.list(principal, now).await?;
        let found = sessions.iter().find(|record| record.handle == *handle);
        Ok(found.and_then(|found| self.end_session(principal, found.key, handle)))
    }

    async fn end_all(
        &self,
        principal: &PrincipalKey,
        spared: Option<&SessionHandle>,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        let sessions = self.list(principal, now).await?;
        let ended = sessions
            .iter()
            .filter(|record| Some(&record.handle) != spared)
            .filter_map(|record| self.end_session(principal, record.key, &record.handle));
        Ok(ended.collect())
    }

    async fn end_everybody(&self) -> Result<(), StoreError> {
        self.raise_generation();
        Ok(())
    }
}
