//! The chat on axum.

use std::io;

use adapter_axum::{Peek, Session, SessionLayer};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{delete, get, post};
use tokio::net::TcpListener;

use crate::answer::{Answer, Content};
use crate::app::App;
use crate::conversation::{self, Said};
use crate::cors::{Caller, Cors};
use crate::login::{self, Knock};
use crate::refusal::Refusal;
use crate::{devices, page, panel};

pub(super) async fn serve(
    listener: TcpListener,
    app: App,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    axum::serve(listener, router(app))
        .with_graceful_shutdown(stop)
        .await
}

fn router(app: App) -> Router {
    // A message that alone is over the session's limit need not be read to its end.
    let body_limit = DefaultBodyLimit::max(app.chat.limits.session);
    let mut router = Router::new()
        .route("/api/chat", get(history).post(say).delete(forget))
        .route("/api/chat/regenerate", post(regenerate))
        .route("/api/session", get(look))
        .with_state(app.clone())
        .layer(body_limit)
        .merge(account(app.clone()));
    for file in page::FILES {
        router = router.route(file.path, get(async move || respond(Ok(file.answer()))));
    }
    router
        .layer(SessionLayer::new(app.sessions))
        .layer(middleware::from_fn_with_state(app.cors, guard))
}

fn account(app: App) -> Router {
    Router::new()
        .route("/api/account", get(who_am_i))
        .route("/api/account/register", post(register))
        .route("/api/account/login", post(log_in))
        .route("/api/account/logout", post(log_out))
        .route("/api/account/devices", get(list).delete(end_others))
        .route("/api/account/devices/{handle}", delete(end))
        .with_state(app)
        .layer(DefaultBodyLimit::max(login::BODY_LIMIT))
}

async fn history(State(app): State<App>, session: Option<Session>) -> Response {
    let session = session.map(Session::into_inner);
    respond(conversation::history(&app, session).await)
}

async fn say(
    State(app): State<App>,
    Session(session): Session,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let said = Said::read(content_type, body.map_err(|rejection| rejection.status()));
    respond(conversation::say(&app, session, said).await)
}

async fn regenerate(State(app): State<App>, session: Option<Session>) -> Response {
    let session = session.map(Session::into_inner);
    respond(conversation::regenerate(&app, session).await)
}

async fn forget(State(app): State<App>, session: Option<Session>) -> Response {
    let session = session.map(Session::into_inner);
    respond(conversation::forget(&app, session).await)
}

async fn look(State(app): State<App>, Peek(view): Peek) -> Response {
    respond(panel::panel(&app.chat, view.as_ref()))
}

async fn who_am_i(Peek(view): Peek) -> Response {
    respond(Ok(login::who_am_i(view.as_ref())))
}

async fn register(
    State(app): State<App>,
    Session(session): Session,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    respond(login::register(&app, session, knock(&headers, body)).await)
}

async fn log_in(
    State(app): State<App>,
    Session(session): Session,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    respond(login::log_in(&app, session, knock(&headers, body)).await)
}

fn knock(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Knock {
    let header = |name| headers.get(name).map(HeaderValue::as_bytes);
    Knock::read(header, body.map_err(|rejection| rejection.status()))
}

async fn log_out(session: Option<Session>) -> Response {
    respond(login::log_out(session.map(Session::into_inner)).await)
}

async fn list(State(app): State<App>, session: Option<Session>) -> Response {
    let session = session.map(Session::into_inner);
    respond(devices::list(&app.sessions, session).await)
}

async fn end(State(app): State<App>, session: Option<Session>, uri: Uri) -> Response {
    let session = session.map(Session::into_inner);
    respond(devices::end(&app.sessions, session, uri.path()).await)
}

async fn end_others(State(app): State<App>, session: Option<Session>) -> Response {
    let session = session.map(Session::into_inner);
    respond(devices::end_others(&app.sessions, session).await)
}

async fn guard(State(cors): State<Cors>, request: Request, next: Next) -> Response {
    let (method, authority) = (request.method(), request.uri().authority());
    let authority = authority.map(Authority::as_str);
    let judgement = cors.judge(Caller::new(method.as_str(), authority, |name| {
        request.headers().get(name).map(HeaderValue::as_bytes)
    }));
    let mut response = match judgement.answer {
        Some(answer) => respond(Ok(answer)),
        None => next.run(request).await,
    };
    response.headers_mut().extend(judgement.headers);
    response
}

fn respond(answer: Result<Answer, Refusal>) -> Response {
    answer
        .unwrap_or_else(Answer::from)
        .map(|content| match content {
            Content::Whole(bytes) => Body::from(bytes),
            Content::Stream(reply) => Body::from_stream(reply),
        })
}
