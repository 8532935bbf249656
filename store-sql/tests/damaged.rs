//! Rows that cannot be read, and rows that a newer version wrote.

mod common;

use std::sync::Arc;

use session_core::store::{Access, Deleted, Loaded, RemovalReason, SessionStore, StoreError};
use session_core::testkit::store::check_unreadable;
use session_core::{ChangeSet, Record, StoreKey, Timestamp};
use store_sql::SqlStore;

use self::common::samples::{self, IDLE_LIMIT, NOW, attributes, key, put, record, touch};
use self::common::{Database, Place, raw};

/// What can be wrong with a stored session that has an attribute and a principal.
const DAMAGES: [&str; 4] = [
    "UPDATE session_attribute SET codec = 9",
    "UPDATE session_record SET principal = NULL",
    "UPDATE session_record SET principal_key = NULL",
    "UPDATE session_record SET format = 0",
];

async fn stored(store: &SqlStore) -> Record {
    let mut record = record(key());
    record.attributes = attributes(&["a"]);
    record.authentication = Some(samples::login(1).into());
    store.create(&record, None, NOW).await.unwrap();
    record
}

fn write() -> ChangeSet {
    let mut changes = touch(NOW);
    changes.attributes.push(put("a", 2));
    changes
}

async fn damaged(database: Database, damage: &str) -> (Place, SqlStore, Record) {
    let place = database.place();
    let store = place.store().await;
    let record = stored(&store).await;
    raw::run(database, &place, damage).await;
    (place, store, record)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_read_is_never_overwritten_and_can_be_deleted() {
    for database in Database::ALL {
        for damage in DAMAGES {
            let (_place, store, session) = damaged(database, damage).await;
            let what = format!("{} after {damage}", database.name());
            let loaded = store.load(&session.key, Access::Peek, NOW).await;
            assert!(
                matches!(loaded, Err(StoreError::Unreadable(_))),
                "{what}: {loaded:?}"
            );
            let applied = store.apply(&session.key, &write(), NOW).await;
            assert!(
                matches!(applied, Err(StoreError::Unreadable(_))),
                "{what}: {applied:?}"
            );
            let renamed = store.rename(&session.key, &key(), &write(), NOW).await;
            assert!(
                matches!(renamed, Err(StoreError::Unreadable(_))),
                "{what}: {renamed:?}"
            );
            let other = stored(&store).await;
            assert!(
                store.load(&other.key, Access::Peek, NOW).await.is_ok(),
                "{what}"
            );
            let deleted = store.delete(&session.key).await.unwrap();
            assert_eq!(deleted, Deleted::Removed(None), "{what}");
            assert_eq!(store.delete(&session.key).await.unwrap(), Deleted::Absent);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_read_is_neither_absent_nor_an_outage_and_harms_no_other() {
    for database in Database::ALL {
        for damage in [
            "UPDATE session_attribute SET codec = 9",
            "UPDATE session_record SET format = 0",
        ] {
            let place = database.place();
            let damage = async |key: &StoreKey| {
                let key = match database {
                    Database::Postgres => format!("'\\x{}'", key.to_hex()),
                    Database::MariaDb | Database::Sqlite => format!("X'{}'", key.to_hex()),
                };
                let damage = format!("{damage} WHERE store_key = {key}");
                raw::run(database, &place, &damage).await;
            };
            check_unreadable(Arc::new(place.store().await), damage).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_read_is_left_to_expire_and_keeps_no_sweep_from_the_others() {
    for database in Database::ALL {
        for damage in DAMAGES {
            let (_place, store, session) = damaged(database, damage).await;
            let other = stored(&store).await;
            let end = NOW.saturating_add(IDLE_LIMIT);
            let early = Timestamp::from_millis(end.as_millis() - 1);
            assert_eq!(store.sweep(early, 10).await.unwrap().removed, []);
            let swept = store.sweep(end, 10).await.unwrap().removed;
            let [removed] = &swept[..] else {
                panic!("the other one is reported: {swept:?}");
            };
            assert_eq!(
                (removed.record.key, removed.reason),
                (other.key, RemovalReason::Expired)
            );
            let loaded = store.load(&session.key, Access::Peek, NOW).await.unwrap();
            assert_eq!(loaded, Loaded::Absent, "{} after {damage}", database.name());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_ends_all_sessions_ends_those_that_cannot_be_read_too() {
    for database in Database::ALL {
        let damage = "UPDATE session_attribute SET codec = 9";
        let (_place, store, session) = damaged(database, damage).await;
        let other = stored(&store).await;
        let principals = store.principals().unwrap();
        let ended = principals
            .end_all(samples::PRINCIPAL, None, NOW)
            .await
            .unwrap();
        assert_eq!(ended, [other]);
        let loaded = store.load(&session.key, Access::Peek, NOW).await.unwrap();
        assert_eq!(loaded, Loaded::Absent, "{}", database.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_a_newer_version_is_never_touched() {
    for database in Database::ALL {
        let newer = "UPDATE session_record SET format = 2, handle = store_key";
        // MariaDB would not let a longer handle in.
        let newer = match database {
            Database::MariaDb => "UPDATE session_record SET format = 2",
            Database::Postgres | Database::Sqlite => newer,
        };
        let (_place, store, session) = damaged(database, newer).await;
        let is_newer = |error: StoreError| match error {
            StoreError::NewerFormat { version } => assert_eq!(version, 2),
            other => panic!("{}: {other:?}", database.name()),
        };
        is_newer(
            store
                .load(&session.key, Access::Peek, NOW)
                .await
                .unwrap_err(),
        );
        is_newer(store.apply(&session.key, &write(), NOW).await.unwrap_err());
        is_newer(
            store
                .rename(&session.key, &key(), &write(), NOW)
                .await
                .unwrap_err(),
        );
        is_newer(store.delete(&session.key).await.unwrap_err());
        let late = NOW.saturating_add(2 * IDLE_LIMIT);
        assert_eq!(store.sweep(late, 10).await.unwrap().removed, []);
        is_newer(
            store
                .load(&session.key, Access::Peek, late)
                .await
                .unwrap_err(),
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_was_changed_by_hand_ends_nothing_and_is_put_right() {
    for database in Database::ALL {
        let by_hand = "UPDATE session_record SET expires_at = 0, sweep_from = 0";
        let (_place, store, session) = damaged(database, by_hand).await;
        let swept = store.sweep(NOW, 1).await.unwrap();
        assert_eq!(swept.removed, [], "{}", database.name());
        let again = store.sweep(NOW, 1).await.unwrap();
        assert!(!again.more, "no sweep comes by again");
        let loaded = store.load(&session.key, Access::Peek, NOW).await.unwrap();
        assert!(matches!(loaded, Loaded::Live { .. }), "{loaded:?}");
        let late = NOW.saturating_add(IDLE_LIMIT);
        assert_eq!(store.sweep(late, 10).await.unwrap().removed.len(), 1);
    }
}
