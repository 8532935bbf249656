//! Scenarios for adapters: stories of visitors, played over real HTTP against a server of the
//! adapter's framework. What the visitors see, and what the store is asked, is compared line by
//! line with one transcript that all adapters share.
//!
//! The author of an adapter writes two things. The first is the handler of a [`Probe`], which
//! is the application under the scenarios; its documentation says which route extracts what.
//! The second is a function that starts a server with it:
//!
//! ```
//! use session_core::SessionManager;
//! use session_core::testkit::adapter::{Probe, Server, scenarios};
//!
//! # mod framework {
//! #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/adapter_scenarios/by_hand.rs"));
//! # }
//! fn serve(sessions: SessionManager, probe: Probe) -> Server {
//!     // The framework, with the adapter around the handler, on a port of its own:
//!     // Server::new(address, || stop)
//! #   framework::serve(sessions, probe)
//! }
//!
//! // In a test harness with named tests (libtest-mimic, say) make each scenario one of them.
//! for scenario in scenarios() {
//!     println!("{scenario}");
//!     scenario.check(serve);
//! }
//! ```
//!
//! The handler, whatever the framework calls its extractors:
//!
//! ```
//! # use session_core::testkit::adapter::{Given, Probe, Reply, ReplyBody};
//! # use session_core::testkit::{Site, block_on};
//! # use session_core::{Session, SessionError};
//! async fn session(probe: Probe, path: &str, session: Session) -> Result<Reply, SessionError> {
//!     let reply = probe.answer(path, Given::Session(session)).await?;
//!     // .. turned into a response of the framework: a status, header lines, a text or a stream.
//!     Ok(reply)
//! }
//! # let site = Site::new();
//! # block_on(site.visitor().visit(async |own| {
//! #     let reply = session(Probe::default(), "/session/say:hello", own).await?;
//! #     assert!(matches!(reply.body, ReplyBody::Text(text) if text == "hello"));
//! #     Ok(())
//! # })).unwrap();
//! ```
//!
//! A whole server, with sockets of the standard library for a framework, is in
//! `tests/adapter_scenarios/by_hand.rs` of this crate.
//!
//! The server must serve several requests at the same time, and send each frame of a streamed
//! body when it is there.
//!
//! [`Scenario::check`] speaks HTTP/1.1. For another version a test brings a client of its own, as
//! a [`Wire`], and calls [`Scenario::check_over`]: the transcripts are the same.
//!
//! # Transcripts
//!
//! A transcript shows requests, the status, the headers of a response that concern the session
//! and its text, and the calls of the store. Tokens stand in it as `<token 1>`, `<token 2>`, in
//! the order in which they were sent. Everything else that frameworks answer differently is
//! left out: dates, the names of servers, the type of the text, its length where the application
//! did not announce one, and where the body is cut into frames.
//!
//! Each scenario is played twice: with a store that answers at once, and with one that has to be
//! awaited. Both look the same from outside. [`Scenario::check_on`] plays it on any other store.
//!
//! When the environment variable `SESSION_TRANSCRIPTS` names a folder, what was seen is written
//! there, one file for each scenario, and compared all the same. With the folder `golden` beside
//! this module, that is how the transcripts of this crate are renewed: the tests fail until they
//! have been built with the new ones, and the difference is reviewed like any other.

mod browser;
mod gate;
mod lent;
mod probe;
mod stage;
mod stories;
mod transcript;
mod wire;

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use self::lent::Lent;
pub use self::probe::{Frames, Given, Probe, Reply, ReplyBody};
use self::stage::{Configure, Stage};
use self::transcript::difference;
pub use self::wire::{Body, Client, Http1, Piece, Request, Response, Wire};
use super::Faulty;
use super::store::Door;
use crate::SessionManager;
use crate::store::SessionStore;
use crate::store::memory::MemoryStore;

/// Where transcripts are written, besides being compared.
const TRANSCRIPTS: &str = "SESSION_TRANSCRIPTS";

/// A server of the adapter under test.
pub struct Server {
    address: SocketAddr,
    stop: Option<Box<dyn FnOnce() + Send>>,
}

impl Server {
    /// A server that listens at `address`, until `stop` is called.
    #[must_use]
    pub fn new(address: SocketAddr, stop: impl FnOnce() + Send + 'static) -> Self {
        Self {
            address,
            stop: Some(Box::new(stop)),
        }
    }

    const fn address(&self) -> SocketAddr {
        self.address
    }

    fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop();
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// One story, and the transcript that it must give.
#[derive(Clone, Copy)]
pub struct Scenario {
    name: &'static str,
    configure: Configure,
    /// By which doors the store is used.
    doors: &'static [Door],
    play: fn(&Stage),
    golden: &'static str,
}

impl Scenario {
    /// The name of the scenario, a sentence.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Plays the scenario over HTTP/1.1, on servers that `serve` starts.
    ///
    /// # Panics
    /// With the difference when the transcript is another one.
    pub fn check(&self, serve: impl Fn(SessionManager, Probe) -> Server) {
        self.check_over(&Http1, serve);
    }

    /// [`check`](Self::check) over another version of HTTP.
    ///
    /// # Panics
    /// As there.
    pub fn check_over(&self, wire: &dyn Wire, serve: impl Fn(SessionManager, Probe) -> Server) {
        for door in self.doors {
            let memory = Faulty::new(Lent(Arc::new(MemoryStore::new())));
            let store = match door {
                Door::Immediate => memory,
                Door::Awaited => memory.without_immediate_door(),
            };
            let actual = self.play(store, wire, &serve);
            if let Some(folder) = std::env::var_os(TRANSCRIPTS) {
                let path = Path::new(&folder).join(format!("{}.txt", self.name));
                if let Err(error) = std::fs::write(&path, &actual) {
                    panic!("{}: {error}", path.display());
                }
            }
            self.compare(&actual, &format!("{door:?}"));
        }
    }

    /// [`check`](Self::check) on another store than the one in memory: what the visitors see and
    /// what the store is asked is the same on any. It holds no session yet, and keeps the clock
    /// of the scenario, which stands still at first.
    ///
    /// A store that needs a runtime needs it here as well: call this inside of one (for tokio,
    /// after `Runtime::enter`), on a thread that may block.
    ///
    /// A scenario whose calls are held until their deadline is not played: such calls do not
    /// reach the store, and one that is slow for once would be mistaken for them.
    ///
    /// # Panics
    /// As there.
    pub fn check_on(
        &self,
        store: Arc<dyn SessionStore>,
        serve: impl Fn(SessionManager, Probe) -> Server,
    ) {
        if !self.doors.contains(&Door::Immediate) {
            return;
        }
        let actual = self.play(Faulty::new(Lent(store)), &Http1, &serve);
        self.compare(&actual, "a store of the test's");
    }

    fn compare(&self, actual: &str, store: &str) {
        if let Some(difference) = difference(self.golden, actual) {
            panic!(
                "{}: the transcript is another one ({store})\n{difference}",
                self.name
            );
        }
    }

    fn play(
        &self,
        store: Faulty<Lent>,
        wire: &dyn Wire,
        serve: &dyn Fn(SessionManager, Probe) -> Server,
    ) -> String {
        let stage = Stage::new(self.configure, store, wire, serve);
        let (initial, rest) = self.name.split_at(1);
        let title = format!("{}{rest}", initial.to_uppercase());
        stage.tell(&format!("# {}", title.replace('_', " ")));
        (self.play)(&stage);
        stage.into_text()
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scenario({})", self.name)
    }
}

/// All scenarios.
#[must_use]
pub const fn scenarios() -> &'static [Scenario] {
    stories::SCENARIOS
}
