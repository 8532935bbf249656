//! The program itself, started and stopped as an operator does it.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use session_core::testkit::note_secret;
use testbed::{Place, Store, Told};

use crate::visitor::Visitor;

/// The frameworks that the program knows.
pub(crate) const FRAMEWORKS: [&str; 3] = ["axum", "actix", "warp"];

/// A key for tests.
pub(crate) const SECRET: &str = "kK3vN8sQ1xW7bZ5mT9pR2cY6dF4gH0jL";

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A test, and where it is.
pub(crate) type Test = (&'static str, fn(&Ground));

/// What a test runs on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ground {
    pub(crate) framework: &'static str,
    pub(crate) store: Store,
}

impl Ground {
    /// Starts the program over plain HTTP, with sessions of its own, and waits until it says that
    /// it listens.
    pub(crate) fn start(&self, arguments: &[&str]) -> Program {
        self.start_at(self.place(), arguments)
    }

    /// As [`start`](Self::start), with the sessions of another program.
    pub(crate) fn start_at(&self, place: Arc<Place>, arguments: &[&str]) -> Program {
        let mut command = command(self.framework, &[&["--insecure"], arguments].concat());
        Program::run(command.args(["--secret", SECRET]), place)
    }

    /// As [`start_at`](Self::start_at), with these keys, which come by the environment as an
    /// operator gives them.
    pub(crate) fn start_with_keys(&self, place: Arc<Place>, keys: &str) -> Program {
        let mut command = command(self.framework, &["--insecure"]);
        Program::run(command.env("PLAYGROUND_SECRET", keys), place)
    }

    /// As [`start`](Self::start), with everything logged that there is to log.
    pub(crate) fn start_verbose(&self, arguments: &[&str]) -> Program {
        let mut command = command(self.framework, &[&["--insecure"], arguments].concat());
        command.args(["--secret", SECRET]).env("RUST_LOG", "trace");
        Program::run(&mut command, self.place())
    }

    /// As [`start`](Self::start), listening on `address`. It is reached by loopback.
    pub(crate) fn start_on(&self, address: &str) -> Program {
        let mut command = command_on(address, self.framework, &["--insecure"]);
        let mut program = Program::run(command.args(["--secret", SECRET]), self.place());
        program.address.set_ip(Ipv4Addr::LOCALHOST.into());
        program
    }

    /// The program as it is for HTTPS.
    pub(crate) fn start_secure(&self) -> Program {
        let mut command = command(self.framework, &[]);
        Program::run(command.args(["--secret", SECRET]), self.place())
    }

    /// The program without a secret of its own.
    pub(crate) fn start_generated(&self) -> Program {
        self.start_generated_at(self.place())
    }

    /// As [`start_generated`](Self::start_generated), with the sessions of another program.
    pub(crate) fn start_generated_at(&self, place: Arc<Place>) -> Program {
        let mut command = command(self.framework, &["--insecure"]);
        Program::run(&mut command, place)
    }

    pub(crate) fn place(&self) -> Arc<Place> {
        Arc::new(self.store.place().expect("the store is there"))
    }
}

/// A running program. Dropping it kills it.
pub(crate) struct Program {
    pub(crate) address: SocketAddr,
    /// Where its sessions are.
    pub(crate) place: Arc<Place>,
    child: Child,
    log: Option<JoinHandle<String>>,
}

impl Program {
    fn run(command: &mut Command, place: Arc<Place>) -> Self {
        command.args(["--store", place.url()]);
        if place.url() != "memory" {
            command.args(["--store-prefix", place.prefix()]);
        }
        note_secret(SECRET);
        let told = Told::of(command);
        let mut child = command.spawn().expect("the program starts");
        let stdout = child.stdout.take().expect("its output is piped");
        let mut stderr = child.stderr.take().expect("its errors are piped");
        let log = thread::spawn(move || {
            let mut log = Vec::new();
            let _ = stderr.read_to_end(&mut log);
            if let Some(told) = told {
                told.keep(&*log).expect("the log is kept");
            }
            String::from_utf8_lossy(&log).into_owned()
        });
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        read.expect("the program prints a line");
        let address = line.trim_end().strip_prefix("listening on http://");
        Self {
            address: address
                .and_then(|address| address.parse().ok())
                .unwrap_or_else(|| panic!("the program says where it listens, not {line:?}")),
            place,
            child,
            log: Some(log),
        }
    }

    /// Somebody new, without a cookie.
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor::new(self.address)
    }

    /// Asks the program to stop, and answers how and how fast it did, and what it had logged.
    pub(crate) fn stop(mut self, signal: &str) -> (ExitStatus, Duration, String) {
        let asked = Instant::now();
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.expect("the signal can be sent").success());
        let status = loop {
            let status = self
                .child
                .try_wait()
                .expect("the program can be waited for");
            if let Some(status) = status {
                break status;
            }
            assert!(asked.elapsed() < PATIENCE, "the program does not stop");
            thread::sleep(Duration::from_millis(5));
        };
        let took = asked.elapsed();
        let log = self.log.take().expect("a program stops once");
        (status, took, log.join().expect("the log is read"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Its log ends with it, and is to be kept before the test ends.
        self.log.take().map(JoinHandle::join);
    }
}

/// The program with these arguments, on a free port, with nothing taken from the environment.
pub(crate) fn command(framework: &str, arguments: &[&str]) -> Command {
    command_on("127.0.0.1:0", framework, arguments)
}

fn command_on(address: &str, framework: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_playground"));
    command
        .args(["--framework", framework, "--listen", address])
        .args(arguments)
        .env_remove("PLAYGROUND_SECRET")
        .env_remove("RUST_LOG")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
