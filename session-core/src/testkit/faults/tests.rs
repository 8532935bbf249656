//! The double is only as good as its faults: each does what it says, and nothing else.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures_executor::block_on;

use super::{Fault, Faulty};
use crate::clock::Timestamp;
use crate::session::{ChangeSet, Limits, MaxInactiveInterval, Record, SessionHandle, StoreKey};
use crate::store::memory::MemoryStore;
use crate::store::{Access, Applied, Created, Deleted, Loaded, SessionStore, StoreError};
use crate::testkit::{ManualClock, Verb};

const NOW: Timestamp = ManualClock::START;

fn key() -> StoreKey {
    StoreKey::from_bytes([7; 32])
}

/// A double with one session in it, without an immediate door.
fn faulty() -> Faulty<MemoryStore> {
    let store = Faulty::new(MemoryStore::new()).without_immediate_door();
    let record = Record::new(key(), SessionHandle::from_bytes([7; 16]), NOW);
    let created = block_on(SessionStore::create(&store, &record, None, NOW));
    assert_eq!(created.unwrap(), Created::Created);
    store
}

/// A change that can be seen.
fn change() -> ChangeSet {
    let mut changes = ChangeSet::touch(NOW, Limits::NONE);
    changes.max_inactive_interval = Some(MaxInactiveInterval::from_secs(60));
    changes
}

async fn apply(store: &Faulty<MemoryStore>) -> Result<Applied, StoreError> {
    SessionStore::apply(store, &key(), &change(), NOW).await
}

fn record_in(store: &dyn SessionStore) -> Record {
    match block_on(store.load(&key(), Access::Peek, NOW)) {
        Ok(Loaded::Live { record, .. }) => record,
        other => panic!("the session is not there: {other:?}"),
    }
}

fn is_changed(store: &Faulty<MemoryStore>) -> bool {
    record_in(store.inner()).max_inactive_interval != MaxInactiveInterval::Never
}

#[test]
fn a_damaged_session_is_deleted_without_its_record() {
    let store = faulty();
    store.next(Verb::Delete, Fault::Damaged);
    let deleted = block_on(SessionStore::delete(&store, &key())).unwrap();
    assert_eq!(deleted, Deleted::Removed(None));
    let deleted = block_on(SessionStore::delete(&store, &key())).unwrap();
    assert_eq!(deleted, Deleted::Absent);
}

#[test]
fn a_call_that_is_refused_is_not_done() {
    for fault in [Fault::Unavailable, Fault::Unreadable, Fault::NewerFormat] {
        let store = faulty();
        store.next(Verb::Apply, fault);
        assert!(block_on(apply(&store)).is_err());
        assert!(!is_changed(&store), "{fault:?}");
        assert!(block_on(apply(&store)).is_ok(), "only one call fails");
        assert!(is_changed(&store));
    }
}

#[test]
fn a_lost_reply_leaves_the_call_done() {
    let store = faulty();
    store.next(Verb::Apply, Fault::LoseReply);
    let answer = block_on(apply(&store));
    assert!(matches!(answer, Err(StoreError::Unavailable(_))));
    assert!(is_changed(&store));
}

#[test]
fn a_full_store_says_so_and_does_nothing() {
    let store = faulty();
    store.next(Verb::Apply, Fault::Full);
    assert_eq!(block_on(apply(&store)).unwrap(), Applied::Full);
    assert!(!is_changed(&store));
}

#[test]
#[should_panic(expected = "a call of load cannot go wrong with Full")]
fn a_fault_that_a_verb_cannot_have_is_an_error_of_the_test() {
    faulty().next(Verb::Load, Fault::Full);
}

#[test]
fn faults_come_up_at_the_calls_for_which_they_were_set() {
    let store = faulty();
    store.nth(Verb::Apply, 2, Fault::Unavailable);
    store.next(Verb::Apply, Fault::Unavailable);
    store.next(Verb::Apply, Fault::Unreadable);
    assert!(record_in(&store) == record_in(store.inner()));
    assert!(matches!(
        block_on(apply(&store)),
        Err(StoreError::Unavailable(_))
    ));
    assert!(matches!(
        block_on(apply(&store)),
        Err(StoreError::Unavailable(_))
    ));
    assert!(!store.is_played_out());
    assert!(matches!(
        block_on(apply(&store)),
        Err(StoreError::Unreadable(_))
    ));
    assert!(block_on(apply(&store)).is_ok());
    assert!(store.is_played_out());
}

#[test]
fn an_outage_lasts_until_the_repair() {
    let store = faulty();
    store.break_down();
    assert!(block_on(SessionStore::delete(&store, &key())).is_err());
    assert!(block_on(SessionStore::sweep(&store, NOW, 1)).is_err());
    store.repair();
    assert!(block_on(apply(&store)).is_ok());
}

#[test]
fn a_stale_answer_is_an_older_state_of_the_session() {
    let store = faulty();
    let oldest = record_in(&store);
    block_on(apply(&store)).unwrap();
    store.next(Verb::Load, Fault::Stale);
    assert_eq!(record_in(&store), oldest);
    assert_ne!(record_in(&store), oldest);
}

