//! A site whose time and tasks the test directs.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use adapter_tower::SessionLayer;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use session_core::testkit::{Faulty, ManualClock, ManualRuntime, Recording, note_tokens, test_key};
use session_core::{ExchangeHandle, MemoryStore, Session, SessionManager};
use tower::{Layer, ServiceExt, service_fn};

/// A store whose calls are counted and fail on cue.
pub(crate) type Store = Faulty<Recording<MemoryStore>>;

/// A site without a socket, whose time and tasks the test directs.
pub(crate) struct Site {
    pub(crate) sessions: SessionManager,
    pub(crate) store: Store,
    pub(crate) runtime: ManualRuntime,
}

impl Site {
    pub(crate) fn new(store: Store) -> Self {
        let clock = ManualClock::new();
        let runtime = ManualRuntime::new(clock.clone());
        let sessions = SessionManager::builder()
            .secret_key(test_key())
            .store(store.clone())
            .clock(clock)
            .build()
            .expect("the configuration builds");
        sessions.attach_runtime(Arc::new(runtime.clone()));
        Self {
            sessions,
            store,
            runtime,
        }
    }

    /// A site with each of the two ways to a store.
    pub(crate) fn of_each_kind() -> [Self; 2] {
        let store = || Faulty::new(Recording::new(MemoryStore::new()));
        [
            Self::new(store()),
            Self::new(store().without_immediate_door()),
        ]
    }

    pub(crate) fn layer(&self) -> SessionLayer {
        SessionLayer::new(self.sessions.clone())
    }

    /// The cookie of a new visitor who has a session.
    pub(crate) fn returning_visitor(&self) -> String {
        let sign = self.layer().layer(service_fn(async |request: Request<()>| {
            session_of(&request)
                .await
                .set_attribute("first", &"visit")
                .expect("it can be set");
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }));
        let response = self.answer(sign.oneshot(Request::new(())));
        let line = response.headers()["set-cookie"]
            .to_str()
            .expect("a cookie is text");
        note_tokens(line);
        line.split(';')
            .next()
            .expect("it has a first part")
            .to_owned()
    }

    /// The attribute in the stored session, by a look that prolongs nothing. `None` also when
    /// there is no session.
    pub(crate) fn look_up(&self, cookie: &str, name: &str) -> Option<String> {
        let request = session_core::testkit::Request {
            cookies: vec![cookie.into()],
            ..Default::default()
        };
        let handle = self.sessions.begin(&request).handle();
        let view = self
            .runtime
            .block_on(handle.peek_session())
            .expect("the store answers");
        view.and_then(|view| view.get_attribute(name).expect("it is text"))
    }

    pub(crate) fn answer<T, E: std::fmt::Debug>(
        &self,
        future: impl Future<Output = Result<T, E>>,
    ) -> T {
        self.runtime.block_on(future).expect("the service answers")
    }
}

pub(crate) fn with_cookie(cookie: &str) -> Request<()> {
    Request::builder()
        .header("cookie", cookie)
        .body(())
        .expect("a cookie fits a header")
}

pub(crate) fn handle_of<B>(request: &Request<B>) -> ExchangeHandle {
    request
        .extensions()
        .get::<ExchangeHandle>()
        .expect("the layer is there")
        .clone()
}

pub(crate) async fn session_of<B>(request: &Request<B>) -> Session {
    handle_of(request)
        .session()
        .await
        .expect("the store answers")
}

/// Polls once, with a waker that nobody hears.
pub(crate) fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
