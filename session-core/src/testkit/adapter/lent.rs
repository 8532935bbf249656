//! A store that the test has, too.

use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::session::{ChangeSet, Record, SessionLimit, StoreKey};
use crate::store::{
    Access, Applied, Census, Created, Deleted, ImmediateStore, Loaded, PrincipalIndex,
    SessionStore, StoreError, Swept,
};

/// Any store, where a type that is one is asked for.
pub(super) struct Lent(pub(super) Arc<dyn SessionStore>);

#[async_trait]
impl SessionStore for Lent {
    async fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        self.0.create(record, limit, now).await
    }

    async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        self.0.load(key, access, now).await
    }

    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.0.apply(key, changes, now).await
    }

    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.0.rename(old, new, changes, now).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        self.0.delete(key).await
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        self.0.sweep(now, limit).await
    }

    async fn census(&self, now: Timestamp) -> Result<Census, StoreError> {
        self.0.census(now).await
    }

    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        self.0.immediate()
    }

    fn principals(&self) -> Option<&dyn PrincipalIndex> {
        self.0.principals()
    }
}
