//! Two stores at once, as in two processes.

use futures_util::future::join_all;
use session_core::store::{Access, Applied, Loaded, PrincipalIndex, SessionStore};
use session_core::{AtLimit, Reply, SessionLimit, StoreKey};
use store_redis::RedisStore;
use testbed::Kind;

use crate::stage::{
    BOTH, add_one, append, apply, changes, items_in, key, key_in, login, now, number, number_in,
    peek, prefix, principal, put, record_of, session, store_with, touch,
};

async fn two(kind: Kind) -> [RedisStore; 2] {
    let prefix = prefix();
    [
        store_with(kind, &prefix).await,
        store_with(kind, &prefix).await,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_appends_and_keys_of_two_processes_are_all_there() {
    for kind in BOTH {
        let stores = two(kind).await;
        let id = session(&stores[0], key()).await.key;
        let work = |task: usize| {
            let store = stores[task % 2].clone();
            tokio::spawn(async move {
                add_one(&store, &id, "counter").await;
                apply(&store, &id, &changes([append("list")])).await;
                let name = format!("key {task}");
                apply(&store, &id, &changes([put(&name, number(1))])).await;
            })
        };
        join_all((0..128).map(work)).await;
        let record = peek(&stores[1], &id).await.unwrap();
        assert_eq!(number_in(&record, "counter"), Some(128));
        assert_eq!(items_in(&record, "list"), 128);
        assert_eq!(record.attributes.len(), 130);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_with_writes_in_flight_loses_none_and_leaves_one_key() {
    // Within one group, and from group to group.
    for (kind, groups) in [
        (Kind::Redis, 0),
        (Kind::RedisCluster, 0),
        (Kind::RedisCluster, 37),
    ] {
        const ROTATIONS: u8 = 20;
        const WRITERS: u32 = 16;
        const WRITES: u32 = 12;
        let stores = two(kind).await;
        let keys: Vec<StoreKey> = (0..=ROTATIONS)
            .map(|step| key_in(step.wrapping_mul(groups)))
            .collect();
        let first = session(&stores[0], keys[0]).await.key;
        let writers = (0..WRITERS).map(|writer| {
            let store = stores[writer as usize % 2].clone();
            tokio::spawn(async move {
                for _ in 0..WRITES {
                    add_one(&store, &first, "counter").await;
                    apply(&store, &first, &changes([append("list")])).await;
                }
            })
        });
        let writers = join_all(writers.collect::<Vec<_>>());
        let rotating = async {
            for pair in keys.windows(2) {
                let moved = stores[1].rename(&pair[0], &pair[1], &touch(), now()).await;
                assert!(matches!(moved, Ok(Applied::Applied { .. })), "{moved:?}");
            }
        };
        let (written, ()) = tokio::join!(writers, rotating);
        for written in written {
            written.unwrap();
        }
        let mut live = Vec::new();
        for key in &keys {
            match stores[0].load(key, Access::Peek, now()).await.unwrap() {
                Loaded::Live { record, .. } => live.push(record),
                Loaded::Moved { .. } => {}
                other => panic!("every key leads to the session, but {other:?}"),
            }
        }
        assert_eq!(live.len(), 1, "one key is left");
        assert!(live[0].key == keys[usize::from(ROTATIONS)]);
        assert_eq!(number_in(&live[0], "counter"), Some(WRITERS * WRITES));
        assert_eq!(items_in(&live[0], "list"), WRITERS * WRITES);
        assert_eq!(stores[0].census(now()).await.unwrap().live(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_renames_one_wins() {
    for kind in BOTH {
        let stores = two(kind).await;
        for _ in 0..10 {
            let old = session(&stores[0], key()).await.key;
            let renames = (0..8_usize).map(|racer| {
                let store = stores[racer % 2].clone();
                tokio::spawn(async move {
                    let new = key();
                    let mut change = changes([append("list")]);
                    change.reply = Reply::Change;
                    (new, store.rename(&old, &new, &change, now()).await.unwrap())
                })
            });
            let renames = join_all(renames).await;
            let mut won = None;
            for renamed in &renames {
                let (new, answer) = renamed.as_ref().unwrap();
                if let Applied::Applied { .. } = answer {
                    assert!(won.replace(*new).is_none(), "one rename wins");
                }
            }
            let won = won.unwrap();
            for renamed in &renames {
                let (new, answer) = renamed.as_ref().unwrap();
                if *new != won {
                    assert_eq!(*answer, Applied::Moved(won));
                    assert!(peek(&stores[0], new).await.is_none());
                }
            }
            assert_eq!(items_in(&peek(&stores[1], &won).await.unwrap(), "list"), 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_of_two_processes_never_exceed_the_limit() {
    for kind in BOTH {
        let stores = two(kind).await;
        for (round, at_limit) in [AtLimit::Refuse, AtLimit::EndOldest]
            .into_iter()
            .cycle()
            .take(6)
            .enumerate()
        {
            let ada = principal();
            let limit = Some(SessionLimit { max: 4, at_limit });
            let logins = (0..16_usize).map(|number| {
                let store = stores[number % 2].clone();
                tokio::spawn(async move {
                    let login = login(ada, limit);
                    match (number + round) % 3 {
                        0 => {
                            let record = record_of(ada, key());
                            let created = store.create(&record, limit, now()).await.unwrap();
                            created == session_core::store::Created::Created
                        }
                        1 => {
                            let old = session(&store, key()).await.key;
                            let applied = store.apply(&old, &login, now()).await.unwrap();
                            matches!(applied, Applied::Applied { .. })
                        }
                        _ => {
                            let old = session(&store, key()).await.key;
                            let renamed = store.rename(&old, &key(), &login, now()).await.unwrap();
                            matches!(renamed, Applied::Applied { .. })
                        }
                    }
                })
            });
            let logins = join_all(logins).await;
            let let_in = logins
                .into_iter()
                .filter(|login| *login.as_ref().unwrap())
                .count();
            let listed = stores[0].list(&ada, now()).await.unwrap();
            assert_eq!(listed.len(), 4, "{at_limit:?}");
            if at_limit == AtLimit::Refuse {
                assert_eq!(let_in, 4);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_ended_while_sessions_move() {
    for kind in BOTH {
        let stores = two(kind).await;
        for _ in 0..5 {
            let mut sessions = Vec::new();
            for _ in 0..20 {
                sessions.push(session(&stores[0], key()).await.key);
            }
            let moves = sessions.iter().map(|id| {
                let (store, mut id) = (stores[0].clone(), *id);
                tokio::spawn(async move {
                    let mut keys = vec![id];
                    for _ in 0..6 {
                        let new = key();
                        match store.rename(&id, &new, &touch(), now()).await.unwrap() {
                            Applied::Applied { .. } => {
                                id = new;
                                keys.push(new);
                            }
                            Applied::Gone => break,
                            other => panic!("nobody else moves it, but {other:?}"),
                        }
                    }
                    keys
                })
            });
            let moves = join_all(moves.collect::<Vec<_>>());
            let (moved, ended) = tokio::join!(moves, stores[1].end_everybody());
            ended.unwrap();
            for keys in moved {
                for key in keys.unwrap() {
                    assert!(peek(&stores[1], &key).await.is_none(), "nobody escapes");
                }
            }
        }
        // All are told of, each once.
        let mut told = 0;
        loop {
            let (one, other) = tokio::join!(stores[0].sweep(now(), 30), stores[1].sweep(now(), 30));
            let (one, other) = (one.unwrap(), other.unwrap());
            told += one.removed.len() + other.removed.len();
            if !one.more && !other.more {
                break;
            }
        }
        assert_eq!(told, 100);
        let after = session(&stores[0], key()).await.key;
        assert!(peek(&stores[1], &after).await.is_some());
    }
}
