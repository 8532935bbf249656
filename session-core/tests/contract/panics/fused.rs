//! A site all of whose code of the application panics when it is told to.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use session_core::testkit::{
    Faulty, Headers, ManualClock, ManualRuntime, Request, SeededEntropy, Site, Visitor, test_key,
};
use session_core::{
    AttributeHook, BoxFuture, Clock, Entropy, EntropyError, Facts, HeaderSink, MemoryStore,
    Runtime, Session, SessionAttribute, SessionError, SessionListener, SessionManager,
    SessionNotice, Timestamp,
};

use super::Callback;
use super::store::Store;
use crate::given::{Distance, MINUTE, SECOND};
use crate::onlooker::end_and_look;

/// Burns down at a chosen call of a chosen callback.
#[derive(Clone, Default)]
pub(crate) struct Fuse(Arc<Mutex<Option<(Callback, usize)>>>);

impl Fuse {
    pub(super) fn light(&self, callback: Callback, nth: usize) {
        *self.0.lock().unwrap() = Some((callback, nth));
    }

    /// True when it has burnt down.
    pub(super) fn put_out(&self) -> bool {
        let left = self.0.lock().unwrap().take();
        left.is_some_and(|(_, left)| left == 0)
    }

    /// To be called by `callback`.
    pub(super) fn burn(&self, callback: Callback) {
        let panics = match &mut *self.0.lock().unwrap() {
            Some((other, left)) if *other == callback && *left > 0 => {
                *left -= 1;
                *left == 0
            }
            _ => false,
        };
        if panics {
            // Without the message that the hook of panics prints.
            resume_unwind(Box::new("a fault of the application"));
        }
    }
}

/// Ada, who is logged in and whose session holds `first = 1` and `second = 1`, and somebody whom
/// nothing here concerns.
pub(crate) struct Stage {
    pub(super) fuse: Fuse,
    pub(super) site: Site,
    pub(super) runtime: ManualRuntime,
    pub(super) ada: Visitor,
    pub(super) eve: Visitor,
    /// Somebody whose first visit was acknowledged.
    pub(super) newcomer: Option<Visitor>,
    store: Store,
    told: Arc<AtomicUsize>,
}

impl Stage {
    pub(super) fn new(distance: Distance) -> Self {
        let (fuse, clock) = (Fuse::default(), ManualClock::new());
        let store = Faulty::new(MemoryStore::builder().shards(64).build());
        let store = match distance {
            Distance::Near => store,
            Distance::Far => store.without_immediate_door(),
        };
        FUSE.set(fuse.clone());
        let told = Arc::new(AtomicUsize::new(0));
        let (observer, skip) = (fuse.clone(), fuse.clone());
        let sessions = SessionManager::builder()
            .secret_key(test_key())
            .store(Fused(store.clone(), fuse.clone()))
            .clock(Fused(clock.clone(), fuse.clone()))
            .entropy(Fused(SeededEntropy::new(1), fuse.clone()))
            .on_event(move |_| observer.burn(Callback::Observer))
            .skip_when(move |_| {
                skip.burn(Callback::Skip);
                false
            })
            .attribute_hook::<First>(Fused((), fuse.clone()))
            .listener(Fused((), fuse.clone()))
            .listener(Counts(told.clone()))
            .build()
            .unwrap();
        let runtime = ManualRuntime::new(clock.clone());
        sessions.attach_runtime(Arc::new(Fused(runtime.clone(), fuse.clone())));
        let site = Site::of(sessions, clock);
        let (mut ada, mut eve) = (site.visitor(), site.visitor());
        let begin = |session: &Session| {
            session.login("ada")?;
            session.set_attribute("first", &1)?;
            session.set_attribute("second", &1)
        };
        visit(&runtime, &mut ada, begin).unwrap();
        visit(&runtime, &mut eve, |session| session.set_attribute("n", &1)).unwrap();
        runtime.advance(2 * MINUTE);
        Self {
            fuse,
            site,
            runtime,
            ada,
            eve,
            newcomer: None,
            store,
            told,
        }
    }

    pub(super) fn visit<R>(
        &self,
        visitor: &mut Visitor,
        handler: impl FnOnce(&Session) -> Result<R, SessionError>,
    ) -> Result<R, SessionError> {
        visit(&self.runtime, visitor, handler)
    }

    /// Both attributes of Ada's session, wherever it is. It is over then.
    pub(super) fn state(&self) -> Option<[Option<i64>; 2]> {
        let ended = end_and_look(self.store.clone(), self.site.clock(), "ada")?;
        Some(["first", "second"].map(|name| ended.get_attribute(name).unwrap()))
    }

