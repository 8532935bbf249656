//! Every rule of the store contract as a named test, on each database.

mod common;

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Trial};
use session_core::testkit::store::{Rule, principal_rules, rules};
use store_sql::SqlStore;
use tokio::runtime::Runtime;

use self::common::{Database, Place};

/// A store that all rules of this process share, made when the first of them runs.
#[derive(Default)]
struct Shared {
    made: OnceLock<(Place, Arc<SqlStore>)>,
}

impl Shared {
    fn store(&self, database: Database, runtime: &Runtime) -> Arc<SqlStore> {
        let make = || {
            let place = database.place();
            let store = runtime.block_on(place.store());
            (place, Arc::new(store))
        };
        self.made.get_or_init(make).1.clone()
    }
}

fn main() -> ExitCode {
    let runtime: Arc<Runtime> = Arc::new(Runtime::new().expect("a runtime"));
    let mut trials = Vec::new();
    for database in Database::ALL {
        let shared = Arc::new(Shared::default());
        for rule in rules().iter().chain(principal_rules()) {
            let (shared, runtime) = (shared.clone(), runtime.clone());
            trials.push(trial(database, rule, move || {
                let store = shared.store(database, &runtime);
                runtime.block_on(rule.check(store));
            }));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trial(database: Database, rule: &Rule, check: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(format!("{}::{rule}", database.name()), move || {
        check();
        Ok(())
    })
}
