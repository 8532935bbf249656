//! Every rule of the store contract as a named test, on a file of its own.

use std::process::ExitCode;
use std::sync::Arc;

use custom_store::RedbStore;
use libtest_mimic::{Arguments, Trial};
use session_core::testkit::store::rules;

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for (number, rule) in rules().iter().enumerate() {
        trials.push(Trial::test(format!("redb::{rule}"), move || {
            let name = format!("custom-store-{}-{number}.redb", std::process::id());
            let path = std::env::temp_dir().join(name);
            let store = Arc::new(RedbStore::open(&path)?);
            let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
            runtime.block_on(rule.check(store));
            std::fs::remove_file(path)?;
            Ok(())
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
