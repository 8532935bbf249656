//! What waits at the same time travels together, and everybody has an answer of his own.

mod common;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use session_core::store::{Access, Applied, Loaded, SessionStore};
use session_core::{Record, StoreKey};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store_sql::SqlStore;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use self::common::Database;
use self::common::samples::{NOW, attributes, increment, key, number, put, record, touch};

/// Sessions with a counter, `a`.
async fn sessions(store: &SqlStore, count: usize) -> Vec<StoreKey> {
    let mut keys = Vec::new();
    for _ in 0..count {
        let mut record = record(key());
        record.attributes = attributes(&["a"]);
        store.create(&record, None, NOW).await.unwrap();
        keys.push(record.key);
    }
    keys
}

async fn live(store: &SqlStore, key: &StoreKey) -> Record {
    match store.load(key, Access::Peek, NOW).await.unwrap() {
        Loaded::Live { record, .. } => record,
        other => panic!("{other:?}"),
    }
}

/// Counts up, as a request does that loads and then writes.
async fn count(store: &SqlStore, key: &StoreKey) {
    let mut current = live(store, key).await;
    loop {
        let changes = increment(&current, "a");
        match store.apply(key, &changes, NOW).await.unwrap() {
            Applied::Applied { .. } => return,
            Applied::Conflict(record) => current = record,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_read_and_write_at_once_each_have_their_own_session() {
    for database in Database::ALL {
        let place = database.place();
        let store = place.store().await;
        let keys = sessions(&store, 40).await;
        let mut before = Vec::new();
        for key in &keys {
            before.push(number(&live(&store, key).await, "a"));
        }
        let mut visitors = JoinSet::new();
        for (index, key) in keys.iter().copied().enumerate() {
            let store = store.clone();
            visitors.spawn(async move {
                for _ in 0..index % 8 {
                    count(&store, &key).await;
                }
            });
        }
        while let Some(visitor) = visitors.join_next().await {
            visitor.unwrap();
        }
        for (index, key) in keys.iter().enumerate() {
            let counted = live(&store, key).await;
            let expected = usize::from(before[index]) + index % 8;
            assert_eq!(
                usize::from(number(&counted, "a")),
                expected,
                "{}",
                database.name()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_before_somebody_else_wrote_decides_nothing() {
    for database in Database::ALL {
        let place = database.place();
        let (ours, theirs) = (place.store().await, place.store().await);
        let name = database.name();
        let key = sessions(&ours, 1).await[0];
        let read = live(&ours, &key).await;
        let mut changes = touch(NOW);
        changes.attributes.push(put("b", 7));
        theirs.apply(&key, &changes, NOW).await.unwrap();
        changes.attributes = vec![put("c", 8)];
        let applied = ours.apply(&key, &changes, NOW).await.unwrap();
        assert!(matches!(applied, Applied::Applied { .. }), "{applied:?}");
        let both = live(&ours, &key).await;
        assert_eq!((number(&both, "b"), number(&both, "c")), (7, 8), "{name}");
        theirs
            .apply(&key, &increment(&both, "a"), NOW)
            .await
            .unwrap();
        let late = ours.apply(&key, &increment(&read, "a"), NOW).await.unwrap();
        assert!(matches!(late, Applied::Conflict(_)), "{name}: {late:?}");
        live(&ours, &key).await;
        theirs.delete(&key).await.unwrap();
        let gone = ours.apply(&key, &changes, NOW).await.unwrap();
        assert!(matches!(gone, Applied::Gone), "{name}: {gone:?}");
        let ended = sessions(&ours, 1).await[0];
        live(&ours, &ended).await;
        theirs.principals().unwrap().end_everybody().await.unwrap();
        let gone = ours.apply(&ended, &changes, NOW).await.unwrap();
        assert!(matches!(gone, Applied::Gone), "{name}: {gone:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_somebody_has_locked_keeps_no_other_one_waiting() {
    let place = Database::Postgres.place();
    let store = place.builder().timeout(Duration::from_secs(60));
    let store = store.connect().await.unwrap();
    let keys = sessions(&store, 20).await;
    let [held, others @ ..] = &*keys else {
        panic!("there are twenty");
    };
    let mut stranger = PgConnection::connect(&place.url).await.unwrap();
    let table = format!("{}record", place.prefix);
    let lock = format!(
        "BEGIN; SELECT 1 FROM {table} WHERE store_key = '\\x{}' FOR UPDATE",
        held.to_hex()
    );
    let lock = sqlx::raw_sql(AssertSqlSafe(lock));
    lock.execute(&mut stranger).await.unwrap();
    let waiting = tokio::spawn({
        let (store, held) = (store.clone(), *held);
        async move { count(&store, &held).await }
    });
    let began = Instant::now();
    let mut visitors = JoinSet::new();
    for key in others {
        let (store, key) = (store.clone(), *key);
        visitors.spawn(async move { count(&store, &key).await });
    }
    while let Some(visitor) = visitors.join_next().await {
        visitor.unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(30));
    assert!(!waiting.is_finished(), "it waits for the lock");
    let free = sqlx::raw_sql("ROLLBACK");
    free.execute(&mut stranger).await.unwrap();
    waiting.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_dropped_take_no_others_with_them() {
    for database in Database::ALL {
        let place = database.place();
        let store = place.store().await;
        let keys = sessions(&store, 32).await;
        let mut before = Vec::new();
        for key in &keys {
            before.push(number(&live(&store, key).await, "a"));
        }
        let mut staying = JoinSet::new();
        let mut leaving = Vec::new();
        for (index, key) in keys.iter().copied().enumerate() {
            let store = store.clone();
            let visit = async move { count(&store, &key).await };
            if index % 2 == 0 {
                staying.spawn(visit);
            } else {
                leaving.push(tokio::spawn(visit));
            }
        }
        for visit in leaving {
            tokio::task::yield_now().await;
            visit.abort();
        }
        while let Some(visit) = staying.join_next().await {
            visit.unwrap();
        }
        for (index, key) in keys.iter().enumerate() {
            let counted = number(&live(&store, key).await, "a") - before[index];
            match index % 2 {
                0 => assert_eq!(counted, 1, "{}", database.name()),
                // It left before or after.
                _ => assert!(counted <= 1, "{}", database.name()),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_is_busy_with_something_else_keeps_no_other_one_waiting() {
    for database in Database::ALL {
        let place = database.place();
        let store = place.builder().timeout(Duration::from_secs(20));
        let store = store.connect().await.unwrap();
        let keys = sessions(&store, 4).await;
        let [one, two, three, ours] = &*keys else {
            panic!("there are four");
        };
        live(&store, one).await;
        live(&store, ours).await;
        // Another runtime begins to write and to read, and does not come round to the rest.
        let busy = Builder::new_current_thread().enable_all().build().unwrap();
        let changes = increment(&record(*one), "b");
        let mut write = pin!(store.apply(one, &changes, NOW));
        let mut reads = [two, three].map(|key| Box::pin(store.load(key, Access::Peek, NOW)));
        {
            let _entered = busy.enter();
            let mut context = Context::from_waker(Waker::noop());
            assert!(matches!(write.as_mut().poll(&mut context), Poll::Pending));
            for read in &mut reads {
                // SQLite may have the answer already.
                let _ = read.as_mut().poll(&mut context);
            }
        }
        count(&store, ours).await;
        assert_eq!(
            number(&live(&store, ours).await, "a"),
            2,
            "{}",
            database.name()
        );
        busy.shutdown_background();
    }
}
