//! The application of the scenarios on axum, and its server.

use std::future::IntoFuture;

use adapter_axum::{Rejection, Session, SessionLayer};
use axum::body::Body;
use axum::extract::State;
use axum::routing::any;
use axum::{Extension, Router};
use http::{Response, Uri, header};
use session_core::testkit::adapter::{Given, Probe, Reply, ReplyBody, Server};
use session_core::{ExchangeHandle, SessionError, SessionManager};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub(crate) fn serve(sessions: SessionManager, probe: Probe) -> Server {
    start(routes(probe).layer(SessionLayer::new(sessions)))
}

pub(crate) fn routes(probe: Probe) -> Router {
    Router::new()
        .route("/session/{*steps}", any(session))
        .route("/existing/{*steps}", any(existing))
        .route("/exchange/{*steps}", any(exchange))
        .fallback(untouched)
        .with_state(probe)
}

pub(crate) fn start(app: Router) -> Server {
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
