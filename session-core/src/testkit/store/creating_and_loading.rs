//! The rules about creating and loading.

use std::sync::Arc;
use std::time::Duration;

use super::same::assert_same;
use super::samples::{
    DAY, IDLE_LIMIT, MILLISECOND, MINUTE, SECOND, authentication, changes, fresh_key, put, touch,
    value,
};
use super::subject::Subject;
use crate::clock::Timestamp;
use crate::session::{Attribute, Authentication, Codec, Record, Revision, Value};
use crate::store::{Access, Created, Loaded};

pub(super) async fn a_created_record_loads_back_unchanged(store: Subject) {
    let now = store.now();
    for record in [store.new_record(), record_with_everything(&store)] {
        store.store_new(&record).await;
        let (loaded, last_accessed) = store.live(&record.key, Access::Peek, now).await;
        assert_same(&loaded, &record, "what was created is what is loaded");
        assert_eq!(
            last_accessed, record.accessed_at,
            "the access before a peek is the recorded one"
        );
    }
}

/// A session in which no two times are equal and no time is a full second.
fn record_with_everything(store: &Subject) -> Record {
    let mut record = store.new_record();
    let (created_at, later) = (record.created_at, |millis| {
        record
            .created_at
            .saturating_add(Duration::from_millis(millis))
    });
    let (issued_at, authenticated_at, accessed_at) = (later(101), later(203), later(307));
    let absolute_deadline = created_at.saturating_add(DAY + 409 * MILLISECOND);
    record.issued_at = issued_at;
    record.accessed_at = accessed_at;
    record.absolute_deadline = absolute_deadline;
    record.max_inactive_interval = Duration::from_millis(1_234_567).into();
    let mut login = Authentication::clone(&authentication("alice", authenticated_at));
    login.label = Some("Firefox on Linux".into());
    login.remembered_for = Some(DAY + 503 * MILLISECOND);
    record.authentication = Some(Arc::new(login));
    record.revision = Revision::new(7);
    let all_bytes = (0..=u8::MAX).collect();
    record.attributes = [
        ("binary", 3, Value::new(Codec::MessagePack, all_bytes)),
        ("empty", 4, Value::new(Codec::MessagePack, Vec::new())),
        ("list", 5, value(&[1, 2, 3])),
        ("text", 7, value("Grüße")),
    ]
    .into_iter()
    .map(|(name, revision, value)| Attribute {
        name: name.into(),
        revision: Revision::new(revision),
        value,
    })
    .collect();
    record
}

pub(super) async fn create_never_overwrites(store: Subject) {
    let now = store.now();
    let session = store.session([("kept", value(&1))]).await;
    let mut intruder = store.new_record();
    intruder.key = session.key;
    for record in [&intruder, &session] {
        assert_eq!(
            store.create(record, now).await,
            Created::Taken,
            "the key of a session is taken"
        );
        assert_same(
            &store.peek(&session.key, now).await,
            &session,
            "a create that is refused leaves the session as it was",
        );
    }

    let new_key = store.renamed(&session.key, now).await;
    assert_eq!(
        store.create(&intruder, now).await,
        Created::Taken,
        "the old key of a renamed session is taken"
    );
    assert_eq!(
        store.load(&session.key, Access::Peek, now).await,
        Loaded::Moved { since: now },
        "a create that is refused leaves the forwarding entry as it was"
    );
    assert_eq!(
        store.peek(&new_key, now).await.attributes,
        session.attributes,
        "a create under the old key does not reach the renamed session"
    );
}

pub(super) async fn loading_an_absent_key_is_absent_and_no_error(store: Subject) {
    let key = fresh_key();
    for access in [Access::Peek, counted(Duration::ZERO), counted(MINUTE)] {
        for time in [store.now(), Timestamp::EPOCH] {
            assert_eq!(
                store.load(&key, access, time).await,
                Loaded::Absent,
                "a key that was never used is absent"
            );
        }
    }
}

pub(super) async fn a_peek_changes_nothing(store: Subject) {
    let now = store.now();
    let session = store.session([("a", value(&1))]).await;
    for passed in [MILLISECOND, 20 * MINUTE, IDLE_LIMIT - MILLISECOND] {
        let later = now.saturating_add(passed);
        let (record, last_accessed) = store.live(&session.key, Access::Peek, later).await;
        assert_same(&record, &session, "a peek records nothing");
        assert_eq!(
            last_accessed, session.accessed_at,
            "the access before a peek is the recorded one, whatever was peeked before"
        );
    }
    let deadline = now.saturating_add(IDLE_LIMIT);
    store
        .assert_absent(
            &session.key,
            deadline,
            "no number of peeks prolongs a session",
        )
        .await;
}

