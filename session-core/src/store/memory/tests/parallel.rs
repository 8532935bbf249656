//! The promises hold while several threads use the store at once.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::super::WhenFull;
use super::*;
use crate::store::Deleted;

#[test]
fn a_flood_from_two_sides_exceeds_no_limit_and_evicts_nobody_who_logged_in() {
    let store = builder().max_sessions(100).max_bytes(60_000).build();
    for number in 0..50 {
        create(&store, &logged_in(number, START));
    }
    let exceeded = AtomicBool::new(false);
    thread::scope(|scope| {
        for side in 1..=2 {
            let (store, exceeded) = (&store, &exceeded);
            scope.spawn(move || {
                for number in 0..5_000 {
                    let number = side * 1_000_000 + number;
                    create(store, &anonymous(number, START));
                    apply(store, number, &put(START, "a", 200));
                    if store.len() > 100 || store.bytes() > 60_000 {
                        exceeded.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(!exceeded.into_inner());
    assert!((0..50).all(|number| is_live(&store, number, START)));
    assert_sound(&store);
}

/// The bound below which a sweep does nothing must never pass by a session that another thread
/// is just creating.
#[test]
fn whatever_is_created_while_others_sweep_is_swept_in_the_end() {
    const ROUNDS: u64 = 200;
    let store = MemoryStore::builder().shards(4).build();
    let clock = AtomicU64::new(START.as_millis());
    let (created, swept) = (AtomicU64::new(0), AtomicU64::new(0));
    let now = || Timestamp::from_millis(clock.load(Ordering::SeqCst));
    let sweep = |limit| {
        let removed = door(&store).sweep(now(), limit).unwrap().removed;
        swept.fetch_add(removed.len() as u64, Ordering::Relaxed);
    };
    for round in 0..ROUNDS {
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..20 {
                    let mut record = anonymous(round * 1_000 + number, now());
                    record.max_inactive_interval = Duration::from_millis(1 + number % 5).into();
                    assert_eq!(create(&store, &record), Created::Created);
                    created.fetch_add(1, Ordering::Relaxed);
                }
            });
            scope.spawn(|| {
                for _ in 0..20 {
                    clock.fetch_add(1, Ordering::SeqCst);
                    sweep(2);
                }
            });
        });
        // No thread creates any more, so the bound is exact or low.
        assert_sound(&store);
    }
    clock.fetch_add(10, Ordering::SeqCst);
    let rest = sweep_all(&store, now(), 5).len() as u64;
    assert_eq!(swept.into_inner() + rest, created.into_inner());
    assert_eq!(left_expired(&store, now()), 0);
    assert!(store.is_empty() && store.bytes() == 0);
}

/// Two threads rename one session over and over, each write following the forwards.
#[test]
fn in_a_storm_of_renames_and_writes_exactly_one_key_is_usable() {
    const RENAMES: u64 = 500;
    for shards in [1, 64] {
        let store = MemoryStore::builder().shards(shards).build();
        create(&store, &anonymous(0, START));
        let follow = |mut at: StoreKey, changes: &ChangeSet| {
            loop {
                match door(&store).apply(&at, changes, START).unwrap() {
                    Applied::Moved(to) => at = to,
                    Applied::Applied { .. } => return at,
                    other => panic!("{other:?}"),
                }
            }
        };
        let next = AtomicU64::new(1);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut at = key(0);
                    for _ in 0..RENAMES {
                        at = follow(at, &append(START, "list", 1));
                        let to = key(next.fetch_add(1, Ordering::Relaxed));
                        match door(&store).rename(&at, &to, &touch(START), START).unwrap() {
                            Applied::Applied { .. } => at = to,
                            Applied::Moved(other) => at = other,
                            other => panic!("{other:?}"),
                        }
                    }
                });
            }
        });
        let usable: Vec<_> = (0..next.load(Ordering::Relaxed))
            .filter(|&number| is_live(&store, number, START))
            .collect();
        assert_eq!(usable.len(), 1, "{shards} shards");
        assert_eq!(store.len(), 1);
        let items = append(START, "list", 1);
        let last = follow(key(0), &items);
        let Deleted::Removed(Some(record)) = door(&store).delete(&last).unwrap() else {
            panic!("the usable key holds the session");
        };
        let list = record.attributes.get("list").unwrap();
        // The header, and every item of both threads and the last one.
        assert_eq!(list.value.bytes().len() as u64, 5 + 2 * RENAMES + 1);
        assert_sound(&store);
    }
}

