//! Configuration, validated once: what builds can run, what cannot run does not build.

mod build;
mod transport;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

pub use build::ConfigError;

use crate::assurance::AssuranceLevel;
use crate::clock::{Clock, SystemClock};
use crate::cookie::{CookieOptions, SecretKey};
use crate::engine::{FailedCommit, Settings, SkipPredicate, Touch};
use crate::entropy::{Entropy, SystemEntropy};
use crate::event::{EventSink, SessionEvent};
use crate::exchange::Main;
use crate::facts::Facts;
use crate::listener::{AttributeHook, Hooked, SessionListener};
use crate::session::{Limits, MaxInactiveInterval, SessionAttribute, SessionLimit};
use crate::store::SessionStore;
use crate::transport::TokenHeaderOptions;

/// The configuration of a [`SessionManager`](crate::SessionManager).
///
/// # Defaults
///
/// | what | default |
/// |---|---|
/// | secret key | none: there is no default key, building without one is an error |
/// | store | [`MemoryStore::new`](crate::MemoryStore::new) |
/// | cookie | `__Host-sid`, `Secure`, `HttpOnly`, `SameSite=Lax`, `Path=/`, until the browser is closed |
/// | idle limit | 30 minutes, as in Servlet containers |
/// | absolute limit | 30 days (NIST SP 800-63B-4, AAL1) |
/// | size limits | 1 MiB and 256 attributes for each session |
/// | keep-alive of one long request | one hour |
/// | deadline of a store call | 5 seconds, for stores outside this process |
pub struct SessionManagerBuilder<S = Main> {
    keys: Vec<SecretKey>,
    current_keys: usize,
    store: Option<Arc<dyn SessionStore>>,
    cookie: CookieOptions,
    token_header: Option<TokenHeaderOptions>,
    namespace: Option<String>,
    settings: Settings,
    clock: Box<dyn Clock>,
    entropy: Box<dyn Entropy>,
    skip: Option<SkipPredicate>,
    events: EventSink,
    counts: bool,
    listeners: Vec<Arc<dyn SessionListener>>,
    marker: PhantomData<fn() -> S>,
}

impl SessionManagerBuilder {
    pub(crate) fn new() -> Self {
        Self {
            keys: Vec::new(),
            current_keys: 0,
            store: None,
            cookie: CookieOptions::default(),
            token_header: None,
            namespace: None,
            settings: Settings {
                max_inactive_interval: Duration::from_secs(30 * 60).into(),
                absolute_timeout: Some(Duration::from_secs(30 * 24 * 60 * 60)),
                limits: Limits {
                    max_bytes: 1 << 20,
                    max_attributes: 256,
                },
                session_limit: None,
                strict_reads: false,
                touch: Touch::OnUse,
                failed_commit: FailedCommit::ReplaceResponse,
                keep_alive_limit: Duration::from_secs(60 * 60),
                store_timeout: Duration::from_secs(5),
            },
            clock: Box::new(SystemClock),
            entropy: Box::new(SystemEntropy::new()),
            skip: None,
            events: EventSink::default(),
            counts: false,
            listeners: Vec::new(),
            marker: PhantomData,
        }
    }
}

impl<S> SessionManagerBuilder<S> {
    /// Marks the sessions of this manager with a type of the application's own, so that
    /// handlers can tell them from the sessions of another manager.
    ///
    /// ```
    /// # use session_core::{SecretKey, SessionManager};
    /// enum Admin {}
    ///
    /// let admin: SessionManager<Admin> = SessionManager::builder()
    ///     .marker::<Admin>()
    ///     .secret_key(SecretKey::generate()?)
    ///     .cookie_name("__Host-admin")
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn marker<T>(self) -> SessionManagerBuilder<T> {
        SessionManagerBuilder {
            keys: self.keys,
            current_keys: self.current_keys,
            store: self.store,
            cookie: self.cookie,
            token_header: self.token_header,
            namespace: self.namespace,
            settings: self.settings,
            clock: self.clock,
            entropy: self.entropy,
            skip: self.skip,
            events: self.events,
            counts: self.counts,
            listeners: self.listeners,
            marker: PhantomData,
        }
    }

    /// The key that signs the ids in cookies.
    #[must_use]
    pub fn secret_key(mut self, key: SecretKey) -> Self {
        self.keys.insert(0, key);
        self.current_keys += 1;
        self
    }

    /// An older key: what it signed is still accepted, and signed anew with the current key
    /// in the next response that uses the session. A key that is no longer listed is dead at
    /// once, and so is what it signed.
    #[must_use]
    pub fn previous_key(mut self, key: SecretKey) -> Self {
        self.keys.push(key);
        self
    }

    /// Where sessions live.
    #[must_use]
    pub fn store(self, store: impl SessionStore) -> Self {
        self.shared_store(Arc::new(store))
    }

    /// [`store`](Self::store) for a store that something else holds too.
    ///
    /// Managers that share a store sweep for each other: what the store ends by itself is told
    /// to the listeners and observers of whichever manager swept, also when it was a session of
    /// another one. So they need the same listeners, or a store each.
    #[must_use]
    pub fn shared_store(mut self, store: Arc<dyn SessionStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// The application that sessions belong to, where several share a store. The default is
    /// the name of the cookie or of the header that carries the token.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// How long a new session may lie idle; `None` and zero are for ever.
    #[must_use]
    pub fn max_inactive_interval(mut self, interval: impl Into<MaxInactiveInterval>) -> Self {
        self.settings.max_inactive_interval = interval.into();
        self
    }

    /// How long a session may live whatever its activity; `None` is for ever. Only a login
    /// starts it anew.
    #[must_use]
    pub fn absolute_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.settings.absolute_timeout = timeout.into();
        self
    }

