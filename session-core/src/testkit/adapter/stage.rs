//! Where a story is played: a manager that the test holds in its hands, and the server of the
//! adapter under test.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_executor::block_on;

use super::Server;
use super::browser::Browser;
use super::gate::{Gate, PATIENCE};
use super::lent::Lent;
use super::probe::Probe;
use super::transcript::Transcript;
use super::wire::{Client, Wire};
use crate::clock::Clock;
use crate::session::Value;
use crate::store::{Access, Loaded, SessionStore};
use crate::testkit::{Fault, Faulty, ManualClock, Recording, SeededEntropy, Verb, test_key};
use crate::transport::Transport;
use crate::{SessionManager, SessionManagerBuilder};

/// How a story configures its manager.
pub(super) type Configure = fn(SessionManagerBuilder) -> SessionManagerBuilder;

/// The place of one story, from its beginning to its end.
pub(super) struct Stage {
    sessions: SessionManager,
    store: Recording<Faulty<Lent>>,
    clock: ManualClock,
    pub(super) gate: Gate,
    pub(super) client: Arc<dyn Client>,
    pub(super) transcript: RefCell<Transcript>,
    /// The response headers that the transcript shows, in this order.
    pub(super) shown: RefCell<Vec<String>>,
    tells_store_calls: Cell<bool>,
    server: Server,
}

impl Stage {
    pub(super) fn new(
        configure: Configure,
        store: Faulty<Lent>,
        wire: &dyn Wire,
        serve: &dyn Fn(SessionManager, Probe) -> Server,
    ) -> Self {
        let clock = ManualClock::new();
        let store = Recording::new(store);
        let builder = SessionManager::builder()
            .secret_key(test_key())
            .store(store.clone())
            .clock(clock.clone())
            .entropy(SeededEntropy::new(1));
        let sessions = match configure(builder).build() {
            Ok(sessions) => sessions,
            Err(error) => panic!("the configuration of the story does not build: {error}"),
        };
        let gate = Gate::default();
        let server = serve(sessions.clone(), Probe::new(gate.clone()));
        let mut shown: Vec<String> = ["location", "vary", "cache-control", "set-cookie"]
            .map(str::to_owned)
            .into();
        if let Transport::Header(header) = &sessions.engine.transport {
            shown.push(header.response.clone());
        }
        Self {
            client: wire.client(server.address()),
            sessions,
            store,
            clock,
            gate,
            transcript: RefCell::default(),
            shown: RefCell::new(shown),
            tells_store_calls: Cell::new(true),
            server,
        }
    }

    /// Ends the server and answers what was shown.
    pub(super) fn into_text(self) -> String {
        self.transcript.borrow().text()
    }

    /// A sentence for the reader of the transcript.
    pub(super) fn tell(&self, sentence: &str) {
        self.transcript.borrow_mut().tell(sentence);
    }

    /// Shows this header of responses too, which not every framework sends of its own accord.
    pub(super) fn show(&self, header: &str) {
        self.shown.borrow_mut().insert(0, header.to_owned());
    }

    /// Ends what [`show`](Self::show) began.
    pub(super) fn hide(&self, header: &str) {
        self.shown.borrow_mut().retain(|shown| shown != header);
    }

    /// Leaves the store calls of this story out: how often an access is recorded, and which of
    /// two writers has to try again, depends on the store.
    pub(super) fn leave_store_calls_out(&self) {
        self.tells_store_calls.set(false);
    }