    pub(super) fn stored<T: DeserializeOwned>(&self, visitor: &Visitor, name: &str) -> Option<T> {
        let handle = visitor.begin().handle();
        let view = self.runtime.block_on(handle.peek_session()).unwrap()?;
        view.get_attribute(name).unwrap()
    }

    /// The end of everything: tasks run, deadlines pass.
    pub(super) fn end(&self, mut run: impl FnMut(&Self)) {
        for _ in 0..4 {
            run(self);
            self.runtime.advance(10 * SECOND);
        }
    }

    /// True when a change that is made now is told.
    pub(super) fn is_told_all(&mut self) -> bool {
        let before = self.told.load(Ordering::Relaxed);
        let mut eve = self.eve.clone();
        self.visit(&mut eve, |session| session.set_attribute("told", &true))
            .unwrap();
        self.end(|_| {});
        self.told.load(Ordering::Relaxed) > before
    }
}

fn visit<R>(
    runtime: &ManualRuntime,
    visitor: &mut Visitor,
    handler: impl FnOnce(&Session) -> Result<R, SessionError>,
) -> Result<R, SessionError> {
    runtime.block_on(visitor.visit(async move |session: Session| handler(&session)))
}

/// Something of the application that panics when the fuse has burnt down.
pub(crate) struct Fused<T>(pub(super) T, pub(super) Fuse);

impl Clock for Fused<ManualClock> {
    fn now(&self) -> Timestamp {
        self.1.burn(Callback::Clock);
        self.0.now()
    }
}

impl Entropy for Fused<SeededEntropy> {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        self.1.burn(Callback::Entropy);
        self.0.fill(buffer)
    }
}

/// A task that panics ends, and its runtime goes on, as all real ones do.
impl Runtime for Fused<ManualRuntime> {
    fn spawn(&self, task: BoxFuture<()>) {
        self.1.burn(Callback::Spawn);
        let task = AssertUnwindSafe(task).catch_unwind();
        self.0.spawn(Box::pin(task.map(drop)));
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        self.1.burn(Callback::Sleep);
        self.0.sleep(duration)
    }
}

#[async_trait]
impl SessionListener for Fused<()> {
    async fn notified(&self, _: &SessionNotice) {
        self.1.burn(Callback::Listener);
    }
}

struct Counts(Arc<AtomicUsize>);

#[async_trait]
impl SessionListener for Counts {
    async fn notified(&self, _: &SessionNotice) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Deserialize, Serialize)]
struct First(i64);

impl SessionAttribute for First {
    const NAME: &'static str = "first";
}

#[async_trait]
impl AttributeHook<First> for Fused<()> {
    async fn bound(&self, _: First, _: &SessionNotice) {
        self.1.burn(Callback::Hook);
    }

    async fn unbound(&self, _: First, _: &SessionNotice) {
        self.1.burn(Callback::Hook);
    }
}

impl Facts for Fused<Request> {
    fn header_lines(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        self.1.burn(Callback::Facts);
        self.0.header_lines(name, visit);
    }

    fn is_secure(&self) -> bool {
        self.1.burn(Callback::Facts);
        self.0.is_secure()
    }

    fn method(&self) -> &str {
        self.0.method()
    }

    fn path(&self) -> &str {
        self.0.path()
    }
}

impl HeaderSink for Fused<Headers> {
    fn lines(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        self.1.burn(Callback::HeaderSink);
        self.0.lines(name, visit);
    }

    fn append(&mut self, name: &str, value: Cow<'static, str>) {
        self.1.burn(Callback::HeaderSink);
        self.0.append(name, value);
    }

    fn remove(&mut self, name: &str) {
        self.1.burn(Callback::HeaderSink);
        self.0.remove(name);
    }
}

/// A number of the application's own. There is one fuse for all, since `Default` has no place for
/// one.
pub(crate) struct Number(pub(super) i64);

thread_local! {
    pub(super) static FUSE: std::cell::RefCell<Fuse> = std::cell::RefCell::default();
}

fn burn(callback: Callback) {
    let fuse = FUSE.with_borrow(Clone::clone);
    fuse.burn(callback);
}

impl Default for Number {
    fn default() -> Self {
        burn(Callback::Default);
        Self(1)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        burn(Callback::Serialize);
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        burn(Callback::Deserialize);
        i64::deserialize(deserializer).map(Self)
    }
}