pub(super) async fn a_counted_load_records_the_access_and_answers_the_one_before(store: Subject) {
    let created = store.now();
    let session = store.session([("a", value(&1))]).await;

    let first = created.saturating_add(20 * MINUTE);
    let (record, last_accessed) = store
        .live(&session.key, counted(Duration::ZERO), first)
        .await;
    assert_eq!(
        (record.accessed_at, last_accessed),
        (first, created),
        "a counted load answers the record with this access, and the access before it"
    );
    let expected = Record {
        accessed_at: first,
        ..session.clone()
    };
    assert_same(
        &store.peek(&session.key, first).await,
        &expected,
        "a counted load records the access and changes nothing else",
    );

    let spared = first.saturating_add(MINUTE - MILLISECOND);
    let (record, last_accessed) = store.live(&session.key, counted(MINUTE), spared).await;
    assert_eq!(
        (record.accessed_at, last_accessed),
        (first, first),
        "an access is not recorded while the recorded one is younger than the caller asks for"
    );
    let due = first.saturating_add(MINUTE);
    store.live(&session.key, counted(MINUTE), due).await;
    let prolonged = due.saturating_add(IDLE_LIMIT - MILLISECOND);
    assert_eq!(
        store.peek(&session.key, prolonged).await.accessed_at,
        due,
        "an access is recorded as soon as the recorded one is as old as the caller asks for, \
         and the session lives on from there"
    );

    an_access_is_never_spared_for_long(&store).await;
}

/// A caller that spares writes must not let a session with a short idle limit expire.
async fn an_access_is_never_spared_for_long(store: &Subject) {
    let mut short = store.new_record();
    short.max_inactive_interval = (10 * SECOND).into();
    store.store_new(&short).await;
    let tenth = store.now().saturating_add(SECOND);
    store.live(&short.key, counted(DAY), tenth).await;
    assert_eq!(
        store.peek(&short.key, tenth).await.accessed_at,
        tenth,
        "an access is recorded after a tenth of the idle limit, whatever the caller spares"
    );
}

pub(super) async fn access_times_only_rise(store: Subject) {
    let session = store.session([]).await;
    let at = |minutes: u32| store.now().saturating_add(minutes * MINUTE);
    let now = at(4);

    store.apply_all(&session.key, &touch(at(3)), now).await;
    store.apply_all(&session.key, &touch(at(1)), now).await;
    let late_write = changes(at(2), [put("a", &1)]);
    store.apply_all(&session.key, &late_write, now).await;
    assert_eq!(
        store.peek(&session.key, now).await.accessed_at,
        at(3),
        "a change set of an earlier access that arrives late does not set the time back"
    );

    store
        .live(&session.key, counted(Duration::ZERO), at(2))
        .await;
    assert_eq!(
        store.peek(&session.key, now).await.accessed_at,
        at(3),
        "a load on a machine whose clock is a little behind does not set the time back"
    );

    let new_key = fresh_key();
    store
        .rename_with(&session.key, &new_key, &touch(at(1)), now)
        .await;
    assert_eq!(
        store.peek(&new_key, now).await.accessed_at,
        at(3),
        "a rename by a request of an earlier access does not set the time back"
    );
}

pub(super) async fn an_access_time_far_ahead_counts_as_now(store: Subject) {
    let now = store.now();
    let session = store.session([]).await;
    let tolerated = now.saturating_add(5 * MINUTE);
    let far_ahead = tolerated.saturating_add(MILLISECOND);

    for time in [far_ahead, Timestamp::NEVER] {
        store.apply_all(&session.key, &touch(time), now).await;
        assert_eq!(
            store.peek(&session.key, now).await.accessed_at,
            now,
            "an access more than five minutes ahead is the fault of a clock and counts as now"
        );
    }
    store.apply_all(&session.key, &touch(tolerated), now).await;
    assert_eq!(
        store.peek(&session.key, now).await.accessed_at,
        tolerated,
        "clocks may differ by five minutes"
    );

    let mut from_the_future = store.new_record();
    from_the_future.accessed_at = now.saturating_add(DAY);
    store.store_new(&from_the_future).await;
    store
        .live(&from_the_future.key, counted(Duration::ZERO), now)
        .await;
    assert_eq!(
        store.peek(&from_the_future.key, now).await.accessed_at,
        now,
        "a recorded access far ahead is put right by the next one"
    );
}

fn counted(unless_within: Duration) -> Access {
    Access::Counted { unless_within }
}
