//! A site whose store goes wrong on cue, and what a visitor finds on it.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use session_core::store::Verb;
use session_core::testkit::{
    Fault, Faulty, ManualClock, ManualRuntime, Recording, SeededEntropy, Site, Visitor, block_on,
    test_key,
};
use session_core::{
    AtLimit, Delivery, Exchange, LoginOptions, MemoryStore, SecretKey, Session, SessionError,
    SessionEvent, SessionHandle, SessionLimit, SessionManager, SessionManagerBuilder,
};

use crate::policies::{Keys, Policy, Tasks};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// How finely time passes while a request waits.
const TICK: Duration = Duration::from_millis(100);

/// No request of this suite waits longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// How far away the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Distance {
    /// In this process, behind the synchronous door.
    Near,
    /// Behind calls that have to be awaited.
    Far,
}

/// Who is there when a request begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// A visitor without a session.
    Nobody,
    /// A visitor whose session is nobody's, and a phone on which ada is logged in.
    Anonymous,
    /// Ada, who is logged in.
    LoggedIn,
    /// Ada, who is logged in here and on her phone.
    TwoDevices,
}

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Fault(Fault),
    /// The call is done a second later.
    SlowRequest,
    /// The answer comes a second later.
    SlowReply,
}

impl Trouble {
    const fn fault(self) -> Fault {
        match self {
            Self::Fault(fault) => fault,
            Self::SlowRequest => Fault::HoldRequest,
            Self::SlowReply => Fault::HoldReply,
        }
    }

    /// True when the call is held, which the synchronous door cannot do.
    pub(crate) fn holds(self) -> bool {
        matches!(self.fault(), Fault::HoldRequest | Fault::HoldReply)
    }

    pub(crate) fn can_befall(self, verb: Verb) -> bool {
        self.fault().can_befall(verb)
    }
}

/// What a visitor was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) status: u16,
    /// True when the body ended with an error.
    pub(crate) broke_off: bool,
    /// What the handler saw of its session; empty where it did not look.
    pub(crate) saw: String,
    /// The tokens that were sent.
    pub(crate) tokens: Vec<String>,
    /// True when the cookie was deleted.
    pub(crate) forgot: bool,
}

impl Page {
    /// What a call outside of a request answers, as a page would show it.
    pub(crate) fn of<T>(answer: Result<T, SessionError>, saw: impl FnOnce(T) -> String) -> Self {
        match answer {
            Ok(answer) => Self {
                status: 200,
                saw: saw(answer),
                ..Self::default()
            },
            Err(error) => Self {
                status: error.status(),
                ..Self::default()
            },
        }
    }
}

/// A session as the next request finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) handle: SessionHandle,
    pub(crate) shown: String,
}

type Store = Recording<Faulty<Recording<MemoryStore>>>;

/// A site, and everything that a test steers it by.
pub(crate) struct Scene {
    pub(crate) site: Site,
    /// The same sessions over a store that works.
    pub(crate) quiet: Site,
    pub(crate) store: Store,
    pub(crate) runtime: ManualRuntime,
    pub(crate) ada: Visitor,
    pub(crate) phone: Visitor,
    pub(crate) bob: Visitor,
    events: Arc<Mutex<Vec<SessionEvent>>>,
    /// What another request left behind, meanwhile.
    left: Mutex<Option<Found>>,
    is_slow: AtomicBool,
    waited: Mutex<Duration>,
}

