//! Servers that are killed in the middle of their work, and remember what they acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use session_core::store::{Access, Applied, Loaded, SessionStore};
use session_core::{Record, StoreKey};
use store_redis::RedisStore;
use testbed::{Durability, Kind, RedisCluster, Server};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::stage::{append, changes, items_in, key, key_in, now, prefix, session, touch};

/// What became of appends.
#[derive(Default)]
struct Appends {
    acknowledged: AtomicU32,
    unknown: AtomicU32,
    over: AtomicBool,
}

impl Appends {
    /// Appends until it is over, and notes what is known about each.
    fn begin(self: &Arc<Self>, store: &RedisStore, first: StoreKey) -> JoinHandle<()> {
        let (appends, store) = (self.clone(), store.clone());
        tokio::spawn(async move {
            let mut key = first;
            while !appends.over.load(Ordering::Relaxed) {
                match store.apply(&key, &changes([append("l")]), now()).await {
                    Ok(Applied::Applied { .. }) => {
                        appends.acknowledged.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(Applied::Moved(to)) => key = to,
                    Ok(other) => panic!("nothing stands against an append, but {other:?}"),
                    Err(_) => {
                        appends.unknown.fetch_add(1, Ordering::Relaxed);
                        sleep(Duration::from_millis(5)).await;
                    }
                }
            }
        })
    }

    fn assert_kept(&self, record: &Record) {
        let acknowledged = self.acknowledged.load(Ordering::Relaxed);
        let most = acknowledged + self.unknown.load(Ordering::Relaxed);
        let kept = items_in(record, "l");
        assert!(acknowledged > 100, "there was work: {acknowledged}");
        assert!(
            (acknowledged..=most).contains(&kept),
            "{acknowledged} <= {kept} <= {most}"
        );
    }
}

async fn store(url: &str) -> RedisStore {
    let builder = RedisStore::builder().prefix(prefix());
    builder
        .timeout(Duration::from_secs(2))
        .connect(url)
        .await
        .unwrap()
}

async fn load(store: &RedisStore, key: &StoreKey) -> Loaded {
    loop {
        match store.load(key, Access::Peek, now()).await {
            Ok(loaded) => return loaded,
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_durable_server_acknowledged_is_there_after_it_was_killed() {
    let mut server = Server::start_with(Kind::Redis, Durability::Acknowledged).unwrap();
    let store = store(&server.url()).await;
    let id = session(&store, key()).await.key;
    let appends = Arc::new(Appends::default());
    let writers: Vec<_> = (0..8).map(|_| appends.begin(&store, id)).collect();
    for _ in 0..4 {
        sleep(Duration::from_millis(150)).await;
        server.kill().unwrap();
        server.start_again().unwrap();
    }
    sleep(Duration::from_millis(150)).await;
    appends.over.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let Loaded::Live { record, .. } = load(&store, &id).await else {
        panic!("the session is there");
    };
    appends.assert_kept(&record);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_moves_between_nodes_that_are_killed_has_one_key_and_all_its_writes() {
    let mut cluster = RedisCluster::start_with(Durability::Acknowledged).unwrap();
    let store = store(&cluster.url()).await;
    let first = session(&store, key_in(0)).await.key;
    let appends = Arc::new(Appends::default());
    let writers: Vec<_> = (0..4).map(|_| appends.begin(&store, first)).collect();

    let over = appends.clone();
    let rotating = tokio::spawn({
        let store = store.clone();
        async move {
            let (mut keys, mut current, mut group) = (vec![first], first, 0_u8);
            while !over.over.load(Ordering::Relaxed) {
                group = group.wrapping_add(83);
                let new = key_in(group);
                keys.push(new);
                match store.rename(&current, &new, &touch(), now()).await {
                    Ok(Applied::Applied { .. }) => current = new,
                    Ok(Applied::Moved(to)) => current = to,
                    Ok(other) => panic!("nothing stands against a move, but {other:?}"),
                    // Whether it has moved, the next move is told.
                    Err(_) => sleep(Duration::from_millis(5)).await,
                }
            }
            keys
        }
    });
    for round in 0..3 {
        sleep(Duration::from_millis(300)).await;
        let node = &mut cluster.nodes()[round];
        node.kill().unwrap();
        node.start_again().unwrap();
    }
    cluster.wait().unwrap();
    sleep(Duration::from_millis(300)).await;
    appends.over.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let keys = rotating.await.unwrap();
    assert!(keys.len() > 20, "the session moved: {}", keys.len());
    let mut live = Vec::new();
    for key in &keys {
        if let Loaded::Live { record, .. } = load(&store, key).await {
            live.push(record);
        }
    }
    assert_eq!(live.len(), 1, "one key is left");
    appends.assert_kept(&live[0]);
}
