//! Routes and their sessions as one filter.

use std::convert::Infallible;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use http::response::Parts;
use http::{HeaderValue, Request, Uri, header};
use http_body::{Body, Frame};
use http_body_util::{BodyDataStream, StreamBody};
use hyper::upgrade::OnUpgrade;
use session_core::{BoxError, SessionManager};
use tokio::task::JoinHandle;
use tower_layer::Layer;
use tower_service::Service;
use warp::path::FullPath;
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

use crate::SessionLayer;
use crate::remote::RemoteAddr;

/// Makes one filter of `routes` and their sessions, for `warp::test` and `warp::serve`.
///
/// It belongs on the outside: it takes the request's body and answers every request, also one
/// that no route wants. Every request runs on a task of its own, so [`serve`](crate::serve) is
/// faster. The routes see the request as it came, but for its HTTP version, the host that
/// HTTP/2 keeps beside the headers, and what others put into its extensions; for the client's
/// address there is [`remote`](crate::remote()). Works inside a tokio runtime only.
///
/// ```
/// use adapter_warp::{Session, SessionRejection};
/// use session_core::{SecretKey, SessionManager};
/// use warp::Filter;
///
/// async fn hello(session: Session) -> Result<&'static str, SessionRejection> {
///     session.set_attribute("name", "Ada")?;
///     Ok("hello")
/// }
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sessions = SessionManager::builder()
///     .secret_key(SecretKey::generate()?)
///     .build()?;
/// let routes = warp::path("hello").and(adapter_warp::session()).then(hello);
/// let site = adapter_warp::filter(routes, sessions);
///
/// let response = warp::test::request().path("/hello").reply(&site).await;
/// assert!(response.headers().contains_key("set-cookie"));
/// # Ok(())
/// # }
/// ```
pub fn filter<F, S>(
    routes: F,
    sessions: SessionManager<S>,
) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone
where
    F: Filter + Clone + Send + Sync + 'static,
    F::Extract: Reply,
    S: 'static,
{
    let service = SessionLayer::new(sessions).layer(warp::service(routes));
    request().and_then(move |request| {
        let mut service = service.clone();
        async move {
            // On a task of its own, since warp keeps the request that is being routed in a
            // place of the thread, and there is room for one only.
            let answer = Task(tokio::spawn(async move { service.call(request).await }));
            let (parts, body) = answer.await.into_parts();
            Ok::<_, Rejection>(match body.into_plain() {
                Ok(body) => Response::from_parts(parts, body),
                Err(watched) => streamed(parts, watched),
            })
        }
    })
}

/// The request that warp is routing, taken apart by filters and put together again.
fn request() -> impl Filter<Extract = (Request<impl RequestBody>,), Error = Rejection> + Clone {
    let query = warp::query::raw().map(Some).or(warp::any().map(|| None));
    warp::method()
        .and(warp::path::full())
        .and(query.unify())
        .and(warp::header::headers_cloned())
        .and(warp::addr::remote())
        .and(warp::ext::optional())
        .and(warp::body::stream().map(body_of))
        .map(
            |method, path: FullPath, query: Option<String>, headers, peer, upgrade, body| {
                let mut request = Request::new(body);
                *request.method_mut() = method;
                *request.uri_mut() = target(path.as_str(), query.as_deref());
                *request.headers_mut() = headers;
                if let Some(peer) = peer {
                    request.extensions_mut().insert(RemoteAddr(peer));
                }
                if let Some::<OnUpgrade>(upgrade) = upgrade {
                    request.extensions_mut().insert(upgrade);
                }
                request
            },
        )
}

/// What `warp::service` asks of a body.
trait RequestBody: Body<Data: Send, Error = warp::Error> + Send + Sync + 'static {}

impl<B> RequestBody for B where B: Body<Data: Send, Error = warp::Error> + Send + Sync + 'static {}

fn body_of<B: Buf>(
    stream: impl Stream<Item = Result<B, warp::Error>>,
) -> impl Body<Data = B, Error = warp::Error> {
    StreamBody::new(stream.map(|data| data.map(Frame::data)))
}

/// The target of a request in origin form (RFC 9112, 3.2.1). Its parts come from a request that
/// was read, so they are well-formed.
fn target(path: &str, query: Option<&str>) -> Uri {
    let target = match query {
        Some(query) => Uri::try_from(format!("{path}?{query}")),
        None => Uri::try_from(path),
    };
    target.unwrap_or_default()
}

/// A task whose end is awaited, and that ends when nobody awaits it any more.
struct Task<T>(JoinHandle<Result<T, Infallible>>);

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match ready!(Pin::new(&mut self.0).poll(cx)) {
            Ok(Ok(output)) => Poll::Ready(output),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime is ending, and everything that waits with it.
                Err(_) => Poll::Pending,
            },
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A response whose session may still change, as warp's body type takes it: as a stream, which
/// does not tell the length that the body had.
fn streamed<B>(mut parts: Parts, body: B) -> Response
where
    B: Body<Data = Bytes, Error = BoxError> + Send + Unpin + 'static,
{
    if let Some(length) = body.size_hint().exact() {
        let announced = parts.headers.entry(header::CONTENT_LENGTH);
        announced.or_insert(HeaderValue::from(length));
    }
    let frames = Unshared(Mutex::new(BodyDataStream::new(body)));
    let mut response = warp::reply::stream(frames).into_response();
    Response::from_parts(parts, std::mem::take(response.body_mut()))
}

/// A stream that is polled by its owner alone. warp wants streams that may be shared, although
/// it shares none; the lock is never taken.
struct Unshared<S>(Mutex<S>);

impl<S: Stream + Unpin> Stream for Unshared<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let stream = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        stream.poll_next_unpin(cx)
    }
}
