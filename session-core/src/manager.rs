//! The manager: what an application configures once and asks for every request.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::builder::SessionManagerBuilder;
use crate::engine::{Engine, sweep_forever};
use crate::error::SessionError;
use crate::exchange::inner::Inner;
use crate::exchange::state::{Death, Phase, State};
use crate::exchange::{Exchange, Main};
use crate::facts::Facts;
use crate::lifecycle::admit::Admission;
use crate::runtime::Runtime;
use crate::session::StoreKey;
use crate::statistics::SessionStats;
use crate::store::{Access, Census};

/// The sessions of one application. Cheap to clone; clones share everything.
///
/// An application with several independent kinds of session gives each manager a marker `S`
/// and a cookie name of its own; a token of one is no token of the other.
///
/// ```
/// use session_core::{MemoryStore, SecretKey, SessionManager};
///
/// let sessions: SessionManager = SessionManager::builder()
///     .secret_key(SecretKey::generate()?)
///     .store(MemoryStore::new())
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SessionManager<S = Main> {
    pub(crate) engine: Arc<Engine>,
    marker: PhantomData<fn() -> S>,
}

impl SessionManager {
    /// Starts a configuration; see [`SessionManagerBuilder`] for the defaults.
    #[must_use]
    pub fn builder() -> SessionManagerBuilder {
        SessionManagerBuilder::new()
    }
}

impl<S> SessionManager<S> {
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            engine: Arc::new(engine),
            marker: PhantomData,
        }
    }

    /// Begins a request. Reads the cookie or the header of the token in place; makes no store call, verifies
    /// nothing yet, and never fails: whatever a client sends is at worst no session.
    #[must_use]
    pub fn begin<F: Facts>(&self, facts: &F) -> Exchange<S> {
        let skipped = self.engine.skip.as_ref().is_some_and(|skip| skip(facts));
        let state = if skipped {
            let usual = self.engine.transport.usual();
            State::new(
                Admission::Nothing,
                usual,
                false,
                Phase::Dead(Death::Skipped),
            )
        } else {
            let (transport, cookie) = (&self.engine.transport, self.engine.cookie.name());
            let (admission, source) = Admission::of(facts, transport, cookie);
            State::new(admission, source, facts.is_secure(), Phase::Open)
        };
        Exchange::new(Inner::new(self.engine.clone(), state))
    }

    /// Gives the engine an async runtime for what happens beside requests. An adapter calls
    /// this; the first runtime stays.
    pub fn attach_runtime(&self, runtime: Arc<dyn Runtime>) {
        if self.engine.runtime.set(runtime).is_err() || self.engine.is_immediate() {
            return;
        }
        if let Some(runtime) = self.engine.runtime.get() {
            let engine = Arc::downgrade(&self.engine);
            runtime.spawn(Box::pin(sweep_forever(engine, runtime.clone())));
        }
    }

    /// True when [`attach_runtime`](Self::attach_runtime) was called.
    #[must_use]
    pub fn has_runtime(&self) -> bool {
        self.engine.runtime.get().is_some()
    }

    /// Completes when every commit that was handed to the runtime has ended. To be awaited
    /// when a server stops, after its last connection is closed.
    pub async fn drain(&self) {
        self.engine.handoffs.drained().await;
    }

    /// Asks the store for something, to find out whether it answers: for a probe of readiness.
    ///
    /// # Errors
    /// When the store cannot be reached, or not in time.
    pub async fn ping(&self) -> Result<(), SessionError> {
        let nobody = StoreKey::from_bytes([0; 32]);
        let (engine, access) = (&self.engine, Access::Peek);
        engine.load(&nobody, access, engine.now()).await??;
        Ok(())
    }

    /// What was counted since this manager was built; `None` unless
    /// [`statistics`](SessionManagerBuilder::statistics) was switched on.
    ///
    /// ```
    /// # use session_core::testkit::{Site, block_on};
    /// use session_core::SessionEvent;
    /// use session_core::store::Verb;
    ///
    /// # block_on(async {
    /// # let site = Site::with(|builder| builder.statistics());
    /// # let mut ada = site.visitor();
    /// # let sessions = site.sessions();
    /// ada.visit(async |session| session.set_attribute("n", &1)).await?;
    /// let stats = sessions.stats().unwrap();
    /// assert_eq!(stats.count(SessionEvent::Created), 1);
    /// assert_eq!(stats.store_calls(Verb::Create).calls, 1);
    /// # Ok::<(), session_core::SessionError>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn stats(&self) -> Option<SessionStats> {
        let counters = self.engine.counters.as_ref()?;
        Some(counters.read())
    }

    /// Counts the live sessions of the store by their age, those of other managers that share
    /// it included. For an operator's page or a gauge that is read now and then: a store may
    /// have to look at every session. Prolongs none.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`] and [`SessionError::TimedOut`].
    pub async fn census(&self) -> Result<Census, SessionError> {
        self.engine.census(self.engine.now()).await
    }

    /// Removes all sessions that have expired, and answers how many they were. Observers and
    /// listeners are told of each.
    ///
    /// The engine sweeps by itself: a store outside of this process every minute, one in this
    /// process a little with every commit. On a quiet site the latter may take long. No request
    /// can use what has expired, so this is for whoever wants to learn of it earlier: a page of
    /// numbers, a job that runs now and then, a test of a listener.
    ///
    /// ```
    /// # use session_core::testkit::{Site, block_on};
    /// # use std::time::Duration;
    /// # block_on(async {
    /// # let site = Site::new();
    /// # let mut ada = site.visitor();
    /// # let sessions = site.sessions();
    /// ada.visit(async |session| session.set_attribute("n", &1)).await?;
    /// assert_eq!(sessions.sweep().await?, 0);
    /// site.clock().advance(Duration::from_secs(30 * 60));
    /// assert_eq!(sessions.sweep().await?, 1);
    /// # Ok::<(), session_core::SessionError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`SessionError::Unavailable`] and [`SessionError::TimedOut`]. What was removed before is
    /// gone, and so is what a store removed whose answer was lost: nobody is told of that.
    pub async fn sweep(&self) -> Result<usize, SessionError> {
        self.engine.sweep_all(self.engine.now()).await
    }

    /// The name of the session cookie; of no use where a
    /// [header](SessionManagerBuilder::token_header) carries the token instead.
    #[must_use]
    pub fn cookie_name(&self) -> &str {
        self.engine.cookie.name()
    }

    /// The request header that carries the token, in lower case; `None` where only a cookie
    /// does.
    #[must_use]
    pub fn token_header(&self) -> Option<&str> {
        let header = self.engine.transport.header()?;
        Some(&header.request)
    }
}

impl<S> Clone for SessionManager<S> {
    fn clone(&self) -> Self {
        Self {
            engine: self.engine.clone(),
            marker: PhantomData,
        }
    }
}

impl<S> fmt::Debug for SessionManager<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManager")
            .field("namespace", &self.engine.namespace)
            .field("settings", &self.engine.settings)
            .finish_non_exhaustive()
    }
}
