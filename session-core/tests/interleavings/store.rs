//! The memory store: its shards, its limits, its order of expiry, its forwards, its snapshots.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use session_core::MemoryStore;
use session_core::store::memory::WhenFull;
use session_core::store::{Applied, Created, RemovalReason};
use shuttle::thread;

use crate::explore::explore;
use crate::tables::*;

#[test]
fn no_limit_is_exceeded_and_the_books_come_out_even() {
    explore(|| {
        let store = MemoryStore::builder().shards(2);
        let store = Arc::new(store.max_sessions(2).max_bytes(1_500).build());
        let sides: Vec<_> = (0..3)
            .map(|side| {
                let store = store.clone();
                thread::spawn(move || {
                    for number in [side * 2, side * 2 + 1] {
                        create(&store, &record(number, START));
                        let _ = door(&store).apply(&key(number), &put("a", 300), START);
                        assert!(store.len() <= 2, "{} sessions", store.len());
                        assert!(store.bytes() <= 1_500, "{} bytes", store.bytes());
                    }
                    end(&store, key(side * 2));
                })
            })
            .collect();
        sides.into_iter().for_each(|side| side.join().unwrap());
        assert_even(&store);
    });
}

#[test]
fn a_full_store_that_refuses_evicts_nobody() {
    explore(|| {
        let store = MemoryStore::builder().shards(2).max_sessions(2);
        let store = Arc::new(store.when_full(WhenFull::Refuse).build());
        let sides: Vec<_> = (0..3)
            .map(|number| {
                let store = store.clone();
                thread::spawn(move || create(&store, &record(number, START)))
            })
            .collect();
        let created = sides.into_iter().map(|side| side.join().unwrap());
        assert_eq!(created.filter(|it| *it == Created::Created).count(), 2);
        let found = (0..3).filter(|&number| live(&store, &key(number), START).is_some());
        assert_eq!(found.count(), 2);
        assert_even(&store);
    });
}

