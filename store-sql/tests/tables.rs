//! Making the tables, finding in them by indexes, and what is said when that cannot be done.

mod common;

use session_core::store::{Access, Loaded, SessionStore, StoreError};
use session_core::{PrincipalKey, StoreKey};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use store_sql::{CreateTables, SqlError, SqlStore};

use self::common::samples::{NOW, key, put, record, touch};
use self::common::{Database, Place, raw};

async fn is_live(store: &SqlStore, key: &StoreKey) -> bool {
    let loaded = store.load(key, Access::Peek, NOW).await.unwrap();
    matches!(loaded, Loaded::Live { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_made_on_demand_and_again_without_harm() {
    for database in Database::ALL {
        let place = database.place();
        let store = place.store().await;
        let session = record(key());
        store.create(&session, None, NOW).await.unwrap();
        for _ in 0..2 {
            store.migrate().await.unwrap();
        }
        assert!(is_live(&store, &session.key).await, "{}", database.name());
        assert!(is_live(&place.store().await, &session.key).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_may_make_no_tables_says_that_they_are_missing() {
    for database in Database::ALL {
        let place = database.place();
        let builder = place.builder().create_tables(CreateTables::Never);
        let refused = builder.clone().connect().await;
        assert!(matches!(refused, Err(SqlError::NoTables)), "{refused:?}");
        // An operator runs the statements that the store shows.
        let shown = place.store().await.schema().to_owned();
        raw::drop_tables(database, &place).await;
        raw::run(database, &place, &shown).await;
        let store = builder.connect().await.unwrap();
        let session = record(key());
        store.create(&session, None, NOW).await.unwrap();
        assert!(is_live(&store, &session.key).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_with_different_prefixes_share_a_database_and_no_session() {
    for database in Database::ALL {
        let place = database.place();
        let store = place.store().await;
        let other = place.builder().table_prefix(format!("{}b_", place.prefix));
        let other = other.connect().await.unwrap();
        let session = record(key());
        store.create(&session, None, NOW).await.unwrap();
        assert!(!is_live(&other, &session.key).await);
        other.principals().unwrap().end_everybody().await.unwrap();
        assert!(is_live(&store, &session.key).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_bytes_also_where_the_database_compares_text_without_case() {
    for database in Database::ALL {
        let store = database.place().store().await;
        let mut session = record(key());
        session.attributes = common::samples::attributes(&["a", "A", "a ", "ä", "a\0"]);
        store.create(&session, None, NOW).await.unwrap();
        let mut changes = touch(NOW);
        changes.attributes.push(put("A", 7));
        store.apply(&session.key, &changes, NOW).await.unwrap();
        let loaded = store.load(&session.key, Access::Peek, NOW).await.unwrap();
        let Loaded::Live { record, .. } = loaded else {
            panic!("the session is live");
        };
        let names: Vec<_> = record.attributes.iter().map(|it| &*it.name).collect();
        assert_eq!(names, ["A", "a", "a\0", "a ", "ä"]);
        assert_eq!(common::samples::number(&record, "a"), 1);
        assert_eq!(common::samples::number(&record, "A"), 7);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_an_error_that_tells_no_secret() {
    let (postgres, mariadb) = (Database::Postgres.place(), Database::MariaDb.place());
    let at = |place: &Place, user: &str, database: &str| {
        let (scheme, rest) = place.url.split_once("://").unwrap();
        let (_, rest) = rest.split_once('@').unwrap();
        let (host, _) = rest.split_once('/').unwrap();
        format!("{scheme}://{user}@{host}/{database}")
    };
    for url in [
        at(&postgres, "postgres", "no_such_database"),
        at(&postgres, "nobody:hunter2", "postgres"),
        at(&mariadb, "testbed:hunter2", "testbed"),
        at(&mariadb, "testbed:testbed", "no_such_database"),
        "postgres://ada:hunter2@:99999/x".into(),
        "oracle://ada:hunter2@host/x".into(),
        "sqlite::memory:".into(),
        "sqlite:/no/such/folder/hunter2.db".into(),
        "hunter2".into(),
    ] {
        let builder = SqlStore::builder(&url);
        assert!(!format!("{builder:?}").contains("hunter2"), "{builder:?}");
        let error = builder.connect().await.expect_err(&url);
        assert!(!error.is_outage(), "no waiting mends {url}: {error:?}");
        let said = format!("{error} {error:?}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let prefix = SqlStore::builder("sqlite:x.db").table_prefix("a; DROP TABLE b");
    assert!(matches!(prefix.connect().await, Err(SqlError::Prefix)));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_its_owner_reads_a_file_of_sessions() {
    use std::os::unix::fs::PermissionsExt;

    let place = Database::Sqlite.place();
    let store = place.store().await;
    store.create(&record(key()), None, NOW).await.unwrap();
    let path = place.url.strip_prefix("sqlite:").unwrap();
    for ending in ["", "-wal", "-shm"] {
        let about = std::fs::metadata(format!("{path}{ending}")).unwrap();
        assert_eq!(about.permissions().mode() & 0o777, 0o600, "{ending}");
    }
}

/// How PostgreSQL finds what a statement asks for.
async fn plan(place: &Place, sql: &str) -> String {
    let sql = format!("EXPLAIN {}", sql.replace("session_", &place.prefix));
    let mut connection = PgConnection::connect(&place.url).await.unwrap();
    let rows = sqlx::raw_sql(AssertSqlSafe(sql))
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    lines.join("\n")
}

/// Makes sessions that expire one after the other from a millisecond after [`NOW`] on.
const TEN_THOUSAND: &str = "INSERT INTO session_record (store_key, generation, expires_at, sweep_from, \
    revision, created_at, accessed_at, issued_at, idle_limit, absolute_deadline, authenticated_at, format, \
    ended, closed, handle, principal_key, principal) \
    SELECT sha256(n::text::bytea), 0, 1900000000000 + n * 600, \
    (1900000000000 + n * 600) / 60000 * 60000, 1, 0, 0, 0, 0, 1900000000000 + n * 600, 0, 1, 0, 0, \
    substring(sha256(n::text::bytea) FROM 1 FOR 16), sha256((n % 3000)::text::bytea), 'ada' \
    FROM generate_series(1, 10000) AS n; \
    INSERT INTO session_attribute (store_key, name, revision, codec, value) \
    SELECT store_key, 'a', 1, 1, '\\x01' FROM session_record; \
    ANALYZE session_record; ANALYZE session_attribute;";

#[tokio::test(flavor = "multi_thread")]
async fn among_ten_thousand_sessions_sweeps_and_lists_use_an_index() {
    let place = Database::Postgres.place();
    let store = place.store().await;
    raw::run(Database::Postgres, &place, TEN_THOUSAND).await;
    let generation = "(SELECT generation FROM session_generation)";
    for (sql, index) in [
        (
            "SELECT store_key FROM session_record WHERE generation = 0 \
             AND sweep_from <= 1900000060000 AND expires_at <= 1900000060000 AND format <= 1 \
             ORDER BY generation, sweep_from LIMIT 256 FOR UPDATE SKIP LOCKED"
                .to_owned(),
            "session_record_expiry",
        ),
        (
            "SELECT store_key FROM session_record WHERE generation < 0 AND format <= 1 \
             ORDER BY generation, sweep_from LIMIT 256 FOR UPDATE SKIP LOCKED"
                .into(),
            "session_record_expiry",
        ),
        (
            format!(
                "SELECT r.store_key FROM session_record r WHERE r.principal_key = '\\x01' \
                 AND r.moved_to IS NULL AND r.ended = 0 AND r.generation = {generation} \
                 AND (r.expires_at IS NULL OR r.expires_at > 0)"
            ),
            "session_record_principal",
        ),
        (
            "SELECT r.handle, a.value FROM session_record r LEFT JOIN session_attribute a \
             ON a.store_key = r.store_key WHERE r.store_key = '\\x01'"
                .into(),
            "session_attribute_pkey",
        ),
        (
            "SELECT r.handle, a.value FROM session_record r LEFT JOIN session_attribute a \
             ON a.store_key = r.store_key \
             WHERE r.store_key = ANY (ARRAY['\\x01'::bytea, '\\x02'])"
                .into(),
            "session_record_pkey",
        ),
        (
            format!(
                "SELECT r.store_key FROM unnest(ARRAY['\\x01'::bytea, '\\x02'], \
                 ARRAY[1::bigint, 2]) AS g (store_key, revision) \
                 JOIN session_record r ON r.store_key = g.store_key \
                 AND r.revision = g.revision AND r.generation + 0 = {generation} \
                 FOR UPDATE OF r SKIP LOCKED"
            ),
            "session_record_pkey",
        ),
    ] {
        let plan = plan(&place, &sql).await;
        let index = index.replace("session_", &place.prefix);
        assert!(plan.contains(&index), "{sql}\n{plan}");
        assert!(
            !plan.contains("Seq Scan on") || plan.contains("_generation"),
            "{plan}"
        );
    }
    // The statements of the store itself find the same.
    let swept = store.sweep(session_core::Timestamp::from_millis(1_900_000_060_000), 256);
    assert_eq!(swept.await.unwrap().removed.len(), 100);
    let nobody = PrincipalKey::from_bytes([9; 32]);
    let listed = store
        .principals()
        .unwrap()
        .list(&nobody, NOW)
        .await
        .unwrap();
    assert_eq!(listed, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_that_finds_nothing_reads_none_of_ten_thousand_sessions() {
    const SWEEPS: i64 = 50;
    let place = Database::Postgres.place();
    drop(place.store().await);
    raw::run(Database::Postgres, &place, TEN_THOUSAND).await;
    let before = told(&place, |told| told.made == 10_000).await;
    let store = place.store().await;
    for _ in 0..SWEEPS {
        assert_eq!(store.sweep(NOW, 256).await.unwrap().removed, []);
    }
    drop(store);
    let after = told(&place, |told| told.sweeps >= before.sweeps + SWEEPS).await;
    assert_eq!(after.read, before.read, "sessions read without an index");
}

/// What PostgreSQL tells of its tables.
struct Told {
    made: i64,
    /// Sessions that were read without an index.
    read: i64,
    /// How often the generation was asked for, as every sweep does.
    sweeps: i64,
}

/// Waits until PostgreSQL tells of something: when the connection has ended, at the latest.
async fn told(place: &Place, is_told: impl Fn(&Told) -> bool) -> Told {
    let sql = "SELECT r.n_tup_ins, r.seq_tup_read, g.seq_scan + g.idx_scan \
        FROM pg_stat_user_tables r, pg_stat_user_tables g \
        WHERE r.relname = 'session_record' AND g.relname = 'session_generation'";
    let sql = sql.replace("session_", &place.prefix);
    let mut connection = PgConnection::connect(&place.url).await.unwrap();
    for _ in 0..1_000 {
        let row = sqlx::query(AssertSqlSafe(sql.clone()));
        let row = row.fetch_one(&mut connection).await.unwrap();
        let told = Told {
            made: row.get(0),
            read: row.get(1),
            sweeps: row.get(2),
        };
        if is_told(&told) {
            return told;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("PostgreSQL never tells what was done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_may_only_be_read_is_unavailable_for_writes() {
    let place = Database::Postgres.place();
    let store = place.store().await;
    let session = record(key());
    store.create(&session, None, NOW).await.unwrap();
    let read_only = Place::at(format!(
        "{}?options=-c%20default_transaction_read_only%3Don",
        place.url
    ));
    let store = read_only
        .builder()
        .table_prefix(&place.prefix)
        .connect()
        .await
        .unwrap();
    assert!(is_live(&store, &session.key).await);
    let refused = store.apply(&session.key, &touch(NOW), NOW).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
}
