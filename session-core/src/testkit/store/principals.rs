//! The rules about listing the sessions of a principal.

use super::same::assert_same;
use super::samples::{
    IDLE_LIMIT, MILLISECOND, MINUTE, SECOND, authenticated, changes, fresh_key, fresh_principal,
    logging_in, put, touch, value,
};
use super::subject::Subject;
use crate::clock::Timestamp;
use crate::session::{
    Attributes, Authentication, MaxInactiveInterval, PrincipalKey, Record, SessionHandle,
};
use crate::store::FORWARD_LIFETIME;

impl Subject {
    /// A stored session of `principal`, who logged in at `now`, with an attribute.
    pub(super) async fn session_of(&self, principal: PrincipalKey, now: Timestamp) -> Record {
        let mut record = self.new_record();
        record.authentication = Some(authenticated(principal, now));
        record.absolute_deadline = Timestamp::NEVER;
        self.store_new(&record).await;
        self.apply_all(&record.key, &changes(now, [put("a", &1)]), now)
            .await;
        self.peek(&record.key, now).await
    }

    /// The handles of the sessions that are listed for `principal`.
    pub(super) async fn handles_of(
        &self,
        principal: PrincipalKey,
        now: Timestamp,
    ) -> Vec<SessionHandle> {
        let listed = self.list(&principal, now).await;
        listed.iter().map(|record| record.handle).collect()
    }

    /// Checks that exactly these sessions are listed, in this order.
    pub(super) async fn assert_listed<const N: usize>(
        &self,
        principal: PrincipalKey,
        sessions: [&Record; N],
        now: Timestamp,
        why: &str,
    ) {
        let handles = sessions.map(|session| session.handle);
        assert_eq!(self.handles_of(principal, now).await, handles, "{why}");
    }
}

pub(super) async fn a_session_is_listed_under_its_principal_from_the_login_on(store: Subject) {
    let (now, ada) = (store.now(), fresh_principal());
    assert_eq!(
        store.list(&ada, now).await,
        [],
        "nobody has sessions before the first login"
    );

    let created = store.session_of(ada, now).await;
    let applied = store.session([("a", value(&1))]).await;
    let renamed = store.session([("a", value(&1))]).await;
    store
        .assert_listed(ada, [&created], now, "an anonymous session is nobody's")
        .await;
    let later = now.saturating_add(SECOND);
    store
        .apply_all(&applied.key, &logging_in(ada, later), later)
        .await;
    let latest = later.saturating_add(SECOND);
    let new_key = fresh_key();
    store
        .rename_with(&renamed.key, &new_key, &logging_in(ada, latest), latest)
        .await;

    let listed = store.list(&ada, latest).await;
    let keys = [created.key, applied.key, new_key];
    assert_eq!(
        listed.len(),
        keys.len(),
        "every session that logged in is listed, whichever verb it came with"
    );
    for (listed, key) in listed.iter().zip(keys) {
        let expected = Record {
            attributes: Attributes::default(),
            ..store.peek(&key, latest).await
        };
        assert_same(
            listed,
            &expected,
            "a session is listed as it is but without attributes, the oldest login first",
        );
    }
    store
        .apply_all(&created.key, &logging_in(ada, latest), latest)
        .await;
    assert_eq!(
        store.list(&ada, latest).await.len(),
        3,
        "a session that logs in again as the same principal is listed once"
    );
}