/// Each session that was created is told once: to whoever ended it, or by a sweep.
#[test]
fn every_session_is_accounted_for_once() {
    explore(|| {
        let store = Arc::new(MemoryStore::builder().shards(2).max_sessions(2).build());
        let (created, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let sides: Vec<_> = (0..2)
            .map(|side| {
                let (store, created, ended) = (store.clone(), created.clone(), ended.clone());
                thread::spawn(move || {
                    for number in [side * 3, side * 3 + 1, side * 3 + 2] {
                        assert_eq!(create(&store, &record(number, START)), Created::Created);
                        created.fetch_add(1, Ordering::Relaxed);
                        let swept = door(&store).sweep(START, 1).unwrap().removed.len();
                        ended.fetch_add(swept, Ordering::Relaxed);
                    }
                    let own = usize::from(end(&store, key(side * 3 + 2)).is_some());
                    ended.fetch_add(own, Ordering::Relaxed);
                })
            })
            .collect();
        sides.into_iter().for_each(|side| side.join().unwrap());
        let rest = sweep_all(&store, START.saturating_add(DAY));
        let told = ended.load(Ordering::Relaxed) + rest.len();
        assert_eq!(told, created.load(Ordering::Relaxed));
        assert_even(&store);
    });
}

/// The check of the revision and the write are one step.
#[test]
fn of_two_updates_of_one_value_one_is_a_conflict() {
    explore(|| {
        let store = Arc::new(small());
        create(&store, &record(0, START));
        let sides: Vec<_> = (0..2)
            .map(|_| {
                let store = store.clone();
                thread::spawn(move || {
                    loop {
                        let read = live(&store, &key(0), START).unwrap().attributes;
                        let read = read.get("n").map(|it| (it.revision, it.value.bytes()[0]));
                        let next = read.map_or(1, |(_, value)| value + 1);
                        let changes = update("n", read.map(|(revision, _)| revision), next);
                        match door(&store).apply(&key(0), &changes, START).unwrap() {
                            Applied::Applied { .. } => return,
                            Applied::Conflict(_) => {}
                            other => panic!("{other:?}"),
                        }
                    }
                })
            })
            .collect();
        sides.into_iter().for_each(|side| side.join().unwrap());
        let attributes = live(&store, &key(0), START).unwrap().attributes;
        assert_eq!(attributes.get("n").unwrap().value.bytes(), [2]);
    });
}

/// Four new keys by two threads, and an append under each of them.
#[test]
fn renames_leave_one_usable_key_and_lose_no_write() {
    explore(|| {
        let store = Arc::new(small());
        create(&store, &record(0, START));
        let sides: Vec<_> = (0..2)
            .map(|side| {
                let store = store.clone();
                thread::spawn(move || {
                    let mut at = key(0);
                    for number in [1 + side * 2, 2 + side * 2] {
                        at = follow(&store, at, &append("list")).expect("nobody ends it");
                        let to = key(number);
                        match door(&store).rename(&at, &to, &touch(), START).unwrap() {
                            Applied::Applied { .. } => at = to,
                            Applied::Moved(other) => at = other,
                            other => panic!("{other:?}"),
                        }
                    }
                })
            })
            .collect();
        sides.into_iter().for_each(|side| side.join().unwrap());
        let usable = (0..5).filter_map(|number| live(&store, &key(number), START));
        let [session] = &usable.collect::<Vec<_>>()[..] else {
            panic!("not exactly one key is usable");
        };
        // The header of the list, and the four items.
        assert_eq!(
            session.attributes.get("list").unwrap().value.bytes().len(),
            5 + 4
        );
        assert_eq!(store.len(), 1);
        assert_even(&store);
    });
}

#[test]
fn what_was_ended_amid_renames_and_writes_stays_ended() {
    explore(|| {
        let store = Arc::new(small());
        create(&store, &record(0, START));
        let renaming = store.clone();
        let renaming = thread::spawn(move || {
            for number in 0..3 {
                let (from, to) = (key(number), key(number + 1));
                let _ = door(&renaming).rename(&from, &to, &put("a", 10), START);
            }
        });
        let writing = store.clone();
        let writing = thread::spawn(move || {
            let at = follow(&writing, key(0), &append("list"));
            at.and_then(|at| follow(&writing, at, &append("list")));
        });
        assert!(end(&store, key(0)).is_some(), "the end is acknowledged");
        renaming.join().unwrap();
        writing.join().unwrap();
        assert!((0..4).all(|number| live(&store, &key(number), START).is_none()));
        assert_eq!(store.len(), 0);
        assert_even(&store);
    });
}

/// The bound below which a sweep does nothing must not pass by a session that another thread is
/// just creating, or whose life another one is just shortening.
#[test]
fn what_is_created_while_others_sweep_is_swept_in_the_end() {
    explore(|| {
        let store = Arc::new(small());
        let creating = store.clone();
        let creating = thread::spawn(move || {
            for number in 0..2 {
                create(&creating, &record(number, START));
            }
            let mut shorter = touch();
            shorter.max_inactive_interval = Some(MINUTE.into());
            let _ = door(&creating).apply(&key(0), &shorter, START);
        });
        let later = START.saturating_add(MINUTE);
        let sweeping = store.clone();
        let sweeping = thread::spawn(move || {
            let sweep = |_| door(&sweeping).sweep(later, 1).unwrap().removed.len();
            (0..4).map(sweep).sum::<usize>()
        });
        creating.join().unwrap();
        let swept = sweeping.join().unwrap();
        let rest = sweep_all(&store, later);
        assert_eq!(swept + rest.len(), 1, "the one with the shorter life");
        assert!(rest.iter().all(|it| it.reason == RemovalReason::Expired));
        let rest = sweep_all(&store, START.saturating_add(30 * MINUTE));
        assert_eq!(rest.len(), 1, "the other one");
        assert_even(&store);
    });
}

/// A round passes a group of parts where nothing is due, and looks into one where something is:
/// in neither may it miss what is just coming.
#[test]
fn what_is_created_in_any_group_while_others_sweep_is_swept_in_the_end() {
    explore(|| {
        // Four groups of sixteen parts.
        let store = Arc::new(MemoryStore::builder().shards(64).build());
        // The first group is busy, the third one is idle until later, the others are empty.
        create(&store, &record(1, START));
        create(&store, &record(33, START.saturating_add(10 * MINUTE)));
        let later = START.saturating_add(30 * MINUTE);
        let creating = store.clone();
        let creating = thread::spawn(move || {
            for number in [0, 32, 63] {
                create(&creating, &record(number, START));
            }
        });
        let sweeping = store.clone();
        let sweeping = thread::spawn(move || {
            let sweep = |_| door(&sweeping).sweep(later, 2).unwrap().removed.len();
            (0..6).map(sweep).sum::<usize>()
        });
        creating.join().unwrap();
        let swept = sweeping.join().unwrap();
        let rest = sweep_all(&store, later);
        assert_eq!(swept + rest.len(), 4, "all that were due");
        assert!(live(&store, &key(33), later).is_some());
        let rest = sweep_all(&store, later.saturating_add(10 * MINUTE));
        assert_eq!(rest.len(), 1, "the one of the idle group");
        assert_even(&store);
    });
}

#[test]
fn when_everybody_is_ended_nobody_of_before_is_left_and_whoever_comes_afterwards_stays() {
    use session_core::store::SessionStore;
    use session_core::testkit::block_on;

    explore(|| {
        let store = Arc::new(small());
        create(&store, &record(0, START));
        let renaming = store.clone();
        let renaming = thread::spawn(move || {
            let _ = door(&renaming).rename(&key(0), &key(1), &put("a", 10), START);
            let at = follow(&renaming, key(0), &append("list"));
            at.map(|at| follow(&renaming, at, &append("list")));
        });
        let sweeping = store.clone();
        let sweeping = thread::spawn(move || {
            let sweep = |_| door(&sweeping).sweep(START, 1).unwrap().removed.len();
            (0..3).map(sweep).sum::<usize>()
        });
        let index = store.principals().expect("the store knows principals");
        block_on(index.end_everybody()).unwrap();
        assert!((0..2).all(|number| live(&store, &key(number), START).is_none()));
        assert_eq!(create(&store, &record(2, START)), Created::Created);
        renaming.join().unwrap();
        let swept = sweeping.join().unwrap();
        assert!(live(&store, &key(2), START).is_some());
        let rest = sweep_all(&store, START);
        assert_eq!(swept + rest.len(), 1, "told once");
        assert!(end(&store, key(2)).is_some());
        assert_even(&store);
    });
}

/// A snapshot may miss what changes while it is saved, but brings back no id that was given up.
#[test]
fn a_snapshot_saved_amid_renames_holds_one_usable_key_at_most() {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    explore(|| {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("interleavings-{}-{number}.snapshot", std::process::id());
        let path = std::env::temp_dir().join(name);
        let store = Arc::new(small());
        create(&store, &record(0, START));
        create(&store, &record(9, START));
        let renaming = store.clone();
        let renaming = thread::spawn(move || {
            for number in 0..3 {
                let (from, to) = (key(number), key(number + 1));
                let renamed = door(&renaming).rename(&from, &to, &touch(), START).unwrap();
                assert!(matches!(renamed, Applied::Applied { .. }));
            }
        });
        store.save_snapshot(&path, START).unwrap();
        renaming.join().unwrap();
        let restored = small();
        restored.load_snapshot(&path, START).unwrap();
        std::fs::remove_file(&path).unwrap();
        let usable = (0..4).filter(|&number| live(&restored, &key(number), START).is_some());
        assert!(usable.count() <= 1);
        assert!(
            live(&restored, &key(9), START).is_some(),
            "who did not change is there"
        );
        assert_even(&restored);
    });
}