impl Scene {
    pub(crate) fn new(distance: Distance, policy: &Policy, start: Start) -> Self {
        // Few sessions, and thousands of stores.
        let memory = Recording::new(MemoryStore::builder().shards(4).build());
        let faulty = Faulty::new(memory.clone());
        let store = Recording::new(match distance {
            Distance::Near => faulty,
            Distance::Far => faulty.without_immediate_door(),
        });
        let clock = ManualClock::new();
        let runtime = ManualRuntime::new(clock.clone());
        let events: Arc<Mutex<Vec<SessionEvent>>> = Arc::default();
        let told = events.clone();
        let builder = |seed: u64| {
            SessionManager::builder()
                .clock(clock.clone())
                .entropy(SeededEntropy::new(seed))
                .skip_when(|request| request.path() == "/skipped")
        };
        let build = |builder: SessionManagerBuilder| (policy.configure)(builder).build().unwrap();
        let earlier = builder(1).secret_key(test_key()).store(store.clone());
        // Whoever is there came before there was a limit.
        let earlier = (policy.configure)(earlier).session_limit(SessionLimit {
            max: 9,
            at_limit: AtLimit::Refuse,
        });
        let earlier = earlier.build().unwrap();
        let quiet = build(with_keys(builder(2), policy.keys).store(memory));
        let sessions = with_keys(builder(3), policy.keys)
            .store(store.clone())
            .on_event(move |event| told.lock().unwrap().push(event));
        let sessions = build(sessions);
        if policy.tasks == Tasks::Runtime {
            sessions.attach_runtime(Arc::new(runtime.clone()));
        }
        let site = Site::of(sessions, clock.clone());
        let nobody = site.visitor();
        let mut scene = Self {
            ada: nobody.clone(),
            phone: nobody.clone(),
            bob: nobody,
            quiet: Site::of(quiet, clock.clone()),
            site,
            store,
            runtime,
            events,
            left: Mutex::default(),
            is_slow: AtomicBool::new(false),
            waited: Mutex::default(),
        };
        scene.populate(&Site::of(earlier, clock), start);
        if let Some(promised) = policy.promised {
            scene.store.inner().promise(promised);
        }
        scene.store.take_calls();
        scene.take_events();
        scene
    }

    /// Bob is always there, and has changed his data as often as ada will have; every other
    /// session has an older state than the one it is in, which the store has seen.
    fn populate(&mut self, site: &Site, start: Start) {
        let enter = |principal: Option<&str>, n: i64| {
            let mut visitor = site.visitor();
            for n in [n - 1, n] {
                let visit = visitor.visit(async |session: Session| {
                    if let Some(name) = principal
                        && session.principal()?.is_none()
                    {
                        session.login(LoginOptions::of(name))?;
                    }
                    session.set_attribute("n", &n)
                });
                block_on(visit).unwrap();
            }
            visitor.cookie()
        };
        self.meet_bob(site);
        if matches!(start, Start::Anonymous | Start::TwoDevices) {
            self.phone.set_cookie(enter(Some("ada"), 50));
        }
        match start {
            Start::Nobody => {}
            Start::Anonymous => self.ada.set_cookie(enter(None, 1)),
            Start::LoggedIn | Start::TwoDevices => self.ada.set_cookie(enter(Some("ada"), 1)),
        }
        self.site.clock().advance(MINUTE * 2);
    }

    /// Lets bob log in, and the store that goes wrong see him for the first time as he is then.
    fn meet_bob(&mut self, site: &Site) {
        let mut bob = self.bob.clone();
        for n in 98..=100 {
            self.meanwhile(&mut bob, |session| {
                if session.principal()?.is_none() {
                    session.login("bob")?;
                }
                session.set_attribute("n", &n)
            });
        }
        self.bob.set_cookie(bob.cookie());
        let mut seen = site.visitor();
        seen.set_cookie(bob.cookie());
        let _ = block_on(seen.begin().handle().peek_session()).unwrap();
    }

    /// Lets the `n`-th call of `verb` from now on go wrong.
    pub(crate) fn upset(&self, verb: Verb, n: usize, trouble: Trouble) {
        self.store.inner().nth(verb, n, trouble.fault());
        let is_slow = matches!(trouble, Trouble::SlowRequest | Trouble::SlowReply);
        self.is_slow.store(is_slow, Ordering::SeqCst);
    }

