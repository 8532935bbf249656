//! A store that answers with sessions that have expired.

use async_trait::async_trait;
use session_core::store::{
    Access, Applied, Census, Created, Deleted, ImmediateStore, Loaded, PrincipalIndex,
    SessionStore, StoreError, Swept,
};
use session_core::{ChangeSet, MemoryStore, Record, SessionLimit, StoreKey, Timestamp};

use crate::given::HOUR;

/// A store whose own idea of the time lags an hour behind, so that it answers with sessions
/// that have expired.
#[derive(Debug, Default)]
pub(crate) struct Lagging(MemoryStore);

fn an_hour_before(now: Timestamp) -> Timestamp {
    Timestamp::from_millis(now.as_millis() - HOUR.as_millis() as u64)
}

#[async_trait]
impl SessionStore for Lagging {
    async fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        SessionStore::create(&self.0, record, limit, now).await
    }

    async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        SessionStore::load(&self.0, key, access, an_hour_before(now)).await
    }

    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        SessionStore::apply(&self.0, key, changes, now).await
    }

    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        SessionStore::rename(&self.0, old, new, changes, now).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        SessionStore::delete(&self.0, key).await
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        SessionStore::sweep(&self.0, now, limit).await
    }

    async fn census(&self, now: Timestamp) -> Result<Census, StoreError> {
        SessionStore::census(&self.0, now).await
    }

    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        None
    }

    fn principals(&self) -> Option<&dyn PrincipalIndex> {
        None
    }
}
