//! The rules about applying changes of attributes.

use super::same::assert_same;
use super::samples::{
    IDLE_LIMIT, MINUTE, append, change, changes, fresh_key, login, number, numbers, put, put_if,
    remove, text, touch, unchanged, value,
};
use super::subject::Subject;
use crate::clock::Timestamp;
use crate::session::{
    AttributeChange, ChangeSet, Edit, Expected, Limits, Record, Revision, StoreKey,
};
use crate::store::{Applied, Deleted};

pub(super) async fn an_applied_change_set_is_seen_whole_by_the_next_load(store: Subject) {
    let session = store
        .session([("changed", value(&1)), ("removed", value(&1))])
        .await;
    let now = store.now().saturating_add(MINUTE);
    let changes = everything_at_once(now);
    let revision = store.apply_all(&session.key, &changes, now).await;

    let mut expected = session.clone();
    assert_eq!(expected.apply(&changes, now), Ok(()));
    assert_same(
        &store.peek(&session.key, now).await,
        &expected,
        "the next load sees all of a change set",
    );
    assert_eq!(
        revision, expected.revision,
        "the answer tells the revision that the next load sees"
    );
    no_reader_sees_half_a_change_set(&store).await;
}

fn everything_at_once(now: Timestamp) -> ChangeSet {
    let mut changes = changes(
        now,
        [
            put("added", &2),
            put("changed", &2),
            append("list", &[1, 2]),
            remove("removed"),
        ],
    );
    changes.max_inactive_interval = Some((2 * IDLE_LIMIT).into());
    changes.issued_at = Some(now);
    changes.login = Some(login("alice", now));
    changes
}

async fn no_reader_sees_half_a_change_set(store: &Subject) {
    const WRITES: u32 = 50;
    let (session, now) = (store.session([]).await, store.now());
    store
        .in_parallel(4, |store, job| async move {
            for n in 0..WRITES {
                if job == 0 {
                    let both = changes(now, [put("a", &n), put("b", &n)]);
                    store.apply_all(&session.key, &both, now).await;
                }
                let record = store.peek(&session.key, now).await;
                assert_eq!(
                    number(&record, "a"),
                    number(&record, "b"),
                    "a reader sees all of a change set or nothing of it"
                );
            }
        })
        .await;
}

pub(super) async fn applying_to_a_gone_session_never_creates(store: Subject) {
    let now = store.now();
    let deleted = store.session([("a", value(&1))]).await.key;
    store.delete(&deleted).await;
    let writes = [
        touch(now),
        changes(now, [put("a", &1)]),
        changes(now, [put_if("a", Expected::Absent, &1)]),
        changes(now, [append("a", &[1])]),
        everything_at_once(now),
    ];
    for key in [deleted, fresh_key()] {
        for write in &writes {
            assert_eq!(
                store.apply(&key, write, now).await,
                Applied::Gone,
                "nothing can be applied where there is no session"
            );
            store
                .assert_absent(&key, now, "applying never creates a session")
                .await;
        }
        assert_eq!(
            store.delete(&key).await,
            Deleted::Absent,
            "applying leaves nothing behind where there is no session"
        );
    }
}

pub(super) async fn changes_of_different_attributes_all_survive(store: Subject) {
    let now = store.now();
    let seen = store.session([("a", value(&0)), ("b", value(&0))]).await;
    // All of them were decided on the same state of the session.
    for name in ["a", "b", "c", "d"] {
        let write = changes(now, [put_if(name, unchanged(&seen, name), &1)]);
        store.apply_all(&seen.key, &write, now).await;
    }
    let record = store.peek(&seen.key, now).await;
    for name in ["a", "b", "c", "d"] {
        assert_eq!(
            number(&record, name),
            Some(1),
            "the change of {name:?} survives the changes of the others"
        );
    }
}

