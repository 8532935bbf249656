//! The chat on warp.

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use adapter_warp::{Session, SessionRejection, optional_session, peek, session};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use tokio::net::TcpListener;
use warp::host::Authority;
use warp::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use warp::path::FullPath;
use warp::reject::MethodNotAllowed;
use warp::reply::{Reply as _, Response};
use warp::{Filter, Rejection};

use crate::answer::{self, Answer, Content};
use crate::app::App;
use crate::conversation::{self, Said};
use crate::cors::{Caller, Judgement};
use crate::devices;
use crate::login::{self, Knock};
use crate::page::{self, File};
use crate::panel;
use crate::refusal::Refusal;
use crate::reply::{BrokenOff, Reply};

pub(super) async fn serve(
    listener: TcpListener,
    app: App,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let sessions = app.sessions.clone();
    adapter_warp::serve(routes(app), sessions)
        // Who drops this future says how long a stop may take.
        .grace(Duration::MAX)
        .incoming(listener)
        .graceful(stop)
        .run()
        .await;
    Ok(())
}

fn routes(app: App) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    let cors = app.cors.clone();
    let judgement = warp::method()
        .and(authority())
        .and(warp::header::headers_cloned())
        .map(
            move |method: Method, authority: Option<Authority>, headers: HeaderMap| {
                let authority = authority.as_ref().map(Authority::as_str);
                cors.judge(Caller::new(method.as_str(), authority, |name| {
                    headers.get(name).map(HeaderValue::as_bytes)
                }))
            },
        );
    let refused = judgement.clone().and_then(refused);
    let answered = judgement
        .and(answers(app).recover(not_found).unify())
        .map(mark);
    refused.or(answered).unify()
}

fn answers(app: App) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    let chat = chat_answers(app.clone());
    let account = account_answers(app);
    let page = warp::path::full()
        .and_then(file)
        .and(get_or_head())
        .map(|file: File| respond(Ok(file.answer())))
        .recover(|rejection| refuse(rejection, "GET,HEAD"));
    chat.or(account).unify().or(page.unify()).unify()
}

fn chat_answers(app: App) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    let limit = app.chat.limits.session;
    let app = warp::any().map(move || app.clone());

    let history = get_or_head()
        .and(app.clone())
        .and(optional_session())
        .then(history);
    let say = warp::post()
        .and(app.clone())
        .and(session())
        .and(warp::header::headers_cloned())
        // A message that alone is over the session's limit need not be read to its end.
        .and(warp::body::stream().then(move |body| read(body, limit)))
        .then(say);
    let forget = warp::delete()
        .and(app.clone())
        .and(optional_session())
        .then(forget);
    let conversation = at("/api/chat")
        .and(history.or(say).unify().or(forget).unify())
        .recover(|rejection| refuse(rejection, "GET,HEAD,POST,DELETE"));

    let regenerate = at("/api/chat/regenerate")
        .and(warp::post())
        .and(app.clone())
        .and(optional_session())
        .then(regenerate)
        .recover(|rejection| refuse(rejection, "POST"));

    let panel = at("/api/session")
        .and(get_or_head())
        .and(app)
        .and(peek())
        .map(|app: App, view: Option<_>| respond(panel::panel(&app.chat, view.as_ref())))
        .recover(|rejection| refuse(rejection, "GET,HEAD"));

    let (conversation, regenerate) = (conversation.unify(), regenerate.unify());
    conversation
        .or(regenerate)
        .unify()
        .or(panel.unify())
        .unify()
}

fn account_answers(app: App) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    let app = warp::any().map(move || app.clone());
    let knock = warp::header::headers_cloned()
        .and(warp::body::stream().then(|body| read(body, login::BODY_LIMIT)))
        .map(|headers: HeaderMap, body| knock(&headers, body));

    let who_am_i = at("/api/account")
        .and(get_or_head())
        .and(peek())
        .map(|view: Option<_>| respond(Ok(login::who_am_i(view.as_ref()))))
        .recover(|rejection| refuse(rejection, "GET,HEAD"));

    let register = at("/api/account/register")
        .and(warp::post())
        .and(app.clone())
        .and(session())
        .and(knock)
        .then(register)
        .recover(|rejection| refuse(rejection, "POST"));

    let log_in = at("/api/account/login")
        .and(warp::post())
        .and(app.clone())
        .and(session())
        .and(knock)
        .then(log_in)
        .recover(|rejection| refuse(rejection, "POST"));

    let log_out = at("/api/account/logout")
        .and(warp::post())
        .and(optional_session())
        .then(async |session| respond(login::log_out(session).await))
        .recover(|rejection| refuse(rejection, "POST"));

    let list = get_or_head()
        .and(app.clone())
        .and(optional_session())
        .then(list);
    let end_others = warp::delete()
        .and(app.clone())
        .and(optional_session())
        .then(end_others);
    let devices = at("/api/account/devices")
        .and(list.or(end_others).unify())
        .recover(|rejection| refuse(rejection, "GET,HEAD,DELETE"));

    let device = warp::path::full()
        .and_then(device)
        .and(warp::delete())
        .and(app)
        .and(optional_session())
        .then(end)
        .recover(|rejection| refuse(rejection, "DELETE"));

    let (register, log_in, log_out) = (register.unify(), log_in.unify(), log_out.unify());
    let entrance = register.or(log_in).unify().or(log_out).unify();
    let devices = devices.unify().or(device.unify()).unify();
    let account = who_am_i.unify().or(entrance).unify();
    account.or(devices).unify()
}

