//! The layer without a server: what only shows when futures and bodies are polled by hand.

use std::convert::Infallible;
use std::future::{Ready, pending, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use adapter_tower::SessionLayer;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Full};
use session_core::testkit::{Fault, Faulty, ManualClock, ManualRuntime, Recording, Verb, test_key};
use session_core::{ExchangeHandle, MemoryStore, Session, SessionManager};
use tower::{Layer, Service, ServiceExt, service_fn};

type Store = Faulty<Recording<MemoryStore>>;

/// A site without a socket, whose time and tasks the test directs.
struct Site {
    sessions: SessionManager,
    store: Store,
    runtime: ManualRuntime,
}

impl Site {
    fn new(store: Store) -> Self {
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
    fn of_each_kind() -> [Self; 2] {
        let store = || Faulty::new(Recording::new(MemoryStore::new()));
        [
            Self::new(store()),
            Self::new(store().without_immediate_door()),
        ]
    }

    fn layer(&self) -> SessionLayer {
        SessionLayer::new(self.sessions.clone())
    }

    /// The cookie of a new visitor who has a session.
    fn returning_visitor(&self) -> String {
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
        line.split(';')
            .next()
            .expect("it has a first part")
            .to_owned()
    }

    /// The attribute in the stored session, by a look that prolongs nothing. `None` also when
    /// there is no session.
    fn look_up(&self, cookie: &str, name: &str) -> Option<String> {
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

    fn answer<T, E: std::fmt::Debug>(&self, future: impl Future<Output = Result<T, E>>) -> T {
        self.runtime.block_on(future).expect("the service answers")
    }
}

fn with_cookie(cookie: &str) -> Request<()> {
    Request::builder()
        .header("cookie", cookie)
        .body(())
        .expect("a cookie fits a header")
}

fn handle_of<B>(request: &Request<B>) -> ExchangeHandle {
    request
        .extensions()
        .get::<ExchangeHandle>()
        .expect("the layer is there")
        .clone()
}

async fn session_of<B>(request: &Request<B>) -> Session {
    handle_of(request)
        .session()
        .await
        .expect("the store answers")
}

/// Polls once, with a waker that nobody hears.
fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_body_without_late_writes_shows_its_end_and_its_size_as_before() {
    for site in Site::of_each_kind() {
        let service = site.layer().layer(service_fn(async |request: Request<()>| {
            session_of(&request)
                .await
                .set_attribute("first", &"visit")
                .expect("it can be set");
            drop(request);
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }));
        let response = site.answer(service.oneshot(Request::new(())));
        assert!(response.body().is_end_stream());
        assert_eq!(response.body().size_hint().exact(), Some(0));
    }
}

#[test]
fn the_end_of_a_body_is_hidden_while_its_session_may_still_change() {
    for site in Site::of_each_kind() {
        let cookie = site.returning_visitor();
        let kept = Arc::new(parking_place());
        let place = kept.clone();
        let service = site.layer().layer(service_fn(move |request: Request<()>| {
            let place = place.clone();
            async move {
                *place.lock().expect("nobody panicked") = Some(session_of(&request).await);
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            }
        }));
        let mut body = site
            .answer(service.oneshot(with_cookie(&cookie)))
            .into_body();
        assert!(!body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
        let session = kept
            .lock()
            .expect("nobody panicked")
            .take()
            .expect("it was kept");
        session
            .set_attribute("late", &"kept")
            .expect("it can be set");
        assert!(site.runtime.block_on(body.frame()).is_none());
        assert!(body.is_end_stream());
        assert_eq!(site.look_up(&cookie, "late").as_deref(), Some("kept"));
    }
}

#[test]
fn after_an_upgrade_the_body_is_not_watched() {
    for site in Site::of_each_kind() {
        let cookie = site.returning_visitor();
        let kept = Arc::new(parking_place());
        let place = kept.clone();
        let service = site.layer().layer(service_fn(move |request: Request<()>| {
            let place = place.clone();
            async move {
                *place.lock().expect("nobody panicked") = Some(session_of(&request).await);
                let mut response = Response::new(Empty::<Bytes>::new());
                *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                Ok::<_, Infallible>(response)
            }
        }));
        let response = site.answer(service.oneshot(with_cookie(&cookie)));
        assert!(response.body().is_end_stream());
        // The socket's own writes are stored when it lets go of the session.
        let session = kept
            .lock()
            .expect("nobody panicked")
            .take()
            .expect("it was kept");
        session
            .set_attribute("late", &"kept")
            .expect("it can be set");
        drop((response, session));
        site.runtime.run_until_stalled();
        assert_eq!(site.look_up(&cookie, "late").as_deref(), Some("kept"));
    }
}

fn parking_place() -> std::sync::Mutex<Option<Session>> {
    std::sync::Mutex::default()
}

#[test]
fn a_future_that_is_dropped_early_commits_nothing() {
    for site in Site::of_each_kind() {
        let cookie = site.returning_visitor();
        let mut service = site.layer().layer(service_fn(async |request: Request<()>| {
            let session = session_of(&request).await;
            session
                .set_attribute("late", &"lost")
                .expect("it can be set");
            pending::<()>().await;
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }));
        site.store.inner().take_calls();
        drop(service.call(with_cookie(&cookie)));
        assert_eq!(site.store.inner().take_calls(), []);

        let mut future = Box::pin(service.call(with_cookie(&cookie)));
        // The store that is awaited needs a second poll.
        for _ in 0..2 {
            assert!(poll_once(future.as_mut()).is_pending());
        }
        drop(future);
        site.runtime.run_until_stalled();
        assert_eq!(site.look_up(&cookie, "late"), None);
    }
}

#[test]
fn a_panic_in_the_service_commits_nothing() {
    for site in Site::of_each_kind() {
        let cookie = site.returning_visitor();
        let service = site.layer().layer(service_fn(async |request: Request<()>| {
            let session = session_of(&request).await;
            session
                .set_attribute("late", &"lost")
                .expect("it can be set");
            let message: Box<dyn std::any::Any + Send> = Box::new("a fault of the program");
            // As a panic, without the message that a panic prints.
            std::panic::resume_unwind(message);
            #[expect(unreachable_code, reason = "it tells the type of the answer")]
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }));
        let call =
            std::panic::AssertUnwindSafe(|| site.answer(service.oneshot(with_cookie(&cookie))));
        assert!(std::panic::catch_unwind(call).is_err());
        site.runtime.run_until_stalled();
        assert_eq!(site.look_up(&cookie, "late"), None);
    }
}

/// No response means that no id can be announced: a rotation that were stored all the same
/// would lock the visitor out.
#[test]
fn a_service_that_fails_without_a_response_commits_nothing() {
    for site in Site::of_each_kind() {
        let cookie = site.returning_visitor();
        let service = site.layer().layer(service_fn(async |request: Request<()>| {
            let session = session_of(&request).await;
            session
                .set_attribute("late", &"lost")
                .expect("it can be set");
            session.login("ada").expect("it can log in");
            Err::<Response<Empty<Bytes>>, _>("the connection broke")
        }));
        let failed = site.runtime.block_on(service.oneshot(with_cookie(&cookie)));
        assert_eq!(failed.map(|_| ()), Err("the connection broke"));
        assert_eq!(site.look_up(&cookie, "first").as_deref(), Some("visit"));
        assert_eq!(site.look_up(&cookie, "late"), None);
    }
}

#[test]
fn the_text_of_a_failure_is_a_body_of_the_services_own_kind() {
    for site in Site::of_each_kind() {
        let service = site.layer().layer(service_fn(async |request: Request<()>| {
            session_of(&request)
                .await
                .set_attribute("first", &"visit")
                .expect("it can be set");
            // Any buffer that can hold a fixed text will do.
            Ok::<_, Infallible>(Response::new(Full::<&'static [u8]>::new(b"the page")))
        }));
        site.store.next(Verb::Create, Fault::Unavailable);
        let response = site.answer(service.oneshot(Request::new(())));
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let size = response.body().size_hint().exact();
        let text = site
            .runtime
            .block_on(response.into_body().collect())
            .expect("a text")
            .to_bytes();
        assert_eq!(text, "The session is not available at the moment.");
        assert_eq!(size, Some(text.len() as u64));
    }
}

/// Is ready when it is told to be.
#[derive(Clone)]
struct Reluctant(Arc<AtomicBool>);

impl Service<Request<()>> for Reluctant {
    type Response = Response<Empty<Bytes>>;
    type Error = &'static str;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if self.0.load(Ordering::SeqCst) {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(Empty::new())))
    }
}

#[test]
fn the_layer_is_ready_when_its_service_is() {
    let [site, _] = Site::of_each_kind();
    let is_ready = Arc::new(AtomicBool::new(false));
    let mut service = site.layer().layer(Reluctant(is_ready.clone()));
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_pending());
    is_ready.store(true, Ordering::SeqCst);
    assert_eq!(service.poll_ready(&mut context), Poll::Ready(Ok(())));
}

const IDLE_LIMIT: Duration = Duration::from_secs(30 * 60);

/// Polls `future` while as much time passes, as a server does whose timers wake it.
fn pass_time<F: Future>(site: &Site, mut future: Pin<&mut F>, minutes: u64) {
    assert!(poll_once(future.as_mut()).is_pending());
    for _ in 0..minutes {
        site.runtime.advance(Duration::from_secs(60));
        assert!(poll_once(future.as_mut()).is_pending());
        site.runtime.run_until_stalled();
    }
}

#[test]
fn a_handler_that_takes_longer_than_the_idle_limit_keeps_its_session() {
    for site in Site::of_each_kind() {
        let cookie = site.returning_visitor();
        let service = site.layer().layer(service_fn(async |request: Request<()>| {
            let _session = session_of(&request).await;
            pending::<()>().await;
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }));
        let mut future = pin!(service.oneshot(with_cookie(&cookie)));
        // The store that is awaited needs a second poll.
        assert!(poll_once(future.as_mut()).is_pending());
        pass_time(&site, future.as_mut(), 45);
        assert_eq!(site.look_up(&cookie, "first").as_deref(), Some("visit"));
        // At most for an hour: then the idle limit holds again.
        pass_time(&site, future.as_mut(), 60);
        assert_eq!(site.look_up(&cookie, "first"), None);
    }
}

#[test]
fn a_body_that_streams_longer_than_the_idle_limit_keeps_its_session() {
    for site in Site::of_each_kind() {
        let cookie = site.returning_visitor();
        let service = site.layer().layer(service_fn(async |request: Request<()>| {
            Ok::<_, Infallible>(Response::new(Silent(session_of(&request).await)))
        }));
        let mut body = site
            .answer(service.oneshot(with_cookie(&cookie)))
            .into_body();
        let mut end = pin!(body.frame());
        pass_time(&site, end.as_mut(), 45);
        assert_eq!(site.look_up(&cookie, "first").as_deref(), Some("visit"));
    }
}

#[test]
fn a_long_request_that_does_not_use_its_session_keeps_nothing_alive() {
    for site in Site::of_each_kind() {
        let cookie = site.returning_visitor();
        let service = site.layer().layer(service_fn(async |_: Request<()>| {
            pending::<()>().await;
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }));
        site.store.inner().take_calls();
        let mut future = pin!(service.oneshot(with_cookie(&cookie)));
        pass_time(&site, future.as_mut(), IDLE_LIMIT.as_secs() / 60);
        assert_eq!(site.store.inner().count(Verb::Apply), 0);
        assert_eq!(site.look_up(&cookie, "first"), None);
    }
}

/// A body that holds a session and never says anything.
struct Silent(#[expect(dead_code, reason = "it is held, as a stream holds its session")] Session);

impl Body for Silent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}
