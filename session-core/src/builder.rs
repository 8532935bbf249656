//! Configuration, validated once: what builds can run, what cannot run does not build.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::cookie::{
    CookieError, CookieOptions, CookiePolicy, KeyError, Keyring, SameSite, SecretKey,
};
use crate::engine::{Engine, FailedCommit, Settings, SkipPredicate, Touch};
use crate::entropy::{Entropy, SystemEntropy};
use crate::event::{EventSink, SessionEvent};
use crate::exchange::Main;
use crate::facts::Facts;
use crate::handoff::Handoffs;
use crate::manager::SessionManager;
use crate::session::{Limits, MaxInactiveInterval, NamespaceTag};
use crate::store::SessionStore;
use crate::store::memory::MemoryStore;
use crate::transport::{TokenHeader, TokenHeaderError, Transport};

/// The configuration of a [`SessionManager`].
///
/// # Defaults
///
/// | what | default |
/// |---|---|
/// | secret key | none: there is no default key, building without one is an error |
/// | store | [`MemoryStore::new`] |
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
    token_header: Option<(String, Option<String>)>,
    namespace: Option<String>,
    settings: Settings,
    clock: Box<dyn Clock>,
    entropy: Box<dyn Entropy>,
    skip: Option<SkipPredicate>,
    events: EventSink,
    marker: PhantomData<fn() -> S>,
}

/// Why a configuration cannot work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No [`secret_key`](SessionManagerBuilder::secret_key) was given, or several.
    #[error("exactly one secret key must be given to sign with; older ones are previous keys")]
    SecretKeyCount,
    /// The keys cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The cookie would not work in a browser.
    #[error(transparent)]
    Cookie(#[from] CookieError),
    /// The header cannot carry the token.
    #[error(transparent)]
    TokenHeader(#[from] TokenHeaderError),
    /// A limit of zero bytes or zero attributes leaves no room for a session.
    #[error("the size limits leave no room for a session")]
    NoRoom,
    /// An absolute limit or a deadline of zero ends every session, or every call, at once.
    #[error("a time limit of zero would end everything at once")]
    ZeroDuration,
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
    #[must_use]
    pub fn shared_store(mut self, store: Arc<dyn SessionStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Whether JavaScript is kept from reading the cookie. Leave it on.
    #[must_use]
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.cookie.http_only = http_only;
        self
    }

    /// Whether the cookie is for HTTPS only. `false` is for development over plain HTTP: the
    /// cookie is then called `sid` unless it has a name, and is still `Secure` in responses to
    /// requests that are known to have come over HTTPS (`SessionCookieConfig.setSecure`).
    #[must_use]
    pub fn secure(mut self, secure: bool) -> Self {
        self.cookie.secure = secure;
        self
    }

    /// Which requests from other sites carry the cookie.
    #[must_use]
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.cookie.same_site = same_site;
        self
    }

    /// The name of the cookie. The prefixes `__Host-` and `__Secure-` put their conditions on
    /// the other attributes (RFC 6265bis, 4.1.3), which are checked when building.
    #[must_use]
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie.name = Some(name.into());
        self
    }

    /// The path of the cookie.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.cookie.path = Some(path.into());
        self
    }

    /// The domain of the cookie, which all its subdomains then receive. Without one, only the
    /// host that set it does.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.cookie.domain = Some(domain.into());
        self
    }

    /// Makes the cookie outlive the browser, for this long: cut to 400 days and to what is left
    /// of the absolute limit. It is sent again when a tenth of it has passed.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.cookie.max_age = Some(max_age);
        self
    }

    /// Keeps the cookie apart for each top-level site that embeds this one (CHIPS).
    #[must_use]
    pub fn partitioned(mut self, partitioned: bool) -> Self {
        self.cookie.partitioned = partitioned;
        self
    }

    /// Adds another attribute to the cookie; an empty value makes it a bare flag
    /// (`SessionCookieConfig.setAttribute`).
    #[must_use]
    pub fn cookie_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.cookie.attributes.push((name.into(), value.into()));
        self
    }

    /// Sends the token in a header called `name` of responses, and expects it in the header of
    /// the same name of requests, instead of a cookie: for clients that are no browsers. The
    /// options of the cookie then have no effect.
    ///
    /// A browser is better served by the cookie, which scripts cannot read. A response that
    /// tells a new token or, with an empty value, the end of a session, has the header; all
    /// others have not.
    #[must_use]
    pub fn token_header(mut self, name: impl Into<String>) -> Self {
        self.token_header = Some((name.into(), None));
        self
    }

    /// [`token_header`](Self::token_header) with another name in responses than in requests.
    #[must_use]
    pub fn token_headers(
        mut self,
        request: impl Into<String>,
        response: impl Into<String>,
    ) -> Self {
        self.token_header = Some((request.into(), Some(response.into())));
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

    /// For how long one request keeps its session alive by itself.
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

    /// Is told what the engine notices. Called outside of any lock; must not block.
    #[must_use]
    pub fn on_event(mut self, observer: impl Fn(SessionEvent) + Send + Sync + 'static) -> Self {
        self.events = EventSink::new(observer);
        self
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

    /// Checks the configuration and makes the manager.
    ///
    /// # Errors
    /// [`ConfigError`] for everything that could not work.
    pub fn build(self) -> Result<SessionManager<S>, ConfigError> {
        let settings = self.settings;
        if self.current_keys != 1 {
            return Err(ConfigError::SecretKeyCount);
        }
        if settings.limits.max_bytes == 0 || settings.limits.max_attributes == 0 {
            return Err(ConfigError::NoRoom);
        }
        if settings.absolute_timeout == Some(Duration::ZERO) || settings.store_timeout.is_zero() {
            return Err(ConfigError::ZeroDuration);
        }
        let transport = self.token_header.map_or(Ok(Transport::Cookie), |names| {
            let (request, response) = names;
            let response = response.as_ref().unwrap_or(&request);
            TokenHeader::new(&request, response).map(|header| Transport::Header(Arc::new(header)))
        })?;
        let cookie = CookiePolicy::new(self.cookie)?;
        let carrier = match &transport {
            Transport::Cookie => cookie.name().to_owned(),
            Transport::Header(header) => header.request.clone(),
        };
        let keyring = Keyring::new(&self.keys, &carrier)?;
        let namespace = self.namespace.unwrap_or(carrier);
        Ok(SessionManager::new(Engine {
            store: self.store.unwrap_or_else(|| Arc::new(MemoryStore::new())),
            keyring,
            tag: NamespaceTag::of(&namespace),
            transport,
            cookie,
            namespace,
            clock: self.clock,
            entropy: self.entropy,
            settings,
            skip: self.skip,
            events: self.events,
            runtime: OnceLock::new(),
            handoffs: Handoffs::default(),
            #[cfg(feature = "testkit")]
            presence: Arc::default(),
        }))
    }
}

impl<S> fmt::Debug for SessionManagerBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManagerBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