    /// The outcome of `future`, for which time may have to pass.
    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let mut waited = Duration::ZERO;
        loop {
            loop {
                let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
                if let Poll::Ready(output) = poll {
                    *self.waited.lock().unwrap() += waited;
                    return output;
                }
                self.runtime.run_until_stalled();
                if !woken.0.swap(false, Ordering::SeqCst) {
                    break;
                }
            }
            assert!(waited < PATIENCE, "the request waits for ever");
            self.runtime.advance(TICK);
            waited += TICK;
            if waited >= SECOND && self.is_slow.load(Ordering::SeqCst) {
                self.store.inner().release();
            }
        }
    }

    /// Lets time pass, and tasks do what is due in it.
    pub(crate) fn pass(&self, duration: Duration) {
        let first = duration.min(SECOND);
        self.runtime.advance(first);
        if self.is_slow.load(Ordering::SeqCst) {
            self.store.inner().release();
        }
        self.runtime.advance(duration.saturating_sub(first));
    }

    /// How long requests waited so far.
    pub(crate) fn waited(&self) -> Duration {
        *self.waited.lock().unwrap()
    }

    /// What the store was asked since the last time.
    pub(crate) fn take_calls(&self) -> Vec<Verb> {
        self.store.take_calls()
    }

    pub(crate) fn take_events(&self) -> Vec<SessionEvent> {
        std::mem::take(&mut self.events.lock().unwrap())
    }

    /// What a request with this token finds, on a store that works.
    pub(crate) fn find(&self, token: Option<String>) -> Option<Found> {
        let mut visitor = self.quiet.visitor();
        visitor.set_cookie(token);
        let view = block_on(visitor.begin().handle().peek_session()).unwrap()?;
        let number = view.get_attribute::<i64>("n").unwrap();
        let items = view.get_attribute::<Vec<i64>>("items").unwrap();
        Some(Found {
            handle: view.handle(),
            shown: shown(number, items, view.principal().as_deref()),
        })
    }

    /// Another request with the visitor's cookie, on a store that works, whose cookie the
    /// visitor takes over as tabs of one browser do.
    pub(crate) fn meanwhile(
        &self,
        visitor: &mut Visitor,
        handler: impl FnOnce(&Session) -> Result<(), SessionError>,
    ) {
        let mut tab = self.quiet.visitor();
        tab.set_cookie(visitor.cookie());
        block_on(tab.visit(async |session: Session| handler(&session))).unwrap();
        visitor.set_cookie(tab.cookie());
        *self.left.lock().unwrap() = self.find(tab.cookie());
    }

    /// What the latest of the other requests left behind.
    pub(crate) fn left(&self) -> Option<Found> {
        self.left.lock().unwrap().clone()
    }

    /// Ends a request as an adapter does: the head with what the session tells, then the body,
    /// during which `body` runs if there is a session to run it with.
    pub(crate) fn respond(
        &self,
        visitor: &mut Visitor,
        mut exchange: Exchange,
        handled: Result<Option<Session>, SessionError>,
        body: impl FnOnce(&Session) -> Result<(), SessionError>,
    ) -> Page {
        let mut page = Page::default();
        let committed = self.run(exchange.commit());
        let failure = match committed {
            Ok(delivery) => {
                keep(&mut page, visitor, delivery);
                handled.as_ref().err().cloned()
            }
            Err(error) => {
                if let Some(delivery) = exchange.salvage() {
                    keep(&mut page, visitor, delivery);
                }
                Some(handled.as_ref().err().cloned().unwrap_or(error))
            }
        };
        page.status = failure.as_ref().map_or(200, SessionError::status);
        let streamed = match (failure, handled) {
            (None, Ok(Some(session))) => body(&session),
            _ => Ok(()),
        };
        let finished = self.run(exchange.finish());
        page.broke_off = streamed.and(finished).is_err();
        page
    }
}

/// What a page shows of a session.
pub(crate) fn shown(n: Option<i64>, items: Option<Vec<i64>>, principal: Option<&str>) -> String {
    let mut words = vec![principal.unwrap_or("nobody").to_owned()];
    words.extend(n.map(|n| format!("n={n}")));
    words.extend(items.map(|items| format!("items={items:?}")));
    words.join(" ")
}

/// The visitor keeps what the response tells.
pub(crate) fn keep(page: &mut Page, visitor: &mut Visitor, delivery: Delivery) {
    let is_told = delivery.set_cookie().is_some() || delivery.token_header().is_some();
    visitor.receive(delivery);
    match visitor.cookie() {
        Some(token) if is_told => page.tokens.push(token),
        None if is_told => page.forgot = true,
        _ => {}
    }
}

fn with_keys(builder: SessionManagerBuilder, keys: Keys) -> SessionManagerBuilder {
    match keys {
        Keys::One => builder.secret_key(test_key()),
        Keys::Changed => {
            let new = SecretKey::new(*b"another key for tests, and for nothing else").unwrap();
            builder.secret_key(new).previous_key(test_key())
        }
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
