//! Calls that travel together.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures_util::future::join_all;
use session_core::store::{Access, Applied, SessionStore};
use testbed::{Kind, Server};
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::roundtrips::calls;
use crate::stage::{
    BOTH, MINUTE, changes, key, now, number, number_in, peek, prefix, put, session, store, store_at,
};

#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_calls_is_given_its_own_answer() {
    for kind in BOTH {
        let store = store(kind).await;
        let sessions = (0..200_u32).map(async |own| {
            let session = session(&store, key()).await.key;
            let change = changes([put("own", number(own))]);
            let applied = store.apply(&session, &change, now()).await.unwrap();
            assert!(matches!(applied, Applied::Applied { .. }));
            let refused = store.apply(&key(), &change, now()).await.unwrap();
            assert_eq!(refused, Applied::Gone);
            let record = peek(&store, &session).await.unwrap();
            assert_eq!(
                (record.key, number_in(&record, "own")),
                (session, Some(own))
            );
            assert_eq!(peek(&store, &key()).await, None);
        });
        join_all(sessions).await;
    }
}

#[tokio::test]
async fn reads_of_one_moment_ask_for_the_generation_once() {
    let server = Server::start(Kind::Redis).unwrap();
    let url = server.url();
    let store = store_at(&url, &prefix()).await;
    let id = session(&store, key()).await.key;
    calls(&url).await;
    let reads = (0..32).map(|_| peek(&store, &id));
    assert!(join_all(reads).await.iter().all(Option::is_some));
    let calls = calls(&url).await;
    assert_eq!(calls["hgetall"], 32);
    assert_eq!(calls["get"], 1);
}

#[tokio::test]
async fn a_runtime_that_ends_keeps_nobody_waiting() {
    let store = store(Kind::Redis).await;
    let id = session(&store, key()).await.key;
    let mut left = pin!(peek(&store, &id));
    // Another runtime takes it on to send what waits, and ends before it does.
    let other = Builder::new_current_thread().enable_all().build().unwrap();
    {
        let _entered = other.enter();
        let polled = left.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending));
    }
    other.shutdown_background();
    // Whoever waited for it asks again, and everybody else is not concerned.
    assert!(left.await.is_some());
    assert!(peek(&store, &id).await.is_some());
    let load = store.load(&id, Access::Peek, now());
    assert!(load.await.is_ok());
}

#[tokio::test]
async fn a_runtime_that_is_busy_with_something_else_keeps_no_other_one_waiting() {
    let store = store(Kind::Redis).await;
    let id = session(&store, key()).await.key;
    // Another runtime is about to send a call, and does not come round to it.
    let busy = Builder::new_current_thread().enable_all().build().unwrap();
    let mut held = pin!(peek(&store, &id));
    {
        let _entered = busy.enter();
        let polled = held.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending));
    }
    // What a call of this runtime takes at most, and then some.
    let ours = timeout(MINUTE, peek(&store, &id)).await;
    assert!(ours.expect("an answer").is_some());
    busy.shutdown_background();
    assert!(held.await.is_some());
}