#[test]
fn a_foreign_answer_bears_another_key() {
    let store = faulty();
    store.next(Verb::Load, Fault::Foreign);
    assert_ne!(record_in(&store).key, key());
    assert_eq!(record_in(&store).key, key());
}

#[test]
fn a_foreign_answer_is_the_record_of_another_session_where_one_was_seen() {
    let store = faulty();
    let other = StoreKey::from_bytes([9; 32]);
    let record = Record::new(other, SessionHandle::from_bytes([9; 16]), NOW);
    let created = block_on(SessionStore::create(&store, &record, None, NOW));
    assert_eq!(created.unwrap(), Created::Created);
    store.next(Verb::Load, Fault::Foreign);
    assert_eq!(record_in(&store), record);
    assert_eq!(record_in(&store).key, key());
}

#[test]
fn an_absent_session_is_there_all_the_same() {
    let store = faulty();
    for verb in [Verb::Load, Verb::Apply, Verb::Delete] {
        store.next(verb, Fault::Absent);
    }
    let loaded = block_on(SessionStore::load(&store, &key(), Access::Peek, NOW));
    assert_eq!(loaded.unwrap(), Loaded::Absent);
    assert_eq!(block_on(apply(&store)).unwrap(), Applied::Gone);
    let deleted = block_on(SessionStore::delete(&store, &key())).unwrap();
    assert_eq!(deleted, Deleted::Absent);
    assert!(!is_changed(&store));
}

#[test]
fn a_forgotten_call_is_answered_and_not_done() {
    let store = faulty();
    store.next(Verb::Apply, Fault::Forgotten);
    assert!(matches!(
        block_on(apply(&store)),
        Ok(Applied::Applied { .. })
    ));
    store.next(Verb::Delete, Fault::Forgotten);
    let deleted = block_on(SessionStore::delete(&store, &key())).unwrap();
    assert_eq!(deleted, Deleted::Removed(None));
    assert!(!is_changed(&store));
}

#[test]
fn a_call_that_is_done_twice_answers_the_second_time() {
    let store = faulty();
    store.next(Verb::Delete, Fault::Twice);
    let deleted = block_on(SessionStore::delete(&store, &key())).unwrap();
    assert_eq!(deleted, Deleted::Absent);
}

#[test]
fn a_key_that_is_taken_is_free_the_next_time() {
    let store = faulty();
    let record = Record::new(
        StoreKey::from_bytes([9; 32]),
        SessionHandle::from_bytes([9; 16]),
        NOW,
    );
    store.next(Verb::Create, Fault::Taken);
    for expected in [Created::Taken, Created::Created] {
        let created = block_on(SessionStore::create(&store, &record, None, NOW));
        assert_eq!(created.unwrap(), expected);
    }
}

#[test]
fn an_expired_answer_was_accessed_too_long_ago() {
    let store = faulty();
    store.next(Verb::Load, Fault::Expired);
    let loaded = block_on(SessionStore::load(&store, &key(), Access::Peek, NOW));
    assert!(matches!(
        loaded,
        Ok(Loaded::Live {
            last_accessed: Timestamp::EPOCH,
            ..
        })
    ));
}

#[test]
fn every_fault_can_befall_some_verb() {
    for fault in Fault::ALL {
        assert!(
            Verb::ALL.iter().any(|verb| fault.can_befall(*verb)),
            "{fault:?}"
        );
    }
}

#[test]
fn a_held_request_is_done_after_its_release_and_a_held_reply_before() {
    for (fault, done_while_held) in [(Fault::HoldRequest, false), (Fault::HoldReply, true)] {
        let store = faulty();
        store.next(Verb::Apply, fault);
        let mut call = pin!(apply(&store));
        let mut context = Context::from_waker(Waker::noop());
        while store.held() == 0 {
            assert!(call.as_mut().poll(&mut context).is_pending());
        }
        assert!(call.as_mut().poll(&mut context).is_pending());
        assert_eq!(is_changed(&store), done_while_held, "{fault:?}");

        store.release();
        assert_eq!(store.held(), 0);
        assert!(matches!(
            call.poll(&mut context),
            Poll::Ready(Ok(Applied::Applied { .. }))
        ));
        assert!(is_changed(&store));
    }
}

#[test]
fn a_held_call_that_is_given_up_is_never_done() {
    let store = faulty();
    store.next(Verb::Apply, Fault::HoldRequest);
    {
        let mut call = pin!(apply(&store));
        while store.held() == 0 {
            let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending());
        }
    }
    assert_eq!(store.held(), 0);
    store.release();
    assert!(!is_changed(&store));
}

#[test]
fn the_immediate_door_follows_the_same_script() {
    let store = Faulty::new(MemoryStore::new());
    store.next(Verb::Delete, Fault::Unavailable);
    let door = store.immediate().unwrap();
    assert!(door.delete(&key()).is_err());
    assert_eq!(door.delete(&key()).unwrap(), Deleted::Absent);
    assert!(store.without_immediate_door().immediate().is_none());
}
