//! Every rule of the store contract as a named test, on every kind of server.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};
use session_core::store::SessionStore;
use session_core::testkit::store::{Door, principal_rules, rules};
use store_redis::RedisStore;
use testbed::Kind;
use tokio::runtime::{Builder, Runtime};

fn main() -> ExitCode {
    let mut trials = Vec::new();
    let mut servers = vec![("single", Kind::Redis), ("cluster", Kind::RedisCluster)];
    // Not every distribution has it.
    servers.extend(Some(("valkey", Kind::Valkey)).filter(|(_, kind)| kind.is_installed()));
    for (name, kind) in servers {
        for rule in rules().iter().chain(principal_rules()) {
            trials.push(Trial::test(format!("{name}::{rule}"), move || {
                // Each rule has a runtime of its own, as it has a thread of its own.
                let runtime = runtime()?;
                runtime.block_on(async {
                    let store = store(name, kind).await?;
                    rule.check_through(Door::Awaited, store).await;
                    Ok(())
                })
            }));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn runtime() -> Result<Runtime, Box<dyn Error>> {
    Ok(Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?)
}

/// All rules share one server, as they would share a database; the test processes do not meet.
async fn store(name: &str, kind: Kind) -> Result<Arc<dyn SessionStore>, Box<dyn Error>> {
    let url = testbed::shared(kind)?;
    let prefix = format!("rules {name} {}", std::process::id());
    let store = RedisStore::builder()
        .prefix(prefix)
        // The machine is busy with other tests.
        .timeout(Duration::from_secs(20))
        .connect(&url)
        .await?;
    Ok(Arc::new(store))
}
