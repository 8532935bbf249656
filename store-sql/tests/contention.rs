//! Deadlocks, long waits and changes at the worst moment, provoked on purpose.

mod common;

use std::time::{Duration, Instant};

use session_core::StoreKey;
use session_core::store::{Access, Applied, Loaded, SessionStore, StoreError};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection};
use store_sql::SqlStore;
use testbed::Server;
use tokio::task::JoinSet;

use self::common::samples::{NOW, attributes, key, put, record, touch};
use self::common::{Database, Place};

/// A transaction of somebody else that holds locks.
enum Stranger {
    Postgres(PgConnection),
    MariaDb(MySqlConnection),
}

impl Stranger {
    async fn begin(database: Database, place: &Place) -> Self {
        let mut stranger = match database {
            Database::Postgres => Self::Postgres(PgConnection::connect(&place.url).await.unwrap()),
            Database::MariaDb => Self::MariaDb(MySqlConnection::connect(&place.url).await.unwrap()),
            Database::Sqlite => panic!("one transaction writes at a time"),
        };
        stranger.run("BEGIN").await.unwrap();
        stranger
    }

    async fn run(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Postgres(connection) => sql.execute(connection).await.map(drop),
            Self::MariaDb(connection) => sql.execute(connection).await.map(drop),
        }
    }

    /// Locks a session, by a statement that every one of them knows.
    async fn lock(&mut self, place: &Place, key: &StoreKey) -> Result<(), sqlx::Error> {
        let hex = key.to_hex();
        let key = match self {
            Self::Postgres(_) => format!("'\\x{hex}'"),
            Self::MariaDb(_) => format!("X'{hex}'"),
        };
        let table = format!("{}record", place.prefix);
        self.run(&format!(
            "SELECT 1 FROM {table} WHERE store_key = {key} FOR UPDATE"
        ))
        .await
    }
}

/// Two sessions with an attribute; the first key is the lesser one.
async fn two_sessions(store: &store_sql::SqlStore) -> [StoreKey; 2] {
    let mut keys = [key(), key()];
    keys.sort_unstable();
    for key in keys {
        let mut record = record(key);
        record.attributes = attributes(&["a"]);
        store.create(&record, None, NOW).await.unwrap();
    }
    keys
}

/// Waits until somebody waits for a lock.
async fn until_somebody_waits(place: &Place, database: Database) {
    let sql = match database {
        Database::Postgres => "SELECT count(*) FROM pg_locks WHERE NOT granted",
        _ => "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
    };
    let began = Instant::now();
    loop {
        let waiting: i64 = match database {
            Database::Postgres => {
                let mut connection = PgConnection::connect(&place.url).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&mut connection).await
            }
            _ => {
                let mut connection = MySqlConnection::connect(&place.url).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&mut connection).await
            }
        }
        .unwrap();
        if waiting > 0 {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "nobody waits");
        // MariaDB answers from a copy, and makes no new one for whoever asks again within 0.1 s.
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_survived_by_trying_again() {
    for database in Database::SERVERS {
        // Of its own: nobody else waits for locks there.
        let server = Server::start(database.kind()).unwrap();
        let place = Place::at(server.url());
        let store = place.builder().timeout(Duration::from_secs(30));
        let store = store.connect().await.unwrap();
        let sessions = two_sessions(&store).await;
        // On a machine that is slow enough the database may end the stranger instead.
        let mut was_refused = false;
        for _ in 0..5 {
            was_refused = was_refused || deadlock(database, &place, &store, sessions).await;
        }
        assert!(was_refused, "it is never the store in {}", database.name());
    }
}

