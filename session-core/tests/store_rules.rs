//! Every rule of the store contract as a named test, for each store and wrapper of this crate.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use session_core::store::SessionStore;
use session_core::store::memory::MemoryStore;
use session_core::testkit::store::{Door, principal_rules, rules};
use session_core::testkit::{Faulty, Recording, block_on};

type MakeStore = Arc<dyn Fn() -> Arc<dyn SessionStore> + Send + Sync>;

fn main() -> ExitCode {
    let shared: Arc<dyn SessionStore> = Arc::new(MemoryStore::new());
    let stores: [(&str, Door, MakeStore); 7] = [
        ("memory", Door::Immediate, each(MemoryStore::new)),
        ("memory_awaited", Door::Awaited, each(MemoryStore::new)),
        // All rules at once on one store, as on a remote database.
        (
            "memory_shared",
            Door::Awaited,
            Arc::new(move || shared.clone()),
        ),
        (
            "recording",
            Door::Immediate,
            each(|| Recording::new(MemoryStore::new())),
        ),
        (
            "recording_awaited",
            Door::Awaited,
            each(|| Recording::new(MemoryStore::new())),
        ),
        (
            "faulty",
            Door::Immediate,
            each(|| Faulty::new(MemoryStore::new())),
        ),
        (
            "faulty_awaited",
            Door::Awaited,
            each(|| Faulty::new(MemoryStore::new()).without_immediate_door()),
        ),
    ];
    let mut trials = Vec::new();
    for (name, door, make) in &stores {
        for rule in rules().iter().chain(principal_rules()) {
            let (make, door) = (make.clone(), *door);
            trials.push(Trial::test(format!("{name}::{rule}"), move || {
                block_on(rule.check_through(door, make()));
                Ok(())
            }));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A new store for each rule.
fn each<S: SessionStore>(make: impl Fn() -> S + Send + Sync + 'static) -> MakeStore {
    Arc::new(move || Arc::new(make()))
}
