//! The playground on actix-web.

use std::io;
use std::net::TcpListener;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::guard::{Any, Get, Head};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, ServiceConfig, delete, post, put};
use actix_web::{
    App, Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, HttpServer, Resource,
    Responder, ResponseError, Route,
};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode};
use adapter_actix::SessionMiddleware;
use futures_util::future::{LocalBoxFuture, ready};
use futures_util::{FutureExt, StreamExt, TryStreamExt, sink};
use session_core::{ExchangeHandle, SessionManager};

use super::error_form::{error_form, is_plain_failure};
use crate::answer::{Answer, Body};
use crate::call::{Call, Provenance, read_body};
use crate::operations::socket::{Conversation, Reply};
use crate::operations::{
    Outcome, administration, attributes, devices, form, lifecycle, login, responses, statistics,
    streaming,
};
use crate::refusal::Refusal;
use crate::site::Site;
use crate::stop::GRACE;
use crate::{page, relay};

fn routes(config: &mut ServiceConfig) {
    config
        .service(at("/session").route(read().to(lifecycle::show)))
        .service(at("/untouched").route(read().to(responses::untouched)))
        .service(
            at("/attributes/{name:[^/]*}")
                .route(read().to(attributes::get))
                .route(put().to(attributes::set))
                .route(delete().to(attributes::remove)),
        )
        .service(at("/attributes/{name:[^/]*}/increment").route(post().to(attributes::increment)))
        .service(at("/attributes/{name:[^/]*}/append").route(post().to(attributes::append)))
        .service(at("/stream").route(read().to(streaming::stream)))
        .service(at("/redirect").route(read().to(responses::redirect)))
        .service(at("/fail").route(read().to(responses::fail)))
        .service(at("/panic").route(read().to(responses::panic)))
        .service(at("/cookies").route(read().to(responses::cookies)))
        .service(at("/invalidate").route(post().to(lifecycle::invalidate)))
        .service(at("/change-id").route(post().to(lifecycle::change_id)))
        .service(at("/max-inactive-interval").route(put().to(lifecycle::set_max_inactive_interval)))
        .service(at("/login").route(post().to(login::log_in)))
        .service(at("/logout").route(post().to(login::log_out)))
        .service(
            at("/me/sessions")
                .route(read().to(devices::list))
                .route(delete().to(devices::end_others)),
        )
        .service(at("/me/sessions/{handle:[^/]*}").route(delete().to(devices::end)))
        .service(
            at("/form")
                .route(read().to(form::show))
                .route(post().to(form::submit)),
        )
        .service(at("/ws").route(read().to(socket)))
        .service(at("/stats").route(read().to(statistics::stats)))
        .service(at("/metrics").route(read().to(statistics::metrics)))
        .service(at("/admin").route(read().to(administration::page)))
        .service(at("/admin/figures").route(read().to(administration::figures)))
        .service(at("/admin/sessions").route(read().to(administration::sessions)))
        .service(at("/admin/end").route(post().to(administration::end)))
        .service(at("/admin/end-all").route(post().to(administration::end_all)))
        .service(at("/admin/log-everyone-out").route(post().to(administration::log_everyone_out)))
        .service(at("/").route(read().to(page::file)))
        .service(at("/page/open").route(post().to(relay::open)))
        .service(at("/page/look").route(post().to(relay::look)))
        .service(at("/page/steal").route(post().to(relay::steal)))
        .service(at("/page/forget").route(post().to(relay::forget)))
        .service(at("/page/relay").route(post().to(relay::send)))
        .service(at("/page/socket").route(post().to(relay::open_socket)))
        .service(at("/page/say").route(post().to(relay::say)))
        .service(at("/page/{file}").route(read().to(page::file)))
        .default_service(web::to(async || Outcome::Err(Refusal::NoSuchRoute)));
}

/// A path, which refuses the methods that it is given no route for. A parameter of
/// actix-web is not empty unless its pattern allows it; an empty name is refused elsewhere.
fn at(path: &str) -> Resource {
    web::resource(path).default_service(web::to(async || Outcome::Err(Refusal::WrongMethod)))
}

/// `GET` and `HEAD`, which actix-web takes for two.
fn read() -> Route {
    web::route().guard(Any(Get()).or(Head()))
}

