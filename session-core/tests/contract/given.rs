//! A site whose time, chance, tasks and store are in the hands of the test.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use serde::de::DeserializeOwned;
use session_core::store::SessionStore;
use session_core::testkit::{
    Fault, Faulty, ManualClock, ManualRuntime, Recording, SeededEntropy, Site, Verb, Visitor,
    block_on, test_key,
};
use session_core::{
    Clock, Delivery, Exchange, MemoryStore, Session, SessionError, SessionEvent, SessionHandle,
    SessionManager, SessionManagerBuilder, SessionView, Timestamp,
};

pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) type Double = Recording<Faulty<MemoryStore>>;

/// A site, and everything that a test steers it by.
pub(crate) struct Given {
    pub(crate) site: Site,
    pub(crate) store: Double,
    pub(crate) runtime: ManualRuntime,
    pub(crate) entropy: SeededEntropy,
    events: Arc<Mutex<Vec<SessionEvent>>>,
}

/// How far away the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Distance {
    /// In this process, behind the synchronous door.
    Near,
    /// Behind calls that have to be awaited.
    Far,
}

impl Given {
    /// A store in this process.
    pub(crate) fn near() -> Self {
        Self::at(Distance::Near, |builder| builder)
    }

    /// A store behind a network.
    pub(crate) fn far() -> Self {
        Self::at(Distance::Far, |builder| builder)
    }

    /// One site of each kind: what holds for one must hold for the other.
    pub(crate) fn near_and_far() -> [Self; 2] {
        [Self::near(), Self::far()]
    }

    /// A configured site, with a runtime attached.
    pub(crate) fn at(
        distance: Distance,
        configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder,
    ) -> Self {
        let given = Self::without_runtime(distance, configure);
        let runtime = Arc::new(given.runtime.clone());
        given.site.sessions().attach_runtime(runtime);
        given
    }

    /// A configured site whose adapter attached no runtime.
    pub(crate) fn without_runtime(
        distance: Distance,
        configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder,
    ) -> Self {
        // Of few parts: thousands of them take most of the time of tests that make many stores.
        let faulty = Faulty::new(MemoryStore::builder().shards(64).build());
        let store = Recording::new(match distance {
            Distance::Near => faulty,
            Distance::Far => faulty.without_immediate_door(),
        });
        let clock = ManualClock::new();
        let entropy = SeededEntropy::new(1);
        let events: Arc<Mutex<Vec<SessionEvent>>> = Arc::default();
        let told = events.clone();
        let builder = SessionManager::builder()
            .secret_key(test_key())
            .store(store.clone())
            .clock(clock.clone())
            .entropy(entropy.clone())
            .on_event(move |event| told.lock().unwrap().push(event));
        let sessions = configure(builder).build().unwrap();
        Self {
            runtime: ManualRuntime::new(clock.clone()),
            site: Site::of(sessions, clock),
            store,
            entropy,
            events,
        }
    }

    /// Somebody without a cookie.
    pub(crate) fn visitor(&self) -> Visitor {
        self.site.visitor()
    }

    /// Somebody whose session holds `n = 1`, created just now.
    pub(crate) fn visitor_with_session(&self) -> Visitor {
        let mut visitor = self.visitor();
        self.visit(&mut visitor, |session| session.set_attribute("n", &1))
            .unwrap();
        self.store.take_calls();
        self.take_events();
        visitor
    }

    /// Somebody whose cookie is signed with the right key and names no session here.
    pub(crate) fn visitor_with_unknown_id(&self) -> Visitor {
        let elsewhere = Self::at(Distance::Near, |builder| {
            builder.entropy(SeededEntropy::new(99))
        });
        let mut visitor = self.visitor();
        visitor.set_cookie(elsewhere.visitor_with_session().cookie());
        visitor
    }

    /// One whole request.
    pub(crate) fn visit<R>(
        &self,
        visitor: &mut Visitor,
        handler: impl FnOnce(&Session) -> Result<R, SessionError>,
    ) -> Result<R, SessionError> {
        let visit = visitor.visit(async move |session: Session| handler(&session));
        self.runtime.block_on(visit)
    }

