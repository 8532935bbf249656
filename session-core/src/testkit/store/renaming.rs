//! The rules about renaming.

use std::time::Duration;

use super::same::assert_same;
use super::samples::{
    DAY, IDLE_LIMIT, MILLISECOND, MINUTE, append, changes, fresh_key, number, put, put_if, remove,
    text, touch, value,
};
use super::subject::Subject;
use crate::clock::Timestamp;
use crate::session::{Expected, MaxInactiveInterval, Record, Revision, StoreKey};
use crate::store::{Access, Applied, Created, Deleted, FORWARD_LIFETIME, Loaded};

const ACCESSES: [Access; 2] = [
    Access::Peek,
    Access::Counted {
        unless_within: Duration::ZERO,
    },
];

pub(super) async fn a_renamed_session_answers_under_the_new_key_only(store: Subject) {
    let now = store.now().saturating_add(MINUTE);
    let mut session = store.new_record();
    session.absolute_deadline = now.saturating_add(DAY);
    store.store_new(&session).await;
    let first = changes(now, [put("a", &1), put("b", &1)]);
    store.apply_all(&session.key, &first, now).await;
    let before = store.peek(&session.key, now).await;

    let new_key = fresh_key();
    let write = changes(now, [put("b", &2), remove("not there")]);
    let revision = store.rename_with(&session.key, &new_key, &write, now).await;
    let mut expected = before.renamed(new_key);
    assert_eq!(expected.apply(&write, now), Ok(()));
    assert_same(
        &store.peek(&new_key, now).await,
        &expected,
        "under the new key stands the same session, with the changes applied in the same step",
    );
    assert_eq!(
        revision, expected.revision,
        "the revisions go on from where they were"
    );
    for access in ACCESSES {
        assert_eq!(
            store.load(&session.key, access, now).await,
            Loaded::Moved { since: now },
            "under the old key there is no session any more"
        );
    }
}

pub(super) async fn what_was_in_flight_under_the_old_key_is_told_the_new_one(store: Subject) {
    let (now, renamed_at) = (store.now(), store.now().saturating_add(MINUTE));
    let old = store.session([("a", value(&1))]).await.key;
    let new = store.renamed(&old, renamed_at).await;
    let before = store.peek(&new, renamed_at).await;
    let later = renamed_at.saturating_add(MINUTE);

    for write in [
        touch(later),
        changes(now, [put("a", &2), append("b", &[1])]),
    ] {
        assert_eq!(
            store.apply(&old, &write, later).await,
            Applied::Moved(new),
            "a write under the old key is told the new one"
        );
    }
    for access in ACCESSES {
        assert_eq!(
            store.load(&old, access, later).await,
            Loaded::Moved { since: renamed_at },
            "a load under the old key is told when the session moved, and nothing else"
        );
    }
    for _ in 0..2 {
        assert_eq!(
            store.delete(&old).await,
            Deleted::Moved(new),
            "a delete under the old key is told the new one, as often as one asks"
        );
    }
    assert_same(
        &store.peek(&new, later).await,
        &before,
        "who asks under the old key changes nothing",
    );

    let newest = store.renamed(&new, later).await;
    assert_eq!(
        follow(&store, old, later).await,
        newest,
        "who follows the moves from the oldest key on arrives at the session"
    );
    let expected = Record {
        accessed_at: later,
        ..before.renamed(newest)
    };
    assert_same(
        &store.end(&newest).await,
        &expected,
        "the session can be ended under the key that was told",
    );
    nobody_is_told_of_somebody_elses_session(&store).await;
}

/// A login over another principal clears the attributes: nothing that was in flight reaches
/// that one's session.
async fn nobody_is_told_of_somebody_elses_session(store: &Subject) {
    let now = store.now();
    let (old, new) = (store.session([("a", value(&1))]).await.key, fresh_key());
    let mut cleared = changes(now, [put("b", &2)]);
    cleared.clear_attributes = true;
    store.rename_with(&old, &new, &cleared, now).await;
    let theirs = store.peek(&new, now).await;

    for write in [touch(now), changes(now, [put("a", &3)])] {
        assert_eq!(
            store.apply(&old, &write, now).await,
            Applied::Gone,
            "a write from before the attributes were cleared is dropped"
        );
    }
    assert_eq!(
        store.delete(&old).await,
        Deleted::Absent,
        "who logs out under the old key ends nobody else's session"
    );
    for access in ACCESSES {
        assert_eq!(
            store.load(&old, access, now).await,
            Loaded::Moved { since: now },
            "a load is told when the session moved, as ever"
        );
    }
    assert!(
        matches!(
            store.rename(&old, &fresh_key(), &touch(now), now).await,
            Applied::Moved(_)
        ),
        "of two logins at once one is told that the other was faster"
    );
    assert_same(
        &store.peek(&new, now).await,
        &theirs,
        "the session of somebody else stays as it was",
    );
}

/// Where writes under `key` end up.
async fn follow(store: &Subject, mut key: StoreKey, now: Timestamp) -> StoreKey {
    const MOVES_MAX: usize = 2;
    for _ in 0..MOVES_MAX {
        match store.apply(&key, &touch(now), now).await {
            Applied::Moved(next) => key = next,
            _ => break,
        }
    }
    key
}

