//! The rules about changes that concern the session as a whole.

use super::same::assert_same;
use super::samples::{
    DAY, IDLE_LIMIT, MILLISECOND, MINUTE, and_answer, and_compare, append, changes, fresh_key,
    login, number, numbers, put, touch, value,
};
use super::subject::Subject;
use crate::clock::Timestamp;
use crate::session::{ChangeSet, Expected, Login, MaxInactiveInterval, Record};
use crate::store::Applied;

pub(super) async fn an_empty_change_set_is_a_touch(store: Subject) {
    let session = store.session([("a", value(&1))]).await;
    let later = store.now().saturating_add(20 * MINUTE);
    let revision = store.apply_all(&session.key, &touch(later), later).await;
    assert_eq!(
        revision, session.revision,
        "a touch leaves the revision as it was"
    );
    let expected = Record {
        accessed_at: later,
        ..session
    };
    let prolonged = later.saturating_add(IDLE_LIMIT - MILLISECOND);
    assert_same(
        &store.peek(&expected.key, prolonged).await,
        &expected,
        "a touch prolongs the session and changes nothing else",
    );
}

pub(super) async fn a_new_idle_limit_takes_effect_from_the_last_access(store: Subject) {
    let (now, accessed) = (store.now(), store.now().saturating_add(MINUTE));
    for limit in [5 * MINUTE, MINUTE, 90 * MINUTE] {
        let session = store.session([]).await;
        let later = accessed.saturating_add(2 * MILLISECOND);
        let mut write = touch(accessed);
        write.max_inactive_interval = Some(limit.into());
        store.apply_all(&session.key, &write, later).await;

        let deadline = accessed.saturating_add(limit);
        let just_before = accessed.saturating_add(limit - MILLISECOND);
        let record = store.peek(&session.key, just_before).await;
        assert_eq!(
            record.max_inactive_interval,
            limit.into(),
            "the new idle limit is recorded"
        );
        store
            .assert_absent(
                &session.key,
                deadline,
                "the session expires the new idle limit after its last access",
            )
            .await;
    }

    let session = store.session([]).await;
    let mut write = touch(now);
    write.max_inactive_interval = Some(MaxInactiveInterval::Never);
    store.apply_all(&session.key, &write, now).await;
    let record = store.peek(&session.key, years_later(now)).await;
    assert_eq!(
        record.max_inactive_interval,
        MaxInactiveInterval::Never,
        "a session without an idle limit does not expire by lying idle"
    );
}

fn years_later(now: Timestamp) -> Timestamp {
    now.saturating_add(10_000 * DAY)
}

pub(super) async fn a_login_sets_the_principal_and_the_absolute_deadline(store: Subject) {
    let mut session = store.new_record();
    session.absolute_deadline = store.now().saturating_add(10 * MINUTE);
    store.store_new(&session).await;

    for (principal, minutes) in [("alice", 1), ("bob", 2)] {
        let now = store.now().saturating_add(minutes * MINUTE);
        let login = Login {
            absolute_deadline: now.saturating_add(20 * MINUTE),
            ..login(principal, now)
        };
        store
            .apply_all(&session.key, &with_login(now, &login), now)
            .await;
        let just_before = now.saturating_add(20 * MINUTE - MILLISECOND);
        let record = store.peek(&session.key, just_before).await;
        assert_eq!(
            record.authentication.as_ref(),
            Some(&login.authentication),
            "a login sets who logged in, and when"
        );
        assert_eq!(
            record.absolute_deadline, login.absolute_deadline,
            "a login starts the absolute limit anew"
        );
        store
            .assert_absent(
                &session.key,
                login.absolute_deadline,
                "the session ends at the absolute deadline that the login set",
            )
            .await;
    }
}

fn with_login(now: Timestamp, login: &Login) -> ChangeSet {
    let mut changes = touch(now);
    changes.login = Some(login.clone());
    changes
}

pub(super) async fn clearing_removes_attributes_before_the_changes_apply(store: Subject) {
    let now = store.now();
    let session = store
        .session([("a", value(&1)), ("b", value(&1)), ("list", value(&[1]))])
        .await;
    let mut write = changes(now, [put("a", &2), append("list", &[2])]);
    write.clear_attributes = true;
    store.apply_all(&session.key, &write, now).await;

    let record = store.peek(&session.key, now).await;
    assert_eq!(
        number(&record, "b"),
        None,
        "clearing removes what the change set does not set again"
    );
    assert_eq!(
        number(&record, "a"),
        Some(2),
        "what the change set sets is there after the clearing"
    );
    assert_eq!(
        numbers(&record, "list"),
        [2],
        "an append after the clearing starts a new list"
    );
    assert!(
        record
            .attributes
            .iter()
            .all(|attribute| attribute.revision > session.revision),
        "what is set again after a clearing has a higher revision than before"
    );

    let mut write = changes(now, [put("a", &3)]);
    write.clear_attributes = true;
    write.attributes[0].expected = Expected::Absent;
    store.apply_all(&session.key, &write, now).await;
    let record = store.peek(&session.key, now).await;
    assert_eq!(
        number(&record, "a"),
        Some(3),
        "a precondition is about what is there after the clearing: nothing"
    );

    let mut write = touch(now);
    write.clear_attributes = true;
    let revision = store.apply_all(&session.key, &write, now).await;
    assert!(
        revision > record.revision,
        "clearing is a change and raises the revision"
    );
    assert!(
        store.peek(&session.key, now).await.attributes.is_empty(),
        "clearing alone leaves no attribute"
    );
}

pub(super) async fn the_record_is_answered_when_it_was_asked_for(store: Subject) {
    let now = store.now().saturating_add(MINUTE);
    let session = store.session([("a", value(&1))]).await;
    for write in [touch(now), changes(now, [put("a", &2), put("b", &2)])] {
        let answer = store.apply(&session.key, &and_answer(write), now).await;
        assert_answers(&answer, &store.peek(&session.key, now).await);
    }
    let before = store.peek(&session.key, now).await;
    let write = and_compare(changes(now, [put("a", &3)]));
    let answer = store.apply(&session.key, &write, now).await;
    assert_answers(&answer, &store.peek(&session.key, now).await);
    assert_remembers(&answer, &before);

    let (new_key, before) = (fresh_key(), store.peek(&session.key, now).await);
    let write = and_compare(changes(now, [put("a", &4)]));
    let answer = store.rename(&session.key, &new_key, &write, now).await;
    assert_answers(&answer, &store.peek(&new_key, now).await);
    assert_remembers(&answer, &before);
}

fn assert_remembers(answer: &Applied, before: &Record) {
    let Applied::Applied {
        before: Some(answered),
        ..
    } = answer
    else {
        panic!("the session before was asked for, but the answer is {answer:?}");
    };
    assert_same(
        answered,
        before,
        "the answer has the session as it was right before the change",
    );
}

fn assert_answers(answer: &Applied, record: &Record) {
    let Applied::Applied {
        revision,
        record: Some(answered),
        ..
    } = answer
    else {
        panic!("the session was asked for, but the answer is {answer:?}");
    };
    assert_eq!(
        *revision, record.revision,
        "the answer tells the revision of the session"
    );
    assert_same(
        answered,
        record,
        "the answer is the session as the next load sees it",
    );
}
