//! A store that fails on cue.

mod answer;
mod held;
mod principals;
mod script;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use self::answer::{Answer, refuse, unavailable};
use self::held::Held;
pub use self::script::Fault;
use self::script::Script;
use crate::clock::Timestamp;
use crate::runtime::yield_once;
use crate::session::{ChangeSet, Record, SessionLimit, StoreKey};
use crate::store::wrapping::door_of;
use crate::store::{
    Access, Applied, Census, Created, Deleted, ImmediateStore, Loaded, PrincipalIndex,
    SessionStore, StoreError, Swept, Verb,
};

/// Wraps a store that works and lets chosen calls fail. Clones follow one script.
///
/// ```
/// use session_core::store::{SessionStore, StoreError};
/// use session_core::store::memory::MemoryStore;
/// use session_core::testkit::{Fault, Faulty, Verb, block_on};
/// # use session_core::StoreKey;
///
/// let store = Faulty::new(MemoryStore::new());
/// store.next(Verb::Delete, Fault::Unavailable);
/// # let key = StoreKey::from_bytes([1; 32]);
/// assert!(matches!(
///     block_on(SessionStore::delete(&store, &key)),
///     Err(StoreError::Unavailable(_)),
/// ));
/// assert!(block_on(SessionStore::delete(&store, &key)).is_ok());
/// ```
pub struct Faulty<S> {
    inner: Arc<Inner<S>>,
    has_immediate_door: bool,
}

struct Inner<S> {
    store: S,
    script: Mutex<Script>,
    held: Mutex<Vec<Weak<Held>>>,
    first_seen: Mutex<HashMap<StoreKey, Record>>,
    promised: Mutex<Option<Duration>>,
}

impl<S> Faulty<S> {
    /// Wraps `store`; without a script every call goes through.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                script: Mutex::default(),
                held: Mutex::default(),
                first_seen: Mutex::default(),
                promised: Mutex::default(),
            }),
            has_immediate_door: true,
        }
    }

    /// Hides the immediate door. Every call then also suspends once before it is done, as
    /// calls over a network do.
    #[must_use]
    pub fn without_immediate_door(mut self) -> Self {
        self.has_immediate_door = false;
        self
    }

    /// Lets the next call of `verb` fail, or the first one after it that has no fault yet.
    ///
    /// # Panics
    /// When `verb` cannot fail like this.
    pub fn next(&self, verb: Verb, fault: Fault) {
        self.inner.script.lock().set_next(verb, fault);
    }

    /// Lets the `n`-th call of `verb` from now on fail; 1 is the next one.
    ///
    /// # Panics
    /// When `verb` cannot fail like this, and when `n` is zero.
    pub fn nth(&self, verb: Verb, n: usize, fault: Fault) {
        self.inner.script.lock().set_nth(verb, n, fault);
    }

    /// Lets every call fail with [`StoreError::Unavailable`] until [`repair`](Self::repair).
    pub fn break_down(&self) {
        self.inner.script.lock().set_down(true);
    }

    /// Ends what [`break_down`](Self::break_down) began.
    pub fn repair(&self) {
        self.inner.script.lock().set_down(false);
    }

    /// From now on says that every call is answered within this time
    /// ([`SessionStore::answers_within`]), which calls that are held then belie.
    pub fn promise(&self, within: Duration) {
        *self.inner.promised.lock() = Some(within);
    }

    /// Forgets the faults that have not come up.
    pub fn forget(&self) {
        self.inner.script.lock().forget();
    }

    /// How many calls wait for [`release`](Self::release). A call that was given up by its
    /// caller does not count.
    #[must_use]
    pub fn held(&self) -> usize {
        let held = self.inner.held.lock();
        held.iter().filter(|call| call.strong_count() > 0).count()
    }

    /// Lets all calls that are held go on.
    pub fn release(&self) {
        let held = std::mem::take(&mut *self.inner.held.lock());
        for call in held.iter().filter_map(Weak::upgrade) {
            call.release();
        }
    }

    /// True when the script has no fault left that has not come up.
    #[must_use]
    pub fn is_played_out(&self) -> bool {
        self.inner.script.lock().is_played_out()
    }

    /// The wrapped store; calls to it never fail.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner.store
    }

    /// Does one call through the asynchronous door.
    async fn call<'w, A: Answer>(
        &self,
        verb: Verb,
        work: impl Fn() -> BoxFuture<'w, Result<A, StoreError>>,
    ) -> Result<A, StoreError> {
        let fault = self.inner.script.lock().begin(verb);
        if !self.has_immediate_door {
            yield_once().await;
        }
        if fault == Some(Fault::HoldRequest) {
            self.hold().await;
        }
        if let Some(refused) = refuse(fault) {
            return refused;
        }
        let mut answer = work().await;
        if fault == Some(Fault::Twice) {
            answer = work().await;
        }
        if fault == Some(Fault::HoldReply) {
            self.hold().await;
        }
        self.reply(fault, answer)
    }

    /// Does one call through the immediate door.
    fn call_at_once<A: Answer>(
        &self,
        verb: Verb,
        work: impl Fn() -> Result<A, StoreError>,
    ) -> Result<A, StoreError> {
        let fault = self.inner.script.lock().begin(verb);
        assert!(
            !matches!(fault, Some(Fault::HoldRequest | Fault::HoldReply)),
            "a call through the immediate door cannot wait; use `without_immediate_door`"
        );
        if let Some(refused) = refuse(fault) {
            return refused;
        }
        let mut answer = work();
        if fault == Some(Fault::Twice) {
            answer = work();
        }
        self.reply(fault, answer)
    }

    /// What becomes of the answer to a call that was done.
    fn reply<A: Answer>(
        &self,
        fault: Option<Fault>,
        answer: Result<A, StoreError>,
    ) -> Result<A, StoreError> {
        let mut answer = answer?;
        if fault == Some(Fault::LoseReply) {
            return Err(unavailable());
        }
        if fault == Some(Fault::Damaged) {
            return Ok(answer.damaged());
        }
        if fault == Some(Fault::Expired) {
            return Ok(answer.expired());
        }
        if let Some(record) = answer.record_mut() {
            let oldest = self.see(record);
            match fault {
                Some(Fault::Stale) => *record = oldest,
                Some(Fault::Foreign) => *record = self.another_than(record),
                _ => {}
            }
        }
        Ok(answer)
    }

    /// Remembers `record` unless an older state is known, and answers the oldest one.
    fn see(&self, record: &Record) -> Record {
        let mut first_seen = self.inner.first_seen.lock();
        first_seen
            .entry(record.key)
            .or_insert_with(|| record.clone())
            .clone()
    }

    /// The record of another session.
    fn another_than(&self, record: &Record) -> Record {
        let first_seen = self.inner.first_seen.lock();
        let others = first_seen
            .values()
            .filter(|other| other.handle != record.handle);
        let other = others.min_by_key(|other| *other.key.as_bytes());
        other.cloned().unwrap_or_else(|| Record {
            key: StoreKey::from_bytes(record.key.as_bytes().map(|byte| !byte)),
            ..record.clone()
        })
    }

    async fn hold(&self) {
        let held = Arc::new(Held::default());
        self.inner.held.lock().push(Arc::downgrade(&held));
        held.released().await;
    }
}

