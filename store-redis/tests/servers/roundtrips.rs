//! What a request costs on the server.

use std::collections::BTreeMap;

use session_core::store::{Access, Loaded, SessionStore};
use testbed::{Kind, Server};

use crate::stage::{
    SECOND, append, changes, connection, key, now, prefix, put_in, record, session, store, store_at,
};

/// How often scripts and sessions were asked for since the server was last asked this; what
/// scripts call is counted by the server as well.
async fn sent(url: &str) -> BTreeMap<String, u64> {
    let mut calls = calls(url).await;
    calls.retain(|name, _| {
        let counted = ["eval", "script", "hgetall"];
        counted.iter().any(|counted| name.starts_with(counted))
    });
    calls
}

/// How often each command was carried out since the server was last asked this.
pub(crate) async fn calls(url: &str) -> BTreeMap<String, u64> {
    let mut connection = connection(url).await;
    let info: String = redis::cmd("INFO")
        .arg("commandstats")
        .query_async(&mut connection)
        .await
        .unwrap();
    let _: () = redis::cmd("CONFIG")
        .arg("RESETSTAT")
        .query_async(&mut connection)
        .await
        .unwrap();
    info.lines()
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            let (calls, _) = rest.split_once(',')?;
            Some((name.to_owned(), calls.parse().unwrap()))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_is_one_read_and_a_change_one_script() {
    let server = Server::start(Kind::Redis).unwrap();
    let url = server.url();
    let store = store_at(&url, &prefix()).await;
    let id = session(&store, key()).await.key;
    let counted = Access::Counted {
        unless_within: SECOND,
    };
    // The first call of each script teaches it to the server.
    store.load(&id, counted, now()).await.unwrap();
    store
        .apply(&id, &changes([append("l")]), now())
        .await
        .unwrap();
    let (first, second) = (key(), key());
    store
        .rename(&id, &first, &changes([]), now())
        .await
        .unwrap();
    sent(&url).await;

    let one = |names: &[&str]| -> BTreeMap<String, u64> {
        names.iter().map(|name| ((*name).to_owned(), 1)).collect()
    };
    let later = now().saturating_add(60 * SECOND);
    store.load(&first, counted, later).await.unwrap();
    let script = one(&["evalsha", "hgetall"]);
    assert_eq!(sent(&url).await, script, "a load that records an access");
    for access in [Access::Peek, counted] {
        store.load(&first, access, later).await.unwrap();
        let plain = one(&["hgetall"]);
        assert_eq!(sent(&url).await, plain, "a load that records none");
    }
    store
        .apply(&first, &changes([append("l")]), now())
        .await
        .unwrap();
    let evalsha = one(&["evalsha"]);
    assert_eq!(sent(&url).await, evalsha, "a change");
    store
        .rename(&first, &second, &changes([append("l")]), now())
        .await
        .unwrap();
    assert_eq!(sent(&url).await, evalsha, "another key");
    store.delete(&second).await.unwrap();
    sent(&url).await;
    session(&store, key()).await;
    assert_eq!(sent(&url).await, evalsha, "a new session");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_that_is_due_against_what_was_foretold_is_recorded() {
    let store = store(Kind::Redis).await;
    let mut short = record(key());
    short.max_inactive_interval = (10 * SECOND).into();
    put_in(&store, &short).await;
    let counted = Access::Counted {
        unless_within: 60 * SECOND,
    };
    let mut before = short.accessed_at;
    for seconds in 1..=5 {
        // A tenth of the idle limit has passed, though not a minute.
        let later = short.accessed_at.saturating_add(seconds * SECOND);
        let loaded = store.load(&short.key, counted, later).await.unwrap();
        let Loaded::Live {
            record,
            last_accessed,
        } = loaded
        else {
            panic!("the session lives, but {loaded:?}");
        };
        assert_eq!((record.accessed_at, last_accessed), (later, before));
        before = later;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_forgot_the_scripts_is_taught_them_again() {
    let server = Server::start(Kind::Redis).unwrap();
    let url = server.url();
    let store = store_at(&url, &prefix()).await;
    let id = session(&store, key()).await.key;
    for expected in 1..=3 {
        let mut connection = connection(&url).await;
        let _: () = redis::cmd("SCRIPT")
            .arg("FLUSH")
            .query_async(&mut connection)
            .await
            .unwrap();
        let record = crate::stage::apply(&store, &id, &changes([append("l")])).await;
        assert_eq!(
            crate::stage::items_in(&record, "l"),
            expected,
            "it ran once"
        );
    }
}
