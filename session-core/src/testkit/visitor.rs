//! A browser without HTTP: a visitor with a cookie jar that drives the engine directly, so
//! that the session logic of an application is tested in a few lines.

use std::borrow::Cow;

use super::clock::ManualClock;
use super::entropy::SeededEntropy;
use crate::error::SessionError;
use crate::exchange::{Exchange, Main};
use crate::facts::{Facts, HeaderSink};
use crate::lifecycle::deliver::Delivery;
use crate::session::Session;
use crate::store::memory::MemoryStore;
use crate::transport::Transport;
use crate::{SecretKey, SessionManager, SessionManagerBuilder};

/// A site for tests: a manager with a manual clock and reproducible ids.
pub struct Site<S = Main> {
    sessions: SessionManager<S>,
    clock: ManualClock,
}

impl Site {
    /// A site with the defaults of the engine and a store of its own.
    ///
    /// # Panics
    /// Never: the defaults are a valid configuration.
    #[must_use]
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// A site configured by `configure`, which gets a builder with a key, a memory store, a
    /// manual clock and a seeded generator.
    ///
    /// # Panics
    /// When the configuration does not build.
    #[must_use]
    pub fn with(configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder) -> Self {
        let clock = ManualClock::new();
        let builder = SessionManager::builder()
            .secret_key(test_key())
            .store(MemoryStore::new())
            .clock(clock.clone())
            .entropy(SeededEntropy::new(1));
        match configure(builder).build() {
            Ok(sessions) => Self { sessions, clock },
            Err(error) => panic!("the site does not build: {error}"),
        }
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

/// The key that sites for tests sign with.
///
/// # Panics
/// Never: the key is long enough.
#[must_use]
pub fn test_key() -> SecretKey {
    const TEXT: &str = "a key for tests, and for nothing else at all";
    super::note_secret(TEXT);
    match SecretKey::new(TEXT) {
        Ok(key) => key,
        Err(error) => panic!("the key for tests is refused: {error}"),
    }
}

impl<S: 'static> Site<S> {
    /// A site on a manager that was built elsewhere, with the clock it was built with.
    #[must_use]
    pub const fn of(sessions: SessionManager<S>, clock: ManualClock) -> Self {
        Self { sessions, clock }
    }

    /// The manager.
    #[must_use]
    pub const fn sessions(&self) -> &SessionManager<S> {
        &self.sessions
    }

    /// The clock.
    #[must_use]
    pub const fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// A new visitor, with no cookie yet.
    #[must_use]
    pub fn visitor(&self) -> Visitor<S> {
        Visitor {
            sessions: self.sessions.clone(),
            cookie: None,
            set_cookies: 0,
        }
    }
}

impl<S> std::fmt::Debug for Site<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// Somebody with a browser: keeps the session cookie from visit to visit.
///
/// ```
/// use session_core::testkit::{Site, block_on};
///
/// # block_on(async {
/// let site = Site::new();
/// let mut ada = site.visitor();
/// ada.visit(async |session| session.set_attribute("cart", &["book"])).await?;
///
/// // Log in: the id is rotated and the cart kept.
/// let before = ada.cookie();
/// ada.visit(async |session| session.login("ada")).await?;
/// assert_ne!(ada.cookie(), before);
/// let cart: Option<Vec<String>> = ada.visit(async |session| session.get_attribute("cart")).await?;
/// assert_eq!(cart.as_deref(), Some(&["book".to_owned()][..]));
/// # Ok::<(), session_core::SessionError>(())
/// # }).unwrap();
/// ```
pub struct Visitor<S = Main> {
    sessions: SessionManager<S>,
    cookie: Option<String>,
    set_cookies: usize,
}

impl<S: 'static> Visitor<S> {
    /// One request: runs `handler` with the session, commits, and keeps the cookie.
    ///
    /// # Errors
    /// What `handler` answers; else what the commit reports, as a framework would answer
    /// with an error page.
    pub async fn visit<R>(
        &mut self,
        handler: impl AsyncFnOnce(Session<S>) -> Result<R, SessionError>,
    ) -> Result<R, SessionError> {
        let mut exchange = self.begin();
        let outcome = match exchange.handle().session().await {
            Ok(session) => handler(session).await,
            Err(error) => Err(error),
        };
        let delivery = exchange.commit().await;
        // A handler that failed answers all the same, and its session is committed.
        let result = match (outcome, delivery) {
            (outcome, Ok(delivery)) => {
                self.receive(delivery);
                outcome
            }
            (Ok(_), Err(error)) | (Err(error), Err(_)) => Err(error),
        };
        exchange.finish().await?;
        result
    }

