//! The verbs of the stores of this crate, each dropped at every await.

use session_core::store::{Access, Loaded, SessionStore, StoreError};
use session_core::testkit::{Faulty, ManualClock, Recording, block_on};
use session_core::{
    Authentication, BoxFuture, ChangeSet, Limits, MemoryStore, PrincipalKey, Record, SessionHandle,
    StoreKey,
};
use std::sync::Arc;

use crate::given::poll_once;

const OLD: StoreKey = StoreKey::from_bytes([1; 32]);
const NEW: StoreKey = StoreKey::from_bytes([2; 32]);
const ADA: PrincipalKey = PrincipalKey::from_bytes([3; 32]);
const HANDLE: SessionHandle = SessionHandle::from_bytes([4; 16]);

/// A verb, and whether it may leave the session where it is not.
type Verb = (
    &'static str,
    fn(Arc<dyn SessionStore>) -> BoxFuture<Result<(), StoreError>>,
);

const VERBS: [Verb; 11] = [
    ("create", |store| {
        let record = Record::new(NEW, SessionHandle::from_bytes([5; 16]), ManualClock::START);
        Box::pin(async move {
            store
                .create(&record, None, ManualClock::START)
                .await
                .map(drop)
        })
    }),
    ("load", |store| {
        Box::pin(async move {
            store
                .load(&OLD, Access::Peek, ManualClock::START)
                .await
                .map(drop)
        })
    }),
    ("apply", |store| {
        Box::pin(async move {
            store
                .apply(&OLD, &touch(), ManualClock::START)
                .await
                .map(drop)
        })
    }),
    ("rename", |store| {
        Box::pin(async move {
            let (changes, now) = (touch(), ManualClock::START);
            store.rename(&OLD, &NEW, &changes, now).await.map(drop)
        })
    }),
    ("delete", |store| {
        Box::pin(async move { store.delete(&OLD).await.map(drop) })
    }),
    ("sweep", |store| {
        Box::pin(async move { store.sweep(ManualClock::START, 9).await.map(drop) })
    }),
    ("census", |store| {
        Box::pin(async move { store.census(ManualClock::START).await.map(drop) })
    }),
    ("list", |store| {
        Box::pin(async move {
            let index = store.principals().expect("it knows principals");
            index.list(&ADA, ManualClock::START).await.map(drop)
        })
    }),
    ("end", |store| {
        Box::pin(async move {
            let index = store.principals().expect("it knows principals");
            index.end(&ADA, &HANDLE, ManualClock::START).await.map(drop)
        })
    }),
    ("end_all", |store| {
        Box::pin(async move {
            let index = store.principals().expect("it knows principals");
            index
                .end_all(&ADA, None, ManualClock::START)
                .await
                .map(drop)
        })
    }),
    ("end_everybody", |store| {
        Box::pin(async move {
            let index = store.principals().expect("it knows principals");
            index.end_everybody().await
        })
    }),
];

fn touch() -> ChangeSet {
    ChangeSet::touch(ManualClock::START, Limits::NONE)
}

fn ada() -> Record {
    let mut record = Record::new(OLD, HANDLE, ManualClock::START);
    record.authentication = Some(Arc::new(Authentication::new(
        "ada",
        ADA,
        ManualClock::START,
    )));
    record
}

/// Of few parts, for making thousands takes most of the time.
fn memory() -> MemoryStore {
    MemoryStore::builder().shards(64).build()
}

fn is_live(store: &dyn SessionStore, key: &StoreKey) -> bool {
    let loaded = block_on(store.load(key, Access::Peek, ManualClock::START)).unwrap();
    matches!(loaded, Loaded::Live { .. })
}

#[test]
fn a_verb_of_a_store_that_is_dropped_at_any_await_is_done_or_not_done() {
    let stores: [fn() -> Arc<dyn SessionStore>; 3] = [
        || Arc::new(memory()),
        || Arc::new(Faulty::new(memory()).without_immediate_door()),
        || {
            let far = Faulty::new(memory()).without_immediate_door();
            Arc::new(Recording::new(far))
        },
    ];
    for (name, call) in VERBS {
        for store in stores {
            let mut polls = 0;
            let mut is_done = false;
            while !is_done {
                let store = store();
                block_on(store.create(&ada(), None, ManualClock::START)).unwrap();
                {
                    let mut call = call(store.clone());
                    is_done = (0..polls).any(|_| poll_once(call.as_mut()).is_ready());
                }
                let (old, new) = (is_live(&*store, &OLD), is_live(&*store, &NEW));
                let is_old = (old, new) == (true, false);
                let is_new = match name {
                    "create" => old && new,
                    "rename" => !old && new,
                    "delete" | "end" | "end_all" | "end_everybody" => !old && !new,
                    _ => is_old,
                };
                assert!(is_new || (is_old && !is_done), "{name} after {polls} polls");
                let index = store.principals().expect("it knows principals");
                let listed = block_on(index.list(&ADA, ManualClock::START)).unwrap();
                let alive = old || (name == "rename" && new);
                assert_eq!(
                    listed.len(),
                    usize::from(alive),
                    "{name} after {polls} polls"
                );
                // Nothing is locked, and what is left can be ended.
                for key in [OLD, NEW] {
                    block_on(store.apply(&key, &touch(), ManualClock::START)).unwrap();
                    block_on(store.delete(&key)).unwrap();
                }
                assert!(!is_live(&*store, &OLD) && !is_live(&*store, &NEW));
                polls += 1;
                assert!(polls < 10_000, "{name} is never done");
            }
        }
    }
}
