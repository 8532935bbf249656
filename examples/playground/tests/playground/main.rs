//! The playground as a program, called over HTTP: on each framework, and what concerns sessions
//! on each store.
//!
//! A trial is called `store::framework::module::test`. Each has names of its own on servers that
//! tests share, so it may look at all sessions there are.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use testbed::Store;

use crate::program::{FRAMEWORKS, Ground, Test};

/// A table of tests, each under the name of its function.
macro_rules! tests {
    ($($test:ident),+ $(,)?) => {
        &[$((concat!(module_path!(), "::", stringify!($test)), $test)),+]
    };
}

mod administration;
mod arguments;
mod attributes;
mod client;
mod devices;
mod form;
mod lifecycle;
mod limits;
mod login;
mod parallel;
mod program;
mod relay;
mod relay_socket;
mod responses;
mod runbooks;
mod secrets;
mod socket;
mod starting;
mod statistics;
mod stopping;
mod streaming;
mod visitor;

/// What concerns sessions.
const TESTS: &[&[Test]] = &[
    administration::TESTS,
    attributes::TESTS,
    devices::TESTS,
    form::TESTS,
    lifecycle::TESTS,
    limits::TESTS,
    login::TESTS,
    parallel::TESTS,
    responses::TESTS,
    secrets::TESTS,
    socket::TESTS,
    statistics::TESTS,
    stopping::TESTS,
    streaming::TESTS,
];

/// What takes several servers on one store.
const OF_SHARED_STORES: &[&[Test]] = &[runbooks::OF_SHARED_STORES];

/// What would be the same on any store, or is a matter of the memory's.
const OF_NO_STORE: &[&[Test]] = &[
    administration::OF_NO_STORE,
    arguments::OF_NO_STORE,
    form::OF_NO_STORE,
    limits::OF_NO_STORE,
    login::OF_NO_STORE,
    relay::OF_NO_STORE,
    relay_socket::OF_NO_STORE,
    responses::OF_NO_STORE,
    socket::OF_NO_STORE,
    starting::OF_NO_STORE,
    statistics::OF_NO_STORE,
    stopping::OF_NO_STORE,
    streaming::OF_NO_STORE,
];

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for framework in FRAMEWORKS {
        for store in Store::present() {
            trials.extend(trials_of(TESTS, Ground { framework, store }));
            if store != Store::Memory {
                trials.extend(trials_of(OF_SHARED_STORES, Ground { framework, store }));
            }
        }
        let store = Store::Memory;
        trials.extend(trials_of(OF_NO_STORE, Ground { framework, store }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trials_of(tables: &'static [&'static [Test]], ground: Ground) -> impl Iterator<Item = Trial> {
    let tests = tables.iter().copied().flatten();
    tests.map(move |(path, test)| {
        let name = path.trim_start_matches(concat!(module_path!(), "::"));
        let (store, framework) = (ground.store.name(), ground.framework);
        Trial::test(format!("{store}::{framework}::{name}"), move || {
            test(&ground);
            Ok(())
        })
    })
}
