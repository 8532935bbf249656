//! A store around the store, which counts the calls and how long they take.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::Counters;
use crate::clock::Timestamp;
use crate::session::{ChangeSet, PrincipalKey, Record, SessionHandle, SessionLimit, StoreKey};
use crate::store::wrapping::{door_of, index_of};
use crate::store::{
    Access, Applied, Census, Created, Deleted, ImmediateStore, Loaded, PrincipalIndex,
    SessionStore, StoreError, Swept, Verb,
};

/// Counts every call, through whichever door it comes. It has the doors of the store in it.
pub(crate) struct Counted {
    store: Arc<dyn SessionStore>,
    counters: Arc<Counters>,
}

impl Counted {
    pub(crate) fn new(store: Arc<dyn SessionStore>, counters: Arc<Counters>) -> Self {
        Self { store, counters }
    }

    async fn call<T>(
        &self,
        verb: Verb,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let call = Call::begin(&self.counters, verb);
        call.end(work.await)
    }

    fn call_at_once<T>(
        &self,
        verb: Verb,
        work: impl FnOnce(&dyn ImmediateStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let door = door_of(&*self.store)?;
        let call = Call::begin(&self.counters, verb);
        call.end(work(door))
    }

    /// Counts an answer that another request was faster.
    fn note_conflict(&self, applied: Result<Applied, StoreError>) -> Result<Applied, StoreError> {
        if let Ok(Applied::Conflict(_)) = &applied {
            self.counters.count_conflict();
        }
        applied
    }
}

/// A call under way. One that is dropped before it ends was given up by its caller, at its
/// deadline for instance, and is counted as a failure.
struct Call<'c> {
    counters: &'c Counters,
    verb: Verb,
    began: Instant,
    failed: bool,
}

impl<'c> Call<'c> {
    fn begin(counters: &'c Counters, verb: Verb) -> Self {
        Self {
            counters,
            verb,
            began: Instant::now(),
            failed: true,
        }
    }

    fn end<T>(mut self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        self.failed = answer.is_err();
        answer
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let latency = self.began.elapsed();
        self.counters.count_call(self.verb, self.failed, latency);
    }
}

#[async_trait]
impl SessionStore for Counted {
    async fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        self.call(Verb::Create, self.store.create(record, limit, now))
            .await
    }

    async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        self.call(Verb::Load, self.store.load(key, access, now))
            .await
    }

    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let work = self.store.apply(key, changes, now);
        self.note_conflict(self.call(Verb::Apply, work).await)
    }

    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let work = self.store.rename(old, new, changes, now);
        self.note_conflict(self.call(Verb::Rename, work).await)
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        self.call(Verb::Delete, self.store.delete(key)).await
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        self.call(Verb::Sweep, self.store.sweep(now, limit)).await
    }

    async fn census(&self, now: Timestamp) -> Result<Census, StoreError> {
        let census = self.call(Verb::Census, self.store.census(now)).await;
        #[cfg(feature = "metrics")]
        if let Ok(census) = &census {
            super::facade::census(census);
        }
        census
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

impl ImmediateStore for Counted {
    fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        self.call_at_once(Verb::Create, |door| door.create(record, limit, now))
    }

    fn load(&self, key: &StoreKey, access: Access, now: Timestamp) -> Result<Loaded, StoreError> {
        self.call_at_once(Verb::Load, |door| door.load(key, access, now))
    }

    fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let applied = self.call_at_once(Verb::Apply, |door| door.apply(key, changes, now));
        self.note_conflict(applied)
    }

    fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let work = |door: &dyn ImmediateStore| door.rename(old, new, changes, now);
        self.note_conflict(self.call_at_once(Verb::Rename, work))
    }

    fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        self.call_at_once(Verb::Delete, |door| door.delete(key))
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        self.call_at_once(Verb::Sweep, |door| door.sweep(now, limit))
    }
}

#[async_trait]
impl PrincipalIndex for Counted {
    async fn list(
        &self,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        let work = index_of(&*self.store)?.list(principal, now);
        self.call(Verb::List, work).await
    }

    async fn end(
        &self,
        principal: &PrincipalKey,
        handle: &SessionHandle,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        let work = index_of(&*self.store)?.end(principal, handle, now);
        self.call(Verb::End, work).await
    }

    async fn end_all(
        &self,
        principal: &PrincipalKey,
        spared: Option<&SessionHandle>,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        let work = index_of(&*self.store)?.end_all(principal, spared, now);
        self.call(Verb::EndAll, work).await
    }

    async fn end_everybody(&self) -> Result<(), StoreError> {
        let work = index_of(&*self.store)?.end_everybody();
        self.call(Verb::EndEverybody, work).await
    }
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;

    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::testkit::store::{principal_rules, rules};

    #[test]
    fn a_store_whose_calls_are_counted_keeps_every_rule() {
        for rule in rules().iter().chain(principal_rules()) {
            let (store, counters) = (Arc::new(MemoryStore::new()), Arc::default());
            block_on(rule.check(Arc::new(Counted::new(store, counters))));
        }
    }
}
