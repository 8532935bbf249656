//! A site whose requests and tasks have their turns in any order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_core::testkit::{Faulty, ManualClock, SeededEntropy, Site, Visitor, test_key};
use session_core::{
    BoxFuture, MemoryStore, Runtime, Session, SessionError, SessionManager, SessionManagerBuilder,
};
use shuttle::future::{block_on, spawn, yield_now};

/// How far away the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Distance {
    /// In this process, behind the synchronous door.
    Near,
    /// Behind calls that have to be awaited.
    Far,
}

pub(crate) const NEAR_AND_FAR: [Distance; 2] = [Distance::Near, Distance::Far];

/// The pause between two touches of a long request: a third of half an hour.
const BEAT: Duration = Duration::from_secs(10 * 60);

/// Beats in one site. More would only repeat themselves.
const BEATS_MAX: usize = 2;

/// Tasks that have their turns among the threads. Pauses of a moment end at any time, and so do
/// a few of those between touches; no deadline passes.
#[derive(Default)]
struct Tasks {
    beats: AtomicUsize,
}

impl Runtime for Tasks {
    fn spawn(&self, task: BoxFuture<()>) {
        drop(spawn(task));
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        let is_beat = duration == BEAT && self.beats.fetch_add(1, Ordering::Relaxed) < BEATS_MAX;
        if is_beat || duration < Duration::from_secs(1) {
            Box::pin(yield_now())
        } else {
            Box::pin(std::future::pending())
        }
    }
}

pub(crate) fn site(distance: Distance) -> Site {
    site_with(distance, |builder| builder)
}

pub(crate) fn site_with(
    distance: Distance,
    configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder,
) -> Site {
    let store = Faulty::new(MemoryStore::builder().shards(2).build());
    let clock = ManualClock::new();
    let builder = SessionManager::builder()
        .secret_key(test_key())
        .store(match distance {
            Distance::Near => store,
            Distance::Far => store.without_immediate_door(),
        })
        .clock(clock.clone())
        .entropy(SeededEntropy::new(1));
    let sessions = configure(builder).build().unwrap();
    sessions.attach_runtime(Arc::new(Tasks::default()));
    Site::of(sessions, clock)
}

/// One whole request.
pub(crate) fn visit<R>(
    visitor: &mut Visitor,
    handler: impl FnOnce(&Session) -> Result<R, SessionError>,
) -> Result<R, SessionError> {
    block_on(visitor.visit(async move |session: Session| handler(&session)))
}

/// Somebody whose session holds `n = 1`.
pub(crate) fn visitor_with_session(site: &Site) -> Visitor {
    let mut visitor = site.visitor();
    visit(&mut visitor, |session| session.set_attribute("n", &1)).unwrap();
    visitor
}

/// What the store has of the visitor's attribute `name`; `None` also when there is no session.
pub(crate) fn stored<T: serde::de::DeserializeOwned>(visitor: &Visitor, name: &str) -> Option<T> {
    let view = block_on(visitor.begin().handle().peek_session()).unwrap()?;
    view.get_attribute(name).unwrap()
}

pub(crate) fn is_alive(visitor: &Visitor) -> bool {
    block_on(visitor.begin().handle().peek_session())
        .unwrap()
        .is_some()
}

pub(crate) fn increment(session: &Session, name: &str) -> Result<(), SessionError> {
    let update = session.update_attribute(name, |value: &mut i64| *value += 1);
    update.map(drop)
}
