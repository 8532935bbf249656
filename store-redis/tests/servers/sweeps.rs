//! Sweeping on a real server.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use session_core::store::{PrincipalIndex, RemovalReason, Removed, SessionStore};
use session_core::testkit::{Ledger, ManualClock, Site, test_key};
use session_core::{Clock, SessionManager, SystemClock};
use store_redis::RedisStore;
use testbed::{Kind, Server};

use crate::stage::{
    BOTH, HOUR, apply, key, key_in, names, now, peek, prefix, principal, put_in, record, record_of,
    store, store_at, store_with, touch,
};

/// With an address and a prefix: this process is the one that is killed.
const JOB: &str = "STORE_REDIS_JOB";

async fn sweep_all(store: &RedisStore, limit: usize) -> Vec<Removed> {
    let mut removed = Vec::new();
    loop {
        let swept = store.sweep(now(), limit).await.unwrap();
        assert!(swept.removed.len() <= limit);
        removed.extend(swept.removed);
        if !swept.more {
            return removed;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sessions_are_swept_by_several_processes_each_once() {
    for kind in BOTH {
        let prefix = prefix();
        let (one, other) = (
            store_with(kind, &prefix).await,
            store_with(kind, &prefix).await,
        );
        for number in 0..600 {
            let mut session = record(key());
            session.absolute_deadline = now();
            if number % 3 == 0 {
                session.absolute_deadline = now().saturating_add(HOUR);
            }
            put_in(&one, &session).await;
        }
        let (a, b) = tokio::join!(sweep_all(&one, 40), sweep_all(&other, 500));
        assert_eq!(a.len() + b.len(), 400);
        assert!(
            a.iter()
                .chain(&b)
                .all(|removed| removed.reason == RemovalReason::Expired)
        );
        assert_eq!(one.census(now()).await.unwrap().live(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_when_all_is_over() {
    let server = Server::start(Kind::Redis).unwrap();
    let url = server.url();
    let store = store_at(&url, &prefix()).await;
    let ada = principal();
    for number in 0..50 {
        let mut session = if number % 2 == 0 {
            record(key())
        } else {
            record_of(ada, key())
        };
        session.absolute_deadline = now();
        put_in(&store, &session).await;
    }
    let kept = record_of(ada, key());
    put_in(&store, &kept).await;
    assert_eq!(sweep_all(&store, 7).await.len(), 50);
    store.delete(&kept.key).await.unwrap();
    let left = names(&url, "").await;
    let left: Vec<_> = left.into_iter().map(|(_, name)| name).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_completes_what_somebody_who_ended_everybody_left_undone() {
    let prefix = prefix();
    let store = store_with(Kind::RedisCluster, &prefix).await;
    let url = testbed::shared(Kind::RedisCluster).unwrap();
    let (done, undone) = (record(key_in(1)), record(key_in(2)));
    put_in(&store, &done).await;
    put_in(&store, &undone).await;
    store.end_everybody().await.unwrap();
    assert_eq!(sweep_all(&store, 10).await.len(), 2);

    let (done, undone) = (record(key_in(1)), record(key_in(2)));
    put_in(&store, &done).await;
    put_in(&store, &undone).await;
    // As if it had died after the first group.
    for (mut connection, name) in names(&url, "{g01}:generation").await {
        if name.starts_with(&prefix.replace(' ', "%20")) {
            let _: () = redis::cmd("SET")
                .arg(name)
                .arg(2)
                .query_async(&mut connection)
                .await
                .unwrap();
        }
    }
    assert!(peek(&store, &done.key).await.is_none());
    assert!(peek(&store, &undone.key).await.is_some());
    let told = sweep_all(&store, 10).await;
    assert!(peek(&store, &undone.key).await.is_none());
    let later = sweep_all(&store, 10).await;
    assert_eq!(
        told.len() + later.len(),
        1,
        "the other one is told of by and by"
    );
    let after = record(key_in(1));
    put_in(&store, &after).await;
    assert!(peek(&store, &after.key).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_several_pages_is_counted_and_swept_while_it_is_used() {
    let store = store(Kind::Redis).await;
    let session = record(key());
    put_in(&store, &session).await;
    // Many sessions that never expire, and one that is used all the time.
    let many: Vec<_> = (0..3_000).map(|_| record(key())).collect();
    for some in many.chunks(100) {
        let puts = some.iter().map(|record| put_in(&store, record));
        futures_util::future::join_all(puts).await;
    }
    let (census, ()) = tokio::join!(store.census(now()), async {
        for _ in 0..50 {
            apply(&store, &session.key, &touch()).await;
        }
    });
    assert_eq!(census.unwrap().live(), 3_001);
    store.end_everybody().await.unwrap();
    assert_eq!(sweep_all(&store, 1_000).await.len(), 3_001);
}

#[tokio::test(flavor = "multi_thread")]
async fn managers_that_sweep_at_once_tell_of_each_expired_session_once() {
    const SESSIONS: usize = 150;
    for kind in BOTH {
        let (prefix, ledger, clock) = (prefix(), Ledger::new(), ManualClock::new());
        clock.set(SystemClock.now());
        let mut sites = Vec::new();
        for _ in 0..2 {
            let store = Arc::new(store_with(kind, &prefix).await);
            let manager = SessionManager::builder()
                .secret_key(test_key())
                .shared_store(store)
                .clock(clock.clone())
                .listener(ledger.clone())
                .build();
            sites.push(Site::of(manager.unwrap(), clock.clone()));
        }
        for number in 0..SESSIONS {
            let mut visitor = sites[number % 2].visitor();
            let visit = visitor.visit(async |session| session.set_attribute("n", &number));
            visit.await.unwrap();
        }
        clock.advance(HOUR);
        let (one, other) = tokio::join!(sites[0].sessions().sweep(), sites[1].sessions().sweep());
        assert_eq!(one.unwrap() + other.unwrap(), SESSIONS, "{kind:?}");
        for site in &sites {
            // The books know what was told twice, too.
            ledger.audit(site.sessions()).await.unwrap();
        }
        assert_eq!(
            (ledger.created(), ledger.destroyed()),
            (SESSIONS, SESSIONS),
            "{kind:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_took_is_reported_to_nobody_else_and_the_rest_once() {
    const SESSIONS: usize = 60;
    if let Ok(job) = std::env::var(JOB) {
        return take_and_wait(&job).await;
    }
    for kind in BOTH {
        let prefix = prefix();
        let (one, other) = (
            store_with(kind, &prefix).await,
            store_with(kind, &prefix).await,
        );
        let mut handles = BTreeSet::new();
        for _ in 0..SESSIONS {
            let mut session = record(key());
            session.absolute_deadline = now();
            put_in(&one, &session).await;
            handles.insert(session.handle.to_string());
        }
        let url = testbed::shared(kind).unwrap();
        let mut dying = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("sweeps::what_a_killed_process_took_is_reported_to_nobody_else_and_the_rest_once")
            .env(JOB, format!("{url}\n{prefix}"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The harness of the tests says something as well.
        let said = BufReader::new(dying.stdout.take().unwrap()).lines();
        let said = said.map(Result::unwrap).filter_map(|line| {
            let (_, taken) = line.split_once("took ")?;
            Some(taken.to_owned())
        });
        let taken: BTreeSet<String> = said.take(7).collect();
        assert_eq!(taken.len(), 7);
        let sweeps = async { tokio::join!(sweep_all(&one, 5), sweep_all(&other, 8)) };
        let ((a, b), ()) = tokio::join!(sweeps, async {
            dying.kill().unwrap();
            dying.wait().unwrap();
        });
        let reported = a.iter().chain(&b);
        let reported: Vec<_> = reported.map(|it| it.record.handle.to_string()).collect();
        let distinct = BTreeSet::from_iter(reported.iter().cloned());
        assert_eq!(reported.len(), SESSIONS - 7, "{kind:?}: at most once");
        let rest: BTreeSet<_> = handles.difference(&taken).cloned().collect();
        assert_eq!(distinct, rest, "{kind:?}: the others once");
    }
}

/// Takes seven sessions, and never gets to tell its listeners.
async fn take_and_wait(job: &str) {
    let (url, prefix) = job.split_once('\n').unwrap();
    let store = store_at(url, prefix).await;
    let mut taken = Vec::new();
    while taken.len() < 7 {
        taken.extend(store.sweep(now(), 7 - taken.len()).await.unwrap().removed);
    }
    for removed in &taken {
        println!("took {}", removed.record.handle);
    }
    std::io::stdout().flush().unwrap();
    // Unless it is not killed, because whoever would is gone.
    tokio::time::sleep(Duration::from_secs(60)).await;
}
