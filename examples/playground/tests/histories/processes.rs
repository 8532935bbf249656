//! Server processes: the program of this package, several times on one store.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use session_core::testkit::note_secret;
use testbed::Told;

/// The key of all processes, so that each knows the ids that the others gave.
const SECRET: &str = "kK3vN8sQ1xW7bZ5mT9pR2cY6dF4gH0jL";

/// How often a server is started again: its port may be taken for a moment.
const STARTS_MAX: usize = 20;

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    framework: &'static str,
    store: String,
    address: SocketAddr,
    child: Mutex<Option<Child>>,
}

impl Process {
    /// Starts a server with this framework on this store, and waits until it listens.
    pub(crate) fn start(framework: &'static str, store: &str) -> Self {
        let (address, child) = run(framework, "127.0.0.1:0", store)
            .unwrap_or_else(|line| panic!("{framework} says where it listens, not {line:?}"));
        Self {
            framework,
            store: store.into(),
            address,
            child: Mutex::new(Some(child)),
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills it without a word (`kill -9`).
    pub(crate) fn kill(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut child) = child.take() {
            // One that ended by itself cannot be killed; whoever talks to it finds out.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again where it was.
    pub(crate) fn start_again(&self) {
        let place = self.address.to_string();
        for _ in 0..STARTS_MAX {
            if let Ok((_, child)) = run(self.framework, &place, &self.store) {
                let mut kept = self.child.lock().unwrap_or_else(PoisonError::into_inner);
                *kept = Some(child);
                return;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("{} listens on {place} again", self.framework);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts the program. What it said, when that is not where it listens.
fn run(framework: &str, place: &str, store: &str) -> Result<(SocketAddr, Child), String> {
    note_secret(SECRET);
    let mut command = Command::new(env!("CARGO_BIN_EXE_playground"));
    command
        .args(["--framework", framework, "--listen", place])
        .args(["--store", store, "--secret", SECRET, "--insecure"])
        .env_remove("PLAYGROUND_SECRET")
        // Stores that break on purpose are no news. A panic is, and is printed all the same.
        .env("RUST_LOG", "off")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if let Some(told) = Told::of(&mut command) {
        command.stderr(told.into_file());
    }
    let mut child = command.spawn().expect("the program starts");
    let stdout = child.stdout.take().expect("its output is piped");
    let mut line = String::new();
    let read = BufReader::new(stdout).read_line(&mut line);
    read.expect("the program prints a line");
    let address = line.trim_end().strip_prefix("listening on http://");
    match address.and_then(|address| address.parse().ok()) {
        Some(address) => Ok((address, child)),
        None => {
            let _ = child.kill();
            let _ = child.wait();
            Err(line)
        }
    }
}
