//! Records that cannot be read.

use redis::aio::MultiplexedConnection;
use session_core::store::{Access, Applied, Created, Deleted, Loaded, SessionStore, StoreError};
use testbed::Kind;

use crate::stage::{
    append, changes, key, name_of, now, principal, put_in, record, record_of, store, touch,
};

async fn run(connection: &mut MultiplexedConnection, words: &[&[u8]]) {
    let mut command = redis::cmd(std::str::from_utf8(words[0]).unwrap());
    for word in &words[1..] {
        command.arg(*word);
    }
    let _: redis::Value = command.query_async(connection).await.unwrap();
}

/// Ways to damage the hash under a name.
async fn damage(connection: &mut MultiplexedConnection, name: &str, way: usize) -> bool {
    let name = name.as_bytes();
    match way {
        0 => run(connection, &[b"HDEL", name, b"m"]).await,
        1 => run(connection, &[b"HDEL", name, b"k"]).await,
        2 => run(connection, &[b"HSET", name, b"m", b"short"]).await,
        3 => run(connection, &[b"HSET", name, b"k", &[1, 2, 3]]).await,
        4 => run(connection, &[b"HSET", name, b"k", &[0; 57]]).await,
        5 => run(connection, &[b"HSET", name, b"al", b"short"]).await,
        6 => run(connection, &[b"HSET", name, b"al", &[0; 20]]).await,
        7 => {
            run(
                connection,
                &[b"HSET", name, b"a\xff", b"\0\0\0\0\0\0\0\x01\x01x"],
            )
            .await;
        }
        8 => run(connection, &[b"HSET", name, b"p", b"short"]).await,
        9 => run(connection, &[b"HSET", name, b"f", b"\x01short"]).await,
        10 => {
            run(connection, &[b"DEL", name]).await;
            run(connection, &[b"SET", name, b"something else"]).await;
        }
        _ => return false,
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_is_unreadable_until_it_is_deleted() {
    let (store, url) = (
        store(Kind::Redis).await,
        testbed::shared(Kind::Redis).unwrap(),
    );
    for way in 0.. {
        let session = record_of(principal(), key());
        put_in(&store, &session).await;
        store
            .apply(&session.key, &changes([append("l")]), now())
            .await
            .unwrap();
        let (mut connection, name) = name_of(&url, &session.key).await;
        if !damage(&mut connection, &name, way).await {
            break;
        }
        let loaded = store.load(&session.key, Access::Peek, now()).await;
        assert!(
            matches!(loaded, Err(StoreError::Unreadable(_))),
            "{way}: {loaded:?}"
        );
        let before: Vec<u8> = redis::cmd("DUMP")
            .arg(&name)
            .query_async(&mut connection)
            .await
            .unwrap();
        let created = store
            .create(&record(session.key), None, now())
            .await
            .unwrap();
        assert_eq!(created, Created::Taken, "{way}: it is not overwritten");
        let after: Vec<u8> = redis::cmd("DUMP")
            .arg(&name)
            .query_async(&mut connection)
            .await
            .unwrap();
        assert_eq!(before, after, "{way}: nothing has touched it");
        let deleted = store.delete(&session.key).await.unwrap();
        assert_eq!(deleted, Deleted::Removed(None), "{way}");
        let loaded = store.load(&session.key, Access::Peek, now()).await.unwrap();
        assert_eq!(loaded, Loaded::Absent, "{way}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_a_newer_version_is_never_touched() {
    let (store, url) = (
        store(Kind::Redis).await,
        testbed::shared(Kind::Redis).unwrap(),
    );
    let mut session = record(key());
    session.absolute_deadline = now();
    put_in(&store, &session).await;
    let (mut connection, name) = name_of(&url, &session.key).await;
    run(&mut connection, &[b"HSET", name.as_bytes(), b"k", &[2; 99]]).await;
    let before: Vec<u8> = redis::cmd("DUMP")
        .arg(&name)
        .query_async(&mut connection)
        .await
        .unwrap();

    let (key, later) = (session.key, now());
    let is_newer = |error: StoreError| matches!(error, StoreError::NewerFormat { version: 2 });
    assert!(is_newer(
        store.load(&key, Access::Peek, later).await.unwrap_err()
    ));
    assert!(is_newer(
        store.apply(&key, &touch(), later).await.unwrap_err()
    ));
    let new = crate::stage::key();
    assert!(is_newer(
        store.rename(&key, &new, &touch(), later).await.unwrap_err()
    ));
    assert!(is_newer(store.delete(&key).await.unwrap_err()));
    assert_eq!(
        store.create(&session, None, later).await.unwrap(),
        Created::Taken
    );
    let swept = store.sweep(later, 10).await.unwrap();
    assert_eq!(swept.removed, []);
    let again = store.sweep(later, 10).await.unwrap();
    assert!(
        !again.more,
        "what a newer program has to sweep holds up no older one"
    );

    let after: Vec<u8> = redis::cmd("DUMP")
        .arg(&name)
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(before, after);
    assert_eq!(
        store.load(&new, Access::Peek, later).await.unwrap(),
        Loaded::Absent
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_names_what_is_not_there_is_put_in_order() {
    let (store, url) = (
        store(Kind::Redis).await,
        testbed::shared(Kind::Redis).unwrap(),
    );
    let mut expired = record(key());
    expired.absolute_deadline = now();
    let (gone, damaged) = (record(key()), record(key()));
    for session in [&expired, &gone, &damaged] {
        let mut session = session.clone();
        session.absolute_deadline = now();
        put_in(&store, &session).await;
    }
    let (mut connection, name) = name_of(&url, &gone.key).await;
    run(&mut connection, &[b"DEL", name.as_bytes()]).await;
    let (mut connection, name) = name_of(&url, &damaged.key).await;
    run(&mut connection, &[b"HDEL", name.as_bytes(), b"m"]).await;

    let mut removed = Vec::new();
    loop {
        let swept = store.sweep(now(), 10).await.unwrap();
        removed.extend(swept.removed);
        if !swept.more {
            break;
        }
    }
    let keys: Vec<_> = removed.iter().map(|removed| removed.record.key).collect();
    assert_eq!(keys, [expired.key]);
    let left = store.load(&damaged.key, Access::Peek, now()).await;
    assert!(
        matches!(left, Err(StoreError::Unreadable(_))),
        "it is left to expire"
    );
    let gone = store.apply(&gone.key, &touch(), now()).await.unwrap();
    assert_eq!(gone, Applied::Gone);
}
