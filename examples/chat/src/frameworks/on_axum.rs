//! The chat on axum.

use std::io;

use adapter_axum::{Peek, Session, SessionLayer};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use tokio::net::TcpListener;

use crate::answer::{Answer, Content};
use crate::app::{App, Chat};
use crate::conversation::{self, Said};
use crate::cors::{Caller, Cors};
use crate::refusal::Refusal;
use crate::{page, panel};

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
        .with_state(app.chat);
    for file in page::FILES {
        router = router.route(file.path, get(async move || respond(Ok(file.answer()))));
    }
    router
        .layer(body_limit)
        .layer(SessionLayer::new(app.sessions))
        .layer(middleware::from_fn_with_state(app.cors, guard))
}

async fn history(session: Option<Session>) -> Response {
    respond(conversation::history(session.as_deref()))
}

async fn say(
    State(chat): State<Chat>,
    Session(session): Session,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let said = Said::read(content_type, body.map_err(|rejection| rejection.status()));
    respond(conversation::say(&chat, session, said).await)
}

async fn regenerate(State(chat): State<Chat>, session: Option<Session>) -> Response {
    let session = session.map(Session::into_inner);
    respond(conversation::regenerate(&chat, session).await)
}

async fn forget(session: Option<Session>) -> Response {
    respond(conversation::forget(session.as_deref()))
}

async fn look(State(chat): State<Chat>, Peek(view): Peek) -> Response {
    respond(panel::panel(&chat, view.as_ref()))
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