pub(super) async fn renaming_to_a_taken_key_changes_nothing(store: Subject) {
    let now = store.now();
    let session = store.session([("a", value(&1))]).await;
    let other = store.session([("a", value(&9))]).await;
    let moved = store.session([]).await.key;
    let moved_to = store.renamed(&moved, now).await;

    let write = changes(now.saturating_add(MINUTE), [put("a", &2)]);
    for taken in [other.key, moved, moved_to, session.key] {
        assert_eq!(
            store.rename(&session.key, &taken, &write, now).await,
            Applied::Taken,
            "a key that a session has or had, also this session's own, cannot be given again"
        );
        assert_same(
            &store.peek(&session.key, now).await,
            &session,
            "a session whose new key is taken stays as it was",
        );
    }
    assert_same(
        &store.peek(&other.key, now).await,
        &other,
        "the session whose key was asked for stays as it was",
    );
    assert_eq!(
        store.apply(&moved, &touch(now), now).await,
        Applied::Moved(moved_to),
        "the forwarding entry whose key was asked for stays as it was"
    );
}

pub(super) async fn a_rename_never_follows_a_forward(store: Subject) {
    let now = store.now();
    let old = store.session([("a", value(&1))]).await.key;
    let new = store.renamed(&old, now).await;
    let before = store.peek(&new, now).await;
    let deleted = store.session([]).await.key;
    store.delete(&deleted).await;

    let write = changes(now, [put("a", &2)]);
    for (key, answer, why) in [
        (
            old,
            Applied::Moved(new),
            "a renamed session is renamed under its new key alone",
        ),
        (
            deleted,
            Applied::Gone,
            "a deleted session cannot be renamed",
        ),
        (
            fresh_key(),
            Applied::Gone,
            "what never was cannot be renamed",
        ),
    ] {
        let newer = fresh_key();
        assert_eq!(
            store.rename(&key, &newer, &write, now).await,
            answer,
            "{why}"
        );
        store
            .assert_absent(&newer, now, "a rename that is refused gives no new key")
            .await;
    }
    assert_same(
        &store.peek(&new, now).await,
        &before,
        "a second rename from the old key does not reach the session",
    );
}

pub(super) async fn a_forward_lives_thirty_minutes(store: Subject) {
    let now = store.now();
    let mut session = store.new_record();
    session.max_inactive_interval = MaxInactiveInterval::Never;
    store.store_new(&session).await;
    let old = session.key;
    let new = store.renamed(&old, now).await;

    let just_before = now.saturating_add(FORWARD_LIFETIME - MILLISECOND);
    assert_eq!(
        store.apply(&old, &touch(just_before), just_before).await,
        Applied::Moved(new),
        "writes are told the new key until thirty minutes have passed"
    );
    assert_eq!(
        store.load(&old, Access::Peek, just_before).await,
        Loaded::Moved { since: now },
        "loads are told of the move until thirty minutes have passed"
    );

    let after = now.saturating_add(FORWARD_LIFETIME);
    assert_eq!(
        store.apply(&old, &touch(after), after).await,
        Applied::Gone,
        "after thirty minutes a write under the old key finds nothing"
    );
    store
        .assert_absent(&old, after, "after thirty minutes the old key is forgotten")
        .await;
    assert_eq!(
        store.rename(&old, &fresh_key(), &touch(after), after).await,
        Applied::Gone,
        "after thirty minutes a rename of the old key finds nothing"
    );
    assert_eq!(
        store.peek(&new, after).await.handle,
        session.handle,
        "the session outlives the forwarding entry"
    );
}

pub(super) async fn a_refused_rename_changes_nothing(store: Subject) {
    let now = store.now().saturating_add(MINUTE);
    let session = store
        .session([("a", value(&1)), ("text", value("no list"))])
        .await;
    let new_key = fresh_key();

    let stale = changes(now, [put_if("a", Expected::At(Revision::new(99)), &2)]);
    let mut too_large = changes(now, [put("b", &text(100))]);
    too_large.limits.max_bytes = 50;
    let no_list = changes(now, [put("a", &2), append("text", &[1])]);
    for (write, answer) in [
        (stale, Applied::Conflict(session.clone())),
        (too_large, Applied::TooLarge),
        (no_list, Applied::NotAList("text".into())),
    ] {
        assert_eq!(
            store.rename(&session.key, &new_key, &write, now).await,
            answer,
            "a rename is refused for the same reasons as its change set alone"
        );
        assert_same(
            &store.peek(&session.key, now).await,
            &session,
            "after a refused rename the session stands unchanged under its old key",
        );
        store
            .assert_absent(
                &new_key,
                now,
                "a refused rename leaves nothing under the new key",
            )
            .await;
    }

    let mut other = store.new_record();
    other.key = new_key;
    assert_eq!(
        store.create(&other, now).await,
        Created::Created,
        "a refused rename does not use the new key up"
    );
    let renamed = store
        .renamed(&session.key, now.saturating_add(IDLE_LIMIT / 2))
        .await;
    assert_eq!(
        number(&store.peek(&renamed, now).await, "a"),
        Some(1),
        "after a refused rename the next one succeeds"
    );
}