impl FromRequest for Call {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let handle = request.extensions().get::<ExchangeHandle>().cloned();
        let site = request.app_data::<Site>().cloned();
        let uri = request.uri();
        let path = uri.path().to_owned();
        let query = uri.query().unwrap_or_default().to_owned();
        let provenance = Provenance::read(|name| Some(request.headers().get(name)?.as_bytes()));
        let body = payload.take();
        let call = async move {
            let (Some(handle), Some(site)) = (handle, site) else {
                return Err(Refusal::NoSessionLayer);
            };
            Ok(Self {
                handle,
                path,
                query,
                body: read_body(&site, body).await?,
                provenance,
                site,
            })
        };
        call.boxed_local()
    }
}

impl Responder for Answer {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        response(self)
    }
}

impl ResponseError for Refusal {
    fn error_response(&self) -> HttpResponse {
        response(self.answer())
    }
}

fn response(answer: Answer) -> HttpResponse {
    // Every status and every header that an operation answers with is a valid one.
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for header in answer.headers {
        response.append_header(header);
    }
    match answer.body {
        Body::Whole(bytes) if bytes.is_empty() => response.finish(),
        Body::Whole(bytes) => response.body(bytes),
        Body::Stream(pieces) => response.streaming(pieces),
    }
}

/// `GET /ws`
async fn socket(request: HttpRequest, messages: web::Payload) -> Result<HttpResponse, Refusal> {
    let shaken = actix_ws::handle(&request, messages);
    let (response, session, messages) = shaken.map_err(|_| Refusal::NoHandshake)?;
    // What follows the head of a handshake are the messages, and no body.
    let call = Call::from_request(&request, &mut Payload::None).await?;
    let conversation = Conversation::begin(&call).await?;
    let limit = call.site.body_limit;
    let messages = messages.max_frame_size(limit).aggregate_continuations();
    let messages = messages.max_continuation_size(limit);
    actix_web::rt::spawn(converse(conversation, session, messages));
    Ok(response)
}

async fn converse(
    conversation: Conversation,
    session: actix_ws::Session,
    messages: AggregatedMessageStream,
) {
    let pongs = session.clone();
    let is_close = |message: &Result<_, _>| matches!(message, Ok(AggregatedMessage::Close(_)));
    let lines = messages
        .take_while(move |message| ready(!is_close(message)))
        .try_filter_map(move |message| {
            let mut pongs = pongs.clone();
            async move {
                Ok(match message {
                    AggregatedMessage::Text(text) => Some(text.to_string()),
                    // No command, as an empty line is none.
                    AggregatedMessage::Binary(_) => Some(String::new()),
                    AggregatedMessage::Ping(bytes) => {
                        // A visitor who has hung up is noticed at the next message.
                        let _ = pongs.pong(&bytes).await;
                        None
                    }
                    AggregatedMessage::Pong(_) | AggregatedMessage::Close(_) => None,
                })
            }
        });
    let replies = sink::unfold(session, async |mut session, reply| {
        match reply {
            Reply::Text(text) => session.text(text).await?,
            Reply::Close(code) => {
                let last = session.clone();
                last.close(Some(CloseCode::from(code).into())).await?;
            }
        }
        Ok::<_, actix_ws::Closed>(session)
    });
    conversation.run(lines, replies).await;
}

/// Puts a failure that came in plain text into the error form, and leaves every other response
/// as it is; the same as [`error_form`](super::error_form) does for `http` 1.x.
async fn in_error_form(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    let mut response = next.call(request).await?.map_into_boxed_body();
    let content_type = response.headers().get(CONTENT_TYPE);
    let content_type = content_type.map(HeaderValue::as_bytes);
    if is_plain_failure(response.status().as_u16(), content_type) {
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        // These texts lie in memory.
        response = response.map_body(|_, body| match body.try_into_bytes() {
            Ok(text) => BoxBody::new(error_form(&text)),
            Err(body) => body,
        });
    }
    Ok(response)
}

/// Serves until the program stops.
///
/// # Errors
/// When the listener cannot be used.
pub(super) async fn serve(
    listener: TcpListener,
    sessions: SessionManager,
    site: Site,
) -> io::Result<()> {
    // Made once, so that the workers share its sessions.
    let middleware = SessionMiddleware::new(sessions);
    let stop = site.stop.clone();
    let app = move || {
        App::new()
            .app_data(site.clone())
            .configure(routes)
            .wrap(middleware.clone())
            .wrap(from_fn(in_error_form))
    };
    // Unlike a handle of the server, this stop waits until the workers have dropped the
    // connections that they cut, and what those leave behind is on its way to be stored.
    HttpServer::new(app)
        .listen(listener)?
        // Else a visitor who hung up would be noticed only when something is sent.
        .h1_allow_half_closed(false)
        .shutdown_signal(stop)
        .shutdown_timeout(GRACE.as_secs())
        .run()
        .await
}
