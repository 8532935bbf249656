//! Servers that are killed, stopped and cut off.

use std::time::{Duration, Instant};

use session_core::store::{Access, Applied, Created, Deleted, Loaded, SessionStore, StoreError};
use store_redis::{ConnectError, RedisStore};
use testbed::{Durability, Kind, RedisCluster, Server, Wire};
use tokio::time::{sleep, timeout};

use crate::stage::{
    SECOND, append, apply, changes, items_in, key, key_in, now, peek, prefix, session, store_at,
    touch,
};

/// A store with the patience of a web server.
async fn impatient(url: &str) -> RedisStore {
    let builder = RedisStore::builder().prefix(prefix());
    builder.timeout(SECOND / 2).connect(url).await.unwrap()
}

fn is_unavailable<T: std::fmt::Debug>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}

/// Asks until the store answers again.
async fn recovered(store: &RedisStore, key: &session_core::StoreKey) -> Loaded {
    for _ in 0..200 {
        match store.load(key, Access::Peek, now()).await {
            Ok(loaded) => return loaded,
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
    panic!("the server is back, and the store does not notice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_an_error_at_once_and_no_restart_is_needed_when_it_is_back() {
    let mut server = Server::start_with(Kind::Redis, Durability::Acknowledged).unwrap();
    let store = impatient(&server.url()).await;
    let id = session(&store, key()).await.key;
    apply(&store, &id, &changes([append("l")])).await;

    server.kill().unwrap();
    for _ in 0..20 {
        let began = Instant::now();
        assert!(is_unavailable(&store.load(&id, Access::Peek, now()).await));
        assert!(is_unavailable(
            &store.apply(&id, &changes([append("l")]), now()).await
        ));
        assert!(is_unavailable(&store.delete(&id).await));
        assert!(is_unavailable(&store.sweep(now(), 10).await));
        // Four calls, each tried twice with a pause of at most a tenth of a second.
        assert!(began.elapsed() < SECOND, "{:?}", began.elapsed());
    }

    server.start_again().unwrap();
    let Loaded::Live { record, .. } = recovered(&store, &id).await else {
        panic!("what was acknowledged is there");
    };
    assert_eq!(items_in(&record, "l"), 1, "nothing was sent later on");
    assert_eq!(
        items_in(&apply(&store, &id, &changes([append("l")])).await, "l"),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_later_is_waited_for_without_an_error_at_the_start() {
    let mut server = Server::start(Kind::Redis).unwrap();
    server.kill().unwrap();
    let store = impatient(&server.url()).await;
    let id = key();
    assert!(is_unavailable(&store.load(&id, Access::Peek, now()).await));
    server.start_again().unwrap();
    assert_eq!(recovered(&store, &id).await, Loaded::Absent);
    session(&store, id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_comes_later_is_found() {
    let mut cluster = RedisCluster::start_with(Durability::Acknowledged).unwrap();
    for node in cluster.nodes() {
        node.kill().unwrap();
    }
    let store = impatient(&cluster.url()).await;
    let began = Instant::now();
    assert!(is_unavailable(
        &store.load(&key(), Access::Peek, now()).await
    ));
    assert!(began.elapsed() < SECOND, "{:?}", began.elapsed());
    for node in cluster.nodes() {
        node.start_again().unwrap();
    }
    cluster.wait().unwrap();
    assert_eq!(recovered(&store, &key()).await, Loaded::Absent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_down_takes_only_its_own_sessions_with_it() {
    let mut cluster = RedisCluster::start_with(Durability::Acknowledged).unwrap();
    let store = impatient(&cluster.url()).await;
    let mut sessions = Vec::new();
    for group in (0..=255).step_by(5) {
        sessions.push(session(&store, key_in(group)).await.key);
    }
    cluster.nodes()[1].pause().unwrap();
    let (mut there, mut away) = (0, 0);
    for id in &sessions {
        let began = Instant::now();
        match store.load(id, Access::Peek, now()).await {
            Ok(Loaded::Live { .. }) => there += 1,
            Ok(other) => panic!("a session that cannot be reached is no {other:?}"),
            Err(_) => away += 1,
        }
        assert!(began.elapsed() < 2 * SECOND, "{:?}", began.elapsed());
        if away > 3 {
            break;
        }
    }
    assert!(away > 0, "the node had sessions");
    cluster.nodes()[1].resume().unwrap();
    cluster.wait().unwrap();
    for id in &sessions {
        assert!(matches!(recovered(&store, id).await, Loaded::Live { .. }));
    }
    assert!(there > 0, "the other nodes answered meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_is_an_error_in_time() {
    let server = Server::start(Kind::Redis).unwrap();
    let store = impatient(&server.url()).await;
    let id = session(&store, key()).await.key;
    server.pause().unwrap();
    for _ in 0..2 {
        let (began, write) = (Instant::now(), changes([append("l")]));
        let (loaded, applied) = tokio::join!(
            store.load(&id, Access::Peek, now()),
            store.apply(&id, &write, now()),
        );
        assert!(is_unavailable(&loaded) && is_unavailable(&applied));
        let waited = began.elapsed();
        assert!((SECOND / 3..SECOND).contains(&waited), "{waited:?}");
    }
    server.resume().unwrap();
    recovered(&store, &id).await;
    // What was asked may have been done late: each once.
    let record = apply(&store, &id, &changes([append("m")])).await;
    assert!(items_in(&record, "l") <= 2, "nothing was asked twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_is_lost_is_not_sent_again() {
    let server = Server::start(Kind::Redis).unwrap();
    let wire = Wire::to(server.port()).unwrap();
    let (over, prefix) = (server.url_over(&wire), prefix());
    let store = store_at(&over, &prefix).await;
    let direct = store_at(&server.url(), &prefix).await;
    let id = session(&store, key()).await.key;
    apply(&store, &id, &changes([append("l")])).await;
    let mut done = 1;
    for bytes in [0, 1, 7, 20] {
        let lost = wire.lost();
        wire.cut_after(bytes);
        let write = changes([append("l")]);
        // The wire is mended as soon as the answer is lost: whoever sent it again could.
        let mending = async {
            while wire.lost() == lost {
                sleep(Duration::from_millis(1)).await;
            }
            wire.mend();
        };
        let (answer, ()) = tokio::join!(store.apply(&id, &write, now()), mending);
        assert!(is_unavailable(&answer), "{answer:?}");
        done += 1;
        recovered(&store, &id).await;
        let record = peek(&direct, &id).await.unwrap();
        assert_eq!(items_in(&record, "l"), done, "it was done once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_survives_a_connection_that_was_lost() {
    let server = Server::start(Kind::Redis).unwrap();
    let wire = Wire::to(server.port()).unwrap();
    let store = store_at(&server.url_over(&wire), &prefix()).await;
    let id = session(&store, key()).await.key;
    for _ in 0..5 {
        wire.cut();
        assert!(peek(&store, &id).await.is_some(), "a load is asked again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_greeting_breaks_off_is_made_anew() {
    let server = Server::start(Kind::Redis).unwrap();
    let wire = Wire::to(server.port()).unwrap();
    let store = store_at(&server.url_over(&wire), &prefix()).await;
    let id = session(&store, key()).await.key;
    for bytes in 0..16 {
        wire.cut();
        let asking = async {
            for _ in 0..3 {
                let loaded = store.load(&id, Access::Peek, now()).await;
                assert!(loaded.is_ok() || is_unavailable(&loaded), "{loaded:?}");
            }
        };
        // The wire cuts once: a connection that is tried again is to be cut there as well.
        let cutting = async {
            loop {
                wire.cut_after(bytes);
                sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            () = asking => {}
            () = cutting => {}
        }
        wire.mend();
        recovered(&store, &id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_given_up_disturb_no_others() {
    for kind in crate::stage::BOTH {
        let store = crate::stage::store(kind).await;
        let mut sessions = Vec::new();
        for group in 0..8 {
            let session = session(&store, key_in(group * 31)).await;
            sessions.push(session);
        }
        let mut appended = [0_u32; 8];
        for round in 0..400_usize {
            let id = sessions[round % 8].key;
            let patience = Duration::from_micros(round as u64 * 2);
            let write = changes([append("l")]);
            let write = timeout(patience, store.apply(&id, &write, now())).await;
            appended[round % 8] += u32::from(matches!(write, Ok(Ok(Applied::Applied { .. }))));
            let _ = timeout(patience / 2, store.load(&id, Access::Peek, now())).await;
            // An answer to somebody else would show here.
            let other = &sessions[(round + 3) % 8];
            let loaded = peek(&store, &other.key).await.unwrap();
            assert_eq!((loaded.key, loaded.handle), (other.key, other.handle));
        }
        for (session, appended) in sessions.iter().zip(appended) {
            let record = apply(&store, &session.key, &touch()).await;
            let there = items_in(&record, "l");
            assert!((appended..=50).contains(&there), "{appended} <= {there}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_names_another_kind_of_server_is_an_error_at_the_start() {
    let cluster = testbed::shared(Kind::RedisCluster).unwrap();
    let node = cluster.split(',').next().unwrap();
    let node = node.replace("redis-cluster", "redis");
    let wrong = RedisStore::connect(&node).await;
    assert!(matches!(wrong, Err(ConnectError::IsCluster)), "{wrong:?}");
    let single = testbed::shared(Kind::Redis).unwrap();
    let single = single.replace("redis://", "redis-cluster://");
    let wrong = RedisStore::connect(&single).await;
    assert!(matches!(wrong, Err(ConnectError::IsNoCluster)), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_an_error_at_the_start_and_printed_nowhere() {
    let server = Server::start(Kind::Redis).unwrap();
    let mut connection = crate::stage::connection(&server.url()).await;
    let set = |password| {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("requirepass").arg(password);
        set
    };
    let _: () = set("opensesame")
        .query_async(&mut connection)
        .await
        .unwrap();
    let with = |password: &str| {
        let at = format!("redis://:{password}@");
        server.url().replace("redis://", &at)
    };
    for url in [server.url(), with("guesswork")] {
        let Err(error) = RedisStore::connect(&url).await else {
            panic!("the server does not let in whoever has not the password");
        };
        let source = std::error::Error::source(&error).map(ToString::to_string);
        let shown = format!("{error} {error:?} {source:?}");
        assert!(matches!(error, ConnectError::Refused(_)), "{shown}");
        assert!(!shown.contains("guesswork"), "{shown}");
    }
    let store = RedisStore::connect(&with("opensesame")).await.unwrap();
    session(&store, key()).await;
    let shown = format!("{store:?} {:?}", RedisStore::builder());
    assert!(!shown.contains("opensesame"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_memory_is_full_for_what_grows_and_for_nothing_else() {
    let kinds = [Kind::Redis, Kind::Valkey].into_iter();
    for kind in kinds.filter(|kind| kind.is_installed()) {
        let server = Server::start(kind).unwrap();
        let store = store_at(&server.url(), &prefix()).await;
        let old = session(&store, key()).await.key;
        apply(&store, &old, &changes([append("l"), append("m")])).await;
        let mut connection = crate::stage::connection(&server.url()).await;
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("maxmemory").arg("1");
        let _: () = set.query_async(&mut connection).await.unwrap();

        let mut new = crate::stage::record(key());
        for _ in 0..2 {
            let created = store.create(&new, None, now()).await.unwrap();
            assert_eq!(created, Created::Full);
            new = crate::stage::record_of(crate::stage::principal(), key());
        }
        let applied = store.apply(&old, &changes([append("l")]), now()).await;
        assert_eq!(applied.unwrap(), Applied::Full);
        let renamed = store.rename(&old, &key(), &touch(), now()).await;
        assert_eq!(renamed.unwrap(), Applied::Full);
        let counted = Access::Counted {
            unless_within: SECOND,
        };
        let later = now().saturating_add(60 * SECOND);
        store.load(&old, counted, later).await.unwrap();
        let mut smaller = changes([]);
        smaller.attributes.push(session_core::AttributeChange {
            name: "m".into(),
            expected: session_core::Expected::Anything,
            edit: session_core::Edit::Remove,
        });
        let record = apply(&store, &old, &smaller).await;
        assert_eq!(record.accessed_at, later, "the access was recorded");
        assert_eq!(
            items_in(&record, "l"),
            1,
            "what was refused changed nothing"
        );
        assert_eq!(items_in(&record, "m"), 0, "what is removed is removed");
        let deleted = store.delete(&old).await.unwrap();
        assert!(matches!(deleted, Deleted::Removed(Some(_))));
    }
}
