//! Every expired session is swept, nothing else is, and no call does much.

use std::collections::BTreeSet;

use super::*;
use crate::store::{FORWARD_LIFETIME, RemovalReason};

fn later(minutes: u32) -> Timestamp {
    START.saturating_add(minutes * MINUTE)
}

fn removed_numbers(removed: &[Removed]) -> usize {
    assert!(removed.iter().all(|it| it.reason == RemovalReason::Expired));
    removed.len()
}

#[test]
fn a_session_in_use_survives_sweep_after_sweep_until_it_is_left_alone() {
    let store = builder().build();
    create(&store, &anonymous(1, START));
    for minutes in (20..200).step_by(20) {
        apply(&store, 1, &touch(later(minutes)));
        assert!(sweep_all(&store, later(minutes), 1).is_empty());
        assert_sound(&store);
    }
    assert!(sweep_all(&store, later(209), 1).is_empty());
    assert_eq!(removed_numbers(&sweep_all(&store, later(210), 1)), 1);
    assert_eq!(store.bytes(), 0);
}

#[test]
fn a_lowered_limit_is_swept_in_time_and_a_raised_one_is_waited_for() {
    let store = builder().build();
    for number in 0..3 {
        create(&store, &anonymous(number, START));
    }
    let limit = |number, minutes: u32| {
        let mut changes = touch(START);
        changes.max_inactive_interval = Some((minutes * MINUTE).into());
        apply(&store, number, &changes);
    };
    limit(0, 5);
    limit(1, 120);
    limit(2, 0);
    assert_eq!(removed_numbers(&sweep_all(&store, later(5), 4)), 1);
    assert!(sweep_all(&store, later(119), 4).is_empty());
    assert_eq!(removed_numbers(&sweep_all(&store, later(120), 4)), 1);
    assert!(sweep_all(&store, Timestamp::from_millis(u64::MAX - 1), 4).is_empty());
    assert!(is_live(&store, 2, later(1_000)));
}

/// The clock was a year ahead for a moment; what was used then is swept in its own time all
/// the same, whichever verb came by after the clock was right again.
#[test]
fn a_clock_that_was_far_ahead_for_a_while_leaves_nothing_unswept() {
    let ahead = START.saturating_add(365 * 24 * HOUR);
    let by_load = |store: &MemoryStore| {
        let access = Access::Counted {
            unless_within: Duration::ZERO,
        };
        drop(door(store).load(&key(1), access, later(1)).unwrap());
    };
    let by_apply = |store: &MemoryStore| drop(apply(store, 1, &touch(later(1))));
    for come_by in [&by_load as &dyn Fn(&MemoryStore), &by_apply] {
        let store = builder().build();
        create(&store, &anonymous(1, ahead));
        come_by(&store);
        assert_sound(&store);
        assert!(sweep_all(&store, later(30), 1).is_empty());
        assert_eq!(removed_numbers(&sweep_all(&store, later(31), 1)), 1);
    }
}

#[test]
fn a_forward_is_swept_when_its_time_is_over_and_is_not_reported() {
    let store = builder().build();
    create(&store, &anonymous(1, START));
    rename(&store, 1, 2, &touch(START));
    door(&store).delete(&key(2)).unwrap();
    assert!(store.is_empty() && store.bytes() > 0);
    assert!(sweep_all(&store, START.saturating_add(FORWARD_LIFETIME), 1).is_empty());
    assert_eq!(store.bytes(), 0);
}

#[test]
fn deadlines_that_are_lowered_again_and_again_leave_no_heap_of_stale_nodes() {
    let store = builder().shards(1).build();
    create(&store, &anonymous(1, START));
    for seconds in (1..1_000).rev() {
        let mut changes = touch(START);
        changes.max_inactive_interval = Some(Duration::from_secs(seconds).into());
        apply(&store, 1, &changes);
        assert_sound(&store); // counts the nodes
    }
    for number in 2..1_000 {
        create(&store, &anonymous(number, START));
        door(&store).delete(&key(number)).unwrap();
        assert_sound(&store);
    }
}

#[test]
fn one_call_removes_at_most_its_limit_and_looks_at_a_bounded_part_of_the_store() {
    let store = MemoryStore::builder().shards(256).build();
    for number in 0..2_000 {
        create(&store, &anonymous(number, START));
    }
    // Half of them are used, so that their nodes are early.
    for number in 0..1_000 {
        apply(&store, number, &touch(later(20)));
    }
    let mut removed = 0;
    for calls in 1.. {
        let swept = door(&store).sweep(later(30), 10).unwrap();
        assert!(swept.removed.len() <= 10);
        removed += swept.removed.len();
        if !swept.more {
            // A call that removes nothing looks at 80 shards or nodes.
            assert!(calls >= 100, "{calls} calls");
            assert!(calls <= 100 + (256 + 1_000) / 80 + 256, "{calls} calls");
            break;
        }
    }
    assert_eq!(removed, 1_000);
    assert_eq!(store.len(), 1_000);
}

/// Few sessions lie in many shards, and most of those have nothing to look for.
#[test]
fn a_round_passes_shards_in_which_nothing_is_due_sixteen_at_a_time() {
    let store = MemoryStore::builder().shards(4_096).build();
    for number in 0..3_u32 {
        let begun = later(30 * number);
        create(&store, &anonymous(number.into(), begun));
        let (mut calls, mut removed) = (0, 0);
        loop {
            let swept = door(&store).sweep(later(30 * (number + 1)), 10).unwrap();
            calls += 1;
            removed += removed_numbers(&swept.removed);
            if !swept.more {
                break;
            }
        }
        assert_eq!(removed, 1);
        // 255 groups, and each shard of the one that the session is in; 80 of them in a call.
        assert_eq!(calls, (255_usize + 16).div_ceil(80));
    }
}

