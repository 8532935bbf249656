//! How a part of the store grows while it is not locked.

use super::super::shard::{Entry, Room, Shard};
use super::*;
use crate::session::MaxInactiveInterval;

fn entry(number: u64) -> Box<Entry> {
    Box::new(Entry::live(anonymous(number, START)))
}

fn everlasting(number: u64) -> Box<Entry> {
    let mut record = anonymous(number, START);
    record.max_inactive_interval = MaxInactiveInterval::Never;
    Box::new(Entry::live(record))
}

#[test]
fn a_shard_that_has_moved_takes_one_more_session_without_asking_the_allocator() {
    let mut shard = Shard::default();
    for number in 0..1_000 {
        if let Some(need) = shard.need_for(&entry(number)) {
            shard.move_to(&mut Room::of(need));
        }
        let room = shard.room();
        shard.insert(entry(number));
        assert_eq!(shard.room(), room, "after {number}");
        assert!(room.0 as u64 <= 2 * number + 3, "{room:?} for {number}");
    }
    shard.assert_sound();
    assert!((0..1_000).all(|number| shard.contains(&key(number))));
    assert_eq!(shard.next_expected(), anonymous(0, START).expires_at());
}

#[test]
fn a_shard_moves_only_where_there_is_more_room() {
    let mut shard = Shard::default();
    let small = || Room::of(Shard::default().need_for(&entry(0)).unwrap());
    shard.move_to(&mut small());
    let room = shard.room();
    shard.move_to(&mut small());
    assert_eq!(shard.room(), room, "it had room");
    // Others have come since the room was made, some have gone, and many have come.
    for number in 0..6 {
        shard.insert(entry(number));
    }
    for number in 0..5 {
        shard.remove(&key(number));
    }
    let room = shard.room();
    shard.move_to(&mut small());
    assert_eq!(shard.room(), room, "there was more");
    for number in 6..1_000 {
        shard.insert(entry(number));
        let room = shard.room();
        shard.move_to(&mut small());
        assert_eq!(shard.room(), room, "after {number}");
    }
    shard.assert_sound();
    assert_eq!(shard.entries().count(), 995);
}

#[test]
fn a_shard_that_grows_while_it_is_locked_makes_room_for_an_eighth_more_nodes_too() {
    let mut shard = Shard::default();
    for number in 0..1_000 {
        shard.insert(entry(number));
        let (nodes, room) = shard.nodes_and_room();
        assert!(room <= nodes + (nodes / 8).max(4), "{room} for {nodes}");
    }
}

#[test]
fn a_session_that_never_expires_needs_a_place_and_no_node() {
    let everlasting = everlasting(0);
    let mut shard = Shard::default();
    shard.move_to(&mut Room::of(shard.need_for(&everlasting).unwrap()));
    let (places, nodes) = shard.room();
    assert!(places > 0);
    assert_eq!(nodes, 0);
    assert!(shard.need_for(&everlasting).is_none());
}

/// The places of those who have gone are gaps, which use a table up as well. It is full all the time
/// where one more would double it.
#[test]
fn a_shard_in_which_sessions_come_and_go_seldom_moves() {
    for staying in 10..60 {
        let mut shard = Shard::default();
        let mut moves = 0;
        for number in 0..2_000 {
            if number >= staying {
                shard.remove(&key(number - staying));
            }
            let everlasting = everlasting(number);
            if let Some(need) = shard.need_for(&everlasting) {
                moves += 1;
                shard.move_to(&mut Room::of(need));
            }
            shard.insert(everlasting);
        }
        assert!(moves < 2_000 / 20, "{moves} moves with {staying} sessions");
        shard.assert_sound();
    }
}