    /// A request whose handler has its session and has not answered yet.
    pub(crate) fn request(&self, visitor: &Visitor) -> InFlight<'_> {
        let exchange = visitor.begin();
        let session = self.runtime.block_on(exchange.handle().session()).unwrap();
        InFlight {
            given: self,
            exchange,
            session,
        }
    }

    /// The visitor's session, if there is one, without an access.
    pub(crate) fn peek(&self, visitor: &Visitor) -> Option<SessionView> {
        let handle = visitor.begin().handle();
        self.runtime.block_on(handle.peek_session()).unwrap()
    }

    /// What the store has of the visitor's attribute `name`.
    pub(crate) fn stored<T: DeserializeOwned>(&self, visitor: &Visitor, name: &str) -> Option<T> {
        self.peek(visitor)?.get_attribute(name).unwrap()
    }

    /// True while the visitor's cookie names a live session.
    pub(crate) fn is_alive(&self, visitor: &Visitor) -> bool {
        self.peek(visitor).is_some()
    }

    /// Lets the next call of `verb` go wrong.
    pub(crate) fn next(&self, verb: Verb, fault: Fault) {
        self.store.inner().next(verb, fault);
    }

    /// The outcome of `future`, which may take a little time.
    pub(crate) fn in_a_while<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        for _ in 0..10_000 {
            if let Poll::Ready(output) = poll_once(future.as_mut()) {
                return output;
            }
            self.pass(MILLISECOND);
        }
        panic!("ten seconds were not enough");
    }

    /// Lets time pass, and tasks do what was due in it.
    pub(crate) fn pass(&self, duration: Duration) {
        self.runtime.advance(duration);
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.site.clock().now()
    }

    /// What was told as events since the last call.
    pub(crate) fn take_events(&self) -> Vec<SessionEvent> {
        std::mem::take(&mut self.events.lock().unwrap())
    }

    /// The store calls since the last call, sweeps aside.
    pub(crate) fn take_calls(&self) -> Vec<Verb> {
        let mut calls = self.store.take_calls();
        calls.retain(|call| *call != Verb::Sweep);
        calls
    }

    /// How many of the store calls since the last call were to apply something.
    pub(crate) fn take_applies(&self) -> usize {
        let calls = self.take_calls();
        calls.iter().filter(|call| **call == Verb::Apply).count()
    }

    /// Sweeps the whole store, and answers what was removed.
    pub(crate) fn sweep_all(&self) -> Vec<SessionHandle> {
        let store = self.store.inner().inner();
        let mut removed = Vec::new();
        loop {
            let swept = block_on(SessionStore::sweep(store, self.now(), 100)).unwrap();
            removed.extend(swept.removed.iter().map(|removed| removed.record.handle));
            if !swept.more {
                return removed;
            }
        }
    }

    /// How many sessions the store holds, those included that expired and are not swept yet.
    pub(crate) fn sessions_stored(&self) -> usize {
        self.store.inner().inner().len()
    }
}

/// Polls `future` once, as a server does before it turns to something else.
pub(crate) fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A request that the test answers itself.
pub(crate) struct InFlight<'g> {
    pub(crate) given: &'g Given,
    pub(crate) exchange: Exchange,
    pub(crate) session: Session,
}

impl InFlight<'_> {
    /// Commits before the head, and lets the visitor have the cookie.
    pub(crate) fn answer(&mut self, visitor: &mut Visitor) -> Result<(), SessionError> {
        let delivery = self.commit()?;
        visitor.receive(delivery);
        Ok(())
    }

    /// Commits before the head.
    pub(crate) fn commit(&mut self) -> Result<Delivery, SessionError> {
        self.given.runtime.block_on(self.exchange.commit())
    }

    /// Commits before the head of a response whose cookie nobody waits for.
    pub(crate) fn send_head(&mut self) {
        let _ = self.commit().unwrap();
    }

    /// The session that the handler gets when it asks again, as after an end.
    pub(crate) fn next_session(&self) -> Session {
        let handle = self.exchange.handle();
        self.given.runtime.block_on(handle.session()).unwrap()
    }

    /// Ends the body.
    pub(crate) fn finish(self) -> Result<(), SessionError> {
        self.given.runtime.block_on(self.exchange.finish())
    }

    /// Commits and ends the body, for a request that answers without one.
    pub(crate) fn end(mut self) -> Result<Delivery, SessionError> {
        let delivery = self.commit()?;
        self.finish()?;
        Ok(delivery)
    }

    /// Stays pending for `duration`, as a slow handler or a long body does, and does what an
    /// adapter does meanwhile.
    pub(crate) fn stay_pending(&mut self, duration: Duration) {
        stay_pending(self.given, &mut self.exchange, duration);
    }
}

/// Keeps `exchange` pending for `duration`, a look at it every ten seconds.
pub(crate) fn stay_pending(given: &Given, exchange: &mut Exchange, duration: Duration) {
    let mut context = Context::from_waker(Waker::noop());
    let end = given.now().saturating_add(duration);
    loop {
        while exchange.poll_keep_alive(&mut context).is_ready() {
            // What it stores or fails to store is told by events.
            let _ = exchange.poll_flush(&mut context);
            given.runtime.run_until_stalled();
        }
        if given.now() >= end {
            return given.runtime.run_until_stalled();
        }
        given.pass(SECOND * 10);
    }
}
