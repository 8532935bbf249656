//! The way to the store: the synchronous door where there is one, otherwise an await with a
//! deadline.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures_util::future::{Either, select};

use crate::clock::Timestamp;
use crate::engine::Engine;
use crate::error::SessionError;
use crate::session::{ChangeSet, PrincipalKey, Record, SessionHandle, StoreKey};
use crate::store::{
    Access, Applied, Census, Created, Deleted, Loaded, PrincipalIndex, StoreError, Swept,
};

impl Engine {
    /// True when the store answers at once, so that every method here completes at the first
    /// poll.
    pub(crate) fn is_immediate(&self) -> bool {
        self.store.immediate().is_some()
    }

    pub(crate) async fn create(
        &self,
        record: &Record,
        now: Timestamp,
    ) -> Result<Created, SessionError> {
        let limit = self.settings.session_limit;
        match self.store.immediate() {
            Some(store) => Ok(store.create(record, limit, now)?),
            None => self.guarded(self.store.create(record, limit, now)).await,
        }
    }

    /// Answers the store's own error too: an unreadable record is no outage.
    pub(crate) async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Result<Loaded, StoreError>, SessionError> {
        match self.store.immediate() {
            Some(store) => Ok(store.load(key, access, now)),
            None => {
                let load = self.store.load(key, access, now);
                self.guarded(async { Ok(load.await) }).await
            }
        }
    }

    pub(crate) async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, SessionError> {
        match self.store.immediate() {
            Some(store) => Ok(store.apply(key, changes, now)?),
            None => self.guarded(self.store.apply(key, changes, now)).await,
        }
    }

    pub(crate) async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, SessionError> {
        match self.store.immediate() {
            Some(store) => Ok(store.rename(old, new, changes, now)?),
            None => {
                self.guarded(self.store.rename(old, new, changes, now))
                    .await
            }
        }
    }

    pub(crate) async fn delete(&self, key: &StoreKey) -> Result<Deleted, SessionError> {
        match self.store.immediate() {
            Some(store) => Ok(store.delete(key)?),
            None => self.guarded(self.store.delete(key)).await,
        }
    }

    pub(crate) async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, SessionError> {
        match self.store.immediate() {
            Some(store) => Ok(store.sweep(now, limit)?),
            None => self.in_time(self.store.sweep(now, limit)).await,
        }
    }

    pub(crate) async fn census(&self, now: Timestamp) -> Result<Census, SessionError> {
        self.in_time_if_far(self.store.census(now)).await
    }

    pub(crate) async fn list(
        &self,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Vec<Record>, SessionError> {
        let list = self.principals()?.list(principal, now);
        self.in_time_if_far(list).await
    }

    pub(crate) async fn end(
        &self,
        principal: &PrincipalKey,
        handle: &SessionHandle,
        now: Timestamp,
    ) -> Result<Option<Record>, SessionError> {
        let end = self.principals()?.end(principal, handle, now);
        self.in_time_if_far(end).await
    }

    pub(crate) async fn end_all(
        &self,
        principal: &PrincipalKey,
        spared: Option<&SessionHandle>,
        now: Timestamp,
    ) -> Result<Vec<Record>, SessionError> {
        let end = self.principals()?.end_all(principal, spared, now);
        self.in_time_if_far(end).await
    }

    pub(crate) async fn end_everybody(&self) -> Result<(), SessionError> {
        let end = self.principals()?.end_everybody();
        self.in_time_if_far(end).await
    }

    fn principals(&self) -> Result<&dyn PrincipalIndex, SessionError> {
        self.store.principals().ok_or(SessionError::NoPrincipals)
    }

    /// A census and the sessions by principal have no synchronous door; a store in this process
    /// needs no deadline all the same.
    async fn in_time_if_far<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, SessionError> {
        if self.is_immediate() {
            return Ok(call.await?);
        }
        self.in_time(call).await
    }

    /// Waits for a store that answers in time by itself, and otherwise no longer than that.
    async fn guarded<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, SessionError> {
        let promised = self.store.answers_within();
        if promised.is_some_and(|within| within <= self.settings.store_timeout) {
            return Ok(call.await?);
        }
        self.in_time(call).await
    }

    /// Gives up waiting when the store does not answer in time. Whether a write was applied
    /// is then unknown, and it is never sent again.
    async fn in_time<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, SessionError> {
        let Some(runtime) = self.runtime.get() else {
            return Ok(call.await?);
        };
        let limit = self.settings.store_timeout;
        match select(pin!(call), runtime.sleep(limit)).await {
            Either::Left((answer, _)) => Ok(answer?),
            Either::Right(_) => Err(SessionError::TimedOut(limit)),
        }
    }
}

/// The output of a future that is known to complete at its first poll, because everything it
/// awaits is an immediate store. `None` if it did not.
pub(crate) fn at_once<F: Future>(future: F) -> Option<F::Output> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
