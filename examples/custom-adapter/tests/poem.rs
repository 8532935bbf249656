//! What is peculiar to poem, and not in the scenarios that all adapters share.
#![allow(
    clippy::needless_pass_by_value,
    reason = "handlers of poem own what they extract"
)]

use std::future::pending;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use custom_adapter::{ExistingSession, Rejection, Session, serve, with_sessions};
use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use poem::error::NotFoundError;
use poem::http::StatusCode;
use poem::web::Data;
use poem::{Body, Endpoint, EndpointExt, Request, Response, Route, handler};
use session_core::testkit::{Faulty, ManualRuntime, Recording, Site, Verb, note_tokens};
use session_core::{MemoryStore, SessionManager, SessionManagerBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Store = Faulty<Recording<MemoryStore>>;

/// Where a handler leaves its session, so that it outlives the handler.
type Kept = Arc<Mutex<Option<session_core::Session>>>;

fn site(configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder) -> (Store, Site) {
    let store = Faulty::new(Recording::new(MemoryStore::new()));
    let site = Site::with(|builder| configure(builder.store(store.clone())));
    (store, site)
}

/// A request of somebody who has a session with a name in it.
async fn of_a_visitor(sessions: &SessionManager, target: &str) -> Request {
    request_with(&cookie_of_a_visitor(sessions).await, target)
}

fn request_with(cookie: &str, target: &str) -> Request {
    Request::builder()
        .uri_str(target)
        .header("cookie", cookie)
        .finish()
}

async fn cookie_of_a_visitor(sessions: &SessionManager) -> String {
    let response = with_sessions(keep_a_name, sessions.clone())
        .get_response(Request::default())
        .await;
    let line = response.header("set-cookie").expect("a session begins");
    note_tokens(line);
    line.split(';').next().unwrap_or(line).to_owned()
}

#[handler]
fn keep_a_name(Session(session): Session) -> Result<(), Rejection> {
    Ok(session.set_attribute("name", "Ada")?)
}

#[handler]
fn tell_the_name(ExistingSession(session): ExistingSession) -> Result<String, Rejection> {
    let Some(session) = session else {
        return Ok("no session".into());
    };
    let name: Option<String> = session.get_attribute("name")?;
    Ok(name.unwrap_or_else(|| "no name".into()))
}

async fn text(response: Response) -> String {
    let text = response.into_body().into_string().await;
    text.expect("the body is text")
}

#[tokio::test]
async fn an_outage_is_never_no_session_however_a_handler_asks() {
    #[handler]
    fn an_option(session: Option<Session>) -> String {
        format!("there is a session: {}", session.is_some())
    }
    #[handler]
    fn an_optional_option(session: Option<ExistingSession>) -> String {
        format!("there is a session: {}", session.is_some())
    }
    #[handler]
    fn a_result(session: poem::Result<Session>) -> String {
        format!("there is a session: {}", session.is_ok())
    }
    let (store, site) = site(|builder| builder);
    let routes = Route::new()
        .at("/session", keep_a_name)
        .at("/existing", tell_the_name)
        .at("/option", an_option)
        .at("/optional-option", an_optional_option)
        .at("/result", a_result);
    let app = with_sessions(routes, site.sessions().clone());
    for target in [
        "/session",
        "/existing",
        "/option",
        "/optional-option",
        "/result",
    ] {
        let request = of_a_visitor(site.sessions(), target).await;
        store.break_down();
        let response = app.get_response(request).await;
        store.repair();
        assert_eq!(
            response.status(),
            StatusCode::SERVICE_UNAVAILABLE,
            "{target}"
        );
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(response.header("set-cookie"), None, "the cookie is kept");
        assert_eq!(
            text(response).await,
            "The session is not available at the moment."
        );
    }
}

#[tokio::test]
async fn an_error_of_the_application_is_an_answer_and_keeps_its_session() {
    #[handler]
    fn fail(Session(session): Session) -> poem::Result<()> {
        session
            .set_attribute("name", "Ada")
            .map_err(Rejection::from)?;
        Err(NotFoundError.into())
    }
    let (_, site) = site(|builder| builder);
    let app = with_sessions(fail, site.sessions().clone());
    let response = app.get_response(Request::default()).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(response.header("set-cookie").is_some());
}

#[tokio::test]
async fn a_route_without_the_adapter_is_a_fault_of_the_program() {
    let response = tell_the_name.get_response(Request::default()).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_nested_route_is_known_by_its_whole_path() {
    let (_, site) = site(|builder| builder.skip_when(|facts| facts.path() == "/api/name"));
    let nested = with_sessions(
        Route::new().at("/name", tell_the_name),
        site.sessions().clone(),
    );
    let app = Route::new().nest("/api", nested);
    let cookie = cookie_of_a_visitor(site.sessions()).await;

    // Only requests from a socket know the path that they came with.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut client = TcpStream::connect(listener.local_addr().expect("an address"))
        .await
        .expect("the server listens");
    tokio::spawn(serve(listener, app, pending()));
    let lines = format!("GET /api/name HTTP/1.0\r\ncookie: {cookie}\r\n\r\n");
    let sent = client.write_all(lines.as_bytes()).await;
    sent.expect("the server reads");
    let mut response = String::new();
    let received = client.read_to_string(&mut response).await;
    received.expect("the server answers");
    assert!(response.ends_with("\r\n\r\nno session"), "{response}");
}

/// Answers with `body` and leaves the session where the test finds it.
#[handler]
fn keep_the_session(
    kept: Data<&Kept>,
    body: Data<&(StatusCode, &'static str)>,
    Session(session): Session,
) -> Response {
    *kept.lock() = Some(session);
    let Data(&(status, text)) = body;
    Response::builder().status(status).body(text)
}

/// The response to a visitor of [`keep_the_session`], and what it left.
async fn kept(site: &Site, status: StatusCode, text: &'static str) -> (Response, Kept) {
    let kept = Kept::default();
    let routes = keep_the_session.data(kept.clone()).data((status, text));
    let app = with_sessions(routes, site.sessions().clone());
    let request = of_a_visitor(site.sessions(), "/").await;
    (app.get_response(request).await, kept)
}

#[tokio::test]
async fn a_body_of_known_length_still_announces_it() {
    let (_, site) = site(|builder| builder);
    let (response, _kept) = kept(&site, StatusCode::OK, "hello").await;
    assert_eq!(response.header("content-length"), Some("5"));
    assert_eq!(text(response).await, "hello");
}

#[tokio::test]
async fn a_response_without_a_body_announces_no_length() {
    let (_, site) = site(|builder| builder);
    let (response, _kept) = kept(&site, StatusCode::NO_CONTENT, "").await;
    assert_eq!(response.header("content-length"), None);
}

#[tokio::test]
async fn the_last_byte_is_not_seen_before_the_last_write_is_stored() {
    let (store, site) = site(|builder| builder);
    let (response, kept) = kept(&site, StatusCode::OK, "hello").await;
    let session = kept.lock().take().expect("the handler kept it");
    session.set_attribute("late", &true).expect("it is live");
    store.inner().take_calls();
    let mut frames = response.into_body().into_bytes_stream().boxed();
    assert_eq!(
        frames.next().await.expect("a frame").expect("whole"),
        "hello"
    );
    assert_eq!(store.inner().count(Verb::Apply), 1);
}

#[tokio::test]
async fn after_an_upgrade_the_session_is_stored_when_its_holder_lets_it_go() {
    let (store, site) = site(|builder| builder);
    let (response, kept) = kept(&site, StatusCode::SWITCHING_PROTOCOLS, "").await;
    drop(response);
    store.inner().take_calls();
    let session = kept.lock().take().expect("the handler kept it");
    session.set_attribute("late", &true).expect("it is live");
    assert_eq!(store.inner().count(Verb::Apply), 0);
    drop(session);
    assert_eq!(store.inner().count(Verb::Apply), 1);
}

#[tokio::test]
async fn a_broken_body_stores_what_was_written_before_it_breaks() {
    #[handler]
    fn break_off(Session(session): Session) -> Body {
        Body::from_bytes_stream(stream::once(async move {
            session
                .set_attribute("late", &true)
                .map_err(io::Error::other)?;
            Err::<Vec<u8>, _>(io::Error::other("the body breaks off"))
        }))
    }
    let (store, site) = site(|builder| builder);
    let app = with_sessions(break_off, site.sessions().clone());
    let request = of_a_visitor(site.sessions(), "/").await;
    let response = app.get_response(request).await;
    store.inner().take_calls();
    let mut frames = response.into_body().into_bytes_stream().boxed();
    assert!(frames.next().await.expect("it breaks").is_err());
    assert_eq!(store.inner().count(Verb::Apply), 1);
}

#[tokio::test]
async fn what_has_waited_for_a_second_is_stored_at_the_next_frame() {
    #[handler]
    fn write_late(Session(session): Session) -> Body {
        Body::from_bytes_stream(stream::iter(["one", "two"]).map(move |word| {
            let set = session.set_attribute("late", word);
            set.map(|()| word).map_err(io::Error::other)
        }))
    }
    let (store, site) = site(|builder| builder);
    let app = with_sessions(write_late, site.sessions().clone());
    let request = of_a_visitor(site.sessions(), "/").await;
    let response = app.get_response(request).await;
    store.inner().take_calls();
    let mut frames = response.into_body().into_bytes_stream().boxed();
    assert!(frames.next().await.is_some());
    site.clock().advance(Duration::from_secs(1));
    assert_eq!(store.inner().count(Verb::Apply), 0);
    assert!(frames.next().await.is_some());
    assert_eq!(store.inner().count(Verb::Apply), 1);
}

/// Polls `future`, which stays pending, while 45 minutes pass: more than the idle limit.
fn pass_time<F: Future>(runtime: &ManualRuntime, mut future: Pin<&mut F>) {
    for _ in 0..45 {
        let polled = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        runtime.run_until_stalled();
        runtime.advance(Duration::from_secs(60));
    }
}

/// A site, and the runtime with which its time passes.
fn site_in_time() -> (Site, ManualRuntime) {
    let (_, site) = site(|builder| builder);
    let runtime = ManualRuntime::new(site.clock().clone());
    site.sessions().attach_runtime(Arc::new(runtime.clone()));
    (site, runtime)
}

#[tokio::test]
async fn a_handler_that_takes_longer_than_the_idle_limit_keeps_its_session() {
    #[handler]
    async fn never_answer(Session(_session): Session) {
        pending::<()>().await;
    }
    let (site, runtime) = site_in_time();
    let routes = Route::new()
        .at("/never", never_answer)
        .at("/name", tell_the_name);
    let app = with_sessions(routes, site.sessions().clone());
    let cookie = cookie_of_a_visitor(site.sessions()).await;
    let request = request_with(&cookie, "/never");
    pass_time(&runtime, pin!(app.get_response(request)));
    let response = app.get_response(request_with(&cookie, "/name")).await;
    assert_eq!(text(response).await, "Ada");
}

#[tokio::test]
async fn a_body_that_takes_longer_than_the_idle_limit_keeps_its_session() {
    #[handler]
    fn never_end(Session(_session): Session) -> Body {
        Body::from_bytes_stream(stream::pending::<io::Result<&str>>())
    }
    let (site, runtime) = site_in_time();
    let routes = Route::new()
        .at("/never", never_end)
        .at("/name", tell_the_name);
    let app = with_sessions(routes, site.sessions().clone());
    let cookie = cookie_of_a_visitor(site.sessions()).await;
    let request = request_with(&cookie, "/never");
    let body = app.get_response(request).await.into_body();
    pass_time(&runtime, pin!(body.into_bytes()));
    let response = app.get_response(request_with(&cookie, "/name")).await;
    assert_eq!(text(response).await, "Ada");
}
