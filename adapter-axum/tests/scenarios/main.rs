//! The adapter scenarios on axum: each is a test with a name of its own, over HTTP/1.1 and over
//! HTTP/2.

mod flaws;
mod http2;

use std::future::IntoFuture;
use std::process::ExitCode;

use adapter_axum::{Rejection, Session, SessionLayer};
use axum::body::Body;
use axum::extract::State;
use axum::routing::any;
use axum::{Extension, Router};
use http::{Response, Uri, header};
use http2::Http2;
use libtest_mimic::{Arguments, Trial};
use session_core::testkit::adapter::{Given, Probe, Reply, ReplyBody, Server, scenarios};
use session_core::{ExchangeHandle, SessionError, SessionManager};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for scenario in scenarios() {
        trials.push(Trial::test(format!("http1::{scenario}"), || {
            scenario.check(serve);
            Ok(())
        }));
        trials.push(Trial::test(format!("http2::{scenario}"), || {
            scenario.check_over(&Http2, serve);
            Ok(())
        }));
    }
    let flaws: [(&str, Serve, &str); 3] = [
        (
            "what_a_body_writes_is_stored_before_its_end_is_seen",
            flaws::without_late_writes,
            "    store: apply",
        ),
        (
            "headers_of_the_application_stay",
            flaws::with_joined_cookies,
            "    < set-cookie: theme=dark, lang=en, __Host-sid=<token 1>;",
        ),
        (
            "a_session_begins_with_its_first_write",
            flaws::without_vary,
            "    < vary: Cookie",
        ),
    ];
    for (scenario, serve, shown) in flaws {
        trials.push(Trial::test(
            format!("finds_a_flaw::{scenario}"),
            move || {
                let message = flaws::failure_of(scenario, serve).ok_or("the flaw is not found")?;
                assert!(message.contains(shown), "{message}");
                Ok(())
            },
        ));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

type Serve = fn(SessionManager, Probe) -> Server;

fn serve(sessions: SessionManager, probe: Probe) -> Server {
    start(routes(probe).layer(SessionLayer::new(sessions)))
}

fn routes(probe: Probe) -> Router {
    Router::new()
        .route("/session/{*steps}", any(session))
        .route("/existing/{*steps}", any(existing))
        .route("/exchange/{*steps}", any(exchange))
        .fallback(untouched)
        .with_state(probe)
}

fn start(app: Router) -> Server {
    let runtime = Runtime::new().expect("a runtime starts");
    let listener = runtime
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .expect("a port is free");
    let address = listener.local_addr().expect("a listener has an address");
    runtime.spawn(axum::serve(listener, app).into_future());
    Server::new(address, move || drop(runtime))
}

type Answer = Result<Response<Body>, Rejection>;

async fn session(State(probe): State<Probe>, uri: Uri, session: Session) -> Answer {
    let given = Given::Session(session.into_inner());
    respond(probe.answer(uri.path(), given).await)
}

async fn existing(State(probe): State<Probe>, uri: Uri, session: Option<Session>) -> Answer {
    let given = Given::Existing(session.map(Session::into_inner));
    respond(probe.answer(uri.path(), given).await)
}

async fn exchange(
    State(probe): State<Probe>,
    uri: Uri,
    Extension(handle): Extension<ExchangeHandle>,
) -> Answer {
    respond(probe.answer(uri.path(), Given::Exchange(handle)).await)
}

async fn untouched(State(probe): State<Probe>, uri: Uri) -> Answer {
    respond(probe.answer(uri.path(), Given::Nothing).await)
}

fn respond(reply: Result<Reply, SessionError>) -> Answer {
    let reply = reply?;
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    let body = match reply.body {
        ReplyBody::Text(text) => Body::from(text),
        ReplyBody::Stream { frames, length } => {
            if let Some(length) = length {
                response = response.header(header::CONTENT_LENGTH, length);
            }
            Body::from_stream(frames)
        }
    };
    Ok(response
        .body(body)
        .expect("the probe answers valid headers"))
}
