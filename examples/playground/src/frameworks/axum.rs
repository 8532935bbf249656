//! The playground on axum.

use std::io;
use std::time::Duration;

use adapter_axum::SessionLayer;
use axum::Router;
use axum::body::Body as AxumBody;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use futures_util::{SinkExt, StreamExt, TryStreamExt};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use session_core::{ExchangeHandle, SessionManager};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::error_form::in_error_form;
use crate::answer::{Answer, Body};
use crate::call::{Call, Provenance, read_body};
use crate::operations::socket::{Conversation, Reply};
use crate::operations::{
    administration, attributes, devices, form, lifecycle, login, responses, statistics, streaming,
};
use crate::refusal::Refusal;
use crate::site::Site;
use crate::stop::{Stop, within_grace};
use crate::{page, relay};

fn router(sessions: SessionManager, site: Site) -> Router {
    let attribute = get(attributes::get)
        .put(attributes::set)
        .delete(attributes::remove);
    let increment = post(attributes::increment);
    let append = post(attributes::append);
    Router::new()
        .route("/session", get(lifecycle::show))
        .route("/untouched", get(responses::untouched))
        // axum's parameters are never empty; that an empty one is refused has its own routes.
        .route("/attributes/", attribute.clone())
        .route("/attributes/{name}", attribute)
        .route("/attributes//increment", increment.clone())
        .route("/attributes/{name}/increment", increment)
        .route("/attributes//append", append.clone())
        .route("/attributes/{name}/append", append)
        .route("/stream", get(streaming::stream))
        .route("/redirect", get(responses::redirect))
        .route("/fail", get(responses::fail))
        .route("/panic", get(responses::panic))
        .route("/cookies", get(responses::cookies))
        .route("/invalidate", post(lifecycle::invalidate))
        .route("/change-id", post(lifecycle::change_id))
        .route(
            "/max-inactive-interval",
            put(lifecycle::set_max_inactive_interval),
        )
        .route("/login", post(login::log_in))
        .route("/logout", post(login::log_out))
        .route(
            "/me/sessions",
            get(devices::list).delete(devices::end_others),
        )
        .route("/me/sessions/", delete(devices::end))
        .route("/me/sessions/{handle}", delete(devices::end))
        .route("/form", get(form::show).post(form::submit))
        .route("/ws", get(socket))
        .route("/stats", get(statistics::stats))
        .route("/metrics", get(statistics::metrics))
        .route("/admin", get(administration::page))
        .route("/admin/figures", get(administration::figures))
        .route("/admin/sessions", get(administration::sessions))
        .route("/admin/end", post(administration::end))
        .route("/admin/end-all", post(administration::end_all))
        .route(
            "/admin/log-everyone-out",
            post(administration::log_everyone_out),
        )
        .route("/", get(page::file))
        .route("/page/{file}", get(page::file))
        .route("/page/open", post(relay::open))
        .route("/page/look", post(relay::look))
        .route("/page/steal", post(relay::steal))
        .route("/page/forget", post(relay::forget))
        .route("/page/relay", post(relay::send))
        .route("/page/socket", post(relay::open_socket))
        .route("/page/say", post(relay::say))
        .fallback(async || Refusal::NoSuchRoute)
        .method_not_allowed_fallback(async || Refusal::WrongMethod)
        .layer(SessionLayer::new(sessions))
        .layer(map_response(in_error_form::<AxumBody>))
        .with_state(site)
}

impl FromRequest<Site> for Call {
    type Rejection = Refusal;

    async fn from_request(request: Request, site: &Site) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let handle = parts.extensions.get::<ExchangeHandle>();
        Ok(Self {
            handle: handle.ok_or(Refusal::NoSessionLayer)?.clone(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            body: read_body(site, body.into_data_stream()).await?,
            provenance: Provenance::read(|name| Some(parts.headers.get(name)?.as_bytes())),
            site: site.clone(),
        })
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(match self.body {
            Body::Whole(bytes) => bytes.into(),
            Body::Stream(pieces) => AxumBody::from_stream(pieces),
        });
        // Every status and every header that an operation answers with is a valid one.
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.answer().into_response()
    }
}

/// `GET /ws`
async fn socket(
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    call: Call,
) -> Result<Response, Refusal> {
    let upgrade = upgrade.map_err(|_| Refusal::NoHandshake)?;
    let conversation = Conversation::begin(&call).await?;
    let upgrade = upgrade.max_message_size(call.site.body_limit);
    Ok(upgrade.on_upgrade(|socket| converse(conversation, socket)))
}

async fn converse(conversation: Conversation, socket: WebSocket) {
    let (replies, messages) = socket.split();
    let lines = messages.try_filter_map(async |message| {
        Ok(match message {
            Message::Text(text) => Some(text.as_str().to_owned()),
            // No command, as an empty line is none.
            Message::Binary(_) => Some(String::new()),
            // Answered by the socket itself.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => None,
        })
    });
    let replies = replies.with(async |reply| {
        Ok::<_, axum::Error>(match reply {
            Reply::Text(text) => Message::Text(text.into()),
            Reply::Close(code) => Message::Close(Some(CloseFrame {
                code,
                reason: "".into(),
            })),
        })
    });
    conversation.run(lines, replies).await;
}

/// Serves until the program stops. `axum::serve` waits for its connections without a bound;
/// here those that are left after the grace are dropped, so that what their sessions still have
/// to store is handed off before the store is drained.
///
/// # Errors
/// When the listener cannot be used.
pub(super) async fn serve(
    listener: std::net::TcpListener,
    sessions: SessionManager,
    site: Site,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let stop = site.stop.clone();
    let service = TowerToHyperService::new(router(sessions, site));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new());
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    while let Some(stream) = next_connection(&listener, &mut connections, &stop).await {
        // The lines of a stream are short, and must not wait for one another.
        let _ = stream.set_nodelay(true);
        let connection =
            builder.serve_connection_with_upgrades(TokioIo::new(stream), service.clone());
        connections.spawn(graceful.watch(connection.into_owned()));
    }
    drop(listener);
    within_grace(stop, graceful.shutdown()).await;
    connections.shutdown().await;
    Ok(())
}

/// The next connection; `None` once the program stops.
async fn next_connection<T: 'static>(
    listener: &TcpListener,
    connections: &mut JoinSet<T>,
    stop: &Stop,
) -> Option<tokio::net::TcpStream> {
    loop {
        tokio::select! {
            () = stop.clone() => return None,
            // How a connection ended is nobody's business: its client knows best.
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => return Some(stream),
                // Out of file descriptors, most likely; to try again at once would not help.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
}

/// How long to wait before accepting again after that has failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
