//! Random histories of a site on every kind of server: what listeners are told and what is
//! stored agree all the time.

use std::sync::Arc;
use std::time::Duration;

use session_core::testkit::store::{History, check_unreadable};
use session_core::{BoxFuture, Runtime, StoreKey};
use testbed::Kind;
use tokio::runtime::Handle;

use crate::stage::{name_of, prefix, store, store_with};

/// The runtime of the test.
struct Tokio(Handle);

impl Runtime for Tokio {
    fn spawn(&self, task: BoxFuture<()>) {
        self.0.spawn(task);
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        // A busy machine is no store that fails to answer in time.
        Box::pin(tokio::time::sleep(duration * 4))
    }
}

fn kinds() -> impl Iterator<Item = Kind> {
    let kinds = [Kind::Redis, Kind::RedisCluster, Kind::Valkey];
    // Not every distribution has them all.
    kinds.into_iter().filter(|kind| kind.is_installed())
}

/// How many histories of each sort are played there. Every sweep and every end of everybody
/// visits all groups of a cluster, so that these take longer.
const fn histories(kind: Kind) -> u64 {
    match kind {
        Kind::RedisCluster => 6,
        _ => 30,
    }
}

/// Plays histories, each on a store of its own, which is empty.
async fn play(turn: impl Fn(History) -> History) {
    for kind in kinds() {
        for seed in 0..histories(kind) {
            let store = store_with(kind, &prefix()).await;
            turn(History::of_seed(seed)).play(Arc::new(store)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_balances_after_any_history() {
    play(|history| history).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_balances_although_clients_go_away_at_any_moment() {
    let runtime = Arc::new(Tokio(Handle::current()));
    play(|history| history.on_runtime(runtime.clone())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_twice_where_answers_are_lost() {
    play(History::with_lost_answers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_neither_absent_nor_overwritten() {
    for kind in kinds() {
        let url = testbed::shared(kind).unwrap();
        let damage = async |key: &StoreKey| {
            let (mut connection, name) = name_of(&url, key).await;
            // All that is left of it is one field, with what no session has there.
            let mut spoil = redis::pipe();
            spoil.del(&name).hset(&name, "m", b"no record");
            let spoilt = spoil.query_async::<()>(&mut connection).await;
            spoilt.unwrap();
        };
        check_unreadable(Arc::new(store(kind).await), damage).await;
    }
}