pub(super) async fn a_session_that_ended_or_expired_is_not_listed(store: Subject) {
    let (now, ada, eve) = (store.now(), fresh_principal(), fresh_principal());
    let stays = store.session_of(ada, now).await;

    let deleted = store.session_of(ada, now).await;
    store.end(&deleted.key).await;
    let switched = store.session_of(ada, now).await;
    store
        .apply_all(&switched.key, &logging_in(eve, now), now)
        .await;
    let moved = store.session_of(ada, now).await;
    let later = now.saturating_add(SECOND);
    store
        .rename_with(&moved.key, &fresh_key(), &logging_in(eve, later), later)
        .await;
    store
        .assert_listed(
            ada,
            [&stays],
            later,
            "neither a session that was deleted nor one that is somebody else's now is listed",
        )
        .await;
    store
        .assert_listed(
            eve,
            [&switched, &moved],
            later,
            "a session that logs in as somebody else is that one's",
        )
        .await;

    let deadline = now.saturating_add(IDLE_LIMIT);
    let just_before = now.saturating_add(IDLE_LIMIT - MILLISECOND);
    store
        .assert_listed(
            ada,
            [&stays],
            just_before,
            "a session is listed until one millisecond before its idle limit",
        )
        .await;
    store
        .assert_listed(ada, [], deadline, "an expired session is not listed")
        .await;

    let mut absolute = store.new_record();
    absolute.max_inactive_interval = MaxInactiveInterval::Never;
    absolute.absolute_deadline = now.saturating_add(MINUTE);
    absolute.authentication = Some(authenticated(ada, now));
    store.store_new(&absolute).await;
    store
        .assert_listed(
            ada,
            [&stays],
            absolute.absolute_deadline,
            "a session at its absolute limit is not listed",
        )
        .await;
}

pub(super) async fn a_listed_session_keeps_its_handle_over_renames(store: Subject) {
    let (now, ada) = (store.now(), fresh_principal());
    let session = store.session_of(ada, now).await;
    let mut forever = touch(now);
    forever.max_inactive_interval = Some(MaxInactiveInterval::Never);
    store.apply_all(&session.key, &forever, now).await;

    let mut key = session.key;
    for step in 1..=3 {
        // Longer than any forwarding entry leads on.
        let later = now.saturating_add(step * 2 * FORWARD_LIFETIME);
        key = store.renamed(&key, later).await;
        let later = later.saturating_add(2 * FORWARD_LIFETIME);
        let listed = store.list(&ada, later).await;
        let [listed] = &listed[..] else {
            panic!(
                "a renamed session is listed once, not {} times",
                listed.len()
            );
        };
        assert_eq!(
            listed.handle, session.handle,
            "a renamed session is listed under the handle that it always had"
        );
        assert!(
            listed.key == key,
            "a renamed session is listed with the key that it has now"
        );
    }
    let later = now.saturating_add(10 * FORWARD_LIFETIME);
    assert!(
        store.end_one(&ada, &session.handle, later).await.is_some(),
        "a renamed session is ended by the handle that it always had"
    );
    store
        .assert_absent(&key, later, "a session that was ended is gone")
        .await;
}

pub(super) async fn principals_are_told_apart_by_their_keys_alone(store: Subject) {
    let now = store.now();
    let ada = fresh_principal();
    let first = *ada.as_bytes();
    // Keys that differ in one bit, at the front, in the middle and at the end.
    let others = [(0, 0x80), (7, 1), (8, 1), (15, 1), (16, 1), (31, 1)].map(|(byte, bit)| {
        let mut key = first;
        key[byte] ^= bit;
        key
    });
    let keys: Vec<_> = [first].iter().chain(&others).copied().collect();
    let mut sessions = Vec::new();
    for key in &keys {
        // All have the same name, as the principals of several applications may.
        let principal = PrincipalKey::from_bytes(*key);
        sessions.push((principal, store.session_of(principal, now).await));
    }
    for (principal, session) in &sessions {
        store
            .assert_listed(
                *principal,
                [session],
                now,
                "a principal has the sessions of its own key, and no others",
            )
            .await;
    }
    for name in ["ada", "Ada", "ada ", "a'da", "%", "*", "\0"] {
        let mut record = store.new_record();
        record.authentication = Some(Authentication::new(name, ada, now).into());
        store.store_new(&record).await;
    }
    assert_eq!(
        store.list(&ada, now).await.len(),
        8,
        "whatever the name, the key tells whose session it is"
    );
    let ended = store.end_all(&ada, None, now).await;
    assert_eq!(ended.len(), 8, "all of them are that principal's");
    for (principal, session) in &sessions[1..] {
        store
            .assert_listed(
                *principal,
                [session],
                now,
                "ending the sessions of one principal ends no others",
            )
            .await;
    }
}
