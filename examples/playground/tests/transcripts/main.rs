//! The scenarios for adapters on every store: what visitors see, and what a store is asked, is the
//! same on each, byte for byte.
//!
//! The adapters play them in memory, in their own tests. Here are the applications of those tests
//! on stores that the adapters know nothing of. A trial is called `store::framework::scenario`.
//! Where a scenario breaks the store down, the calls are refused before they reach it; what
//! becomes of servers that die is tested elsewhere.

#[path = "../../../../adapter-actix/tests/scenarios/server.rs"]
mod actix;
#[path = "../../../../adapter-axum/tests/scenarios/server.rs"]
mod axum;
#[path = "../../../../adapter-warp/tests/scenarios/server.rs"]
mod warp;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};
use session_core::SessionManager;
use session_core::store::SessionStore;
use session_core::testkit::adapter::{Probe, Scenario, Server, scenarios};
use store_redis::RedisStore;
use store_sql::SqlStore;
use testbed::{Kind, Place, Store};
use tokio::runtime::Runtime;

/// Starts the application of the scenarios.
type Serve = fn(SessionManager, Probe) -> Server;

const ADAPTERS: [(&str, Serve); 3] = [
    ("axum", axum::serve),
    ("actix", actix::serve),
    ("warp", warp::serve),
];

/// A machine that is busy with other tests is slow.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for store in Store::present().filter(|store| *store != Store::Memory) {
        for (framework, serve) in ADAPTERS {
            trials.extend(scenarios().iter().map(|scenario| {
                let name = format!("{}::{framework}::{scenario}", store.name());
                Trial::test(name, move || {
                    check(scenario, store, serve);
                    Ok(())
                })
            }));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn check(scenario: &Scenario, store: Store, serve: Serve) {
    let place = store.place().expect("the store is there");
    let runtime = Runtime::new().expect("a runtime starts");
    let store = runtime.block_on(open(store, &place));
    let _entered = runtime.enter();
    scenario.check_on(store, serve);
}

async fn open(store: Store, place: &Place) -> Arc<dyn SessionStore> {
    match store {
        Store::On(Kind::Redis | Kind::RedisCluster) => {
            let builder = RedisStore::builder().prefix(place.prefix());
            let store = builder.timeout(PATIENCE).connect(place.url()).await;
            Arc::new(store.expect("Redis answers"))
        }
        _ => {
            let builder = SqlStore::builder(place.url())
                .table_prefix(place.prefix())
                .timeout(PATIENCE)
                .connect_timeout(PATIENCE)
                .acquire_timeout(PATIENCE);
            Arc::new(builder.connect().await.expect("the database answers"))
        }
    }
}