pub(super) async fn the_last_writer_wins_for_its_attribute_only(store: Subject) {
    let now = store.now();
    let before = store.session([("a", value(&0)), ("b", value(&0))]).await;
    store
        .apply_all(&before.key, &changes(now, [put("a", &1)]), now)
        .await;
    store
        .apply_all(&before.key, &changes(now, [put("a", &2)]), now)
        .await;
    let after = store.peek(&before.key, now).await;
    assert_eq!(number(&after, "a"), Some(2), "the last writer wins");
    assert_eq!(
        after.attributes.get("b"),
        before.attributes.get("b"),
        "an attribute that was not written keeps its value and its revision"
    );
}

pub(super) async fn a_broken_precondition_is_a_conflict_and_applies_nothing(store: Subject) {
    let (created, now) = (store.now(), store.now().saturating_add(MINUTE));
    let session = store
        .session([("changed", value(&1)), ("removed", value(&1))])
        .await;
    let others = changes(created, [put("changed", &1), remove("removed")]);
    store.apply_all(&session.key, &others, created).await;
    let current = store.peek(&session.key, created).await;

    let stale = |name| unchanged(&session, name);
    for broken in [
        // Written meanwhile, though with an equal value.
        put_if("changed", stale("changed"), &2),
        put_if("removed", stale("removed"), &2),
        put_if("changed", Expected::Absent, &2),
        put_if("never there", Expected::At(Revision::new(1)), &2),
        change("changed", stale("changed"), Edit::Remove),
        append_if("removed", stale("removed")),
    ] {
        let mut write = everything_at_once(now);
        write.attributes.retain(|other| other.name != broken.name);
        write.attributes.push(broken);
        assert_conflict(&store.apply(&session.key, &write, now).await, &current);
        assert_unchanged(&store, &current, now).await;
    }
    let retried = changes(now, [put_if("changed", unchanged(&current, "changed"), &2)]);
    store.apply_all(&session.key, &retried, now).await;
    assert_eq!(
        number(&store.peek(&session.key, now).await, "changed"),
        Some(2),
        "with the revision from the conflict the next attempt succeeds"
    );
}

fn append_if(name: &str, expected: Expected) -> AttributeChange {
    let mut append = append(name, &[2]);
    append.expected = expected;
    append
}

fn assert_conflict(answer: &Applied, current: &Record) {
    let Applied::Conflict(answered) = answer else {
        panic!("a broken precondition is a conflict, but apply answered {answer:?}");
    };
    assert_same(
        answered,
        current,
        "a conflict is answered with the current session",
    );
}

async fn assert_unchanged(store: &Subject, before: &Record, now: Timestamp) {
    assert_same(
        &store.peek(&before.key, now).await,
        before,
        "a change set that is refused changes nothing, not even the access time",
    );
}

pub(super) async fn revisions_rise_and_survive_removal(store: Subject) {
    let now = store.now();
    let session = store.session([("a", value(&1))]).await;
    let mut revisions = vec![session.revision];
    for edit in [
        put("a", &2),
        remove("a"),
        put("a", &2),
        append("list", &[1]),
        remove("not there"),
    ] {
        let answered = store
            .apply_all(&session.key, &changes(now, [edit]), now)
            .await;
        revisions.push(answered);
    }
    assert!(
        revisions.is_sorted_by(|earlier, later| earlier < later),
        "every change set with a change has a higher revision than the one before, \
         but the revisions were {revisions:?}"
    );

    let record = store.peek(&session.key, now).await;
    assert_eq!(
        record.attributes.get("a").map(|a| a.revision),
        Some(revisions[3]),
        "an attribute that was set again has the revision of that change"
    );
    let stale = changes(now, [put_if("a", Expected::At(revisions[1]), &3)]);
    // An update of what was removed and set again meanwhile.
    assert_conflict(&store.apply(&session.key, &stale, now).await, &record);
}

