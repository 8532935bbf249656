//! A cluster whose slots move to other nodes while it is used.

use redis::aio::MultiplexedConnection;
use session_core::store::{PrincipalIndex, SessionStore};
use testbed::RedisCluster;

use crate::stage::{
    add_one, append, apply, changes, connections, items_in, key_in, now, number_in, peek, prefix,
    session, store_at, touch,
};

async fn ask(connection: &mut MultiplexedConnection, words: &[&str]) -> redis::Value {
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    command.query_async(connection).await.unwrap()
}

async fn text(connection: &mut MultiplexedConnection, words: &[&str]) -> String {
    redis::from_redis_value(ask(connection, words).await).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_used_while_their_slot_moves_to_another_node() {
    let mut cluster = RedisCluster::start().unwrap();
    let url = cluster.url();
    let ports: Vec<u16> = cluster.nodes().iter().map(testbed::Server::port).collect();
    let store = store_at(&url, &prefix()).await;
    // Then every key of a group is there: calls that name one that is not wait to the end.
    store.end_everybody().await.unwrap();
    let id = session(&store, key_in(0x11)).await.key;
    let other = session(&store, key_in(0x11)).await.key;

    let mut nodes = connections(&url).await;
    let slot = text(&mut nodes[0], &["CLUSTER", "KEYSLOT", "x:{g11}:y"]).await;
    let mut ids = Vec::new();
    let mut source = 0;
    for (index, node) in nodes.iter_mut().enumerate() {
        ids.push(text(node, &["CLUSTER", "MYID"]).await);
        let keys: usize = text(node, &["CLUSTER", "COUNTKEYSINSLOT", &slot])
            .await
            .parse()
            .unwrap();
        if keys > 0 {
            source = index;
        }
    }
    let target = (source + 1) % nodes.len();
    let (source_id, target_id) = (ids[source].clone(), ids[target].clone());
    ask(
        &mut nodes[target],
        &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source_id],
    )
    .await;
    ask(
        &mut nodes[source],
        &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target_id],
    )
    .await;

    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            for _ in 0..60 {
                add_one(&store, &id, "counter").await;
                apply(&store, &other, &changes([append("list")])).await;
            }
        }
    });
    // Key by key, as an operator's program does: for a while a call finds some keys on one node
    // and some on the other.
    loop {
        let keys = ask(
            &mut nodes[source],
            &["CLUSTER", "GETKEYSINSLOT", &slot, "1"],
        )
        .await;
        let keys: Vec<String> = redis::from_redis_value(keys).unwrap();
        let Some(key) = keys.first() else {
            break;
        };
        let port = ports[target].to_string();
        ask(
            &mut nodes[source],
            &["MIGRATE", "127.0.0.1", &port, key, "0", "5000"],
        )
        .await;
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    // All keys have moved, and the slot has not: every call is sent on with ASKING.
    apply(&store, &id, &changes([append("list")])).await;
    for node in [target, source] {
        ask(
            &mut nodes[node],
            &["CLUSTER", "SETSLOT", &slot, "NODE", &target_id],
        )
        .await;
    }
    writing.await.unwrap();
    // The slot has moved, and calls are redirected.
    let record = peek(&store, &id).await.unwrap();
    assert_eq!(
        number_in(&record, "counter"),
        Some(60),
        "no update was lost or made twice"
    );
    assert_eq!(items_in(&record, "list"), 1);
    let record = peek(&store, &other).await.unwrap();
    assert_eq!(items_in(&record, "list"), 60);
    let new = key_in(0x12);
    store.rename(&id, &new, &touch(), now()).await.unwrap();
    assert!(peek(&store, &new).await.is_some());
    assert_eq!(store.census(now()).await.unwrap().live(), 2);
}
