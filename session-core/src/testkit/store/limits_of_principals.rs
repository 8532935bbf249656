//! The rules about how many sessions a principal may have.

use super::same::assert_same;
use super::samples::{
    SECOND, authenticated, fresh_key, fresh_principal, logging_in, put, put_if, value,
};
use super::subject::Subject;
use crate::clock::Timestamp;
use crate::session::{
    AtLimit, AttributeChange, ChangeSet, Expected, PrincipalKey, Record, SessionLimit, StoreKey,
};
use crate::store::{Access, Applied, Created, Loaded};

/// The verbs that can log a session in.
#[derive(Clone, Copy, Debug)]
enum With {
    Create,
    Apply,
    Rename,
}

const EVERY_VERB: [With; 3] = [With::Create, With::Apply, With::Rename];
const BOTH_POLICIES: [AtLimit; 2] = [AtLimit::Refuse, AtLimit::EndOldest];

/// A login of a session that nobody has logged in to yet.
struct Attempt {
    with: With,
    /// The session; stored already unless the login creates it.
    session: Record,
    new_key: StoreKey,
}

impl Attempt {
    async fn prepare(store: &Subject, with: With) -> Self {
        let session = match with {
            With::Create => store.new_record(),
            With::Apply | With::Rename => store.session([("a", value(&1))]).await,
        };
        Self {
            with,
            new_key: match with {
                With::Rename => fresh_key(),
                With::Create | With::Apply => session.key,
            },
            session,
        }
    }

    /// Logs in, and tells whether the store let it; a change of an attribute comes with it.
    async fn log_in(
        &self,
        store: &Subject,
        principal: PrincipalKey,
        limit: SessionLimit,
        now: Timestamp,
    ) -> bool {
        let change = put("a", &2);
        let login = limited(principal, limit, change, now);
        let applied = match self.with {
            With::Create => {
                let mut record = self.session.clone();
                record.authentication = Some(authenticated(principal, now));
                return match store.create_within(&record, Some(limit), now).await {
                    Created::Created => true,
                    Created::Refused => false,
                    other => panic!("a free key is created or refused, not {other:?}"),
                };
            }
            With::Apply => store.apply(&self.session.key, &login, now).await,
            With::Rename => {
                let (old, new) = (&self.session.key, &self.new_key);
                store.rename(old, new, &login, now).await
            }
        };
        match applied {
            Applied::Applied { .. } => true,
            Applied::Refused => false,
            other => panic!("a login is applied or refused, not {other:?}"),
        }
    }

    async fn assert_nothing_happened(&self, store: &Subject, now: Timestamp) {
        if let With::Create = self.with {
            let why = "a session that was refused is not stored";
            return store.assert_absent(&self.session.key, now, why).await;
        }
        assert_same(
            &store.peek(&self.session.key, now).await,
            &self.session,
            "a login that was refused applies nothing",
        );
        if let With::Rename = self.with {
            let why = "a rename that was refused gives no new key";
            store.assert_absent(&self.new_key, now, why).await;
        }
    }
}

fn limited(
    principal: PrincipalKey,
    limit: SessionLimit,
    change: AttributeChange,
    now: Timestamp,
) -> ChangeSet {
    let mut changes = logging_in(principal, now);
    changes.attributes.push(change);
    if let Some(login) = &mut changes.login {
        login.limit = Some(limit);
    }
    changes
}

pub(super) async fn a_full_principal_is_refused_or_its_oldest_logins_end(store: Subject) {
    let now = store.now();
    for with in EVERY_VERB {
        for at_limit in BOTH_POLICIES {
            let ada = fresh_principal();
            // The session that was created first logs in last.
            let newest = store.session([]).await;
            let oldest = store.session_of(ada, now).await;
            let second = store.session_of(ada, now.saturating_add(SECOND)).await;
            let login = now.saturating_add(2 * SECOND);
            store
                .apply_all(&newest.key, &logging_in(ada, login), login)
                .await;
            let attempt = Attempt::prepare(&store, with).await;
            let now = now.saturating_add(3 * SECOND);
            let limit = SessionLimit { max: 3, at_limit };
            let is_let_in = attempt.log_in(&store, ada, limit, now).await;
            if at_limit == AtLimit::Refuse {
                assert!(
                    !is_let_in,
                    "the principal is full, so a {with:?} is refused"
                );
                attempt.assert_nothing_happened(&store, now).await;
                let why = "a refused login ends no session";
                let sessions = [&oldest, &second, &newest];
                store.assert_listed(ada, sessions, now, why).await;
                continue;
            }
            assert!(is_let_in, "a {with:?} is let in where the oldest ends");
            let sessions = [&second, &newest, &attempt.session];
            let why = "the session that logged in longest ago made room, and no other";
            store.assert_listed(ada, sessions, now, why).await;
            let why = "the session that made room is gone";
            store.assert_absent(&oldest.key, now, why).await;
            for key in [second.key, newest.key, attempt.new_key] {
                store.peek(&key, now).await;
            }

            let lower = SessionLimit { max: 1, at_limit };
            let attempt = Attempt::prepare(&store, with).await;
            assert!(attempt.log_in(&store, ada, lower, now).await);
            let why = "under a lower limit as many make room as are too many";
            store.assert_listed(ada, [&attempt.session], now, why).await;
        }
    }
    a_login_that_fails_otherwise_ends_no_session(&store).await;
}

