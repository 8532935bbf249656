//! The lists of principals lose no session and keep none that is gone, whatever happens at
//! once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use futures_executor::block_on;

use super::*;
use crate::session::{AtLimit, SessionLimit};
use crate::store::{Deleted, FORWARD_LIFETIME, PrincipalIndex, RemovalReason};

fn ada() -> PrincipalKey {
    authentication(START).key
}

/// A login of somebody other than Ada.
fn login_of_eve(now: Timestamp) -> ChangeSet {
    let mut changes = touch(now);
    let eve = PrincipalKey::from_bytes([0xee; 32]);
    changes.login = Some(Login {
        authentication: Arc::new(Authentication::new("eve", eve, now)),
        limit: None,
        absolute_deadline: now.saturating_add(12 * HOUR),
    });
    changes
}

fn listed(store: &MemoryStore, now: Timestamp) -> BTreeSet<StoreKey> {
    let sessions = block_on(PrincipalIndex::list(store, &ada(), now)).unwrap();
    sessions.iter().map(|record| record.key).collect()
}

fn is_adas(store: &MemoryStore, number: u64) -> bool {
    let loaded = door(store).load(&key(number), Access::Peek, START).unwrap();
    let Loaded::Live { record, .. } = loaded else {
        return false;
    };
    record
        .authentication
        .is_some_and(|login| login.key == ada())
}

#[test]
fn a_session_that_was_renamed_long_ago_is_still_listed() {
    let store = builder().build();
    create(&store, &logged_in(1, START));
    let mut forever = touch(START);
    forever.max_inactive_interval = Some(Duration::ZERO.into());
    for number in 1..5 {
        rename(&store, number, number + 1, &forever);
    }
    let later = START.saturating_add(2 * FORWARD_LIFETIME);
    sweep_all(&store, later, 10);
    assert_eq!(listed(&store, later), BTreeSet::from([key(5)]));
    assert_eq!(store.principals.len(), 1);
}

#[test]
fn a_session_whose_principal_came_back_stays_listed() {
    let store = builder().build();
    create(&store, &logged_in(1, START));
    // Ada's first session is to be struck off, and is hers again before it is.
    apply(&store, 1, &login_of_eve(START));
    apply(&store, 1, &login(START));
    sweep_all(&store, START, 10);
    assert_eq!(listed(&store, START), BTreeSet::from([key(1)]));
    assert_eq!(store.principals.len(), 1);
}

/// What has expired by a clock that is wrong is live again when the clock is right.
#[test]
fn a_login_while_the_clock_is_ahead_strikes_off_no_session() {
    let store = builder().build();
    create(&store, &logged_in(1, START));
    let ahead = START.saturating_add(HOUR);
    create(&store, &logged_in(2, ahead));
    assert_eq!(listed(&store, START), BTreeSet::from([key(1), key(2)]));
}

#[test]
fn however_a_session_ends_its_place_in_the_list_is_freed() {
    let store = builder().build();
    for number in 0..6 {
        create(&store, &logged_in(number, START));
    }
    door(&store).delete(&key(0)).unwrap();
    apply(&store, 1, &login_of_eve(START));
    rename(&store, 2, 12, &login_of_eve(START));
    block_on(PrincipalIndex::end(
        &store,
        &ada(),
        &anonymous(3, START).handle,
        START,
    ))
    .unwrap();
    sweep_all(&store, START, 10);
    // Two of Eve's, and of Ada's the fourth and the fifth.
    assert_eq!(store.principals.len(), 4);
    sweep_all(&store, START.saturating_add(HOUR), 10);
    assert_eq!(store.principals.len(), 0);

    create(&store, &logged_in(20, START));
    block_on(store.end_everybody()).unwrap();
    create(&store, &logged_in(21, START));
    sweep_all(&store, START, 10);
    assert_eq!(store.principals.len(), 1);
    assert_sound(&store);
}

#[test]
fn ending_everybody_leaves_the_work_to_sweeps_and_the_books_right() {
    let store = builder().build();
    for number in 0..100 {
        create(&store, &anonymous(number, START));
    }
    rename(&store, 0, 100, &touch(START));
    block_on(store.end_everybody()).unwrap();
    assert!((0..=100).all(|number| !is_live(&store, number, START)));
    create(&store, &anonymous(200, START));
    let removed = sweep_all(&store, START, 7);
    assert_eq!(removed.len(), 100);
    let by_generation = |it: &Removed| it.reason == RemovalReason::Generation;
    assert!(removed.iter().all(by_generation));
    assert_eq!(store.len(), 1);
    assert!(is_live(&store, 200, START));
    assert_sound(&store);
}

