//! What all requests of one manager share: the validated configuration, the store, the keys.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::cookie::{CookiePolicy, Keyring};
use crate::entropy::{Entropy, EntropyError};
use crate::error::SessionError;
use crate::event::{EventSink, SessionEvent};
use crate::facts::Facts;
use crate::handoff::Handoffs;
use crate::lifecycle::commit::Lanes;
use crate::listener::Listeners;
use crate::runtime::{Runtime, yield_once};
use crate::session::{ID_LEN, Limits, MaxInactiveInterval, NamespaceTag, SessionLimit};
use crate::session::{SessionId, StoreKey};
use crate::statistics::Counters;
use crate::store::{Access, RemovalReason, Removed, SessionStore};
use crate::transport::Transport;

/// Everything that requests share, immutable but for the runtime that an adapter attaches.
pub(crate) struct Engine {
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) keyring: Keyring,
    pub(crate) transport: Transport,
    pub(crate) cookie: CookiePolicy,
    pub(crate) namespace: String,
    pub(crate) tag: NamespaceTag,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) entropy: Box<dyn Entropy>,
    pub(crate) settings: Settings,
    pub(crate) skip: Option<SkipPredicate>,
    pub(crate) events: EventSink,
    /// What was counted, where somebody asked for it.
    pub(crate) counters: Option<Arc<Counters>>,
    pub(crate) listeners: Listeners,
    pub(crate) runtime: OnceLock<Arc<dyn Runtime>>,
    pub(crate) handoffs: Handoffs,
    pub(crate) lanes: Lanes,
    /// Cloned by every exchange, so that a test can wait until none is left.
    #[cfg(feature = "testkit")]
    pub(crate) presence: Arc<()>,
}

pub(crate) type SkipPredicate = Box<dyn Fn(&dyn Facts) -> bool + Send + Sync>;

/// The plain numbers and choices of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) max_inactive_interval: MaxInactiveInterval,
    pub(crate) absolute_timeout: Option<Duration>,
    pub(crate) limits: Limits,
    pub(crate) session_limit: Option<SessionLimit>,
    pub(crate) strict_reads: bool,
    pub(crate) touch: Touch,
    pub(crate) failed_commit: FailedCommit,
    pub(crate) keep_alive_limit: Duration,
    pub(crate) store_timeout: Duration,
}

/// Which requests count as an access of the session that they carry (Servlet 7.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Touch {
    /// Those that use the session. The default: a request that never looks at its session
    /// makes no store call, which is the one place where Servlet 7.6 is not followed.
    #[default]
    OnUse,
    /// All that carry the id of a live session, as Servlet 7.6 has it, at the price of a
    /// store call in each. A request that does not use its session is answered all the same when
    /// the store is down.
    EveryRequest,
}

/// What becomes of a response whose session could not be stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailedCommit {
    /// An error takes its place, so that no visitor is told of something that did not happen.
    #[default]
    ReplaceResponse,
    /// It leaves as it is, without a cookie. For sites whose sessions hold nothing that a
    /// visitor is told of.
    KeepResponse,
}

/// How often a session in use is touched in a store that is not in this process: at most
/// once in this time, or in a tenth of its idle limit where that is shorter.
const REMOTE_TOUCH_INTERVAL: Duration = Duration::from_secs(60);

/// Sessions that an in-process store ended by itself, and that are told of at once.
const REPORTS_STEP: usize = 64;

/// Expired sessions removed in one call where no request waits for it.
const SWEEP_BATCH: usize = 256;

/// Batches of one sweep: more sessions than expire within the pause. One of a store that always
/// says that there are more ends here.
const SWEEP_BATCHES_MAX: usize = 100_000;

/// Pause between two sweeps of a remote store.
const SWEEP_PAUSE: Duration = Duration::from_secs(60);

impl Engine {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How long clients are asked to keep the cookies of all sessions; `None` for as long as
    /// the browser is open.
    pub(crate) fn max_age(&self) -> Option<Duration> {
        self.cookie.max_age()
    }

    pub(crate) fn draw_id(&self) -> Result<SessionId, EntropyError> {
        let mut bytes = [0; ID_LEN];
        self.entropy.fill(&mut bytes)?;
        Ok(SessionId::from_bytes(bytes))
    }

    pub(crate) fn store_key(&self, id: &SessionId) -> StoreKey {
        self.tag.store_key(id)
    }

    /// How young a recorded access may be for another one to go unrecorded.
    fn touch_interval(&self) -> Duration {
        if self.store.immediate().is_some() {
            Duration::ZERO
        } else {
            REMOTE_TOUCH_INTERVAL
        }
    }

    /// How the access of a request that uses its session is recorded.
    pub(crate) fn access(&self) -> Access {
        Access::Counted {
            unless_within: self.touch_interval(),
        }
    }

    /// Removes up to `limit` sessions that have expired from an in-process store, and tells of what
    /// the store ended by itself; called after commits.
    pub(crate) fn sweep_step(self: &Arc<Self>, mut now: Timestamp, mut limit: usize) {
        let Some(store) = self.store.immediate() else {
            return;
        };
        // A failing sweep is tried again by the next commit.
        while let Ok(swept) = store.sweep(now, limit)
            && !swept.removed.is_empty()
        {
            self.tell_removed(&swept.removed);
            let is_generation = |it: &Removed| it.reason == RemovalReason::Generation;
            if swept.removed.len() < limit || swept.removed.iter().any(is_generation) {
                return;
            }
            // There may be more to tell than one step would: a commit can evict thousands. At
            // the beginning of time nothing has expired, so this costs no more sweeping.
            (now, limit) = (Timestamp::EPOCH, REPORTS_STEP);
        }
    }

    /// Removes all that has expired by `now`, and answers how many sessions that were. Other
    /// tasks have a turn in between.
    ///
    /// # Errors
    /// When the store does not answer; what was removed until then was told.
    pub(crate) async fn sweep_all(self: &Arc<Self>, now: Timestamp) -> Result<usize, SessionError> {
        let mut removed = 0;
        for _ in 0..SWEEP_BATCHES_MAX {
            let swept = self.sweep(now, SWEEP_BATCH).await?;
            self.tell_removed(&swept.removed);
            removed += swept.removed.len();
            if !swept.more {
                break;
            }
            yield_once().await;
        }
        Ok(removed)
    }

    fn tell_removed(self: &Arc<Self>, removed: &[Removed]) {
        for removed in removed {
            self.events.send(SessionEvent::Removed(removed.reason));
        }
        let ends = removed.iter();
        self.notify_ends(ends.map(|it| (&it.record, it.reason.into())));
    }
}

/// Sweeps a remote store for as long as the engine lives.
pub(crate) async fn sweep_forever(engine: Weak<Engine>, runtime: Arc<dyn Runtime>) {
    loop {
        runtime.sleep(SWEEP_PAUSE).await;
        let Some(engine) = engine.upgrade() else {
            return;
        };
        // An outage ends this round; the next one starts after the pause.
        let _ = engine.sweep_all(engine.now()).await;
    }
}
