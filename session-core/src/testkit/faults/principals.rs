//! The sessions by principal of a store that fails on cue.

use async_trait::async_trait;

use super::Faulty;
use crate::clock::Timestamp;
use crate::session::{PrincipalKey, Record, SessionHandle};
use crate::store::Verb;
use crate::store::wrapping::index_of;
use crate::store::{PrincipalIndex, SessionStore, StoreError};

#[async_trait]
impl<S: SessionStore> PrincipalIndex for Faulty<S> {
    async fn list(
        &self,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        let index = index_of(&self.inner.store)?;
        let work = || index.list(principal, now);
        self.call(Verb::List, work).await
    }

    async fn end(
        &self,
        principal: &PrincipalKey,
        handle: &SessionHandle,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        let index = index_of(&self.inner.store)?;
        let work = || index.end(principal, handle, now);
        self.call(Verb::End, work).await
    }

    async fn end_all(
        &self,
        principal: &PrincipalKey,
        spared: Option<&SessionHandle>,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        let index = index_of(&self.inner.store)?;
        let work = || index.end_all(principal, spared, now);
        self.call(Verb::EndAll, work).await
    }

    async fn end_everybody(&self) -> Result<(), StoreError> {
        let index = index_of(&self.inner.store)?;
        let work = || index.end_everybody();
        self.call(Verb::EndEverybody, work).await
    }
}