    /// Somebody new, without a cookie.
    pub(super) fn visitor(&self, name: &'static str) -> Browser<'_> {
        Browser::new(self, name)
    }

    /// Lets time pass.
    pub(super) fn pass(&self, time: Duration) {
        let mut transcript = self.transcript.borrow_mut();
        transcript.gap();
        transcript.line(&format!("* {} seconds pass", time.as_secs()));
        self.wait_until_no_request_is_left();
        self.clock.advance(time);
    }

    /// A client has read a response before its server has let go of the request, and what the
    /// server does at its end must not happen at a later time.
    fn wait_until_no_request_is_left(&self) {
        let deadline = Instant::now() + PATIENCE;
        while Arc::strong_count(&self.sessions.engine.presence) > 1 {
            assert!(
                Instant::now() < deadline,
                "the server does not let go of a request that was answered"
            );
            std::thread::yield_now();
        }
    }

    /// The store cannot be reached from now on.
    pub(super) fn break_the_store_down(&self) {
        self.event("the store breaks down");
        self.store.inner().break_down();
    }

    /// The store is back.
    pub(super) fn repair_the_store(&self) {
        self.event("the store is back");
        self.store.inner().repair();
    }

    /// Lets the `n`-th call of `verb` from now on go wrong.
    pub(super) fn upset(&self, verb: Verb, n: usize, fault: Fault) {
        self.store.inner().nth(verb, n, fault);
    }

    /// Makes sure that what was to go wrong has.
    ///
    /// # Panics
    /// When it has not.
    pub(super) fn expect_upset(&self) {
        let is_played_out = self.store.inner().is_played_out();
        let so_far = self.transcript.borrow();
        assert!(
            is_played_out,
            "the call that was to go wrong never came\n{}",
            so_far.text()
        );
    }

    /// What the store was asked since the last time, housekeeping aside.
    pub(super) fn take_calls(&self) -> Vec<Verb> {
        let mut calls = self.store.take_calls();
        calls.retain(|verb| *verb != Verb::Sweep);
        calls
    }

    /// One more line.
    pub(super) fn note(&self, line: &str) {
        self.transcript.borrow_mut().line(line);
    }

    pub(super) fn event(&self, what: &str) {
        let mut transcript = self.transcript.borrow_mut();
        transcript.gap();
        transcript.line(&format!("* {what}"));
    }

    /// Shows what the store was asked since the last time. Housekeeping is left out: an engine
    /// sweeps a store when it likes.
    pub(super) fn show_store_calls(&self) {
        let calls = self.take_calls();
        if !self.tells_store_calls.get() {
            return;
        }
        let calls: Vec<_> = calls.iter().map(Verb::to_string).collect();
        let calls = if calls.is_empty() {
            "not asked".to_owned()
        } else {
            calls.join(", ")
        };
        self.transcript
            .borrow_mut()
            .line(&format!("    store: {calls}"));
    }

    /// The transport of the token.
    pub(super) fn transport(&self) -> &Transport {
        &self.sessions.engine.transport
    }

    pub(super) fn cookie_name(&self) -> &str {
        self.sessions.cookie_name()
    }

    /// Waits until the session of `token` has this text stored: what a server does after its
    /// client is gone, nobody is told.
    ///
    /// # Panics
    /// When it is not stored in time.
    pub(super) fn wait_until_stored(&self, token: &str, name: &str, text: &str) {
        let start = Instant::now();
        while self.stored(token, name).as_deref() != Some(text) {
            assert!(
                start.elapsed() < PATIENCE,
                "{name} is never stored after the client went away\n{}",
                self.transcript.borrow().text()
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The text that the store holds, past everything that counts or fails calls.
    fn stored(&self, token: &str, name: &str) -> Option<String> {
        let engine = &self.sessions.engine;
        let verified = engine.keyring.verify(token.as_bytes()).ok()?;
        let key = engine.store_key(&verified.id);
        let store = self.store.inner().inner();
        let loaded = SessionStore::load(store, &key, Access::Peek, self.clock.now());
        match block_on(loaded) {
            Ok(Loaded::Live { record, .. }) => {
                let attribute = record.attributes.get(name)?;
                Value::decode(&attribute.value).ok()
            }
            _ => None,
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A handler that still waits must not keep its server from ending.
        self.gate.close();
        self.server.stop();
    }
}
