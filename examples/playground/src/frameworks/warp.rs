//! The playground on warp.

use std::convert::Infallible;
use std::future::Future;
use std::io;

use adapter_warp::SessionLayer;
use futures_util::{SinkExt, StreamExt, TryStreamExt};
use session_core::{ExchangeHandle, SessionManager};
use tokio::net::TcpListener;
use tower::Layer;
use tower::util::AndThen;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, HeaderValue, StatusCode};
use warp::path::FullPath;
use warp::reject::{MethodNotAllowed, Reject};
use warp::reply::Response;
use warp::ws::{Message, WebSocket, Ws};
use warp::{Filter, Rejection, Reply};

use super::error_form::in_error_form;
use crate::answer::{Answer, Body};
use crate::call::{Call, Provenance, read_body};
use crate::operations::socket::{Conversation, Reply as SocketReply};
use crate::operations::{
    Outcome, administration, attributes, devices, form, lifecycle, login, responses, statistics,
    streaming,
};
use crate::refusal::Refusal;
use crate::site::Site;
use crate::stop::GRACE;
use crate::{page, relay};

fn routes(site: Site) -> impl Filter<Extract = (impl Reply,), Error = Infallible> + Clone {
    let on = Routes { call: call(site) };
    let attributes = on
        .get("/attributes/{name}", attributes::get)
        .or(on.put("/attributes/{name}", attributes::set))
        .unify()
        .or(on.delete("/attributes/{name}", attributes::remove))
        .unify()
        .or(on.post("/attributes/{name}/increment", attributes::increment))
        .unify()
        .or(on.post("/attributes/{name}/append", attributes::append))
        .unify()
        .boxed();
    let lifecycle = on
        .get("/session", lifecycle::show)
        .or(on.post("/invalidate", lifecycle::invalidate))
        .unify()
        .or(on.post("/change-id", lifecycle::change_id))
        .unify()
        .or(on.put(
            "/max-inactive-interval",
            lifecycle::set_max_inactive_interval,
        ))
        .unify()
        .or(on.post("/login", login::log_in))
        .unify()
        .or(on.post("/logout", login::log_out))
        .unify()
        .boxed();
    let responses = on
        .get("/untouched", responses::untouched)
        .or(on.get("/stream", streaming::stream))
        .unify()
        .or(on.get("/redirect", responses::redirect))
        .unify()
        .or(on.get("/fail", responses::fail))
        .unify()
        .or(on.get("/panic", responses::panic))
        .unify()
        .or(on.get("/cookies", responses::cookies))
        .unify()
        .boxed();
    let page = on
        .get("/", page::file)
        .or(on.post("/page/open", relay::open))
        .unify()
        .or(on.post("/page/look", relay::look))
        .unify()
        .or(on.post("/page/steal", relay::steal))
        .unify()
        .or(on.post("/page/forget", relay::forget))
        .unify()
        .or(on.post("/page/relay", relay::send))
        .unify()
        .or(on.post("/page/socket", relay::open_socket))
        .unify()
        .or(on.post("/page/say", relay::say))
        .unify()
        .or(on.get("/page/{file}", page::file))
        .unify()
        .boxed();
    let devices = on
        .get("/me/sessions", devices::list)
        .or(on.delete("/me/sessions", devices::end_others))
        .unify()
        .or(on.delete("/me/sessions/{handle}", devices::end))
        .unify()
        .or(on.get("/form", form::show))
        .unify()
        .or(on.post("/form", form::submit))
        .unify()
        .boxed();
    let admin = on
        .get("/admin", administration::page)
        .or(on.get("/admin/figures", administration::figures))
        .unify()
        .or(on.get("/admin/sessions", administration::sessions))
        .unify()
        .or(on.post("/admin/end", administration::end))
        .unify()
        .or(on.post("/admin/end-all", administration::end_all))
        .unify()
        .or(on.post("/admin/log-everyone-out", administration::log_everyone_out))
        .unify()
        .or(on.get("/stats", statistics::stats))
        .unify()
        .or(on.get("/metrics", statistics::metrics))
        .unify()
        .boxed();
    attributes
        .or(lifecycle)
        .unify()
        .or(responses)
        .unify()
        .or(devices)
        .unify()
        .or(admin)
        .unify()
        .or(page)
        .unify()
        .map(Reply::into_response)
        .or(on.socket("/ws"))
        .unify()
        .recover(refused)
}

/// Makes routes of paths and operations.
struct Routes {
    call: BoxedFilter<(Call,)>,
}

/// A route, before anything is answered where none matches.
type Route = BoxedFilter<(Outcome,)>;

impl Routes {
    fn get<F>(&self, path: &'static str, operation: fn(Call) -> F) -> Route
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        // warp takes HEAD for a method of its own.
        let read = warp::get().or(warp::head()).unify();
        self.route(path, read, operation)
    }

