//! Servers that are killed, stopped and cut off, and callers that go away.

mod common;

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use session_core::StoreKey;
use session_core::store::{Access, Applied, Loaded, SessionStore, StoreError};
use store_sql::SqlStore;
use testbed::{Durability, Server, Wire};

use self::common::samples::{NOW, append, key, list, record, touch};
use self::common::{Database, Place};

/// A call may take this long in these tests.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How long a store may take until it works again, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

async fn store_at(url: String) -> SqlStore {
    let builder = Place::at(url).builder();
    builder.timeout(TIMEOUT).connect().await.unwrap()
}

/// A stored session without attributes.
async fn session(store: &SqlStore) -> StoreKey {
    let key = key();
    store.create(&record(key), None, NOW).await.unwrap();
    key
}

/// The numbers in the list of a session, once the store answers again.
async fn numbers(store: &SqlStore, key: &StoreKey) -> Vec<u8> {
    let began = Instant::now();
    loop {
        match store.load(key, Access::Peek, NOW).await {
            Ok(Loaded::Live { record, .. }) => return list(&record, "list"),
            Ok(other) => panic!("the session is live, but load answered {other:?}"),
            Err(error) => assert!(began.elapsed() < PATIENCE, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn each_once(numbers: &[u8]) -> BTreeSet<u8> {
    let set: BTreeSet<u8> = numbers.iter().copied().collect();
    assert_eq!(
        set.len(),
        numbers.len(),
        "applied at most once: {numbers:?}"
    );
    set
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_killed_has_every_write_that_was_acknowledged() {
    for database in Database::SERVERS {
        let mut server = Server::start_with(database.kind(), Durability::Acknowledged).unwrap();
        let store = store_at(server.url()).await;
        let key = session(&store).await;
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let writers: Vec<_> = (0..4_u8)
            .map(|writer| {
                let (store, acknowledged) = (store.clone(), acknowledged.clone());
                tokio::spawn(async move {
                    let mut done = Vec::new();
                    for step in 0..30 {
                        let number = writer * 30 + step;
                        let applied = store.apply(&key, &append("list", number), NOW).await;
                        if let Ok(Applied::Applied { .. }) = applied {
                            done.push(number);
                            acknowledged.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                    done
                })
            })
            .collect();
        while acknowledged.load(Ordering::SeqCst) < 40 {
            tokio::task::yield_now().await;
        }
        server.kill().unwrap();
        let mut done = BTreeSet::new();
        for writer in writers {
            done.extend(writer.await.unwrap());
        }
        assert!(done.len() < 120, "the server was killed amid the writes");
        server.start_again().unwrap();
        let kept = each_once(&numbers(&store, &key).await);
        assert!(
            kept.is_superset(&done),
            "{}: {kept:?} of {done:?}",
            database.name()
        );
        let applied = store.apply(&key, &append("list", 120), NOW).await;
        assert!(
            matches!(applied, Ok(Applied::Applied { .. })),
            "{applied:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_silent_is_an_error_in_time_and_used_again_when_it_answers() {
    for database in Database::SERVERS {
        let server = Server::start(database.kind()).unwrap();
        let store = store_at(server.url()).await;
        let key = session(&store).await;
        server.pause().unwrap();
        for number in 0..2 {
            let began = Instant::now();
            let load = store.load(&key, Access::Peek, NOW).await;
            let name = database.name();
            assert!(
                matches!(load, Err(StoreError::Unavailable(_))),
                "{name} {number}: {load:?}"
            );
            let write = store.apply(&key, &append("list", number), NOW).await;
            assert!(
                matches!(write, Err(StoreError::Unavailable(_))),
                "{write:?}"
            );
            // Twice, and what a busy machine adds.
            let took = began.elapsed();
            assert!(took < TIMEOUT * 2 + Duration::from_secs(2), "{took:?}");
        }
        server.resume().unwrap();
        let kept = each_once(&numbers(&store, &key).await);
        assert!(kept.is_subset(&BTreeSet::from([0, 1])), "{kept:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_an_error_at_once_and_used_again_when_it_is_back() {
    for database in Database::SERVERS {
        let mut server = Server::start(database.kind()).unwrap();
        let store = store_at(server.url()).await;
        let key = session(&store).await;
        server.stop().unwrap();
        for _ in 0..20 {
            let began = Instant::now();
            let load = store.load(&key, Access::Peek, NOW).await;
            assert!(matches!(load, Err(StoreError::Unavailable(_))), "{load:?}");
            assert!(
                began.elapsed() < TIMEOUT / 2,
                "at once, not at the deadline"
            );
        }
        // An application that starts meanwhile starts, and has its sessions when they are there.
        let early = store_at(server.url()).await;
        assert!(early.ping().await.unwrap_err().is_outage());
        server.start_again().unwrap();
        assert_eq!(numbers(&store, &key).await, []);
        let began = Instant::now();
        while let Err(error) = early.ping().await {
            assert!(began.elapsed() < PATIENCE, "{error:?}");
        }
        session(&early).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_reply_was_lost_is_unknown_and_applied_at_most_once() {
    for database in Database::SERVERS {
        let server = Server::start(database.kind()).unwrap();
        let wire = Wire::to(server.port()).unwrap();
        let store = store_at(server.url_over(&wire)).await;
        let key = session(&store).await;
        let (mut done, mut unknown) = (BTreeSet::new(), BTreeSet::new());
        for number in 0..60_u8 {
            // On a connection that works: it is the answer to the write that is cut, some bytes
            // before its end, which a write of the same kind tells.
            numbers(&store, &key).await;
            let before = wire.passed();
            let other = append("others", number);
            store.apply(&key, &other, NOW).await.unwrap();
            let length = wire.passed() - before;
            wire.cut_after((length + usize::from(number)).saturating_sub(50));
            let applied = store.apply(&key, &append("list", number), NOW).await;
            match applied {
                Ok(Applied::Applied { .. }) => drop(done.insert(number)),
                Err(StoreError::Unavailable(_)) => drop(unknown.insert(number)),
                other => panic!("it is applied or unknown, not {other:?}"),
            }
            wire.mend();
        }
        let kept = each_once(&numbers(&store, &key).await);
        assert!(kept.is_superset(&done), "what was acknowledged is there");
        let lost: BTreeSet<_> = kept.difference(&done).copied().collect();
        assert!(lost.is_subset(&unknown));
        let name = database.name();
        assert!(
            !lost.is_empty(),
            "some were applied and their replies lost in {name}"
        );
        assert!(!done.is_empty(), "some replies arrived in {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_were_cut_while_idle_are_replaced_and_nobody_notices() {
    for database in Database::SERVERS {
        let server = Server::start(database.kind()).unwrap();
        let wire = Wire::to(server.port()).unwrap();
        let store = store_at(server.url_over(&wire)).await;
        let key = session(&store).await;
        for _ in 0..5 {
            wire.cut();
            let load = store.load(&key, Access::Peek, NOW).await;
            assert!(load.is_ok(), "a load is tried once more: {load:?}");
            wire.cut();
            // It breaks before the commit is sent, so it is done again on a new connection.
            let deleted = store.delete(&common::samples::key()).await;
            assert!(deleted.is_ok(), "{deleted:?}");
        }
    }
}

/// Polls a future so many times at most, and drops it then. True when it was done before.
async fn polled<F: Future>(future: F, polls: usize) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        future.as_mut().poll(context).map(|_| true)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_dropped_at_any_moment_leaves_nothing_half_done_and_nothing_locked() {
    for database in Database::ALL {
        let place = database.place();
        let builder = place.builder().max_connections(2).timeout(PATIENCE);
        let store = builder.connect().await.unwrap();
        let key = session(&store).await;
        let mut done = BTreeSet::new();
        for number in 0..100_u8 {
            let polls = usize::from(number) / 5;
            let write = append("list", number);
            if polled(store.apply(&key, &write, NOW), polls).await {
                done.insert(number);
            }
            // A transaction in every database, and locks in it.
            let mut login = touch(NOW);
            login.login = Some(session_core::Login {
                authentication: common::samples::login(1).into(),
                limit: Some(session_core::SessionLimit {
                    max: 2,
                    at_limit: session_core::AtLimit::Refuse,
                }),
                absolute_deadline: session_core::Timestamp::NEVER,
            });
            polled(store.apply(&key, &login, NOW), polls).await;
            polled(store.load(&key, Access::Peek, NOW), polls).await;
        }
        let applied = store.apply(&key, &append("list", 100), NOW).await;
        assert!(
            matches!(applied, Ok(Applied::Applied { .. })),
            "{applied:?}"
        );
        let kept = each_once(&numbers(&store, &key).await);
        let name = database.name();
        assert!(
            kept.is_superset(&done),
            "what was acknowledged is there in {name}"
        );
        assert!(
            !done.is_empty() && done.len() < 100,
            "{} in {name}",
            done.len()
        );
    }
}
