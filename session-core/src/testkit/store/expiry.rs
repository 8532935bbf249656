//! The rules about expiry.

use std::time::Duration;

use super::same::assert_same;
use super::samples::{
    IDLE_LIMIT, MILLISECOND, MINUTE, append, changes, fresh_key, put, touch, value,
};
use super::subject::Subject;
use crate::clock::Timestamp;
use crate::session::{MaxInactiveInterval, StoreKey};
use crate::store::{Access, Applied, Loaded};

const EVERY_ACCESS: Access = Access::Counted {
    unless_within: Duration::ZERO,
};

pub(super) async fn idle_for_exactly_the_limit_is_expired(store: Subject) {
    for limit in [MILLISECOND, Duration::from_millis(1_999), IDLE_LIMIT] {
        let mut session = store.new_record();
        session.max_inactive_interval = limit.into();
        store.store_new(&session).await;
        let deadline = store.now().saturating_add(limit);
        let just_before = store.now().saturating_add(limit - MILLISECOND);

        let (record, _) = store.live(&session.key, Access::Peek, just_before).await;
        assert_same(
            &record,
            &session,
            "a session is live until one millisecond before its idle limit",
        );
        store
            .assert_absent(
                &session.key,
                deadline,
                "a session that was idle for exactly its limit is expired",
            )
            .await;
        assert_eq!(
            store.apply(&session.key, &touch(deadline), deadline).await,
            Applied::Gone,
            "a write at exactly the idle limit is too late"
        );
        store
            .apply_all(&session.key, &touch(just_before), just_before)
            .await;
        let prolonged = just_before.saturating_add(limit - MILLISECOND);
        assert_eq!(
            store.peek(&session.key, prolonged).await.accessed_at,
            just_before,
            "a write one millisecond before the idle limit is in time and prolongs the session"
        );
    }
}

pub(super) async fn the_absolute_deadline_holds_whatever_the_activity(store: Subject) {
    let now = store.now();
    let mut session = store.new_record();
    session.absolute_deadline = now.saturating_add(60 * MINUTE);
    store.store_new(&session).await;
    let just_before = now.saturating_add(60 * MINUTE - MILLISECOND);

    for minutes in [20, 40] {
        let time = now.saturating_add(minutes * MINUTE);
        store.live(&session.key, EVERY_ACCESS, time).await;
        store
            .apply_all(&session.key, &changes(time, [put("a", &minutes)]), time)
            .await;
    }
    store
        .apply_all(&session.key, &touch(just_before), just_before)
        .await;
    let record = store.peek(&session.key, just_before).await;
    assert_eq!(
        record.absolute_deadline, session.absolute_deadline,
        "activity does not move the absolute deadline"
    );
    assert_gone_for_every_verb(&store, &session.key, session.absolute_deadline).await;
}

pub(super) async fn an_expired_record_is_gone_for_every_verb(store: Subject) {
    let session = store.session([("a", value(&1))]).await;
    let deadline = store.now().saturating_add(IDLE_LIMIT);
    assert_gone_for_every_verb(&store, &session.key, deadline).await;

    let (start, _guard) = store.time_of_sweeps().await;
    let deadline = start.saturating_add(MINUTE);
    let mut swept = store.new_record();
    swept.accessed_at = start;
    swept.max_inactive_interval = MINUTE.into();
    store.store_new(&swept).await;
    store.sweep_all(deadline, 100).await;
    assert_gone_for_every_verb(&store, &swept.key, deadline).await;
}

/// Tries to reach and to revive the expired session under `key`.
async fn assert_gone_for_every_verb(store: &Subject, key: &StoreKey, now: Timestamp) {
    let new_key = fresh_key();
    // Twice: what the first attempt did must not help the second one.
    for _ in 0..2 {
        for access in [Access::Peek, EVERY_ACCESS] {
            assert_eq!(
                store.load(key, access, now).await,
                Loaded::Absent,
                "an expired session cannot be loaded"
            );
        }
        for write in [touch(now), changes(now, [put("a", &2), append("b", &[3])])] {
            assert_eq!(
                store.apply(key, &write, now).await,
                Applied::Gone,
                "nothing can be applied to an expired session"
            );
            assert_eq!(
                store.rename(key, &new_key, &write, now).await,
                Applied::Gone,
                "an expired session cannot be renamed"
            );
        }
        store
            .assert_absent(&new_key, now, "an expired session gets no new key")
            .await;
    }
}

pub(super) async fn load_never_removes(store: Subject) {
    let session = store.session([("a", value(&1))]).await;
    let expired = store.now().saturating_add(IDLE_LIMIT);
    for access in [Access::Peek, EVERY_ACCESS] {
        store.load(&session.key, access, expired).await;
    }
    assert_same(
        &store.end(&session.key).await,
        &session,
        "what has expired stays as it is until a delete or a sweep reports it",
    );

    let mut immortal = store.new_record();
    immortal.max_inactive_interval = MaxInactiveInterval::Never;
    store.store_new(&immortal).await;
    store.load(&immortal.key, Access::Peek, expired).await;
    assert_same(
        &store.peek(&immortal.key, expired).await,
        &immortal,
        "loading a session that never expires does not remove it",
    );
}
