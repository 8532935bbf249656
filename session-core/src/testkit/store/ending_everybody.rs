//! The rules about ending everybody, and about telling what ended. They run alone.

use super::ending_sessions::assert_gone_for_every_verb;
use super::same::assert_same;
use super::samples::{MINUTE, SECOND, fresh_key, fresh_principal, logging_in, put, touch, value};
use super::subject::Subject;
use crate::clock::Timestamp;
use crate::session::{AtLimit, Record, SessionLimit, StoreKey};
use crate::store::{Access, Applied, Loaded, RemovalReason, Removed};

pub(super) async fn ending_everybody_ends_every_session_there_is(store: Subject) {
    let (now, ada, eve) = (store.now(), fresh_principal(), fresh_principal());
    // Twice: the second time ends what was made after the first.
    for _ in 0..2 {
        let mut sessions = Vec::new();
        for _ in 0..50 {
            sessions.push(store.session([("a", value(&1))]).await.key);
        }
        sessions.push(store.session_of(ada, now).await.key);
        sessions.push(store.session_of(eve, now).await.key);
        let old = store.session_of(ada, now).await;
        sessions.push(store.renamed(&old.key, now).await);

        store.end_everybody().await;

        for key in &sessions {
            assert_gone(&store, key, now).await;
        }
        let loaded = store.load(&old.key, Access::Peek, now).await;
        assert!(
            !matches!(loaded, Loaded::Live { .. }),
            "an old key stays dead when everybody is ended"
        );
        for principal in [ada, eve] {
            assert_eq!(
                store.list(&principal, now).await,
                [],
                "nobody has sessions when everybody was ended"
            );
        }
    }

    assert_eq!(
        store.census(now).await.live(),
        0,
        "no session lives when everybody was ended"
    );

    let made = store.session_of(ada, now).await;
    let anonymous = store.session([]).await;
    let limit = SessionLimit {
        max: 2,
        at_limit: AtLimit::Refuse,
    };
    let mut login = logging_in(ada, now);
    if let Some(login) = &mut login.login {
        login.limit = Some(limit);
    }
    let new_key = fresh_key();
    store
        .rename_with(&anonymous.key, &new_key, &login, now)
        .await;
    store.sweep_all(now_of_sweeps(&store).await, 7).await;
    for key in [made.key, new_key] {
        store.peek(&key, now).await;
        store.apply_all(&key, &touch(now), now).await;
    }
    assert_eq!(
        store.list(&ada, now).await.len(),
        2,
        "a session that is made afterwards lives and is listed"
    );
    store.end_all(&ada, None, now).await;
    assert_gone_for_every_verb(&store, &made.key).await;
}

/// Tries to reach and to revive a session that ended with everybody's. What a delete answers is
/// left open, for a store may not have swept it yet.
async fn assert_gone(store: &Subject, key: &StoreKey, now: Timestamp) {
    store
        .assert_absent(key, now, "every session is gone when everybody is ended")
        .await;
    let mut write = touch(now);
    write.attributes.push(put("a", &2));
    assert_eq!(
        store.apply(key, &write, now).await,
        Applied::Gone,
        "no write revives a session after everybody was ended"
    );
    assert_eq!(
        store.rename(key, &fresh_key(), &write, now).await,
        Applied::Gone,
        "no session is renamed after everybody was ended"
    );
}

async fn now_of_sweeps(store: &Subject) -> Timestamp {
    store.time_of_sweeps().await.0
}

pub(super) async fn what_a_store_ended_by_itself_is_reported_by_a_sweep_once(store: Subject) {
    let (start, _guard) = store.time_of_sweeps().await;
    let (now, ada) = (store.now(), fresh_principal());
    // Whatever earlier rules have left behind.
    store.end_everybody().await;
    store.sweep_all(start, 100).await;

    let mut replaced = Vec::new();
    for step in 0..5 {
        replaced.push(
            store
                .session_of(ada, now.saturating_add(step * SECOND))
                .await,
        );
    }
    let latest = now.saturating_add(MINUTE);
    let mut login = logging_in(ada, latest);
    if let Some(login) = &mut login.login {
        login.limit = Some(SessionLimit {
            max: 1,
            at_limit: AtLimit::EndOldest,
        });
    }
    let stays = store.session([("a", value(&1))]).await;
    store.apply_all(&stays.key, &login, latest).await;
    assert_reported_once(&store, start, &replaced, RemovalReason::Replaced).await;

    // What a principal ends is answered at once and reported by no sweep.
    let ended = store.session_of(ada, now).await;
    store.end_one(&ada, &ended.handle, now).await;
    let stays = store.peek(&stays.key, latest).await;
    let renamed = store.session([("a", value(&1))]).await;
    let renamed = store.renamed(&renamed.key, now).await;
    let renamed = store.peek(&renamed, now).await;
    store.end_everybody().await;
    assert_reported_once(&store, start, &[stays, renamed], RemovalReason::Generation).await;
}

/// Sweeps, several times at once, until nothing is left to report.
async fn assert_reported_once(
    store: &Subject,
    start: Timestamp,
    expected: &[Record],
    reason: RemovalReason,
) {
    let reports = store
        .in_parallel(4, |store, _| async move { store.sweep_all(start, 3).await })
        .await;
    let mut reports: Vec<Removed> = reports.into_iter().flatten().collect();
    reports.extend(store.sweep_all(start, 100).await);
    assert_eq!(
        reports.len(),
        expected.len(),
        "each session that a store ended by itself is reported once, and no other"
    );
    for session in expected {
        let of_it = |removed: &&Removed| removed.record.handle == session.handle;
        let Some(report) = reports.iter().find(of_it) else {
            panic!("a session that the store ended by itself is reported");
        };
        assert_eq!(
            report.reason, reason,
            "a sweep tells why the store ended a session"
        );
        assert_same(
            &report.record,
            session,
            "a session that the store ended is reported in its last state",
        );
    }
}