/// Has a rename and a stranger wait for each other. True when it was the store that the database
/// refused.
async fn deadlock(
    database: Database,
    place: &Place,
    store: &SqlStore,
    [first, second]: [StoreKey; 2],
) -> bool {
    // The stranger holds the second session and wants the first; a rename from the first to
    // the second holds the first and wants the second.
    let mut stranger = Stranger::begin(database, place).await;
    stranger.lock(place, &second).await.unwrap();
    // MariaDB ends the one that has changed less, PostgreSQL the one that waited first.
    let table = format!("{}login", place.prefix);
    let lanes = (1_000..1_020).map(|lane| format!("({lane})"));
    let lanes = lanes.collect::<Vec<_>>().join(", ");
    let change = format!("INSERT INTO {table} (lane) VALUES {lanes}");
    stranger.run(&change).await.unwrap();
    let renaming = store.clone();
    let renamed = tokio::spawn(async move {
        let changes = touch(NOW);
        renaming.rename(&first, &second, &changes, NOW).await
    });
    until_somebody_waits(place, database).await;
    let name = database.name();
    let locked = stranger.lock(place, &first).await;
    stranger.run("ROLLBACK").await.unwrap();
    let renamed = renamed.await.unwrap();
    assert!(matches!(renamed, Ok(Applied::Taken)), "{name}: {renamed:?}");
    for key in [first, second] {
        let loaded = store.load(&key, Access::Peek, NOW).await.unwrap();
        assert!(matches!(loaded, Loaded::Live { .. }), "{name}");
    }
    locked.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_too_long_for_a_lock_gets_an_error_in_time_and_the_store_goes_on() {
    for database in Database::SERVERS {
        let place = database.place();
        let store = place.builder().timeout(Duration::from_secs(2));
        let store = store.connect().await.unwrap();
        let [held, free] = two_sessions(&store).await;
        let mut stranger = Stranger::begin(database, &place).await;
        stranger.lock(&place, &held).await.unwrap();
        let mut changes = touch(NOW);
        changes.attributes.push(put("a", 2));
        let began = Instant::now();
        let refused = store.apply(&held, &changes, NOW).await;
        assert!(
            matches!(refused, Err(StoreError::Unavailable(_))),
            "{refused:?}"
        );
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{:?}",
            began.elapsed()
        );
        // A load waits for nobody, and nor do the other sessions.
        let loaded = store.load(&held, Access::Peek, NOW).await.unwrap();
        assert!(matches!(loaded, Loaded::Live { .. }));
        let applied = store.apply(&free, &changes, NOW).await.unwrap();
        assert!(matches!(applied, Applied::Applied { .. }), "{applied:?}");
        // A sweep leaves what is locked to others.
        let late = NOW.saturating_add(2 * common::samples::IDLE_LIMIT);
        let swept = store.sweep(late, 10).await.unwrap().removed;
        assert_eq!(swept.len(), 1, "{}", database.name());
        stranger.run("ROLLBACK").await.unwrap();
        let swept = store.sweep(late, 10).await.unwrap().removed;
        assert_eq!(swept.len(), 1, "{}", database.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_ends_renames_and_sweeps_in_each_others_way_all_come_to_an_answer() {
    for database in Database::ALL {
        let place = database.place();
        let store = place.builder().timeout(Duration::from_secs(60));
        let store = store.acquire_timeout(Duration::from_secs(60));
        let store = store.connect().await.unwrap();
        let mut tasks = JoinSet::new();
        for task in 0..24_u8 {
            let store = store.clone();
            tasks.spawn(async move {
                let limit = session_core::SessionLimit {
                    max: 2,
                    at_limit: session_core::AtLimit::EndOldest,
                };
                for round in 0..6_u8 {
                    let mut current = key();
                    store.create(&record(current), None, NOW).await.unwrap();
                    // Each session belongs to one principal and then to the other.
                    for principal in [1 + task % 2, 2 - task % 2] {
                        let mut login = touch(NOW);
                        login.login = Some(session_core::Login {
                            authentication: common::samples::login(principal).into(),
                            limit: Some(limit),
                            absolute_deadline: session_core::Timestamp::NEVER,
                        });
                        let new = key();
                        match store.rename(&current, &new, &login, NOW).await.unwrap() {
                            Applied::Applied { .. } => current = new,
                            Applied::Gone => break,
                            other => panic!("logged in, or ended by another login: {other:?}"),
                        }
                    }
                    let principals = store.principals().unwrap();
                    match (task + round) % 3 {
                        0 => drop(store.sweep(NOW, 5).await.unwrap()),
                        1 => {
                            let who = common::samples::PRINCIPAL;
                            drop(principals.end_all(who, None, NOW).await.unwrap());
                        }
                        _ => drop(store.delete(&current).await.unwrap()),
                    }
                }
            });
        }
        while let Some(task) = tasks.join_next().await {
            task.unwrap();
        }
        for principal in [1, 2] {
            let key = session_core::PrincipalKey::from_bytes([principal; 32]);
            let listed = store.principals().unwrap().list(&key, NOW).await.unwrap();
            assert!(listed.len() <= 2, "{}: {}", database.name(), listed.len());
        }
    }
}

/// How often a load tries to record an access before it locks the session.
const ACCESS_TRIES: usize = 3;

/// Statements that make each try to record an access come to nothing, as if somebody had just
/// changed the session; and at the last one, everything in the row of the session becomes what
/// the row of another one has.
fn be_quicker(database: Database, session: &StoreKey, becomes: &StoreKey) -> String {
    const COLUMNS: &str = "moved_to, moved_at, closed, expires_at, principal_key, principal";
    let (session, becomes) = (session.to_hex(), becomes.to_hex());
    match database {
        Database::Postgres => format!(
            "CREATE TABLE session_try (number int);
             CREATE FUNCTION session_be_quicker() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                INSERT INTO session_try VALUES (1);
                IF (SELECT count(*) FROM session_try) = {ACCESS_TRIES} THEN
                    UPDATE session_record SET ({COLUMNS}) = (
                        SELECT {COLUMNS} FROM session_record WHERE store_key = '\\x{becomes}'
                    ) WHERE store_key = '\\x{session}';
                END IF;
                RETURN NULL;
             END $$;
             CREATE TRIGGER session_try_to_record BEFORE UPDATE ON session_record FOR EACH ROW
             WHEN (pg_trigger_depth() = 0 AND old.store_key = '\\x{session}')
             EXECUTE FUNCTION session_be_quicker();"
        ),
        Database::Sqlite => format!(
            "CREATE TABLE session_try (number INTEGER);
             CREATE TRIGGER session_try_to_record BEFORE UPDATE ON session_record
             WHEN old.store_key = X'{session}'
             BEGIN
                INSERT INTO session_try VALUES (1);
                UPDATE session_record SET ({COLUMNS}) = (
                    SELECT {COLUMNS} FROM session_record WHERE store_key = X'{becomes}'
                ) WHERE store_key = X'{session}'
                AND (SELECT count(*) FROM session_try) = {ACCESS_TRIES};
                SELECT RAISE(IGNORE);
             END;"
        ),
        Database::MariaDb => panic!("a trigger changes no other row of its table"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_too_slow_to_record_an_access_is_told_that_somebody_else_logged_in() {
    // The code is one for all databases; these let a trigger stand in for the quicker ones.
    for database in [Database::Postgres, Database::Sqlite] {
        let (place, name) = (database.place(), database.name());
        let store = place.store().await;
        let (session, other) = (key(), key());
        for key in [session, other] {
            let mut record = record(key);
            record.authentication = Some(common::samples::login(1).into());
            store.create(&record, None, NOW).await.unwrap();
        }
        let mut login = touch(NOW);
        login.clear_attributes = true;
        login.login = Some(session_core::Login {
            authentication: common::samples::login(2).into(),
            limit: None,
            absolute_deadline: session_core::Timestamp::NEVER,
        });
        let renamed = store.rename(&other, &key(), &login, NOW).await.unwrap();
        assert!(matches!(renamed, Applied::Applied { .. }), "{name}");
        let sql = be_quicker(database, &session, &other);
        common::raw::run(database, &place, &sql).await;

        let access = Access::Counted {
            unless_within: Duration::ZERO,
        };
        let now = NOW.saturating_add(Duration::from_secs(60));
        let loaded = store.load(&session, access, now).await.unwrap();
        assert_eq!(loaded, Loaded::Moved { since: NOW }, "{name}");
        // For changes it is gone: nobody is led into the session of somebody else.
        let applied = store.apply(&session, &touch(now), now).await.unwrap();
        assert_eq!(applied, Applied::Gone, "{name}");
    }
}
