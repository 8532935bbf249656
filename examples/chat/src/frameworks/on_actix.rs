//! The chat on actix-web.

use std::future::ready;
use std::io;

use actix_web::body::{BodyStream, BoxBody, MessageBody};
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::uri::Authority;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Bytes, Data, PayloadConfig, ServiceConfig};
use actix_web::{App as ActixApp, HttpRequest, HttpResponse, HttpServer, Route, guard};
use adapter_actix::{ExistingSession, Peek, Session, SessionMiddleware};
use tokio::net::TcpListener;

use crate::answer::{self, Answer, Content};
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
    server(listener, app, stop)?.await
}

/// Apart from its use, since what builds a server must not move between threads.
fn server(
    listener: TcpListener,
    app: App,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<Server> {
    let (app, cors) = (Data::new(app.clone()), Data::new(app.cors));
    // Made here, so that what happens beside requests outlives the workers.
    let sessions = SessionMiddleware::new(app.sessions.clone());
    let server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(app.clone())
            .app_data(cors.clone())
            // A message that alone is over the session's limit need not be read to its end.
            .app_data(PayloadConfig::new(app.chat.limits.session))
            .configure(routes)
            .configure(account_routes)
            .wrap(sessions.clone())
            .wrap(from_fn(judge))
    })
    // Else a visitor who hung up would be noticed only when something is sent.
    .h1_allow_half_closed(false)
    .shutdown_signal(stop)
    .listen(listener.into_std()?)?
    .run();
    Ok(server)
}

fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/api/chat")
                .route(get_or_head().to(history))
                .route(web::post().to(say))
                .route(web::delete().to(forget))
                .default_service(web::to(async || not_allowed("GET,HEAD,POST,DELETE"))),
        )
        .service(
            web::resource("/api/chat/regenerate")
                .route(web::post().to(regenerate))
                .default_service(web::to(async || not_allowed("POST"))),
        )
        .service(
            web::resource("/api/session")
                .route(get_or_head().to(look))
                .default_service(web::to(async || not_allowed("GET,HEAD"))),
        );
    for file in page::FILES {
        config.service(
            web::resource(file.path)
                .route(get_or_head().to(move || ready(respond(Ok(file.answer())))))
                .default_service(web::to(async || not_allowed("GET,HEAD"))),
        );
    }
}

fn account_routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/api/account")
                .route(get_or_head().to(who_am_i))
                .default_service(web::to(async || not_allowed("GET,HEAD"))),
        )
        .service(
            web::resource("/api/account/register")
                .app_data(PayloadConfig::new(login::BODY_LIMIT))
                .route(web::post().to(register))
                .default_service(web::to(async || not_allowed("POST"))),
        )
        .service(
            web::resource("/api/account/login")
                .app_data(PayloadConfig::new(login::BODY_LIMIT))
                .route(web::post().to(log_in))
                .default_service(web::to(async || not_allowed("POST"))),
        )
        .service(
            web::resource("/api/account/logout")
                .route(web::post().to(log_out))
                .default_service(web::to(async || not_allowed("POST"))),
        )
        .service(
            web::resource("/api/account/devices")
                .route(get_or_head().to(list))
                .route(web::delete().to(end_others))
                .default_service(web::to(async || not_allowed("GET,HEAD,DELETE"))),
        )
        .service(
            web::resource("/api/account/devices/{handle}")
                .route(web::delete().to(end))
                .default_service(web::to(async || not_allowed("DELETE"))),
        );
}

/// actix-web answers `HEAD` only where it is told to.
fn get_or_head() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

async fn history(app: Data<App>, ExistingSession(session): ExistingSession) -> HttpResponse {
    let session = session.map(Session::into_inner);
    respond(conversation::history(&app, session).await)
}

async fn say(
    app: Data<App>,
    Session(session): Session,
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
) -> HttpResponse {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let said = Said::read(content_type.map(HeaderValue::as_bytes), read(body));
    respond(conversation::say(&app, session, said).await)
}