async fn a_login_that_fails_otherwise_ends_no_session(store: &Subject) {
    let (now, ada) = (store.now(), fresh_principal());
    let session = store.session_of(ada, now).await;
    let other = store.session([("a", value(&1))]).await;
    let limit = SessionLimit {
        max: 1,
        at_limit: AtLimit::EndOldest,
    };
    let conflicting = limited(ada, limit, put_if("a", Expected::Absent, &2), now);
    for answer in [
        store.apply(&other.key, &conflicting, now).await,
        store
            .rename(&other.key, &fresh_key(), &conflicting, now)
            .await,
    ] {
        assert!(matches!(answer, Applied::Conflict(_)), "{answer:?}");
    }
    let login = limited(ada, limit, put("a", &2), now);
    assert_eq!(
        store.apply(&fresh_key(), &login, now).await,
        Applied::Gone,
        "a session that is not there cannot log in"
    );
    store
        .assert_listed(
            ada,
            [&session],
            now,
            "a login that is not applied ends no session",
        )
        .await;
}

pub(super) async fn a_limit_counts_live_sessions_of_others_only(store: Subject) {
    let now = store.now();
    let limit = SessionLimit {
        max: 1,
        at_limit: AtLimit::Refuse,
    };
    for with in EVERY_VERB {
        let (ada, eve) = (fresh_principal(), fresh_principal());
        store.session_of(eve, now).await;
        let deleted = store.session_of(ada, now).await;
        store.end(&deleted.key).await;
        let ended = store.session_of(ada, now).await;
        store.end_one(&ada, &ended.handle, now).await;
        let switched = store.session_of(ada, now).await;
        store
            .apply_all(&switched.key, &logging_in(eve, now), now)
            .await;
        let mut expiring = store.new_record();
        expiring.authentication = Some(authenticated(ada, now));
        expiring.max_inactive_interval = SECOND.into();
        store.store_new(&expiring).await;

        let now = now.saturating_add(SECOND);
        let attempt = Attempt::prepare(&store, with).await;
        assert!(
            attempt.log_in(&store, ada, limit, now).await,
            "no session of others counts, none that was ended and none that expired"
        );
        let mut key = attempt.new_key;
        let login = limited(ada, limit, put("a", &3), now);
        store.apply_all(&key, &login, now).await;
        for _ in 0..2 {
            let new = fresh_key();
            store.rename_with(&key, &new, &login, now).await;
            key = new;
        }
        store
            .assert_listed(
                ada,
                [&attempt.session],
                now,
                "a session that logs in again does not count itself",
            )
            .await;
        store.renamed(&key, now).await;
        let another = Attempt::prepare(&store, with).await;
        assert!(
            !another.log_in(&store, ada, limit, now).await,
            "a session that was renamed counts as before"
        );
    }
}

pub(super) async fn parallel_logins_never_exceed_the_limit(store: Subject) {
    const ROUNDS: usize = 10;
    const LOGINS: usize = 9;
    const LIMIT: usize = 3;
    let now = store.now();
    for round in 0..ROUNDS {
        for at_limit in BOTH_POLICIES {
            let ada = fresh_principal();
            let limit = SessionLimit {
                max: LIMIT,
                at_limit,
            };
            let mut attempts = Vec::new();
            for number in 0..LOGINS {
                let with = EVERY_VERB[(number + round) % EVERY_VERB.len()];
                attempts.push(Attempt::prepare(&store, with).await);
            }
            let attempts = &attempts;
            let let_in = store
                .in_parallel(LOGINS, |store, number| async move {
                    attempts[number].log_in(&store, ada, limit, now).await
                })
                .await;
            if at_limit == AtLimit::Refuse {
                let let_in = let_in.iter().filter(|is_let_in| **is_let_in).count();
                assert_eq!(let_in, LIMIT, "as many are let in as the limit allows");
            }
            let listed = store.handles_of(ada, now).await.len();
            assert_eq!(
                listed, LIMIT,
                "of logins at once as many are left as the limit allows ({at_limit:?})"
            );
            let mut live = 0;
            for attempt in attempts {
                let loaded = store.load(&attempt.new_key, Access::Peek, now).await;
                let is_theirs = |record: &Record| record.authentication.is_some();
                live += usize::from(
                    matches!(&loaded, Loaded::Live { record, .. } if is_theirs(record)),
                );
            }
            assert_eq!(live, LIMIT, "what is listed is what there is");
        }
    }
}
