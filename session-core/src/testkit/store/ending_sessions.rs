//! The rules about ending sessions of a principal.

use std::collections::BTreeSet;

use super::same::assert_same;
use super::samples::{
    IDLE_LIMIT, SECOND, append, changes, fresh_handle, fresh_key, fresh_principal, put, touch,
};
use super::subject::Subject;
use crate::session::StoreKey;
use crate::store::{Access, Applied, Deleted, Loaded};

pub(super) async fn ending_by_handle_ends_that_session_of_that_principal(store: Subject) {
    let (now, ada, eve) = (store.now(), fresh_principal(), fresh_principal());
    let first = store.session_of(ada, now).await;
    let second = store.session_of(ada, now.saturating_add(SECOND)).await;
    let of_eve = store.session_of(eve, now).await;
    let anonymous = store.session([]).await;

    for (handle, whose) in [
        (fresh_handle(), "a handle that is unknown"),
        (of_eve.handle, "the handle of somebody else's session"),
        (anonymous.handle, "the handle of nobody's session"),
    ] {
        let ended = store.end_one(&ada, &handle, now).await;
        assert!(ended.is_none(), "{whose} ends nothing");
    }
    for session in [&first, &second, &of_eve, &anonymous] {
        assert_same(
            &store.peek(&session.key, now).await,
            session,
            "what ended nothing changed nothing",
        );
    }

    let ended = store.end_one(&ada, &first.handle, now).await;
    let Some(ended) = ended else {
        panic!("the session that was ended is answered");
    };
    assert_same(
        &ended,
        &first,
        "the session that was ended is answered as it was",
    );
    assert_gone_for_every_verb(&store, &first.key).await;
    store
        .assert_listed(ada, [&second], now, "the other session goes on")
        .await;
    store.peek(&second.key, now).await;
    assert!(
        store.end_one(&ada, &first.handle, now).await.is_none(),
        "a session ends once"
    );
    let expired = now.saturating_add(IDLE_LIMIT + SECOND);
    assert!(
        store.end_one(&ada, &second.handle, expired).await.is_none(),
        "an expired session has ended by itself"
    );
}

pub(super) async fn ending_all_but_one_spares_that_one(store: Subject) {
    let (now, ada, eve) = (store.now(), fresh_principal(), fresh_principal());
    let of_eve = store.session_of(eve, now).await;
    let mut sessions = Vec::new();
    for step in 0..4 {
        let login = now.saturating_add(step * SECOND);
        sessions.push(store.session_of(ada, login).await);
    }
    // One of them has another key by now.
    let renamed = store.renamed(&sessions[3].key, now).await;

    let spared = &sessions[1];
    let ended = store.end_all(&ada, Some(&spared.handle), now).await;
    let handles: BTreeSet<_> = ended.iter().map(|record| record.handle).collect();
    let expected = [&sessions[0], &sessions[2], &sessions[3]].map(|session| session.handle);
    assert_eq!(
        handles,
        BTreeSet::from(expected),
        "every session but the one that is spared is ended and answered"
    );
    assert!(
        ended.iter().all(|record| record.attributes.len() == 1),
        "sessions that were ended are answered with their attributes"
    );
    for key in [sessions[0].key, sessions[2].key, renamed] {
        assert_gone_for_every_verb(&store, &key).await;
    }
    assert_same(
        &store.peek(&spared.key, now).await,
        spared,
        "the session that is spared is as it was",
    );
    store
        .assert_listed(ada, [spared], now, "the session that is spared is listed")
        .await;

    let ended = store.end_all(&ada, Some(&of_eve.handle), now).await;
    assert_eq!(
        ended.len(),
        1,
        "to spare somebody else's session is to spare none"
    );
    assert_gone_for_every_verb(&store, &spared.key).await;
    assert_eq!(
        store.end_all(&ada, None, now).await,
        [],
        "when all are ended there is nothing to end"
    );
    assert_same(
        &store.peek(&of_eve.key, now).await,
        &of_eve,
        "the sessions of others go on",
    );
}

pub(super) async fn an_ended_session_is_gone_for_every_verb(store: Subject) {
    const ROUNDS: usize = 20;
    const REQUESTS: usize = 4;
    let now = store.now();
    for round in 0..ROUNDS {
        let ada = fresh_principal();
        let session = store.session_of(ada, now).await;
        let new_key = fresh_key();
        let (key, handle) = (session.key, session.handle);
        store
            .in_parallel(REQUESTS, |store, request| async move {
                let write = changes(now, [put("a", &2), append("b", &[1])]);
                // The end comes first in some rounds and last in others.
                match (request + round) % REQUESTS {
                    0 if round % 2 == 0 => {
                        let ended = store.end_one(&ada, &handle, now).await;
                        assert!(
                            ended.is_some(),
                            "a session is ended while others write to it"
                        );
                    }
                    0 => {
                        let ended = store.end_all(&ada, None, now).await;
                        assert_eq!(
                            ended.len(),
                            1,
                            "a session is ended while others write to it"
                        );
                    }
                    1 => drop(store.rename(&key, &new_key, &write, now).await),
                    _ => drop(store.apply(&key, &write, now).await),
                }
            })
            .await;
        store
            .assert_absent(
                &new_key,
                now,
                "an ended session does not live on under a new key",
            )
            .await;
        let loaded = store.load(&key, Access::Peek, now).await;
        assert!(
            matches!(loaded, Loaded::Absent | Loaded::Moved { .. }),
            "an ended session does not come back, but load answered {loaded:?}"
        );
        assert_eq!(
            store.list(&ada, now).await,
            [],
            "an ended session is not listed"
        );
    }
    let ada = fresh_principal();
    let session = store.session_of(ada, now).await;
    store.end_one(&ada, &session.handle, now).await;
    assert_gone_for_every_verb(&store, &session.key).await;
}

/// Tries to reach and to revive a session that was ended and not renamed.
pub(super) async fn assert_gone_for_every_verb(store: &Subject, key: &StoreKey) {
    let now = store.now();
    store
        .assert_absent(key, now, "an ended session cannot be loaded")
        .await;
    for write in [touch(now), changes(now, [put("a", &2), append("b", &[1])])] {
        assert_eq!(
            store.apply(key, &write, now).await,
            Applied::Gone,
            "nothing can be applied to an ended session"
        );
        assert_eq!(
            store.rename(key, &fresh_key(), &write, now).await,
            Applied::Gone,
            "an ended session cannot be renamed"
        );
    }
    assert_eq!(
        store.delete(key).await,
        Deleted::Absent,
        "nothing is left of an ended session"
    );
}
