//! What docs/operations.md tells of this store.

mod common;

use session_core::store::{Access, Applied, Created, Loaded, SessionStore};
use session_core::{AtLimit, SessionLimit};
use store_sql::SqlStore;

use self::common::samples::{NOW, key, login, put, record, touch};
use self::common::{Database, raw};

#[test]
fn the_page_for_operators_tells_the_prefix_of_the_tables() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations.md");
    let page = std::fs::read_to_string(page).unwrap();
    let builder = format!("{:?}", SqlStore::builder("sqlite:x.db"));
    let (_, prefix) = builder.split_once("table_prefix: \"").unwrap();
    let (prefix, _) = prefix.split_once('"').unwrap();
    let told = format!("| `table_prefix` | `{prefix}` |");
    assert!(page.contains(&told), "{told}");
}

/// The tables with sessions in them, as a backup of those alone brings them to another place.
fn restored(database: Database, of: &str, to: &str) -> String {
    let tables = ["record", "attribute", "generation"].map(|table| {
        let (of, to) = (format!("{of}{table}"), format!("{to}{table}"));
        let like = match database {
            Database::Postgres => format!("(LIKE {of} INCLUDING ALL)"),
            Database::MariaDb | Database::Sqlite => format!("LIKE {of}"),
        };
        format!("CREATE TABLE {to} {like}; INSERT INTO {to} SELECT * FROM {of};")
    });
    tables.concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_backup_of_the_sessions_lacks_is_made_by_migrating() {
    for database in Database::SERVERS {
        let (place, other) = (database.place(), database.place());
        let session = record(key());
        let before = place.store().await;
        before.create(&session, None, NOW).await.unwrap();
        let sql = restored(database, &place.prefix, &other.prefix);
        raw::run(database, &other, &sql).await;

        let store = other.store().await;
        store.migrate().await.unwrap();
        let loaded = store.load(&session.key, Access::Peek, NOW).await.unwrap();
        assert!(matches!(loaded, Loaded::Live { .. }), "{loaded:?}");
        let mut write = touch(NOW);
        write.attributes.push(put("a", 1));
        let applied = store.apply(&session.key, &write, NOW).await.unwrap();
        assert!(matches!(applied, Applied::Applied { .. }), "{applied:?}");
        // A login that counts, for which logins wait for each other.
        let mut counted = record(key());
        counted.authentication = Some(login(1).into());
        let limit = SessionLimit {
            max: 1,
            at_limit: AtLimit::Refuse,
        };
        let created = store.create(&counted, Some(limit), NOW).await.unwrap();
        assert_eq!(created, Created::Created, "{}", database.name());
    }
}
