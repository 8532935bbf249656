//! Several servers on one store: what clients are told must be what one session could have told,
//! whoever dies meanwhile.
//!
//! Each test runs on each store that the program has (see `stores`). `scripts/histories` has the
//! same workload go on for longer.

mod actor;
mod calls;
mod chance;
mod checker;
mod client;
mod faults;
mod handshakes;
mod history;
mod long;
mod model;
mod outage;
mod processes;
mod random;
mod site;
mod statements;
mod stores;
mod subject;
mod verdict;
mod visitor;
mod workload;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use crate::faults::{Fault, every_history_is_explained_under};
use crate::handshakes::cut_handshakes;
use crate::outage::{Away, go_through};
use crate::site::{Site, place};
use crate::stores::{Store, Survives};

/// A test that servers on a store must pass.
type Test = (&'static str, fn(&Site));

/// Goes on instead of testing; `scripts/histories` says so.
const GO_ON: &str = "--go-on";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    if words.next_if(|word| word == GO_ON).is_some() {
        return long::main(words);
    }
    let mut trials = Vec::new();
    for store in Store::present() {
        for cast in store.casts() {
            add_tests(store, cast, &mut trials);
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn add_tests(store: Store, cast: &'static [&'static str], trials: &mut Vec<Trial>) {
    let mut add = |name: &str, test: Box<dyn FnOnce() + Send>| {
        let name = format!("{}::{name}", place(store, cast));
        trials.push(Trial::test(name, || {
            test();
            Ok(())
        }));
    };
    for (name, test) in random::TESTS.iter().chain(statements::TESTS) {
        let test = move || test(&Site::start(cast, store.open()));
        add(name, Box::new(test));
    }
    for fault in Fault::ALL {
        if store.survives() >= fault.asks_for() {
            let site = move || Site::start(cast, store.open_for(fault.asks_for()));
            let test = move || every_history_is_explained_under(fault, &site());
            add(fault.sentence(), Box::new(test));
        }
    }
    if store.survives() >= Survives::ItsServer {
        let site = move || Site::start(cast, store.open_for(Survives::ItsServer));
        for away in Away::ALL {
            let test = move || drop(go_through(away, &site()));
            add(away.sentence(), Box::new(test));
        }
        let test = move || cut_handshakes(&site());
        add(handshakes::SENTENCE, Box::new(test));
    }
}
