//! The store under test, as the rules see it.

use std::panic::resume_unwind;
use std::sync::{Arc, LazyLock};
use std::thread;

use futures_executor::block_on;
use futures_util::future::join_all;
use futures_util::lock::{Mutex, MutexGuard};

use super::Door;
use super::samples::{DAY, IDLE_LIMIT, fresh_handle, fresh_key, touch};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::session::{
    Attribute, ChangeSet, PrincipalKey, Record, Revision, SessionHandle, SessionLimit, StoreKey,
    Value,
};
use crate::store::{
    Access, Applied, Census, Created, Deleted, ImmediateStore, Loaded, PrincipalIndex, Removed,
    SessionStore, StoreError, Swept,
};

/// A store and the door through which it is tested. A store that fails ends the test.
#[derive(Clone)]
pub(super) struct Subject {
    store: Arc<dyn SessionStore>,
    door: Door,
    start: Timestamp,
}

impl Subject {
    pub(super) fn new(store: Arc<dyn SessionStore>, door: Door) -> Self {
        Self {
            store,
            door,
            start: SystemClock.now(),
        }
    }

    /// The present of the rules: a day after the time of the sweeps, so that no sweep ends a
    /// session of another rule.
    pub(super) fn now(&self) -> Timestamp {
        self.start.saturating_add(DAY)
    }

    /// The time of the rules that sweep, to themselves as long as the guard lives.
    pub(super) async fn time_of_sweeps(&self) -> (Timestamp, MutexGuard<'static, ()>) {
        static SWEEPS: LazyLock<Mutex<()>> = LazyLock::new(Mutex::default);
        (self.start, SWEEPS.lock().await)
    }

    /// A session of this moment under a new key, not stored yet, without attributes, that may
    /// lie idle for [`IDLE_LIMIT`].
    pub(super) fn new_record(&self) -> Record {
        let mut record = Record::new(fresh_key(), fresh_handle(), self.now());
        record.max_inactive_interval = IDLE_LIMIT.into();
        record
    }

    /// A stored session with `attributes` at revision 1.
    pub(super) async fn session(
        &self,
        attributes: impl IntoIterator<Item = (&str, Value)> + Send,
    ) -> Record {
        let mut record = self.new_record();
        record.revision = Revision::new(1);
        record.attributes = attributes
            .into_iter()
            .map(|(name, value)| Attribute {
                name: name.into(),
                revision: record.revision,
                value,
            })
            .collect();
        self.store_new(&record).await;
        record
    }

    /// Stores `record` under its key, which has to be free.
    pub(super) async fn store_new(&self, record: &Record) {
        let created = self.create(record, record.accessed_at).await;
        assert_eq!(
            created,
            Created::Created,
            "a session under a free key is stored"
        );
    }

    /// The live session under `key`, without counting an access.
    pub(super) async fn peek(&self, key: &StoreKey, now: Timestamp) -> Record {
        self.live(key, Access::Peek, now).await.0
    }