async fn regenerate(app: Data<App>, ExistingSession(session): ExistingSession) -> HttpResponse {
    let session = session.map(Session::into_inner);
    respond(conversation::regenerate(&app, session).await)
}

async fn forget(app: Data<App>, ExistingSession(session): ExistingSession) -> HttpResponse {
    let session = session.map(Session::into_inner);
    respond(conversation::forget(&app, session).await)
}

async fn look(app: Data<App>, Peek(view): Peek) -> HttpResponse {
    respond(panel::panel(&app.chat, view.as_ref()))
}

async fn who_am_i(Peek(view): Peek) -> HttpResponse {
    respond(Ok(login::who_am_i(view.as_ref())))
}

async fn register(
    app: Data<App>,
    Session(session): Session,
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
) -> HttpResponse {
    respond(login::register(&app, session, knock(&request, body)).await)
}

async fn log_in(
    app: Data<App>,
    Session(session): Session,
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
) -> HttpResponse {
    respond(login::log_in(&app, session, knock(&request, body)).await)
}

fn knock(request: &HttpRequest, body: Result<Bytes, actix_web::Error>) -> Knock {
    let headers = request.headers();
    let header = |name: http::HeaderName| headers.get(name.as_str()).map(HeaderValue::as_bytes);
    Knock::read(header, read(body))
}

async fn log_out(ExistingSession(session): ExistingSession) -> HttpResponse {
    respond(login::log_out(session.map(Session::into_inner)).await)
}

async fn list(app: Data<App>, ExistingSession(session): ExistingSession) -> HttpResponse {
    let session = session.map(Session::into_inner);
    respond(devices::list(&app.sessions, session).await)
}

async fn end(
    app: Data<App>,
    ExistingSession(session): ExistingSession,
    request: HttpRequest,
) -> HttpResponse {
    let session = session.map(Session::into_inner);
    respond(devices::end(&app.sessions, session, request.uri().path()).await)
}

async fn end_others(app: Data<App>, ExistingSession(session): ExistingSession) -> HttpResponse {
    let session = session.map(Session::into_inner);
    respond(devices::end_others(&app.sessions, session).await)
}

async fn judge(
    cors: Data<Cors>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let (method, authority) = (request.method(), request.uri().authority());
    let authority = authority.map(Authority::as_str);
    let judgement = cors.judge(Caller::new(method.as_str(), authority, |name| {
        request.headers().get(name).map(HeaderValue::as_bytes)
    }));
    let mut response = match judgement.answer {
        Some(answer) => request.into_response(respond(Ok(answer))),
        None => next.call(request).await?.map_into_boxed_body(),
    };
    let headers = judgement.headers.iter().map(|(name, value)| (name, value));
    write_headers(response.response_mut(), headers);
    Ok(response)
}

fn not_allowed(methods: &'static str) -> HttpResponse {
    respond(Ok(answer::not_allowed(methods)))
}

fn respond(answer: Result<Answer, Refusal>) -> HttpResponse {
    let (head, content) = answer.unwrap_or_else(Answer::from).into_parts();
    let body = match content {
        Content::Whole(bytes) => BoxBody::new(bytes),
        Content::Stream(reply) => BoxBody::new(BodyStream::new(reply)),
    };
    let mut response = HttpResponse::with_body(from_http_1(head.status), body);
    write_headers(&mut response, &head.headers);
    response
}

// actix-web builds on an older `http`, whose types say the same.

fn read(body: Result<Bytes, actix_web::Error>) -> Result<Bytes, http::StatusCode> {
    body.map_err(|error| to_http_1(error.as_response_error().status_code()))
}

fn to_http_1(status: StatusCode) -> http::StatusCode {
    http::StatusCode::from_u16(status.as_u16()).unwrap_or(http::StatusCode::BAD_REQUEST)
}

fn from_http_1(status: http::StatusCode) -> StatusCode {
    StatusCode::from_u16(status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn write_headers<'a, B>(
    response: &mut HttpResponse<B>,
    headers: impl IntoIterator<Item = (&'a http::HeaderName, &'a http::HeaderValue)>,
) {
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers_mut().append(name, value);
        }
    }
}
