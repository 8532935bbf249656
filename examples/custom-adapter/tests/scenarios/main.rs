//! The scenarios that every adapter is held to, on poem.

mod server;

use libtest_mimic::{Arguments, Trial};
use server::serve;
use session_core::testkit::adapter::scenarios;

fn main() {
    let trials = scenarios().iter().map(|scenario| {
        Trial::test(scenario.name(), || {
            scenario.check(serve);
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}
