//! How long the server keeps what is stored.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use session_core::store::{Access, Applied, FORWARD_LIFETIME, SessionStore};
use session_core::{MaxInactiveInterval, Record, StoreKey};
use store_redis::RedisStore;
use testbed::Kind;

use crate::stage::{
    BOTH, HOUR, MINUTE, SECOND, add_one, append, apply, changes, key, key_in, login, name_of, now,
    prefix, principal, put_in, record, record_of, session, store, store_at, touch,
};

async fn left(connection: &mut MultiplexedConnection, name: &str) -> i64 {
    redis::cmd("PTTL")
        .arg(name)
        .query_async(connection)
        .await
        .unwrap()
}

/// Checks how long the key of a session has to live: `expected`, less what the test took.
async fn assert_lives(url: &str, key: &StoreKey, expected: Duration, why: &str) {
    let (mut connection, name) = name_of(url, key).await;
    let left = left(&mut connection, &name).await;
    let most = i64::try_from(expected.as_millis()).unwrap();
    assert!(
        // Less what the test took, and up to a full minute.
        (most - 60_000..=most + 60_000).contains(&left),
        "{why}: {left} ms, not {most}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_kept_an_hour_longer_than_it_lives() {
    for kind in BOTH {
        let (store, url) = (store(kind).await, testbed::shared(kind).unwrap());
        let key = session(&store, key()).await.key;
        let expected = 30 * MINUTE + HOUR;
        assert_lives(&url, &key, expected, "a new session").await;

        let mut shorter = touch();
        shorter.max_inactive_interval = Some(MINUTE.into());
        apply(&store, &key, &shorter).await;
        assert_lives(&url, &key, MINUTE + HOUR, "a shorter idle limit").await;
        let mut longer = touch();
        longer.max_inactive_interval = Some((4 * HOUR).into());
        apply(&store, &key, &longer).await;
        assert_lives(&url, &key, 5 * HOUR, "a longer idle limit").await;

        let later = now().saturating_add(HOUR);
        let counted = Access::Counted {
            unless_within: SECOND,
        };
        store.load(&key, counted, later).await.unwrap();
        assert_lives(
            &url,
            &key,
            5 * HOUR,
            "an access, by the clock of its caller",
        )
        .await;
        add_one(&store, &key, "n").await;
        // The access of an hour ahead is one of a wrong clock by now.
        assert_lives(&url, &key, 5 * HOUR, "an update").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_absolute_limit_bounds_what_the_server_keeps() {
    let (store, url) = (
        store(Kind::Redis).await,
        testbed::shared(Kind::Redis).unwrap(),
    );
    let mut short = record(key());
    short.max_inactive_interval = MaxInactiveInterval::Never;
    short.absolute_deadline = now().saturating_add(10 * MINUTE);
    put_in(&store, &short).await;
    for _ in 0..2 {
        assert_lives(&url, &short.key, 10 * MINUTE + HOUR, "an absolute limit").await;
        apply(&store, &short.key, &touch()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_never_expires_is_kept_for_ever() {
    let server = testbed::Server::start(Kind::Redis).unwrap();
    let url = server.url();
    let prefix = prefix();
    let store = store_at(&url, &prefix).await;
    let mut immortal = record(key());
    immortal.max_inactive_interval = MaxInactiveInterval::Never;
    put_in(&store, &immortal).await;
    let (mut connection, name) = name_of(&url, &immortal.key).await;
    assert_eq!(left(&mut connection, &name).await, -1);
    let mut mortal = touch();
    mortal.max_inactive_interval = Some(MINUTE.into());
    apply(&store, &immortal.key, &mortal).await;
    assert_lives(
        &url,
        &immortal.key,
        MINUTE + HOUR,
        "one that is mortal again",
    )
    .await;
    let mut freed = touch();
    freed.max_inactive_interval = Some(MaxInactiveInterval::Never);
    apply(&store, &immortal.key, &freed).await;
    assert_eq!(left(&mut connection, &name).await, -1);
    store.delete(&immortal.key).await.unwrap();

    // Everything that can be done to sessions, and nothing of it is left without an end.
    let ada = principal();
    use_everything(&store, &record_of(ada, key())).await;
    use_everything(&store, &record(key())).await;
    let other = session(&store, key()).await.key;
    apply(&store, &other, &login(ada, None)).await;
    for name in crate::stage::names(&url, ":s:").await {
        let (mut connection, name) = name;
        assert!(left(&mut connection, &name).await > 0, "{name} has an end");
    }
    for name in crate::stage::names(&url, ":p:").await {
        let (mut connection, name) = name;
        let left = left(&mut connection, &name).await;
        assert!(
            left > 24 * 3_600_000,
            "{name} lives as long as its sessions: {left}"
        );
        assert!(left < 26 * 3_600_000, "{name} has an end: {left}");
    }
}

async fn use_everything(store: &RedisStore, record: &Record) {
    put_in(store, record).await;
    apply(store, &record.key, &changes([append("l")])).await;
    let mut cleared = touch();
    cleared.clear_attributes = true;
    apply(store, &record.key, &cleared).await;
    let new = key();
    let moved = store
        .rename(&record.key, &new, &touch(), now())
        .await
        .unwrap();
    assert!(matches!(moved, Applied::Applied { .. }));
    store.sweep(now(), 100).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarding_entry_is_kept_for_thirty_minutes_and_small() {
    for (kind, groups) in [
        (Kind::Redis, (0, 0)),
        (Kind::RedisCluster, (1, 1)),
        (Kind::RedisCluster, (1, 2)),
    ] {
        let (store, url) = (store(kind).await, testbed::shared(kind).unwrap());
        let old = session(&store, key_in(groups.0)).await.key;
        apply(&store, &old, &changes([append("l")])).await;
        let new = key_in(groups.1);
        store.rename(&old, &new, &touch(), now()).await.unwrap();
        assert_lives(&url, &old, FORWARD_LIFETIME, "a forwarding entry").await;
        assert_lives(&url, &new, 30 * MINUTE + HOUR, "a renamed session").await;
        let (mut connection, name) = name_of(&url, &old).await;
        let fields: Vec<String> = redis::cmd("HKEYS")
            .arg(name)
            .query_async(&mut connection)
            .await
            .unwrap();
        assert_eq!(fields, ["f"], "nothing else is left under the old key");
    }
}