impl<S> Clone for Faulty<S> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            has_immediate_door: self.has_immediate_door,
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for Faulty<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty")
            .field("store", &self.inner.store)
            .field("held", &self.held())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl<S: SessionStore> SessionStore for Faulty<S> {
    async fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        self.see(record);
        self.call(Verb::Create, || self.inner.store.create(record, limit, now))
            .await
    }

    async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        self.call(Verb::Load, || self.inner.store.load(key, access, now))
            .await
    }

    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.call(Verb::Apply, || self.inner.store.apply(key, changes, now))
            .await
    }

    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let work = || self.inner.store.rename(old, new, changes, now);
        self.call(Verb::Rename, work).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        self.call(Verb::Delete, || self.inner.store.delete(key))
            .await
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        self.call(Verb::Sweep, || self.inner.store.sweep(now, limit))
            .await
    }

    async fn census(&self, now: Timestamp) -> Result<Census, StoreError> {
        self.call(Verb::Census, || self.inner.store.census(now))
            .await
    }

    fn answers_within(&self) -> Option<Duration> {
        *self.inner.promised.lock()
    }

    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        let is_open = self.has_immediate_door && self.inner.store.immediate().is_some();
        is_open.then_some(self)
    }

    fn principals(&self) -> Option<&dyn PrincipalIndex> {
        let known = self.inner.store.principals();
        known.map(|_| self as &dyn PrincipalIndex)
    }
}

impl<S: SessionStore> ImmediateStore for Faulty<S> {
    fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        self.see(record);
        self.call_at_once(Verb::Create, || {
            door_of(&self.inner.store)?.create(record, limit, now)
        })
    }

    fn load(&self, key: &StoreKey, access: Access, now: Timestamp) -> Result<Loaded, StoreError> {
        self.call_at_once(Verb::Load, || {
            door_of(&self.inner.store)?.load(key, access, now)
        })
    }

    fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.call_at_once(Verb::Apply, || {
            door_of(&self.inner.store)?.apply(key, changes, now)
        })
    }

    fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.call_at_once(Verb::Rename, || {
            door_of(&self.inner.store)?.rename(old, new, changes, now)
        })
    }

    fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        self.call_at_once(Verb::Delete, || door_of(&self.inner.store)?.delete(key))
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        self.call_at_once(Verb::Sweep, || {
            door_of(&self.inner.store)?.sweep(now, limit)
        })
    }
}