#[test]
fn a_session_that_is_deleted_in_a_storm_of_renames_stays_deleted() {
    for round in 0..500 {
        let store = MemoryStore::builder().shards(2).build();
        create(&store, &anonymous(0, START));
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..5 {
                    rename(&store, number, number + 1, &put(START, "a", 10));
                }
            });
            scope.spawn(|| {
                let mut at = key(0);
                loop {
                    match door(&store).delete(&at).unwrap() {
                        Deleted::Moved(to) => at = to,
                        Deleted::Removed(Some(_)) => break,
                        other => panic!("round {round}: {other:?}"),
                    }
                }
            });
        });
        assert!((0..6).all(|number| !is_live(&store, number, START)));
        assert!(store.is_empty());
        assert_sound(&store);
    }
}

/// Each needs both shards, and each begins with the other one's.
#[test]
fn renames_from_here_to_there_and_from_there_to_here_never_block_each_other() {
    const ROUNDS: u64 = 20_000;
    let store = MemoryStore::builder().shards(2).build();
    let in_shard =
        |shard| move |number: &u64| usize::from(key(*number).as_bytes()[31] & 1) == shard;
    let mut here = (0..).filter(in_shard(0)).take(2 * ROUNDS as usize);
    let mut there = (0..).filter(in_shard(1)).take(2 * ROUNDS as usize);
    let mut pairs = |from_here: bool| -> Vec<(u64, u64)> {
        let both = here.by_ref().zip(there.by_ref()).take(ROUNDS as usize);
        both.map(|(a, b)| if from_here { (a, b) } else { (b, a) })
            .collect()
    };
    let (forth, back) = (pairs(true), pairs(false));
    for (from, _) in forth.iter().chain(&back) {
        create(&store, &anonymous(*from, START));
    }
    thread::scope(|scope| {
        for pairs in [&forth, &back] {
            let store = &store;
            scope.spawn(move || {
                for (from, to) in pairs {
                    let renamed = rename(store, *from, *to, &touch(START));
                    assert!(matches!(renamed, Applied::Applied { .. }));
                }
            });
        }
    });
    assert_eq!(store.len() as u64, 2 * ROUNDS);
}

/// Almost all of it has expired, so nobody is refused while another thread sweeps.
#[test]
fn who_needs_room_waits_for_a_sweep_that_is_under_way() {
    let later = START.saturating_add(HOUR);
    for when_full in [WhenFull::Refuse, WhenFull::EvictAnonymous] {
        let store = builder().max_sessions(10).when_full(when_full).build();
        for number in 0..10 {
            create(&store, &anonymous(number, START));
        }
        let sweeping = store.begin_sweeping();
        let created = thread::scope(|scope| {
            let creating = scope.spawn(|| create(&store, &anonymous(10, later)));
            for _ in 0..10_000 {
                thread::yield_now();
            }
            drop(sweeping);
            creating.join().unwrap()
        });
        assert_eq!(created, Created::Created);
        assert_sound(&store);
    }
}

/// So whoever wants all of it removed does not take it for done.
#[test]
fn a_sweep_beside_another_one_removes_nothing_and_says_that_there_is_more() {
    let later = START.saturating_add(HOUR);
    let store = builder().build();
    create(&store, &anonymous(1, START));
    let sweeping = store.begin_sweeping();
    let swept = door(&store).sweep(later, 10).unwrap();
    assert!(swept.removed.is_empty() && swept.more);
    drop(sweeping);
    assert_eq!(sweep_all(&store, later, 10).len(), 1);
}