    fn put<F>(&self, path: &'static str, operation: fn(Call) -> F) -> Route
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        self.route(path, warp::put(), operation)
    }

    fn post<F>(&self, path: &'static str, operation: fn(Call) -> F) -> Route
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        self.route(path, warp::post(), operation)
    }

    fn delete<F>(&self, path: &'static str, operation: fn(Call) -> F) -> Route
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        self.route(path, warp::delete(), operation)
    }

    /// The path that becomes a WebSocket.
    fn socket(&self, path: &'static str) -> BoxedFilter<(Response,)> {
        let read = warp::get().or(warp::head()).unify();
        let handshake = warp::ws().map(Some).or(warp::any().map(|| None)).unify();
        let asked = at(path).and(read).and(handshake).and(self.call.clone());
        asked.then(upgraded).map(Reply::into_response).boxed()
    }

    /// The path comes before the method, or else every address would have a wrong method.
    fn route<F>(
        &self,
        path: &'static str,
        method: impl Filter<Extract = (), Error = Rejection> + Clone + Send + Sync + 'static,
        operation: fn(Call) -> F,
    ) -> Route
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let call = at(path).and(method).and(self.call.clone());
        call.then(operation).boxed()
    }
}

/// Matches a path whose segments are those of `pattern`, where `{..}` stands for any, also for
/// an empty one. warp's own filters skip empty segments, here an empty name is a bad argument.
fn at(pattern: &'static str) -> impl Filter<Extract = (), Error = Rejection> + Copy {
    warp::path::full()
        .and_then(async move |path: FullPath| {
            let (wanted, found) = (pattern.split('/'), path.as_str().split('/'));
            let same = wanted.clone().count() == found.clone().count()
                && wanted.zip(found).all(|(w, f)| w == f || w.starts_with('{'));
            same.then_some(()).ok_or_else(warp::reject::not_found)
        })
        .untuple_one()
}

fn call(site: Site) -> BoxedFilter<(Call,)> {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::path::full()
        .and(query)
        .and(warp::ext::get())
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .and_then(
            move |path: FullPath, query, handle: ExchangeHandle, headers: HeaderMap, body| {
                let site = site.clone();
                async move {
                    Ok::<_, Rejection>(Call {
                        handle,
                        path: path.as_str().to_owned(),
                        query,
                        body: read_body(&site, body).await?,
                        provenance: Provenance::read(|name| Some(headers.get(name)?.as_bytes())),
                        site,
                    })
                }
            },
        )
        .boxed()
}

async fn upgraded(handshake: Option<Ws>, call: Call) -> Result<impl Reply, Refusal> {
    let handshake = handshake.ok_or(Refusal::NoHandshake)?;
    let conversation = Conversation::begin(&call).await?;
    let handshake = handshake.max_message_size(call.site.body_limit);
    Ok(handshake.on_upgrade(|socket| converse(conversation, socket)))
}

async fn converse(conversation: Conversation, socket: WebSocket) {
    let (replies, messages) = socket.split();
    let lines = messages.try_filter_map(async |message| {
        // Pings and close messages are answered by the socket itself. A binary message is no
        // command, as an empty line is none.
        let is_line = message.is_text() || message.is_binary();
        Ok(is_line.then(|| message.to_str().unwrap_or_default().to_owned()))
    });
    let replies = replies.with(async |reply| {
        Ok::<_, warp::Error>(match reply {
            SocketReply::Text(text) => Message::text(text),
            SocketReply::Close(code) => Message::close_with(code, ""),
        })
    });
    conversation.run(lines, replies).await;
}

impl Reject for Refusal {}

/// What is answered where no route did.
async fn refused(rejection: Rejection) -> Result<Answer, Infallible> {
    Ok(if let Some(refusal) = rejection.find::<Refusal>() {
        refusal.answer()
    } else if rejection.find::<MethodNotAllowed>().is_some() {
        Refusal::WrongMethod.answer()
    } else {
        Refusal::NoSuchRoute.answer()
    })
}

impl Reply for Answer {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            Body::Whole(bytes) => Response::new(bytes.into()),
            Body::Stream(pieces) => warp::reply::stream(pieces).into_response(),
        };
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

impl Reply for Refusal {
    fn into_response(self) -> Response {
        self.answer().into_response()
    }
}

/// Serves until the program stops.
///
/// # Errors
/// When the listener cannot be used.
pub(super) async fn serve(
    listener: std::net::TcpListener,
    sessions: SessionManager,
    site: Site,
) -> io::Result<()> {
    let stop = site.stop.clone();
    let service = SessionLayer::new(sessions).layer(warp::service(routes(site)));
    let answered = async |answer| Ok(in_error_form(answer).await);
    adapter_warp::serve_service(AndThen::new(service, answered))
        .incoming(TcpListener::from_std(listener)?)
        .grace(GRACE)
        .graceful(stop)
        .run()
        .await;
    Ok(())
}