pub(super) async fn appends_never_conflict_and_keep_commit_order(store: Subject) {
    let now = store.now();
    let session = store.session([("short", value(&[0_u32]))]).await;
    for n in 1..40_u32 {
        let write = changes(
            now,
            [append("short", &[n]), append("new", &[2 * n, 2 * n + 1])],
        );
        store.apply_all(&session.key, &write, now).await;
    }
    let record = store.peek(&session.key, now).await;
    let (short, new) = (numbers(&record, "short"), numbers(&record, "new"));
    assert!(
        short.into_iter().eq(0..40) && new.into_iter().eq(2..80),
        "items stand in the order in which they were appended"
    );
    parallel_appends_are_all_kept(&store, &session.key).await;
}

async fn parallel_appends_are_all_kept(store: &Subject, key: &StoreKey) {
    const WRITERS: u32 = 8;
    const ITEMS: u32 = 25;
    let now = store.now();
    store
        .in_parallel(WRITERS as usize, |store, writer| async move {
            for n in 0..ITEMS {
                let item = u32::try_from(writer).unwrap_or(u32::MAX) * ITEMS + n;
                store
                    .apply_all(key, &changes(now, [append("log", &[item])]), now)
                    .await;
            }
        })
        .await;
    let log = numbers(&store.peek(key, now).await, "log");
    for writer in 0..WRITERS {
        let own = log.iter().copied().filter(|item| item / ITEMS == writer);
        assert!(
            own.eq(writer * ITEMS..(writer + 1) * ITEMS),
            "every writer finds all of its items in its own order"
        );
    }
}

pub(super) async fn appending_to_no_list_is_refused_and_applies_nothing(store: Subject) {
    let now = store.now().saturating_add(MINUTE);
    let session = store
        .session([("text", value("no list")), ("number", value(&7))])
        .await;
    for name in ["text", "number"] {
        let mut write = everything_at_once(now);
        write.attributes.push(append(name, &[1]));
        assert_eq!(
            store.apply(&session.key, &write, now).await,
            Applied::NotAList(name.into()),
            "an append to what is no list is refused and names the attribute"
        );
        assert_unchanged(&store, &session, now).await;
    }
}

pub(super) async fn a_change_set_over_the_limits_is_refused_and_applies_nothing(store: Subject) {
    let now = store.now().saturating_add(MINUTE);
    let session = store
        .session([("a", value(&text(50))), ("list", value(&[1]))])
        .await;
    let added = put("c", &text(20));
    let size_then = session.size() + added.name.len() + value(&text(20)).bytes().len();

    let mut too_long = changes(now, [added.clone()]);
    too_long.limits.max_bytes = size_then - 1;
    let mut too_many = changes(now, [added.clone()]);
    too_many.limits.max_attributes = 2;
    let mut too_long_a_list = changes(now, [append("list", &[text(20)])]);
    too_long_a_list.limits.max_bytes = session.size() + 10;
    let mut too_long_a_principal = touch(now);
    too_long_a_principal.limits.max_bytes = session.size() + 10;
    too_long_a_principal.login = Some(login("somebody with a long name", now));
    for write in [too_long, too_many, too_long_a_list, too_long_a_principal] {
        assert_eq!(
            store.apply(&session.key, &write, now).await,
            Applied::TooLarge,
            "a session cannot grow beyond its limits"
        );
        assert_unchanged(&store, &session, now).await;
    }

    let mut fitting = changes(now, [added]);
    fitting.limits = Limits {
        max_bytes: size_then,
        max_attributes: 3,
    };
    store.apply_all(&session.key, &fitting, now).await;

    // The limits were lowered since: what is too large may shrink, though it stays too large.
    let mut shrinking = changes(now, [put("a", &text(40)), remove("c")]);
    shrinking.limits = Limits {
        max_bytes: 10,
        max_attributes: 1,
    };
    store.apply_all(&session.key, &shrinking, now).await;
    assert_eq!(
        store.peek(&session.key, now).await.attributes.len(),
        2,
        "a change that makes a session smaller is always allowed"
    );
}
