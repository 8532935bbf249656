//! The lists of principals, where they are apart from the sessions.

use session_core::store::{Applied, Created, PrincipalIndex, RemovalReason, SessionStore};
use session_core::{AtLimit, SessionLimit};

use crate::stage::{
    BOTH, apply, key_in, login, name_of, names, now, peek, principal, put_in, record_of, session,
    store, touch,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_the_server_lost_does_not_count() {
    for kind in BOTH {
        let (store, url) = (store(kind).await, testbed::shared(kind).unwrap());
        let ada = principal();
        let lost = record_of(ada, key_in(1));
        put_in(&store, &lost).await;
        let (mut connection, name) = name_of(&url, &lost.key).await;
        let _: () = redis::cmd("DEL")
            .arg(name)
            .query_async(&mut connection)
            .await
            .unwrap();
        let limit = Some(SessionLimit {
            max: 1,
            at_limit: AtLimit::Refuse,
        });
        let next = record_of(ada, key_in(2));
        assert_eq!(
            store.create(&next, limit, now()).await.unwrap(),
            Created::Created
        );
        let entries = names(&url, &ada.to_hex()).await;
        let (mut connection, list) = entries.into_iter().next().unwrap();
        let length: usize = redis::cmd("HLEN")
            .arg(list)
            .query_async(&mut connection)
            .await
            .unwrap();
        assert_eq!(
            length, 2,
            "what is gone is struck off: one entry and the count of logins"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_logins_end_wherever_they_have_moved() {
    for kind in BOTH {
        let store = store(kind).await;
        let ada = principal();
        let mut keys = Vec::new();
        for number in 0..4_u8 {
            let first = session(&store, key_in(number)).await.key;
            apply(&store, &first, &login(ada, None)).await;
            let new = key_in(100 + number);
            let moved = store.rename(&first, &new, &touch(), now()).await.unwrap();
            assert!(matches!(moved, Applied::Applied { .. }));
            keys.push(new);
        }
        let limit = Some(SessionLimit {
            max: 2,
            at_limit: AtLimit::EndOldest,
        });
        let (old, new) = (session(&store, key_in(50)).await.key, key_in(51));
        store
            .rename(&old, &new, &login(ada, limit), now())
            .await
            .unwrap();
        for gone in &keys[..3] {
            assert!(peek(&store, gone).await.is_none());
        }
        let listed = store.list(&ada, now()).await.unwrap();
        let listed: Vec<_> = listed.iter().map(|record| record.key).collect();
        assert!(listed == [keys[3], new]);
        let mut told = Vec::new();
        loop {
            let swept = store.sweep(now(), 10).await.unwrap();
            told.extend(swept.removed);
            if !swept.more {
                break;
            }
        }
        assert_eq!(told.len(), 3);
        assert!(
            told.iter()
                .all(|removed| removed.reason == RemovalReason::Replaced)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_leaves_the_list_as_it_was() {
    for kind in BOTH {
        let (store, url) = (store(kind).await, testbed::shared(kind).unwrap());
        let ada = principal();
        let theirs = record_of(ada, key_in(1));
        put_in(&store, &theirs).await;
        let list = async || {
            let (mut connection, name) = names(&url, &ada.to_hex()).await.remove(0);
            let mut entries: Vec<Vec<u8>> = redis::cmd("HKEYS")
                .arg(name)
                .query_async(&mut connection)
                .await
                .unwrap();
            entries.sort();
            entries
        };
        let before = list().await;
        let gone = key_in(2);
        let applied = store.apply(&gone, &login(ada, None), now()).await.unwrap();
        assert_eq!(applied, Applied::Gone);
        let renamed = store
            .rename(&gone, &key_in(3), &login(ada, None), now())
            .await
            .unwrap();
        assert_eq!(renamed, Applied::Gone);
        let created = store.create(&theirs, None, now()).await.unwrap();
        assert_eq!(created, Created::Taken);
        assert_eq!(list().await, before);
        assert_eq!(store.list(&ada, now()).await.unwrap().len(), 1);
    }
}