#[test]
fn one_call_removes_as_many_as_it_may_from_one_shard() {
    let store = MemoryStore::builder().shards(1).build();
    for number in 0..100 {
        create(&store, &anonymous(number, START));
    }
    let swept = door(&store).sweep(later(30), 60).unwrap();
    assert_eq!(removed_numbers(&swept.removed), 60);
    assert!(swept.more);
}

#[test]
fn a_call_with_nothing_to_do_touches_no_shard() {
    let store = builder().build();
    create(&store, &anonymous(1, START));
    let locked: Vec<_> = store.shards.iter().map(parking_lot::Mutex::lock).collect();
    let swept = door(&store).sweep(later(29), 10).unwrap();
    assert!(!swept.more && swept.removed.is_empty());
    drop(locked);
}

/// Nodes know a few bytes of a key: those of sessions that share them may be mistaken for each
/// other, and yet each session goes at its own time.
#[test]
fn sessions_whose_keys_begin_alike_are_swept_each_at_its_time() {
    let alike = |number: u8| {
        let mut bytes = [7; 32];
        bytes[8] = number;
        StoreKey::from_bytes(bytes)
    };
    let minute = |n: u32| START.saturating_add(n * MINUTE);
    let store = builder().shards(1).build();
    for number in 0..4 {
        let mut record = anonymous(u64::from(number), START);
        record.key = alike(number);
        create(&store, &record);
    }
    // The second one comes back later than the first, the third is to go early, the last never.
    for (number, when) in [(0, 5), (1, 10)] {
        let touch = touch(minute(when));
        door(&store)
            .apply(&alike(number), &touch, minute(when))
            .unwrap();
    }
    for (number, idle) in [(2, Duration::from_secs(60)), (3, Duration::ZERO)] {
        let mut changes = touch(START);
        changes.max_inactive_interval = Some(idle.into());
        door(&store).apply(&alike(number), &changes, START).unwrap();
    }
    assert_sound(&store);
    let mut gone = Vec::new();
    for time in 0..60 {
        for removed in sweep_all(&store, minute(time), 10) {
            gone.push((time, removed.record.key));
        }
        assert_eq!(left_expired(&store, minute(time)), 0);
        assert_sound(&store);
    }
    assert_eq!(gone, [(1, alike(2)), (35, alike(0)), (40, alike(1))]);
    assert_eq!(store.len(), 1);
}

/// A round passes groups of shards in which nothing is due; what comes into them meanwhile, or is
/// to go sooner than before, is not forgotten.
#[test]
fn what_changes_while_a_round_is_under_way_is_swept_at_its_time() {
    let store = MemoryStore::builder().shards(512).build();
    let second = |n: u64| START.saturating_add(Duration::from_secs(n));
    let mut swept = 0;
    for number in 0..600 {
        let now = second(7 * number);
        create(&store, &anonymous(number, now));
        if number % 3 == 0 {
            let mut shorter = touch(now);
            shorter.max_inactive_interval = Some(Duration::from_secs(5).into());
            apply(&store, number, &shorter);
        }
        // Less than a round needs.
        swept += door(&store).sweep(now, 2).unwrap().removed.len();
        assert_sound(&store);
    }
    assert!(swept > 0, "requests swept as they came");
    for time in (4_200..6_100).step_by(100) {
        swept += removed_numbers(&sweep_all(&store, second(time), 3));
        assert_eq!(left_expired(&store, second(time)), 0);
        assert_sound(&store);
    }
    assert_eq!(swept, 600);
}

/// Their nodes come up too early. Who wants to remove few sessions does not pass many of them.
#[test]
fn a_sweep_passes_few_sessions_that_were_used_since_and_goes_on_later() {
    let store = MemoryStore::builder().shards(1).build();
    for number in 0..100 {
        create(&store, &anonymous(number, START));
        apply(&store, number, &touch(later(20)));
    }
    let mut calls = 1;
    loop {
        let swept = door(&store).sweep(later(30), 1).unwrap();
        assert!(swept.removed.is_empty());
        if !swept.more {
            break;
        }
        calls += 1;
    }
    // A call looks at the shard and at seven of its nodes.
    assert_eq!(calls, 100_usize.div_ceil(7));
    assert_eq!(removed_numbers(&sweep_all(&store, later(50), 1_000)), 100);
}

#[test]
fn nodes_of_sessions_that_are_gone_stay_few_however_many_go_at_once() {
    for sessions in 30..34 {
        let store = MemoryStore::builder().shards(1).build();
        for number in 0..sessions {
            create(&store, &anonymous(number, START));
        }
        for number in 0..sessions {
            drop(door(&store).delete(&key(number)).unwrap());
            assert_sound(&store);
        }
    }
}

/// Twice the room would be half empty; room for one more would be made for each of them.
#[test]
fn a_shard_makes_room_for_an_eighth_more_nodes_than_it_has() {
    let store = MemoryStore::builder().shards(1).build();
    let mut rooms = BTreeSet::new();
    for number in 0..1_000 {
        create(&store, &anonymous(number, START));
        let (nodes, room) = store.shards[0].lock().nodes_and_room();
        assert!(room <= nodes + (nodes / 8).max(4), "{room} for {nodes}");
        rooms.insert(room);
    }
    assert!(rooms.len() < 50, "{rooms:?}");
}