fn get_or_head() -> impl Filter<Extract = (), Error = Rejection> + Copy {
    warp::get().or(warp::head()).unify()
}

/// The path exactly as it is written: warp's own filters overlook a slash at its end.
fn at(path: &'static str) -> impl Filter<Extract = (), Error = Rejection> + Copy {
    let is_there = move |asked: FullPath| match asked.as_str() == path {
        true => ready(Ok(())),
        false => ready(Err(warp::reject())),
    };
    warp::path::full().and_then(is_there).untuple_one()
}

async fn file(path: FullPath) -> Result<File, Rejection> {
    let file = page::FILES.iter().find(|file| file.path == path.as_str());
    file.copied().ok_or_else(warp::reject)
}

/// The path of a device.
async fn device(path: FullPath) -> Result<FullPath, Rejection> {
    let handle = path.as_str().strip_prefix(devices::PATH);
    let is_there = handle.is_some_and(|it| !it.is_empty() && !it.contains('/'));
    is_there.then_some(path).ok_or_else(warp::reject)
}

async fn history(app: App, session: Option<Session>) -> Response {
    respond(conversation::history(&app, session).await)
}

async fn forget(app: App, session: Option<Session>) -> Response {
    respond(conversation::forget(&app, session).await)
}

async fn say(
    app: App,
    session: Session,
    headers: HeaderMap,
    body: Result<Bytes, StatusCode>,
) -> Response {
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let said = Said::read(content_type, body);
    respond(conversation::say(&app, session, said).await)
}

async fn regenerate(app: App, session: Option<Session>) -> Response {
    respond(conversation::regenerate(&app, session).await)
}

fn knock(headers: &HeaderMap, body: Result<Bytes, StatusCode>) -> Knock {
    let header = |name| headers.get(name).map(HeaderValue::as_bytes);
    Knock::read(header, body)
}

async fn register(app: App, session: Session, knock: Knock) -> Response {
    respond(login::register(&app, session, knock).await)
}

async fn log_in(app: App, session: Session, knock: Knock) -> Response {
    respond(login::log_in(&app, session, knock).await)
}

async fn list(app: App, session: Option<Session>) -> Response {
    respond(devices::list(&app.sessions, session).await)
}

async fn end_others(app: App, session: Option<Session>) -> Response {
    respond(devices::end_others(&app.sessions, session).await)
}

async fn end(path: FullPath, app: App, session: Option<Session>) -> Response {
    respond(devices::end(&app.sessions, session, path.as_str()).await)
}

/// Reads a body up to `limit` bytes. warp's own limit insists on a `Content-Length`.
async fn read(
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
    limit: usize,
) -> Result<Bytes, StatusCode> {
    let mut body = pin!(body);
    let mut bytes = BytesMut::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|_| StatusCode::BAD_REQUEST)?;
        if bytes.len() + piece.remaining() > limit {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        bytes.put(piece);
    }
    Ok(bytes.freeze())
}

/// Answers what was rejected on a path that is there, so that no other route is asked.
async fn refuse(rejection: Rejection, methods: &'static str) -> Result<Response, Rejection> {
    if let Some(rejection) = rejection.find::<SessionRejection>() {
        Ok(rejection.clone().into_response())
    } else if rejection.find::<MethodNotAllowed>().is_some() {
        Ok(respond(Ok(answer::not_allowed(methods))))
    } else {
        Err(rejection)
    }
}

async fn not_found(rejection: Rejection) -> Result<Response, Rejection> {
    match rejection.is_not_found() {
        true => Ok(respond(Ok(answer::not_found()))),
        false => Err(rejection),
    }
}

/// What the visitor calls this server; HTTP/2 tells it beside the headers.
fn authority() -> impl Filter<Extract = (Option<Authority>,), Error = Infallible> + Copy {
    let none = warp::any().map(|| None);
    warp::host::optional().or(none).unify()
}

/// The answer to a request that no handler may see.
async fn refused(mut judgement: Judgement) -> Result<Response, Rejection> {
    let answer = judgement.answer.take().ok_or_else(warp::reject)?;
    Ok(mark(judgement, respond(Ok(answer))))
}

fn mark(judgement: Judgement, mut response: Response) -> Response {
    response.headers_mut().extend(judgement.headers);
    response
}

fn respond(answer: Result<Answer, Refusal>) -> Response {
    let (head, content) = answer.unwrap_or_else(Answer::from).into_parts();
    let mut response = match content {
        Content::Whole(bytes) => Response::new(bytes.into()),
        Content::Stream(reply) => warp::reply::stream(shared(reply)).into_response(),
    };
    *response.status_mut() = head.status;
    response.headers_mut().extend(head.headers);
    response
}

/// The bodies of warp must be fit to be looked at by several threads. A lock that is never
/// taken makes this one so: whoever reads it has it alone.
fn shared(reply: Box<Reply>) -> impl Stream<Item = Result<Bytes, BrokenOff>> + Send + Sync {
    let mut reply = Mutex::new(reply);
    stream::poll_fn(move |cx| {
        let reply = reply.get_mut().unwrap_or_else(PoisonError::into_inner);
        reply.poll_next_unpin(cx)
    })
}
