//! Whom a full store removes, and that it tells.

use super::super::WhenFull;
use super::*;
use crate::store::RemovalReason;

#[test]
fn a_flood_of_anonymous_visitors_evicts_nobody_who_logged_in() {
    let store = builder().max_sessions(50).build();
    for number in 0..20 {
        create(&store, &logged_in(number, START));
    }
    for number in 20..2_000 {
        assert_eq!(create(&store, &anonymous(number, START)), Created::Created);
        assert!(store.len() <= 50);
    }
    assert!((0..20).all(|number| is_live(&store, number, START)));
    assert_sound(&store);
}

/// The books are asked after every single visitor. The benchmark does the same with a million.
#[test]
fn a_flood_of_anonymous_visitors_never_takes_more_bytes_than_allowed() {
    let limit = 100_000;
    let store = builder().max_bytes(limit).build();
    for number in 0..50 {
        create(&store, &logged_in(number, START));
    }
    for number in 50..20_000 {
        let mut record = anonymous(number, START);
        let length = usize::try_from(number % 7 * 100).unwrap();
        record.apply(&put(START, "a", length), START).unwrap();
        assert_eq!(create(&store, &record), Created::Created);
        assert!(store.bytes() <= limit, "{store:?}");
    }
    assert!((0..50).all(|number| is_live(&store, number, START)));
    assert_sound(&store);
}

#[test]
fn a_session_that_logged_in_later_is_safe_as_well_under_its_new_id_too() {
    let store = builder().max_sessions(3).build();
    create(&store, &anonymous(1, START));
    create(&store, &anonymous(2, START));
    apply(&store, 1, &login(START));
    rename(&store, 2, 3, &login(START));
    assert_sound(&store);
    for number in 100..200 {
        create(&store, &anonymous(number, START));
    }
    assert!(is_live(&store, 1, START) && is_live(&store, 3, START));
}

/// No shard stays locked between choosing a session and removing it.
#[test]
fn whoever_logs_in_or_leaves_after_being_chosen_to_go_is_not_evicted() {
    let store = builder().build();
    create(&store, &anonymous(1, START));
    let chosen = store.stalest_anonymous(&key(9));
    assert_eq!(chosen, Some(key(1)));
    apply(&store, 1, &login(START));
    store.evict(&key(1));
    assert!(is_live(&store, 1, START));
    assert_eq!(store.stalest_anonymous(&key(9)), None);
    door(&store).delete(&key(1)).unwrap();
    store.evict(&key(1));
    assert!(sweep_all(&store, START, 1).is_empty());
    assert_sound(&store);
}

#[test]
fn the_visitor_who_has_been_away_longest_goes_first() {
    let minute = |n: u32| START.saturating_add(n * MINUTE);
    for (shards, order) in [
        (1, [2, 1, 0]),
        (1, [0, 1, 2]),
        (4, [2, 1, 0]),
        (4, [0, 1, 2]),
    ] {
        let store = builder().shards(shards).max_sessions(3).build();
        for number in 0..3 {
            create(&store, &anonymous(number, minute(0)));
        }
        // All but the first one come back; nobody sweeps meanwhile.
        apply(&store, order[1], &touch(minute(1)));
        apply(&store, order[2], &touch(minute(2)));
        for (newcomer, gone) in (3..).zip(order) {
            create(&store, &anonymous(newcomer, minute(3)));
            assert!(
                !is_live(&store, gone, minute(3)),
                "{gone} of {shards} shards"
            );
        }
        assert_sound(&store);
    }
}

#[test]
fn sessions_that_never_expire_are_evicted_like_others() {
    let store = builder().max_sessions(5).build();
    for number in 0..50 {
        let mut record = anonymous(number, START);
        record.max_inactive_interval = Duration::ZERO.into();
        assert_eq!(create(&store, &record), Created::Created);
    }
    assert_eq!(store.len(), 5);
    assert_sound(&store);
}

#[test]
fn an_anonymous_session_is_found_behind_many_that_logged_in() {
    let store = builder().shards(1).max_sessions(60).build();
    for number in 0..59 {
        create(&store, &logged_in(number, START));
    }
    for number in 59..70 {
        assert_eq!(create(&store, &anonymous(number, START)), Created::Created);
    }
    assert!(is_live(&store, 69, START));
}

#[test]
fn a_session_that_grows_makes_others_go_and_not_itself() {
    let store = builder().shards(1).max_bytes(3_000).build();
    let later = START.saturating_add(MINUTE);
    // It has been idle longest, and the only shard has it first.
    create(&store, &anonymous(0, START));
    for number in 1..5 {
        create(&store, &anonymous(number, later));
    }
    let grown = apply(&store, 0, &put(later, "a", 1_500));
    assert!(matches!(grown, Applied::Applied { .. }), "{grown:?}");
    assert!(is_live(&store, 0, later));
    assert!(store.len() < 5);
    assert_sound(&store);
}

#[test]
fn a_session_gets_another_id_in_a_full_store_by_evicting_another() {
    let store = builder().max_bytes(4 * Cost::OF_FORWARD.bytes + 50).build();
    for number in 0..4 {
        assert_eq!(create(&store, &anonymous(number, START)), Created::Created);
    }
    let renamed = rename(&store, 0, 10, &put(START, "a", 30));
    assert!(matches!(renamed, Applied::Applied { .. }), "{renamed:?}");
    assert!(is_live(&store, 10, START));
    assert_sound(&store);
}