    /// Sets both time limits, idle and absolute, to those of an [`AssuranceLevel`]. Calls of
    /// [`max_inactive_interval`](Self::max_inactive_interval) and
    /// [`absolute_timeout`](Self::absolute_timeout) after this one replace them.
    #[must_use]
    pub fn assurance(self, level: AssuranceLevel) -> Self {
        self.max_inactive_interval(level.max_inactive_interval())
            .absolute_timeout(level.absolute_timeout())
    }

    /// The most bytes that the names, values and principal of one session may have.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.settings.limits.max_bytes = bytes;
        self
    }

    /// The most attributes that one session may have.
    #[must_use]
    pub fn max_attributes(mut self, attributes: usize) -> Self {
        self.settings.limits.max_attributes = attributes;
        self
    }

    /// How many live sessions one principal may have at once. Any number by default. Needs a
    /// store that knows principals.
    #[must_use]
    pub fn session_limit(mut self, limit: SessionLimit) -> Self {
        self.settings.session_limit = Some(limit);
        self
    }

    /// Whether setting an attribute that this request has read fails with
    /// [`SessionError::Conflict`](crate::SessionError::Conflict) when another request changed
    /// it in between. Off by default: the last writer wins.
    #[must_use]
    pub fn strict_reads(mut self, strict: bool) -> Self {
        self.settings.strict_reads = strict;
        self
    }

    /// Which requests count as an access.
    #[must_use]
    pub fn touch(mut self, touch: Touch) -> Self {
        self.settings.touch = touch;
        self
    }

    /// What becomes of a response whose session could not be stored.
    #[must_use]
    pub fn failed_commit(mut self, failed_commit: FailedCommit) -> Self {
        self.settings.failed_commit = failed_commit;
        self
    }

    /// For how long one request keeps its session alive by itself. Afterwards it only asks for it,
    /// so that it learns where the session went.
    #[must_use]
    pub fn keep_alive_limit(mut self, limit: Duration) -> Self {
        self.settings.keep_alive_limit = limit;
        self
    }

    /// How long a store outside this process may take for one call.
    #[must_use]
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.settings.store_timeout = timeout;
        self
    }

    /// Switches session handling off for some requests, by what the server knows of them. No
    /// client can switch it off.
    #[must_use]
    pub fn skip_when(
        mut self,
        predicate: impl Fn(&dyn Facts) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.skip = Some(Box::new(predicate));
        self
    }

    /// Is told what the engine notices. Called outside of any lock; must not block. Several
    /// observers are told one after the other. One that panics has been told.
    #[must_use]
    pub fn on_event(mut self, observer: impl Fn(SessionEvent) + Send + Sync + 'static) -> Self {
        self.events.add(observer);
        self
    }

    /// Counts what happens to sessions and what the store is asked, for
    /// [`SessionManager::stats`](crate::SessionManager::stats). Without it nothing is counted, which costs nothing.
    ///
    /// With the feature `metrics` of this crate the same goes to the recorder that the
    /// application has installed for the `metrics` crate:
    ///
    /// | name | labels | counts |
    /// |---|---|---|
    /// | `session_created_total` | | sessions that were created and stored |
    /// | `session_renamed_total` | | sessions that got another id |
    /// | `session_ended_total` | `reason` | sessions that were ended: `invalidated`, `logged_out`, `terminated` |
    /// | `session_removed_total` | `reason` | sessions that a store removed: `evicted`, `expired`, `generation`, `replaced` |
    /// | `session_rejected_total` | `reason` | presented ids that were not used, by [`Rejection`](crate::Rejection) in snake case |
    /// | `session_writes_dropped_total` | `reason` | requests whose writes were dropped: `gone`, `no_runtime` |
    /// | `session_late_commits_failed_total` | | commits that failed after the response head |
    /// | `session_conflicts_total` | | changes that another request was faster than, and that were made again |
    /// | `session_store_calls_total` | `verb` | store calls, by [`Verb`](crate::store::Verb) |
    /// | `session_store_failures_total` | `verb` | store calls that failed or were given up |
    /// | `session_store_seconds` | `verb` | how long store calls took, a histogram |
    /// | `session_live` | | sessions that lived at the latest [`census`](crate::SessionManager::census), a gauge |
    /// | `session_live_by_age` | `age` | the same by their age, a gauge for each of `1m`, `10m`, `1h`, `1d`, `1w`, `older`: at most so old, and older than the one before |
    ///
    /// A recorder that is installed before the manager is built sees every counter from zero
    /// on, with a description. Nobody takes a census but who asks for one: ask before the
    /// gauges are read. No label tells one session from another.
    #[must_use]
    pub const fn statistics(mut self) -> Self {
        self.counts = true;
        self
    }

    /// Adds a listener, which is told what became of sessions. Managers that
    /// [share a store](Self::shared_store) need the same ones.
    #[must_use]
    pub fn listener(mut self, listener: impl SessionListener) -> Self {
        self.listeners.push(Arc::new(listener));
        self
    }

    /// Adds a hook, which is told when values of the attribute `T` are bound to sessions and
    /// unbound.
    #[must_use]
    pub fn attribute_hook<T>(self, hook: impl AttributeHook<T>) -> Self
    where
        T: SessionAttribute + Send + 'static,
    {
        self.listener(Hooked::new(hook))
    }

    /// The clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// The source of random bytes, for tests.
    #[must_use]
    pub fn entropy(mut self, entropy: impl Entropy) -> Self {
        self.entropy = Box::new(entropy);
        self
    }
}

impl<S> fmt::Debug for SessionManagerBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManagerBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
