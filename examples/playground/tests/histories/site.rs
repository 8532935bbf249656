//! Servers on one store.

use std::net::SocketAddr;

use crate::processes::Process;
use crate::stores::{Backing, Store};

/// Servers of different frameworks on one store.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) processes: Vec<Process>,
    pub(crate) backing: Backing,
}

impl Site {
    /// Starts a server with each framework of `cast` on the store.
    pub(crate) fn start(cast: &[&'static str], backing: Backing) -> Self {
        let start = |framework: &&'static str| Process::start(framework, &backing.url);
        Self {
            processes: cast.iter().map(start).collect(),
            backing,
        }
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.processes.iter().map(Process::address).collect()
    }

    /// Two servers on the store; the only one twice where there is one.
    pub(crate) fn two(&self) -> [SocketAddr; 2] {
        let last = self.processes.len() - 1;
        [0, last].map(|number| self.processes[number].address())
    }
}

/// What the name of a test says about where it runs.
pub(crate) fn place(store: Store, cast: &[&str]) -> String {
    match cast {
        [framework] => format!("{}_{framework}", store.name()),
        _ => store.name().to_owned(),
    }
}
