//! The adapter scenarios on actix-web: each is a test with a name of its own, on a server with
//! two workers.

mod server;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use server::serve;
use session_core::testkit::adapter::scenarios;

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for scenario in scenarios() {
        trials.push(Trial::test(scenario.name(), || {
            scenario.check(serve);
            Ok(())
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