#[test]
fn a_full_store_has_room_again_once_everybody_was_ended() {
    let store = builder().max_sessions(50).build();
    for number in 0..50 {
        create(&store, &logged_in(number, START));
    }
    assert_eq!(create(&store, &logged_in(50, START)), Created::Full);
    block_on(store.end_everybody()).unwrap();
    for number in 50..100 {
        let created = create(&store, &logged_in(number, START));
        assert_eq!(created, Created::Created, "{number}");
    }
    assert_sound(&store);
}

#[test]
fn in_a_storm_of_renames_logins_and_logouts_the_list_is_what_there_is() {
    const SESSIONS: u64 = 4;
    for round in 0..200 {
        let store = MemoryStore::builder().shards(4).build();
        for number in 0..SESSIONS {
            create(&store, &logged_in(number, START));
        }
        let next = AtomicU64::new(SESSIONS);
        thread::scope(|scope| {
            for writer in 0..2 {
                let (store, next) = (&store, &next);
                scope.spawn(move || {
                    for step in 0..40 {
                        let old = (step * 7 + writer + round) % next.load(Ordering::Relaxed);
                        let new = next.fetch_add(1, Ordering::Relaxed);
                        match (step + writer * 3 + round) % 6 {
                            0 => drop(rename(store, old, new, &login(START))),
                            1 => drop(rename(store, old, new, &login_of_eve(START))),
                            2 => drop(apply(store, old, &login(START))),
                            3 if step % 5 == 0 => drop(door(store).delete(&key(old)).unwrap()),
                            4 => drop(door(store).sweep(START, 2).unwrap()),
                            _ => drop(rename(store, old, new, &touch(START))),
                        }
                    }
                });
            }
        });
        sweep_all(&store, START, 10);
        let all = 0..next.into_inner();
        let adas: BTreeSet<_> = all.filter(|&it| is_adas(&store, it)).map(key).collect();
        assert_eq!(listed(&store, START), adas, "round {round}");
        let live = store.len();
        assert_eq!(
            store.principals.len(),
            live,
            "round {round}: nothing is left"
        );
        block_on(store.end_all(&ada(), None, START)).unwrap();
        assert_eq!(store.len(), live - adas.len());
        sweep_all(&store, START, 10);
        assert_eq!(store.principals.len(), store.len());
        assert_sound(&store);
    }
}

#[test]
fn the_limit_holds_while_sessions_log_in_are_renamed_and_end() {
    const LIMIT: usize = 3;
    let limited = |at_limit| {
        let mut changes = login(START);
        if let Some(login) = &mut changes.login {
            login.limit = Some(SessionLimit {
                max: LIMIT,
                at_limit,
            });
        }
        changes
    };
    for at_limit in [AtLimit::EndOldest, AtLimit::Refuse] {
        let store = MemoryStore::builder().shards(4).build();
        thread::scope(|scope| {
            for side in 0..2 {
                let (store, limited) = (&store, &limited);
                scope.spawn(move || {
                    for step in 0..300 {
                        let number = (side + 1) * 1_000_000 + step * 10;
                        create(store, &anonymous(number, START));
                        rename(store, number, number + 1, &limited(at_limit));
                        assert!(listed(store, START).len() <= LIMIT);
                        rename(store, number + 1, number + 2, &touch(START));
                        assert!(listed(store, START).len() <= LIMIT);
                        if step % 3 == 0 {
                            let deleted = door(store).delete(&key(number + 2)).unwrap();
                            assert!(!matches!(deleted, Deleted::Moved(_)));
                        }
                    }
                });
            }
        });
        assert_eq!(listed(&store, START).len(), LIMIT, "{at_limit:?}");
        assert_sound(&store);
    }
}

#[test]
fn a_session_is_ended_for_its_own_principal_and_under_its_own_name_only() {
    let store = builder().build();
    let (ada, eve) = (
        authentication(START).key,
        PrincipalKey::from_bytes([0xef; 32]),
    );
    let record = logged_in(1, START);
    create(&store, &record);
    let other = anonymous(2, START).handle;
    assert!(store.end_session(&eve, key(1), &record.handle).is_none());
    assert!(store.end_session(&ada, key(1), &other).is_none());
    assert!(is_live(&store, 1, START));
    assert!(store.end_session(&ada, key(1), &record.handle).is_some());
    assert!(!is_live(&store, 1, START));
}
