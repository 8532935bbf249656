//! What is left when whoever works on a session dies on the way: a future that is dropped after
//! so many polls has sent what it has sent, and does nothing more.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use session_core::store::{Access, Loaded, PrincipalIndex, SessionStore};
use session_core::{AtLimit, SessionLimit, StoreKey};
use store_redis::RedisStore;
use testbed::Kind;

use crate::stage::{
    append, apply, changes, items_in, key_in, login, now, peek, principal, put_in, record_of,
    session, store, touch,
};

/// Polls a future so many times, each time when it asks for it. `None` when it was not ready
/// by then.
async fn polled<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Waits until the nodes have done what was sent before: on the connection that it was sent on.
async fn settled(store: &RedisStore, keys: [StoreKey; 2]) {
    for _ in 0..3 {
        for key in keys {
            store.load(&key, Access::Peek, now()).await.unwrap();
        }
    }
}

async fn live(store: &RedisStore, key: &StoreKey) -> bool {
    matches!(
        store.load(key, Access::Peek, now()).await.unwrap(),
        Loaded::Live { .. }
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_is_broken_off_anywhere_leaves_one_key_and_all_that_was_written() {
    let store = store(Kind::RedisCluster).await;
    let (mut left_behind, mut arrived, mut completed) = (0, 0, 0);
    for polls in 0..40 {
        let (old, new) = (key_in(3), key_in(200));
        session(&store, old).await;
        apply(&store, &old, &changes([append("l")])).await;
        let change = changes([append("l")]);
        let outcome = polled(polls, store.rename(&old, &new, &change, now())).await;
        settled(&store, [old, new]).await;
        let usable = [live(&store, &old).await, live(&store, &new).await];
        match usable {
            [true, false] => {
                assert!(outcome.is_none(), "a move that was answered has happened");
                left_behind += 1;
                let record = apply(&store, &old, &changes([append("l")])).await;
                assert_eq!(items_in(&record, "l"), 2, "the move was not applied at all");
                // The next login moves it to a key that is free.
                let another = key_in(201);
                store.rename(&old, &another, &touch(), now()).await.unwrap();
                assert!(live(&store, &another).await);
            }
            [false, true] => {
                arrived += 1;
                completed += usize::from(outcome.is_some());
                let record = apply(&store, &old, &changes([append("l")])).await;
                assert!(
                    record.key == new,
                    "a write under the old key is told the new one"
                );
                assert_eq!(items_in(&record, "l"), 3, "the move was applied once");
            }
            other => panic!("after {polls} polls one key is usable, not {other:?}"),
        }
    }
    // How many polls a move takes is up to the machine; that it is broken off before its end and
    // reaches it is not.
    assert!(
        left_behind + arrived > completed && completed > 0,
        "{left_behind} left behind, {arrived} arrived, {completed} of them completed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_move_was_broken_off_is_ended_under_either_key() {
    let store = store(Kind::RedisCluster).await;
    for polls in 0..40 {
        let (old, new) = (key_in(7), key_in(150));
        session(&store, old).await;
        let _ = polled(polls, store.rename(&old, &new, &touch(), now())).await;
        // Without a look at it in between: nobody has brought it to the new key.
        let mut key = old;
        loop {
            match store.delete(&key).await.unwrap() {
                session_core::store::Deleted::Moved(to) => key = to,
                session_core::store::Deleted::Removed(Some(_)) => break,
                other => panic!("the session is ended, but {other:?}"),
            }
        }
        settled(&store, [old, new]).await;
        assert!(!live(&store, &old).await && !live(&store, &new).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_broken_off_anywhere_is_listed_or_has_not_happened() {
    for kind in [Kind::Redis, Kind::RedisCluster] {
        let store = store(kind).await;
        let mut happened = [0, 0];
        for polls in 0..40 {
            let ada = principal();
            let (old, new) = (key_in(3), key_in(200));
            session(&store, old).await;
            let _ = polled(polls, store.rename(&old, &new, &login(ada, None), now())).await;
            settled(&store, [old, new]).await;
            let listed = store.list(&ada, now()).await.unwrap();
            let is_in = peek(&store, &new)
                .await
                .is_some_and(|found| found.authentication.is_some());
            assert_eq!(listed.len(), usize::from(is_in), "after {polls} polls");
            happened[usize::from(is_in)] += 1;
            let ended = store.end_all(&ada, None, now()).await.unwrap();
            assert_eq!(ended.len(), usize::from(is_in));
        }
        assert!(happened[0] > 0 && happened[1] > 0, "{happened:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_of_a_listed_session_that_is_broken_off_anywhere_keeps_it_listed() {
    for kind in [Kind::Redis, Kind::RedisCluster] {
        let store = store(kind).await;
        for polls in 0..40 {
            let ada = principal();
            let (old, new) = (key_in(3), key_in(200));
            let record = record_of(ada, old);
            put_in(&store, &record).await;
            let _ = polled(polls, store.rename(&old, &new, &touch(), now())).await;
            settled(&store, [old, new]).await;
            let listed = store.list(&ada, now()).await.unwrap();
            assert_eq!(listed.len(), 1, "after {polls} polls");
            // It counts once for a limit, whatever its entries are.
            let limit = Some(SessionLimit {
                max: 2,
                at_limit: AtLimit::Refuse,
            });
            let another = record_of(ada, key_in(9));
            let created = store.create(&another, limit, now()).await.unwrap();
            assert_eq!(created, session_core::store::Created::Created);
            let third = record_of(ada, key_in(10));
            let refused = store.create(&third, limit, now()).await.unwrap();
            assert_eq!(refused, session_core::store::Created::Refused);
            let ended = store.end(&ada, &record.handle, now()).await.unwrap();
            assert!(ended.is_some(), "it can be ended");
            assert!(!live(&store, &old).await && !live(&store, &new).await);
        }
    }
}
