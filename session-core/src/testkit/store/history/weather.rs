//! A store whose answers come late and out of order, and do not always come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::clock::Timestamp;
use crate::runtime::yield_once;
use crate::session::{ChangeSet, PrincipalKey, Record, SessionHandle, SessionLimit, StoreKey};
use crate::store::wrapping::{door_of, index_of};
use crate::store::{
    Access, Applied, Census, Created, Deleted, ImmediateStore, Loaded, PrincipalIndex,
    SessionStore, StoreError, Swept,
};
use crate::testkit::chance::Chance;
use crate::testkit::store::Door;

/// What becomes of calls that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// They are not done.
    Refused,
    /// They are done or not, and nobody knows.
    AnswersLost,
}

/// Wraps a store. Shows the door by which it is to be reached.
pub(super) struct Weather {
    store: Arc<dyn SessionStore>,
    door: Door,
    trouble: Trouble,
    chance: Mutex<Chance>,
    is_fair: AtomicBool,
}

/// What befalls one call.
struct Fate {
    pauses: [usize; 2],
    trouble: Option<Trouble>,
}

impl Weather {
    pub(super) fn new(
        store: Arc<dyn SessionStore>,
        door: Door,
        trouble: Trouble,
        chance: Chance,
    ) -> Self {
        Self {
            store,
            door,
            trouble,
            chance: Mutex::new(chance),
            is_fair: AtomicBool::new(false),
        }
    }

    /// Whether calls succeed at once.
    pub(super) fn set_fair(&self, is_fair: bool) {
        self.is_fair.store(is_fair, Ordering::SeqCst);
    }

    fn fate(&self) -> Fate {
        let is_fair = self.is_fair.load(Ordering::SeqCst);
        let mut chance = self.chance.lock();
        let pauses = [chance.below(3), chance.below(5)];
        let is_troubled = chance.one_in(30);
        let is_lost = self.trouble == Trouble::AnswersLost && chance.one_in(2);
        let trouble = match is_lost {
            true => Trouble::AnswersLost,
            false => Trouble::Refused,
        };
        Fate {
            pauses: match is_fair || self.door == Door::Immediate {
                true => [0, 0],
                false => pauses,
            },
            trouble: (is_troubled && !is_fair).then_some(trouble),
        }
    }

    async fn call<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let Fate { pauses, trouble } = self.fate();
        for _ in 0..pauses[0] {
            yield_once().await;
        }
        if trouble == Some(Trouble::Refused) {
            return Err(unavailable());
        }
        let answer = work.await;
        for _ in 0..pauses[1] {
            yield_once().await;
        }
        match trouble {
            Some(Trouble::AnswersLost) => Err(unavailable()),
            _ => answer,
        }
    }

    fn call_at_once<T>(
        &self,
        work: impl FnOnce(&dyn ImmediateStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self.fate().trouble {
            Some(Trouble::Refused) => Err(unavailable()),
            Some(Trouble::AnswersLost) => {
                work(door_of(&*self.store)?)?;
                Err(unavailable())
            }
            None => work(door_of(&*self.store)?),
        }
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("bad weather".into())
}

#[async_trait]
impl SessionStore for Weather {
    async fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        self.call(self.store.create(record, limit, now)).await
    }

    async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        self.call(self.store.load(key, access, now)).await
    }

    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.call(self.store.apply(key, changes, now)).await
    }

    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.call(self.store.rename(old, new, changes, now)).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        self.call(self.store.delete(key)).await
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        self.call(self.store.sweep(now, limit)).await
    }

    async fn census(&self, now: Timestamp) -> Result<Census, StoreError> {
        self.call(self.store.census(now)).await
    }

    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        (self.door == Door::Immediate).then_some(self)
    }

    fn principals(&self) -> Option<&dyn PrincipalIndex> {
        self.store.principals().map(|_| self as &dyn PrincipalIndex)
    }
}

#[async_trait]
impl PrincipalIndex for Weather {
    async fn list(
        &self,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        self.call(index_of(&*self.store)?.list(principal, now))
            .await
    }

    async fn end(
        &self,
        principal: &PrincipalKey,
        handle: &SessionHandle,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        self.call(index_of(&*self.store)?.end(principal, handle, now))
            .await
    }

    async fn end_all(
        &self,
        principal: &PrincipalKey,
        spared: Option<&SessionHandle>,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        self.call(index_of(&*self.store)?.end_all(principal, spared, now))
            .await
    }

    async fn end_everybody(&self) -> Result<(), StoreError> {
        self.call(index_of(&*self.store)?.end_everybody()).await
    }
}

impl ImmediateStore for Weather {
    fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        self.call_at_once(|store| store.create(record, limit, now))
    }

    fn load(&self, key: &StoreKey, access: Access, now: Timestamp) -> Result<Loaded, StoreError> {
        self.call_at_once(|store| store.load(key, access, now))
    }

    fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.call_at_once(|store| store.apply(key, changes, now))
    }

    fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.call_at_once(|store| store.rename(old, new, changes, now))
    }

    fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        self.call_at_once(|store| store.delete(key))
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        self.call_at_once(|store| store.sweep(now, limit))
    }
}
