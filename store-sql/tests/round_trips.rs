//! How many round trips to the database each call takes, counted on the wire.

mod common;

use std::time::{Duration, Instant};

use session_core::store::{Access, SessionStore};
use session_core::{AtLimit, ChangeSet, Login, SessionLimit, StoreKey, Timestamp};
use testbed::Wire;

use self::common::samples::{self, NOW, key, put, record};
use self::common::{Database, Place};
use store_sql::SqlStore;

/// A store behind a wire, whose one connection has prepared its statements.
struct Counted {
    wire: Wire,
    store: SqlStore,
    _place: Place,
}

impl Counted {
    async fn on(database: Database) -> Self {
        let url = testbed::shared(database.kind()).unwrap();
        let (start, end) = url.rsplit_once(':').unwrap();
        let (port, path) = end.split_once('/').unwrap();
        let wire = Wire::to(port.parse().unwrap()).unwrap();
        let place = Place::at(format!("{start}:{}/{path}", wire.port()));
        let store = place.builder().max_connections(1).connect().await.unwrap();
        Self {
            wire,
            store,
            _place: place,
        }
    }

    /// The round trips of the second of two calls: the first prepares the statements.
    async fn of<F: Future>(&self, mut call: impl FnMut(usize) -> F) -> usize {
        call(0).await;
        let (before, began) = (self.wire.round_trips(), Instant::now());
        call(1).await;
        // A connection that was idle for a second is asked for a sign of life first.
        let asked = usize::from(began.elapsed() >= Duration::from_secs(1));
        self.wire.round_trips() - before - asked
    }

    /// Two sessions with an attribute, one for each call.
    async fn sessions(&self) -> [StoreKey; 2] {
        let keys = [key(), key()];
        for key in keys {
            let mut record = record(key);
            record.attributes = samples::attributes(&["a"]);
            self.store.create(&record, None, NOW).await.unwrap();
        }
        keys
    }
}

fn counted() -> Access {
    Access::Counted {
        unless_within: Duration::from_secs(60),
    }
}

fn write(now: Timestamp) -> ChangeSet {
    let mut changes = samples::touch(now);
    changes.attributes.push(put("a", 2));
    changes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_takes_one_round_trip_and_a_write_two_in_postgres() {
    let counted_store = Counted::on(Database::Postgres).await;
    let store = &counted_store.store;
    let sessions = counted_store.sessions().await;
    let soon = NOW.saturating_add(Duration::from_secs(59));
    let load = counted_store
        .of(|call| store.load(&sessions[call], counted(), soon))
        .await;
    assert_eq!(load, 1, "a load, whose access is not due");
    let changes = write(soon);
    let apply = counted_store
        .of(|call| store.apply(&sessions[call], &changes, soon))
        .await;
    assert_eq!(apply, 1, "so load and apply are two");
    let later = NOW.saturating_add(Duration::from_secs(180));
    let due = counted_store
        .of(|call| store.load(&sessions[call], counted(), later))
        .await;
    assert_eq!(due, 2, "a load that records the access, once a minute");
    let touch = samples::touch(later);
    let touched = counted_store
        .of(|call| store.apply(&sessions[call], &touch, later))
        .await;
    assert_eq!(touched, 1, "a touch");
    let mut new = [record(key()), record(key())];
    for record in &mut new {
        record.attributes = samples::attributes(&["a", "b", "c"]);
    }
    let created = counted_store
        .of(|call| store.create(&new[call], None, NOW))
        .await;
    assert_eq!(created, 1, "a new session with all its attributes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_takes_a_transaction_takes_as_few_round_trips_as_its_steps() {
    for database in Database::SERVERS {
        let counted_store = Counted::on(database).await;
        let store = &counted_store.store;
        let sessions = counted_store.sessions().await;
        let name = database.name();
        if database == Database::MariaDb {
            let load = counted_store
                .of(|call| store.load(&sessions[call], counted(), NOW))
                .await;
            assert_eq!(load, 1, "a load in {name}");
            let changes = write(NOW);
            let apply = counted_store
                .of(|call| store.apply(&sessions[call], &changes, NOW))
                .await;
            assert_eq!(apply, 5, "begin, lock and read, record, attribute, commit");
        }
        let new = [key(), key()];
        let changes = write(NOW);
        let renamed = counted_store
            .of(|call| store.rename(&sessions[call], &new[call], &changes, NOW))
            .await;
        assert_eq!(
            renamed, 7,
            "begin, lock and read, forward, record, move attributes, attribute, commit in {name}"
        );
        let newer = [key(), key()];
        let mut login = samples::touch(NOW);
        login.login = Some(Login {
            authentication: samples::login(1).into(),
            limit: Some(SessionLimit {
                max: 10,
                at_limit: AtLimit::Refuse,
            }),
            absolute_deadline: Timestamp::NEVER,
        });
        let logged_in = counted_store
            .of(|call| store.rename(&new[call], &newer[call], &login, NOW))
            .await;
        assert_eq!(
            logged_in, 8,
            "begin, principal, count, lock and read, forward, record, attributes, commit in {name}"
        );
        let deleted = counted_store.of(|call| store.delete(&newer[call])).await;
        assert_eq!(
            deleted, 5,
            "begin, lock and read, attributes, record, commit in {name}"
        );
        let swept = counted_store.of(|_| store.sweep(NOW, 100)).await;
        assert_eq!(swept, 1, "a sweep that finds nothing in {name}");
        let listed = counted_store
            .of(|_| store.principals().unwrap().list(samples::PRINCIPAL, NOW))
            .await;
        assert_eq!(listed, 1, "a list in {name}");
    }
}
