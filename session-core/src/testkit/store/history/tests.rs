//! Histories: what happens in them, and that it happens again.

use std::sync::Arc;

use futures_executor::block_on;

use super::History;
use super::stage::Stage;
use crate::event::{DropReason, EndReason, Rejection, SessionEvent};
use crate::store::memory::MemoryStore;
use crate::store::{RemovalReason, SessionStore};
use crate::testkit::chance::Chance;
use crate::testkit::store::Door;

fn small_store() -> Arc<dyn SessionStore> {
    Arc::new(MemoryStore::builder().max_sessions(6).shards(4).build())
}

/// What happens in the history of `seed`.
fn events_of(seed: u64, door: Door) -> Vec<SessionEvent> {
    let history = History::of_seed(seed);
    block_on(async {
        let mut stage = Stage::open(&history, door, small_store());
        let events = stage.events.clone();
        for round in &history.rounds {
            stage.play(Chance::new(*round)).await.unwrap();
        }
        stage.close().await.unwrap();
        events.take()
    })
}

#[test]
fn everything_that_can_become_of_a_session_does_in_some_history() {
    let expected = [
        SessionEvent::Created,
        SessionEvent::Renamed,
        SessionEvent::Ended(EndReason::Invalidated),
        SessionEvent::Ended(EndReason::LoggedOut),
        SessionEvent::Ended(EndReason::Terminated),
        SessionEvent::Removed(RemovalReason::Evicted),
        SessionEvent::Removed(RemovalReason::Expired),
        SessionEvent::Removed(RemovalReason::Generation),
        SessionEvent::Removed(RemovalReason::Replaced),
        SessionEvent::Rejected(Rejection::Moved),
        SessionEvent::Rejected(Rejection::Unknown),
        SessionEvent::WritesDropped(DropReason::Gone),
        SessionEvent::LateCommitFailed,
    ];
    for door in [Door::Immediate, Door::Awaited] {
        let events: Vec<_> = (0..60).flat_map(|seed| events_of(seed, door)).collect();
        for event in expected {
            assert!(events.contains(&event), "{door:?}: {event:?}");
        }
        let created = events.iter().filter(|it| **it == SessionEvent::Created);
        assert!(created.count() > 60 * 10, "{door:?}: histories are busy");
    }
}

#[test]
fn a_history_happens_again_in_the_same_way() {
    for door in [Door::Immediate, Door::Awaited] {
        for seed in 0..5 {
            assert_eq!(events_of(seed, door), events_of(seed, door));
        }
    }
}

#[test]
fn the_rounds_of_a_history_can_be_played_without_its_seed() {
    let history = History::of_seed(3);
    let again = History::of_rounds(history.rounds.clone());
    assert_eq!(history.to_string(), again.to_string());
    assert!(history.to_string().starts_with("History::of_rounds(["));
}