#[test]
fn every_evicted_session_is_reported_once() {
    let store = builder().max_sessions(10).build();
    for number in 0..30 {
        create(&store, &anonymous(number, START));
    }
    let mut reported = sweep_all(&store, START, 7);
    assert!(
        reported
            .iter()
            .all(|it| it.reason == RemovalReason::Evicted)
    );
    reported.sort_by_key(|removed| removed.record.created_at);
    let mut keys: Vec<_> = reported.iter().map(|removed| removed.record.key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!((reported.len(), keys.len()), (20, 20));
    assert!(sweep_all(&store, START, 7).is_empty());
    assert!((0..30).all(|n| is_live(&store, n, START) != keys.contains(&key(n))));
}

#[test]
fn a_store_that_refuses_evicts_nobody() {
    let store = builder()
        .max_bytes(2_000)
        .when_full(WhenFull::Refuse)
        .build();
    for number in 0..5 {
        create(&store, &anonymous(number, START));
    }
    assert_eq!(apply(&store, 0, &put(START, "a", 2_000)), Applied::Full);
    assert!((0..5).all(|number| is_live(&store, number, START)));
}

#[test]
fn thousands_of_small_sessions_wait_to_be_reported_and_few_large_ones() {
    let evict = |sessions: u64, bytes: usize| {
        let store = builder().max_sessions(1).build();
        for number in 0..=sessions {
            let mut record = anonymous(number, START);
            record.apply(&put(START, "a", bytes), START).unwrap();
            create(&store, &record);
        }
        sweep_all(&store, START, 100).len()
    };
    assert_eq!(evict(20_000, 10), 20_000);
    // Nobody sweeps: what waits takes no more than some memory.
    assert_eq!(evict(6_000, 10_000), 4_096);
}

/// A flood meets a store that is full of people who logged in: whoever is refused has looked into
/// no part but that of the own session.
#[test]
fn where_nobody_is_anonymous_no_part_is_looked_into() {
    let store = MemoryStore::builder().shards(64).max_sessions(200).build();
    for number in 0..199 {
        create(&store, &logged_in(number, START));
    }
    // The only one who can go, wherever it is, does.
    for number in 1_000..1_200 {
        assert_eq!(create(&store, &anonymous(number, START)), Created::Created);
        assert_sound(&store);
    }
    // Then there is nobody, which the next ones find out, wherever they begin.
    apply(&store, 1_199, &login(START));
    for number in 2_000..2_064 {
        let created = create(&store, &anonymous(number, START));
        assert_eq!(created, Created::Full);
        assert_sound(&store);
    }
    let own = store.shard_index(&key(3_000));
    let others = store.shards.iter().enumerate();
    let locked: Vec<_> = others
        .filter(|(index, _)| *index != own)
        .map(|(_, shard)| shard.lock())
        .collect();
    assert_eq!(create(&store, &anonymous(3_000, START)), Created::Full);
    drop(locked);
    assert_sound(&store);
}

/// Otherwise the visitors of the first few parts would have to go, however short they were away.
#[test]
fn whoever_makes_room_begins_one_part_further_and_compares_eight() {
    let store = builder().shards(64).build();
    let mut parts = [None; 64];
    for number in 0..1_000 {
        let part = store.shard_index(&key(number));
        if parts[part].is_none() {
            // In a later part somebody has been away for longer.
            let away = u64::try_from(part).unwrap();
            let then = Timestamp::from_millis(START.as_millis() - away);
            create(&store, &anonymous(number, then));
            parts[part] = Some(key(number));
        }
    }
    for first in 0..57 {
        let chosen = store.stalest_anonymous(&key(2_000));
        assert_eq!(chosen, parts[first + 7], "from part {first} on");
    }
    for first in 57..64 {
        let chosen = store.stalest_anonymous(&key(2_000));
        assert_eq!(chosen, parts[63], "from part {first} on");
    }
}

/// Whoever makes room looks into several parts that have an anonymous session.
#[test]
fn a_small_store_has_few_parts_and_a_large_one_many() {
    let shards = |sessions, bytes| {
        let store = MemoryStore::builder().max_sessions(sessions);
        store.max_bytes(bytes).build().shards.len()
    };
    assert_eq!(MemoryStore::new().shards.len(), 32_768);
    assert_eq!(shards(usize::MAX, usize::MAX), 32_768);
    assert_eq!(shards(10_000, usize::MAX), 512);
    assert_eq!(shards(usize::MAX, 2 << 20), 256);
    assert_eq!(shards(0, 0), 64);
}

#[test]
fn what_was_reported_makes_no_other_report_go() {
    const MEGABYTE: usize = 1 << 20;
    let store = builder().build();
    let report = |number, length| {
        let mut record = anonymous(number, START);
        record.apply(&put(START, "a", length), START).unwrap();
        store.evicted.report(Removed {
            record,
            reason: RemovalReason::Evicted,
        });
    };
    for number in 0..40 {
        report(number, MEGABYTE);
        assert_eq!(store.evicted.take(1).len(), 1);
    }
    for number in 0..5_000 {
        report(number, 1);
    }
    assert_eq!(store.evicted.take(10_000).len(), 5_000);
}
