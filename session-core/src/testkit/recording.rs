//! A store that remembers what it was asked.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::clock::Timestamp;
use crate::session::{ChangeSet, PrincipalKey, Record, SessionHandle, SessionLimit, StoreKey};
use crate::store::wrapping::{door_of, index_of};
use crate::store::{
    Access, Applied, Census, Created, Deleted, ImmediateStore, Loaded, PrincipalIndex,
    SessionStore, StoreError, Swept, Verb,
};

/// Wraps a store and remembers every call, through whichever door it came. Clones share one
/// memory, so a test keeps one and gives the other away.
#[derive(Debug)]
pub struct Recording<S> {
    store: Arc<S>,
    calls: Arc<Mutex<Vec<Verb>>>,
}

impl<S> Recording<S> {
    /// Wraps `store`; nothing is recorded yet.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self {
            store: Arc::new(store),
            calls: Arc::default(),
        }
    }

    /// The calls so far, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Verb> {
        self.calls.lock().clone()
    }

    /// How often `verb` was called.
    #[must_use]
    pub fn count(&self, verb: Verb) -> usize {
        self.calls
            .lock()
            .iter()
            .filter(|call| **call == verb)
            .count()
    }

    /// Answers the calls so far and forgets them.
    pub fn take_calls(&self) -> Vec<Verb> {
        std::mem::take(&mut self.calls.lock())
    }

    /// The wrapped store; calls to it are not recorded.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.store
    }

    fn record(&self, verb: Verb) {
        self.calls.lock().push(verb);
    }
}

impl<S> Clone for Recording<S> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            calls: self.calls.clone(),
        }
    }
}

#[async_trait]
impl<S: SessionStore> SessionStore for Recording<S> {
    async fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        self.record(Verb::Create);
        self.store.create(record, limit, now).await
    }

    async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        self.record(Verb::Load);
        self.store.load(key, access, now).await
    }

    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.record(Verb::Apply);
        self.store.apply(key, changes, now).await
    }

    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.record(Verb::Rename);
        self.store.rename(old, new, changes, now).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        self.record(Verb::Delete);
        self.store.delete(key).await
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        self.record(Verb::Sweep);
        self.store.sweep(now, limit).await
    }

    async fn census(&self, now: Timestamp) -> Result<Census, StoreError> {
        self.record(Verb::Census);
        self.store.census(now).await
    }

    fn answers_within(&self) -> Option<Duration> {
        self.store.answers_within()
    }

    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        self.store.immediate().map(|_| self as &dyn ImmediateStore)
    }

    fn principals(&self) -> Option<&dyn PrincipalIndex> {
        self.store.principals().map(|_| self as &dyn PrincipalIndex)
    }
}

#[async_trait]
impl<S: SessionStore> PrincipalIndex for Recording<S> {
    async fn list(
        &self,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        self.record(Verb::List);
        index_of(&*self.store)?.list(principal, now).await
    }

    async fn end(
        &self,
        principal: &PrincipalKey,
        handle: &SessionHandle,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        self.record(Verb::End);
        index_of(&*self.store)?.end(principal, handle, now).await
    }

    async fn end_all(
        &self,
        principal: &PrincipalKey,
        spared: Option<&SessionHandle>,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        self.record(Verb::EndAll);
        let index = index_of(&*self.store)?;
        index.end_all(principal, spared, now).await
    }

    async fn end_everybody(&self) -> Result<(), StoreError> {
        self.record(Verb::EndEverybody);
        index_of(&*self.store)?.end_everybody().await
    }
}

impl<S: SessionStore> ImmediateStore for Recording<S> {
    fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        self.record(Verb::Create);
        door_of(&*self.store)?.create(record, limit, now)
    }

    fn load(&self, key: &StoreKey, access: Access, now: Timestamp) -> Result<Loaded, StoreError> {
        self.record(Verb::Load);
        door_of(&*self.store)?.load(key, access, now)
    }

    fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.record(Verb::Apply);
        door_of(&*self.store)?.apply(key, changes, now)
    }

    fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.record(Verb::Rename);
        door_of(&*self.store)?.rename(old, new, changes, now)
    }

    fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        self.record(Verb::Delete);
        door_of(&*self.store)?.delete(key)
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        self.record(Verb::Sweep);
        door_of(&*self.store)?.sweep(now, limit)
    }
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;

    use super::*;
    use crate::store::memory::MemoryStore;

    #[test]
    fn calls_through_both_doors_are_recorded_in_order() {
        let recording = Recording::new(MemoryStore::new());
        let (store, key) = (recording.clone(), StoreKey::from_bytes([7; 32]));
        block_on(SessionStore::delete(&store, &key)).unwrap();
        let door = store.immediate().unwrap();
        door.sweep(Timestamp::EPOCH, 1).unwrap();
        door.delete(&key).unwrap();
        assert_eq!(recording.count(Verb::Delete), 2);
        assert_eq!(
            recording.take_calls(),
            [Verb::Delete, Verb::Sweep, Verb::Delete]
        );
        assert_eq!(recording.calls(), []);
    }
}
