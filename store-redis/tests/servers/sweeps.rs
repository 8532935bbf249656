//! Sweeping on a real server.

use session_core::store::{PrincipalIndex, RemovalReason, Removed, SessionStore};
use store_redis::RedisStore;
use testbed::{Kind, Server};

use crate::stage::{
    BOTH, apply, key, key_in, names, now, peek, prefix, principal, put_in, record, record_of,
    store, store_at, store_with, touch,
};

async fn sweep_all(store: &RedisStore, limit: usize) -> Vec<Removed> {
    let mut removed = Vec::new();
    loop {
        let swept = store.sweep(now(), limit).await.unwrap();
        assert!(swept.removed.len() <= limit);
        removed.extend(swept.removed);
        if !swept.more {
            return removed;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sessions_are_swept_by_several_processes_each_once() {
    for kind in BOTH {
        let prefix = prefix();
        let (one, other) = (
            store_with(kind, &prefix).await,
            store_with(kind, &prefix).await,
        );
        for number in 0..600 {
            let mut session = record(key());
            session.absolute_deadline = now();
            if number % 3 == 0 {
                session.absolute_deadline = now().saturating_add(crate::stage::HOUR);
            }
            put_in(&one, &session).await;
        }
        let (a, b) = tokio::join!(sweep_all(&one, 40), sweep_all(&other, 500));
        assert_eq!(a.len() + b.len(), 400);
        assert!(
            a.iter()
                .chain(&b)
                .all(|removed| removed.reason == RemovalReason::Expired)
        );
        assert_eq!(one.census(now()).await.unwrap().live(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_when_all_is_over() {
    let server = Server::start(Kind::Redis).unwrap();
    let url = server.url();
    let store = store_at(&url, &prefix()).await;
    let ada = principal();
    for number in 0..50 {
        let mut session = if number % 2 == 0 {
            record(key())
        } else {
            record_of(ada, key())
        };
        session.absolute_deadline = now();
        put_in(&store, &session).await;
    }
    let kept = record_of(ada, key());
    put_in(&store, &kept).await;
    assert_eq!(sweep_all(&store, 7).await.len(), 50);
    store.delete(&kept.key).await.unwrap();
    let left = names(&url, "").await;
    let left: Vec<_> = left.into_iter().map(|(_, name)| name).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_completes_what_somebody_who_ended_everybody_left_undone() {
    let prefix = prefix();
    let store = store_with(Kind::RedisCluster, &prefix).await;
    let url = testbed::shared(Kind::RedisCluster).unwrap();
    let (done, undone) = (record(key_in(1)), record(key_in(2)));
    put_in(&store, &done).await;
    put_in(&store, &undone).await;
    store.end_everybody().await.unwrap();
    assert_eq!(sweep_all(&store, 10).await.len(), 2);

    let (done, undone) = (record(key_in(1)), record(key_in(2)));
    put_in(&store, &done).await;
    put_in(&store, &undone).await;
    // As if it had died after the first group.
    for (mut connection, name) in names(&url, "{g01}:generation").await {
        if name.starts_with(&prefix.replace(' ', "%20")) {
            let _: () = redis::cmd("SET")
                .arg(name)
                .arg(2)
                .query_async(&mut connection)
                .await
                .unwrap();
        }
    }
    assert!(peek(&store, &done.key).await.is_none());
    assert!(peek(&store, &undone.key).await.is_some());
    let told = sweep_all(&store, 10).await;
    assert!(peek(&store, &undone.key).await.is_none());
    let later = sweep_all(&store, 10).await;
    assert_eq!(
        told.len() + later.len(),
        1,
        "the other one is told of by and by"
    );
    let after = record(key_in(1));
    put_in(&store, &after).await;
    assert!(peek(&store, &after.key).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_several_pages_is_counted_and_swept_while_it_is_used() {
    let store = store(Kind::Redis).await;
    let session = record(key());
    put_in(&store, &session).await;
    // Many sessions that never expire, and one that is used all the time.
    let many: Vec<_> = (0..3_000).map(|_| record(key())).collect();
    for some in many.chunks(100) {
        let puts = some.iter().map(|record| put_in(&store, record));
        futures_util::future::join_all(puts).await;
    }
    let (census, ()) = tokio::join!(store.census(now()), async {
        for _ in 0..50 {
            apply(&store, &session.key, &touch()).await;
        }
    });
    assert_eq!(census.unwrap().live(), 3_001);
    store.end_everybody().await.unwrap();
    assert_eq!(sweep_all(&store, 1_000).await.len(), 3_001);
}