    /// The live session under `key`, and the access before this one.
    pub(super) async fn live(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> (Record, Timestamp) {
        match self.load(key, access, now).await {
            Loaded::Live {
                record,
                last_accessed,
            } => (record, last_accessed),
            other => panic!("the session is live, but load answered {other:?}"),
        }
    }

    /// Loads what must not be there.
    pub(super) async fn assert_absent(&self, key: &StoreKey, now: Timestamp, why: &str) {
        let loaded = self.load(key, Access::Peek, now).await;
        assert_eq!(loaded, Loaded::Absent, "{why}");
    }

    /// Applies what must not be refused.
    pub(super) async fn apply_all(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Revision {
        match self.apply(key, changes, now).await {
            Applied::Applied { revision, .. } => revision,
            other => panic!("nothing stands against the changes, but apply answered {other:?}"),
        }
    }

    /// Renames where nothing stands in the way, with `changes` in the same step.
    pub(super) async fn rename_with(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Revision {
        match self.rename(old, new, changes, now).await {
            Applied::Applied { revision, .. } => revision,
            other => panic!("nothing stands against the new key, but rename answered {other:?}"),
        }
    }

    /// Renames to a new key without any other change, and answers that key.
    pub(super) async fn renamed(&self, old: &StoreKey, now: Timestamp) -> StoreKey {
        let new = fresh_key();
        self.rename_with(old, &new, &touch(now), now).await;
        new
    }

    /// Deletes the session under `key`, readable and not renamed, and answers it.
    pub(super) async fn end(&self, key: &StoreKey) -> Record {
        match self.delete(key).await {
            Deleted::Removed(Some(record)) => record,
            other => panic!("there is a session to delete, but delete answered {other:?}"),
        }
    }

    /// Sweeps until nothing expired is left, `limit` sessions at a time.
    pub(super) async fn sweep_all(&self, now: Timestamp, limit: usize) -> Vec<Removed> {
        /// More rounds than any test database needs; a store that always says "more" ends here.
        const ROUNDS_MAX: usize = 100_000;
        let mut removed = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let mut swept = self.sweep(now, limit).await;
            assert!(
                swept.removed.len() <= limit,
                "one sweep removes at most {limit} sessions, not {}",
                swept.removed.len()
            );
            removed.append(&mut swept.removed);
            if !swept.more {
                return removed;
            }
        }
        panic!("the sweep still says that there is more after {ROUNDS_MAX} rounds");
    }

    /// Runs `job` several times at once, with the numbers from zero: on threads through the
    /// immediate door, interleaved where the store awaits something otherwise.
    pub(super) async fn in_parallel<T, F>(
        &self,
        jobs: usize,
        job: impl Fn(Self, usize) -> F + Send + Sync,
    ) -> Vec<T>
    where
        T: Send,
        F: Future<Output = T> + Send,
    {
        match self.door {
            Door::Awaited => join_all((0..jobs).map(|number| job(self.clone(), number))).await,
            Door::Immediate => thread::scope(|scope| {
                let job = &job;
                let threads: Vec<_> = (0..jobs)
                    .map(|number| scope.spawn(move || block_on(job(self.clone(), number))))
                    .collect();
                threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
                    .collect()
            }),
        }
    }
}

/// The verbs, through the chosen door.
impl Subject {
    pub(super) async fn create(&self, record: &Record, now: Timestamp) -> Created {
        self.create_within(record, None, now).await
    }

    pub(super) async fn create_within(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Created {
        works(match self.door {
            Door::Awaited => self.store.create(record, limit, now).await,
            Door::Immediate => self.immediate().create(record, limit, now),
        })
    }

    pub(super) async fn load(&self, key: &StoreKey, access: Access, now: Timestamp) -> Loaded {
        works(match self.door {
            Door::Awaited => self.store.load(key, access, now).await,
            Door::Immediate => self.immediate().load(key, access, now),
        })
    }

    pub(super) async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Applied {
        works(match self.door {
            Door::Awaited => self.store.apply(key, changes, now).await,
            Door::Immediate => self.immediate().apply(key, changes, now),
        })
    }

    pub(super) async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Applied {
        works(match self.door {
            Door::Awaited => self.store.rename(old, new, changes, now).await,
            Door::Immediate => self.immediate().rename(old, new, changes, now),
        })
    }

    pub(super) async fn delete(&self, key: &StoreKey) -> Deleted {
        works(match self.door {
            Door::Awaited => self.store.delete(key).await,
            Door::Immediate => self.immediate().delete(key),
        })
    }

    pub(super) async fn sweep(&self, now: Timestamp, limit: usize) -> Swept {
        works(match self.door {
            Door::Awaited => self.store.sweep(now, limit).await,
            Door::Immediate => self.immediate().sweep(now, limit),
        })
    }

    pub(super) async fn census(&self, now: Timestamp) -> Census {
        works(self.store.census(now).await)
    }

    fn immediate(&self) -> &dyn ImmediateStore {
        match self.store.immediate() {
            Some(door) => door,
            None => panic!("the store has no immediate door"),
        }
    }
}

/// The sessions by principal, which have one door only.
impl Subject {
    pub(super) async fn list(&self, principal: &PrincipalKey, now: Timestamp) -> Vec<Record> {
        works(self.index().list(principal, now).await)
    }

    pub(super) async fn end_one(
        &self,
        principal: &PrincipalKey,
        handle: &SessionHandle,
        now: Timestamp,
    ) -> Option<Record> {
        works(self.index().end(principal, handle, now).await)
    }

    pub(super) async fn end_all(
        &self,
        principal: &PrincipalKey,
        spared: Option<&SessionHandle>,
        now: Timestamp,
    ) -> Vec<Record> {
        works(self.index().end_all(principal, spared, now).await)
    }

    pub(super) async fn end_everybody(&self) {
        works(self.index().end_everybody().await);
    }

    fn index(&self) -> &dyn PrincipalIndex {
        match self.store.principals() {
            Some(index) => index,
            None => panic!("the store no longer knows principals"),
        }
    }
}

fn works<T>(answer: Result<T, StoreError>) -> T {
    answer.unwrap_or_else(|error| panic!("the rules need a store that works: {error:?}"))
}
