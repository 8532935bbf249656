//! A store of the application's own that panics when it is told to.

use async_trait::async_trait;
use session_core::store::{
    Access, Applied, Census, Created, Deleted, ImmediateStore, Loaded, PrincipalIndex,
    SessionStore, StoreError, Swept,
};
use session_core::testkit::Faulty;
use session_core::{
    ChangeSet, MemoryStore, PrincipalKey, Record, SessionHandle, SessionLimit, StoreKey, Timestamp,
};

use super::Callback;
use super::fused::Fused;

pub(super) type Store = Faulty<MemoryStore>;

impl Fused<Store> {
    fn before(&self) -> &Store {
        self.1.burn(Callback::StoreBefore);
        &self.0
    }

    fn after<T>(&self, answer: T) -> T {
        self.1.burn(Callback::StoreAfter);
        answer
    }

    fn door(&self) -> &dyn ImmediateStore {
        self.before().immediate().expect("it is near")
    }

    fn index(&self) -> &dyn PrincipalIndex {
        self.before().principals().expect("it knows principals")
    }
}

#[async_trait]
impl SessionStore for Fused<Store> {
    async fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        let answer = SessionStore::create(self.before(), record, limit, now).await;
        self.after(answer)
    }

    async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        let answer = SessionStore::load(self.before(), key, access, now).await;
        self.after(answer)
    }

    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let answer = SessionStore::apply(self.before(), key, changes, now).await;
        self.after(answer)
    }

    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let answer = SessionStore::rename(self.before(), old, new, changes, now).await;
        self.after(answer)
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        let answer = SessionStore::delete(self.before(), key).await;
        self.after(answer)
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        let answer = SessionStore::sweep(self.before(), now, limit).await;
        self.after(answer)
    }

    async fn census(&self, now: Timestamp) -> Result<Census, StoreError> {
        let answer = SessionStore::census(self.before(), now).await;
        self.after(answer)
    }

    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        self.0.immediate().map(|_| self as &dyn ImmediateStore)
    }

    fn principals(&self) -> Option<&dyn PrincipalIndex> {
        Some(self)
    }
}

impl ImmediateStore for Fused<Store> {
    fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        let answer = self.door().create(record, limit, now);
        self.after(answer)
    }

    fn load(&self, key: &StoreKey, access: Access, now: Timestamp) -> Result<Loaded, StoreError> {
        let answer = self.door().load(key, access, now);
        self.after(answer)
    }

    fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let answer = self.door().apply(key, changes, now);
        self.after(answer)
    }

    fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let answer = self.door().rename(old, new, changes, now);
        self.after(answer)
    }

    fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        let answer = self.door().delete(key);
        self.after(answer)
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        let answer = self.door().sweep(now, limit);
        self.after(answer)
    }
}

#[async_trait]
impl PrincipalIndex for Fused<Store> {
    async fn list(
        &self,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        let answer = self.index().list(principal, now).await;
        self.after(answer)
    }

    async fn end(
        &self,
        principal: &PrincipalKey,
        handle: &SessionHandle,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        let answer = self.index().end(principal, handle, now).await;
        self.after(answer)
    }

    async fn end_all(
        &self,
        principal: &PrincipalKey,
        spared: Option<&SessionHandle>,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        let answer = self.index().end_all(principal, spared, now).await;
        self.after(answer)
    }

    async fn end_everybody(&self) -> Result<(), StoreError> {
        let answer = self.index().end_everybody().await;
        self.after(answer)
    }
}
