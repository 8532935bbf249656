//! Every rule of the store contract as a named test, on each database; and random histories of a
//! site, after which what listeners were told and what is stored agree.

mod common;

use std::fmt::Display;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};
use session_core::BoxFuture;
use session_core::testkit::store::{History, principal_rules, rules};
use store_sql::SqlStore;
use tokio::runtime::{Handle, Runtime};

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
        for sort in Sort::ALL {
            let runtime = runtime.clone();
            trials.push(trial(database, sort.sentence(), move || {
                runtime.block_on(sort.play(database));
            }));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trial(
    database: Database,
    sentence: impl Display,
    check: impl FnOnce() + Send + 'static,
) -> Trial {
    Trial::test(format!("{}::{sentence}", database.name()), move || {
        check();
        Ok(())
    })
}

/// How many histories of each sort are played on a database.
const HISTORIES: u64 = 20;

/// A sort of histories.
#[derive(Clone, Copy)]
enum Sort {
    Plain,
    /// Clients go away in the middle of calls.
    ClientsGoAway,
    /// Calls are done whose answers never arrive.
    AnswersAreLost,
}

impl Sort {
    const ALL: [Self; 3] = [Self::Plain, Self::ClientsGoAway, Self::AnswersAreLost];

    const fn sentence(self) -> &'static str {
        match self {
            Self::Plain => "the_ledger_balances_after_any_history",
            Self::ClientsGoAway => "the_ledger_balances_although_clients_go_away_at_any_moment",
            Self::AnswersAreLost => "nothing_is_told_twice_where_answers_are_lost",
        }
    }

    /// Each history needs an empty store, and leaves one that is empty.
    async fn play(self, database: Database) {
        let place = database.place();
        let store: Arc<SqlStore> = Arc::new(place.store().await);
        for seed in 0..HISTORIES {
            let history = History::of_seed(seed);
            let history = match self {
                Self::Plain => history,
                Self::ClientsGoAway => history.on_runtime(Arc::new(Tokio(Handle::current()))),
                Self::AnswersAreLost => history.with_lost_answers(),
            };
            history.play(store.clone()).await;
        }
    }
}

/// The runtime of the tests.
struct Tokio(Handle);

impl session_core::Runtime for Tokio {
    fn spawn(&self, task: BoxFuture<()>) {
        self.0.spawn(task);
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        // A busy machine is no store that fails to answer in time.
        Box::pin(tokio::time::sleep(duration * 10))
    }
}
