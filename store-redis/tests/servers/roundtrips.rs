//! What a request costs on the server.

use std::collections::BTreeMap;

use session_core::store::{Access, SessionStore};
use testbed::{Kind, Server};

use crate::stage::{SECOND, append, changes, connection, key, now, prefix, session, store_at};

/// How often the server was sent each command since it was last asked; what scripts call is
/// counted by the server as well, so only the commands of clients are looked at.
async fn sent(url: &str) -> BTreeMap<String, u64> {
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
        .filter(|(name, _)| name.starts_with("eval") || name.starts_with("script"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_is_one_call_and_so_is_a_change() {
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

    let evalsha = |calls| BTreeMap::from([("evalsha".to_owned(), calls)]);
    for access in [Access::Peek, counted] {
        store
            .load(&first, access, now().saturating_add(60 * SECOND))
            .await
            .unwrap();
        assert_eq!(sent(&url).await, evalsha(1), "a load");
    }
    store
        .apply(&first, &changes([append("l")]), now())
        .await
        .unwrap();
    assert_eq!(sent(&url).await, evalsha(1), "a change");
    store
        .rename(&first, &second, &changes([append("l")]), now())
        .await
        .unwrap();
    assert_eq!(sent(&url).await, evalsha(1), "another key");
    store.delete(&second).await.unwrap();
    sent(&url).await;
    session(&store, key()).await;
    assert_eq!(sent(&url).await, evalsha(1), "a new session");
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
