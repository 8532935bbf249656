//! Several applications on one server.

use session_core::store::{Created, PrincipalIndex, SessionStore};
use testbed::Kind;

use crate::stage::{BOTH, key, now, peek, prefix, principal, put_in, record_of, store_with};

#[tokio::test(flavor = "multi_thread")]
async fn stores_with_different_prefixes_never_meet() {
    for kind in BOTH {
        let base = prefix();
        let prefixes = [
            base.clone(),
            format!("{base}:"),
            format!("{base}*"),
            format!("{{{base}}}"),
            format!("{base}:{{g00}}:s"),
            format!("{base}%3A"),
            format!("{base}\0"),
            format!("{base}é"),
            base.to_uppercase(),
        ];
        let ada = principal();
        let session = record_of(ada, key());
        let mut stores = Vec::new();
        for prefix in &prefixes {
            let store = store_with(kind, prefix).await;
            assert!(peek(&store, &session.key).await.is_none(), "{prefix:?}");
            put_in(&store, &session).await;
            stores.push(store);
        }
        // What one store does to everything it has is nothing to the others.
        stores[0].end_everybody().await.unwrap();
        stores[1].end_all(&ada, None, now()).await.unwrap();
        stores[2].delete(&session.key).await.unwrap();
        for (store, prefix) in stores.iter().zip(&prefixes).skip(3) {
            assert!(peek(store, &session.key).await.is_some(), "{prefix:?}");
            assert_eq!(
                store.list(&ada, now()).await.unwrap().len(),
                1,
                "{prefix:?}"
            );
        }
        assert_eq!(stores[3].census(now()).await.unwrap().live(), 1);
        for store in &stores[..3] {
            assert!(peek(store, &session.key).await.is_none());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_with_one_prefix_are_one_store() {
    let prefix = prefix();
    let one = store_with(Kind::Redis, &prefix).await;
    let other = store_with(Kind::Redis, &prefix).await;
    let session = record_of(principal(), key());
    put_in(&one, &session).await;
    assert_eq!(peek(&other, &session.key).await, Some(session.clone()));
    let taken = other.create(&session, None, now()).await.unwrap();
    assert_eq!(taken, Created::Taken);
}
