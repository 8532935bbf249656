//! One server: started, stopped, killed, paused, started again.

use std::fs::{self, File, OpenOptions};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::error::Error;
use crate::folder::Folder;
use crate::keeper;
use crate::kind::{Durability, Kind, Node};
use crate::port;
use crate::told::Told;

/// How long a server may take until it answers. A machine that is busy with other tests is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long what a killed server left may be in the way of the next one.
const LINGER: Duration = Duration::from_secs(10);

/// How many ports are tried: one that was free may be taken before the server listens on it.
const PORTS_TRIED: usize = 5;

/// What a server prints goes to this file of its folder.
const LOG: &str = "log";

/// A server of one's own. It stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    folder: Folder,
    port: u16,
    node: Option<Node>,
    durability: Durability,
    process: Option<Child>,
}

impl Server {
    /// Starts a server that forgets everything when it dies.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub fn start(kind: Kind) -> Result<Self, Error> {
        Self::start_with(kind, Durability::None)
    }

    /// Starts a server with the durability that a test needs.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub fn start_with(kind: Kind, durability: Durability) -> Result<Self, Error> {
        let folder = Folder::create()?;
        kind.prepare(&folder)?;
        let mut server = Self {
            kind,
            folder,
            port: 0,
            node: None,
            durability,
            process: None,
        };
        let mut tries = 0;
        loop {
            server.port = port::free()?;
            if kind == Kind::RedisCluster {
                let bus = port::free()?;
                server.node = Some(Node {
                    bus,
                    announced: None,
                });
            }
            tries += 1;
            match server.try_start() {
                Ok(()) => break,
                Err(error) if tries == PORTS_TRIED => return Err(error),
                Err(_) => {}
            }
        }
        kind.furnish(&server.folder)?;
        Ok(server)
    }

    /// The port it listens on, at 127.0.0.1. It stays the same over restarts.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Where clients connect to it.
    #[must_use]
    pub fn url(&self) -> String {
        self.kind.url(self.port)
    }

    /// Where clients connect to it by way of a [`Wire`](crate::Wire) on another port.
    #[must_use]
    pub fn url_over(&self, wire: &crate::Wire) -> String {
        self.kind.url(wire.port())
    }

    /// The numbers of its processes, the one that was started first: PostgreSQL has one more for
    /// each connection.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn processes(&self) -> Result<Vec<u32>, Error> {
        let mut processes = self.process.iter().map(Child::id).collect::<Vec<_>>();
        let children = self.children()?.into_iter();
        processes.extend(children.map(|child| child.as_raw_nonzero().get().unsigned_abs()));
        Ok(processes)
    }

    /// The port that a node of a cluster tells clients from its next start on.
    pub(crate) const fn will_announce(&mut self, port: u16) {
        if let Some(node) = &mut self.node {
            node.announced = Some(port);
        }
    }

    /// Kills it, as a machine that loses its power does: with all its processes, for PostgreSQL has
    /// one for each connection, which would answer for a moment more.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn kill(&mut self) -> Result<(), Error> {
        if self.process.is_none() {
            return Ok(());
        }
        // The parent first: then there are no new ones.
        self.signal(Signal::STOP)?;
        let children = self.children()?;
        for child in &children {
            // One that has just ended is fine.
            let _ = kill_process(*child, Signal::KILL);
        }
        self.signal(Signal::KILL)?;
        if let Some(mut process) = self.process.take() {
            process
                .wait()
                .map_err(Error::system("waiting for a server"))?;
        }
        let began = Instant::now();
        while !children.iter().all(|child| has_ended(*child)) {
            if began.elapsed() > PATIENCE {
                return Err(self.silent());
            }
            sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Asks it to stop, and waits until it has.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn stop(&mut self) -> Result<(), Error> {
        // PostgreSQL waits for its clients after a TERM.
        self.signal(match self.kind {
            Kind::Postgres => Signal::INT,
            _ => Signal::TERM,
        })?;
        if let Some(mut process) = self.process.take() {
            process
                .wait()
                .map_err(Error::system("waiting for a server"))?;
        }
        Ok(())
    }

    /// Stops it in the middle of what it does, with its connections open: it accepts and never
    /// answers. With all its processes, for PostgreSQL has one for each connection.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn pause(&self) -> Result<(), Error> {
        // The parent first: then there are no new ones.
        self.signal(Signal::STOP)?;
        for child in self.children()? {
            // One that has just ended is fine.
            let _ = kill_process(child, Signal::STOP);
        }
        // A signal is on its way for a while, above all to a machine that is busy.
        let began = Instant::now();
        while !self.is_paused()? {
            if began.elapsed() > PATIENCE {
                return Err(self.silent());
            }
            sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Lets it go on after a [`pause`](Self::pause).
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn resume(&self) -> Result<(), Error> {
        for child in self.children()? {
            let _ = kill_process(child, Signal::CONT);
        }
        self.signal(Signal::CONT)
    }

    /// Starts it again on the same port, with the files that it left, and waits until it answers.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> Result<(), Error> {
        let began = Instant::now();
        loop {
            match self.try_start() {
                // The processes of one that was killed may hold its files for a moment.
                Err(Error::Failed { .. }) if began.elapsed() < LINGER => {
                    sleep(Duration::from_millis(50));
                }
                outcome => return outcome,
            }
        }
    }

    fn try_start(&mut self) -> Result<(), Error> {
        let (folder, kind) = (&self.folder, self.kind);
        let mut command = kind.start(folder, self.port, self.node, self.durability)?;
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join(LOG));
        let log = log.map_err(Error::system("opening the log of a server"))?;
        let again = log
            .try_clone()
            .map_err(Error::system("opening a log twice"))?;
        command.stdout(Stdio::from(log)).stderr(Stdio::from(again));
        let process = keeper::spawn(command).map_err(Error::system("starting a server"))?;
        self.process = Some(process);
        self.wait()
    }

    fn wait(&mut self) -> Result<(), Error> {
        let began = Instant::now();
        while !self.kind.is_ready(&self.folder, self.port)? {
            if let Some(status) = self.ended()? {
                self.process = None;
                return Err(Error::Failed {
                    program: self.kind.program().name.into(),
                    status,
                    output: self.folder.tail(LOG),
                });
            }
            if began.elapsed() > PATIENCE {
                return Err(self.silent());
            }
            sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn silent(&self) -> Error {
        Error::Silent {
            program: self.kind.program().name.into(),
            seconds: PATIENCE.as_secs(),
            log: self.folder.tail(LOG),
        }
    }

    fn ended(&mut self) -> Result<Option<String>, Error> {
        let Some(process) = &mut self.process else {
            return Ok(Some("not started".into()));
        };
        let status = process.try_wait();
        let status = status.map_err(Error::system("asking for a server"))?;
        Ok(status.map(|status| status.to_string()))
    }

    fn signal(&self, signal: Signal) -> Result<(), Error> {
        let Some(process) = &self.process else {
            return Ok(());
        };
        kill_process(Pid::from_child(process), signal)
            .map_err(|error| Error::system("signalling a server")(error.into()))
    }

    /// The processes that it started.
    fn children(&self) -> Result<Vec<Pid>, Error> {
        let Some(process) = &self.process else {
            return Ok(Vec::new());
        };
        let id = process.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let children = children.map_err(Error::system("asking for the children of a server"))?;
        let ids = children.split_whitespace().filter_map(|id| id.parse().ok());
        Ok(ids.filter_map(Pid::from_raw).collect())
    }

    /// True when every thread of every process of it has stopped, or ended.
    fn is_paused(&self) -> Result<bool, Error> {
        let Some(process) = &self.process else {
            return Ok(true);
        };
        let mut processes = self.children()?;
        processes.push(Pid::from_child(process));
        Ok(processes.into_iter().all(has_stopped))
    }
}

fn has_stopped(process: Pid) -> bool {
    every_thread_is(process, &['T', 't', 'Z', 'X'])
}

fn has_ended(process: Pid) -> bool {
    every_thread_is(process, &['Z', 'X'])
}

/// True when every thread is in one of these states, or gone.
fn every_thread_is(process: Pid, states: &[char]) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{}/task", process.as_raw_nonzero())) else {
        return true;
    };
    threads.flatten().all(|thread| {
        let Ok(stat) = fs::read_to_string(thread.path().join("stat")) else {
            return true;
        };
        // The state follows the name, which is in parentheses and may hold some.
        let state = stat
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.trim_start().chars().next());
        state.is_some_and(|state| states.contains(&state))
    })
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its files go with it, so nothing is lost by not asking it to stop.
        let _ = self.kill();
        if let Some(told) = Told::of_server(self.kind.program().name)
            && let Ok(log) = File::open(self.folder.join(LOG))
        {
            // It is a test that has ended, and nobody is left to tell.
            let _ = told.keep(log);
        }
    }
}
