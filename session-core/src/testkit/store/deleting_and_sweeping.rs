//! The rules about deleting and sweeping.

use std::collections::BTreeMap;
use std::time::Duration;

use super::same::assert_same;
use super::samples::{MINUTE, SECOND, changes, fresh_handle, fresh_key, put, touch, value};
use super::subject::Subject;
use crate::clock::Timestamp;
use crate::session::{MaxInactiveInterval, Record, StoreKey};
use crate::store::{Access, Applied, Deleted, Loaded, RemovalReason, Removed};

pub(super) async fn deleting_answers_the_record_once(store: Subject) {
    let now = store.now();
    let session = store.session([("a", value(&1))]).await;
    assert_same(
        &store.end(&session.key).await,
        &session,
        "a delete answers the session that it ended",
    );
    for _ in 0..2 {
        assert_eq!(
            store.delete(&session.key).await,
            Deleted::Absent,
            "what was deleted is absent, as often as one asks"
        );
    }
    assert_eq!(
        store.delete(&fresh_key()).await,
        Deleted::Absent,
        "what never was is absent"
    );
    store
        .assert_absent(&session.key, now, "a deleted session cannot be loaded")
        .await;

    for _ in 0..10 {
        let key = store.session([]).await.key;
        let answers = store
            .in_parallel(4, |store, _| async move { store.delete(&key).await })
            .await;
        let ended = answers.iter().filter(|answer| **answer != Deleted::Absent);
        assert_eq!(
            ended.count(),
            1,
            "of several deletes at once one ended the session"
        );
    }
}

pub(super) async fn a_sweep_removes_the_expired_and_only_those(store: Subject) {
    let (start, _guard) = store.time_of_sweeps().await;
    let sessions = Sessions::prepare(&store, start).await;
    let now = start.saturating_add(5 * MINUTE);

    let nothing = store.sweep(now, 0).await.removed;
    assert!(nothing.is_empty(), "a sweep of no sessions removes none");
    let reports = store
        .in_parallel(4, |store, _| async move { store.sweep_all(now, 3).await })
        .await;
    let reports: Vec<Removed> = reports.into_iter().flatten().collect();

    for key in &sessions.live {
        assert!(
            reports.iter().all(|removed| removed.record.key != *key),
            "a live session is not swept"
        );
        store.peek(key, now).await;
    }
    for (key, last_state) in &sessions.expired {
        let reported: Vec<&Removed> = reports
            .iter()
            .filter(|removed| removed.record.key == *key)
            .collect();
        let [report] = reported[..] else {
            panic!(
                "an expired session is reported once, not {} times",
                reported.len()
            );
        };
        assert_eq!(
            report.reason,
            RemovalReason::Expired,
            "the reason of a sweep is that the session expired"
        );
        assert_same(
            &report.record,
            last_state,
            "an expired session is reported in its last state",
        );
        assert_eq!(
            store.delete(key).await,
            Deleted::Absent,
            "after the sweeps nothing is left of an expired session"
        );
    }
    for key in [sessions.old_key, sessions.deleted] {
        assert!(
            reports.iter().all(|removed| removed.record.key != key),
            "neither a forwarding entry nor a deleted session is reported by a sweep"
        );
    }
    assert_eq!(
        store.load(&sessions.old_key, Access::Peek, now).await,
        Loaded::Moved { since: start },
        "a forwarding entry is not swept before its time"
    );
}

/// Sessions that have expired five minutes after the start, and sessions that have not.
struct Sessions {
    expired: BTreeMap<StoreKey, Record>,
    live: Vec<StoreKey>,
    old_key: StoreKey,
    deleted: StoreKey,
}

impl Sessions {
    async fn prepare(store: &Subject, start: Timestamp) -> Self {
        let (short, long) = (MINUTE, 6 * MINUTE);
        let (mut expired, mut live) = (Vec::new(), Vec::new());
        for n in 0..20 {
            let idle_limit = short + n * SECOND;
            expired.push(session(store, start, idle_limit).await);
            live.push(session(store, start, long).await);
        }
        let mut absolute = Record::new(fresh_key(), fresh_handle(), start);
        absolute.absolute_deadline = start.saturating_add(5 * MINUTE);
        store.store_new(&absolute).await;
        expired.push(absolute.key);

        // The deadline follows every change of what it depends on.
        let shortened = session(store, start, long).await;
        let mut write = touch(start);
        write.max_inactive_interval = Some(short.into());
        store.apply_all(&shortened, &write, start).await;
        expired.push(shortened);
        let touched = session(store, start, 3 * MINUTE).await;
        let used = session(store, start, 3 * MINUTE).await;
        let later = start.saturating_add(2 * MINUTE + SECOND);
        let write = changes(later, [put("a", &1)]);
        store.apply_all(&touched, &write, later).await;
        let access = Access::Counted {
            unless_within: Duration::ZERO,
        };
        store.live(&used, access, later).await;
        live.extend([touched, used]);
        let old_key = session(store, start, short).await;
        expired.push(store.renamed(&old_key, start).await);
        let deleted = session(store, start, short).await;
        store.delete(&deleted).await;

        let mut last_states = BTreeMap::new();
        for key in expired {
            let state = store.peek(&key, start).await;
            last_states.insert(key, state);
        }
        Self {
            expired: last_states,
            live,
            old_key,
            deleted,
        }
    }
}

async fn session(store: &Subject, start: Timestamp, idle_limit: Duration) -> StoreKey {
    let mut record = Record::new(fresh_key(), fresh_handle(), start);
    record.max_inactive_interval = idle_limit.into();
    store.store_new(&record).await;
    record.key
}

pub(super) async fn what_never_expires_survives_every_sweep(store: Subject) {
    let (start, _guard) = store.time_of_sweeps().await;
    let mut immortal = Vec::new();
    for idle_limit in [
        MaxInactiveInterval::Never,
        Duration::MAX.into(),
        Duration::from_millis(u64::MAX - 1).into(),
    ] {
        let mut record = Record::new(fresh_key(), fresh_handle(), start);
        record.max_inactive_interval = idle_limit;
        store.store_new(&record).await;
        immortal.push(record.key);
    }
    // One that had a deadline once.
    let freed = session(&store, start, MINUTE).await;
    let mut write = touch(start);
    write.max_inactive_interval = Some(MaxInactiveInterval::Never);
    store.apply_all(&freed, &write, start).await;
    immortal.push(freed);

    for minutes in [0, 1, 5] {
        let now = start.saturating_add(minutes * MINUTE);
        let removed = store.sweep_all(now, 100).await;
        for key in &immortal {
            assert!(
                removed.iter().all(|removed| removed.record.key != *key),
                "a session that never expires is never swept"
            );
            let answer = store.apply(key, &touch(now), now).await;
            assert!(
                matches!(answer, Applied::Applied { .. }),
                "a session that never expires outlives every sweep, but apply answered {answer:?}"
            );
        }
    }
    for key in &immortal {
        store.end(key).await;
        store
            .assert_absent(key, start, "what never expires is gone when it is deleted")
            .await;
    }
}