    /// Begins a request with the visitor's cookie, for tests that need its parts: whoever
    /// calls this commits, finishes, and hands the delivery to [`receive`](Self::receive).
    #[must_use]
    pub fn begin(&self) -> Exchange<S> {
        self.sessions.begin(&self.request())
    }

    /// The request that the visitor would make now.
    #[must_use]
    pub fn request(&self) -> Request {
        let mut request = Request::default();
        if let Some(token) = &self.cookie {
            match &self.sessions.engine.transport {
                Transport::Header(header) => {
                    let line = (header.request.clone(), token.clone().into_bytes());
                    request.headers.push(line);
                }
                // With the choice, a visitor does as a browser does.
                Transport::Cookie | Transport::Either(_) => {
                    let name = self.sessions.cookie_name();
                    request.cookies.push(format!("{name}={token}").into_bytes());
                }
            }
        }
        request
    }

    /// Keeps what the response says about the cookie, as a browser does, or about the token
    /// in a header. Answers the headers.
    pub fn receive(&mut self, delivery: Delivery) -> Headers {
        if let Some(token) = delivery.token_header() {
            super::note_tokens(token);
            self.cookie = (!token.is_empty()).then(|| token.to_owned());
        }
        let mut headers = Headers::default();
        delivery.write_to(&mut headers);
        for line in headers.get("set-cookie") {
            super::note_tokens(line);
            self.set_cookies += 1;
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let value = pair.split_once('=').map_or("", |(_, value)| value);
            let ended = attributes.contains("Max-Age=0");
            self.cookie = (!ended).then(|| value.to_owned());
        }
        headers
    }

    /// The token in the jar, of the cookie or of the header; `None` when there is none.
    #[must_use]
    pub fn cookie(&self) -> Option<String> {
        self.cookie.clone()
    }

    /// Puts a value into the jar, as an attacker or a script might; `None` empties it.
    pub fn set_cookie(&mut self, value: Option<String>) {
        super::note_tokens(value.as_deref().unwrap_or_default());
        self.cookie = value;
    }

    /// How many `Set-Cookie` lines the visitor has received.
    #[must_use]
    pub const fn set_cookies(&self) -> usize {
        self.set_cookies
    }
}

impl<S> Clone for Visitor<S> {
    /// The same browser in another tab, as it is at this moment.
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            cookie: self.cookie.clone(),
            set_cookies: self.set_cookies,
        }
    }
}

impl<S> std::fmt::Debug for Visitor<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Visitor")
            .field("has_cookie", &self.cookie.is_some())
            .finish_non_exhaustive()
    }
}

/// A request as the engine sees it.
#[derive(Clone)]
pub struct Request {
    /// The lines of the `Cookie` header.
    pub cookies: Vec<Vec<u8>>,
    /// The lines of other headers, with their names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Whether it came over HTTPS.
    pub secure: bool,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            cookies: Vec::new(),
            headers: Vec::new(),
            secure: true,
            method: "GET".into(),
            path: "/".into(),
        }
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Request({} {})", self.method, self.path)
    }
}

impl Facts for Request {
    fn header_lines(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        if name == "cookie" {
            for line in &self.cookies {
                visit(line);
            }
        }
        for (_, line) in self.headers.iter().filter(|(other, _)| other == name) {
            visit(line);
        }
    }

    fn is_secure(&self) -> bool {
        self.secure
    }

    fn method(&self) -> &str {
        &self.method
    }

    fn path(&self) -> &str {
        &self.path
    }
}

/// Response headers as the engine writes them; start with the application's own to see how
/// they get along.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Headers that the application has set.
    #[must_use]
    pub fn of(lines: &[(&str, &str)]) -> Self {
        Self(
            lines
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    /// The values of the header `name`, in order.
    #[must_use]
    pub fn get(&self, name: &str) -> Vec<&str> {
        let lines = self.0.iter().filter(|(other, _)| other == name);
        lines.map(|(_, value)| value.as_str()).collect()
    }
}

impl std::fmt::Debug for Headers {
    /// Names only: a value may be a credential.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

impl HeaderSink for Headers {
    fn lines(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        for line in self.get(name) {
            visit(line.as_bytes());
        }
    }

    fn append(&mut self, name: &str, value: Cow<'static, str>) {
        self.0.push((name.to_owned(), value.into_owned()));
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|(other, _)| other != name);
    }
}
