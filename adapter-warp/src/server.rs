//! A server whose requests have a session.

use std::convert::Infallible;
use std::future::{Future, pending, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{self, select};
use http::{HeaderValue, Method, Request, Response, Version, header};
use http_body::Body;
use http_body_util::{Either, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use session_core::{BoxError, BoxFuture, SessionManager};
use tokio::net::{TcpListener, TcpStream};
use tower_layer::Layer;
use tower_service::Service;
use warp::{Filter, Reply};

use crate::SessionLayer;
use crate::remote::RemoteAddr;
use crate::tasks::{Tasks, tasks};

/// How long running requests may take to end when the server stops, unless
/// [`grace`](Server::grace) says otherwise: half of the ten seconds after which container
/// runtimes kill a process. The other half is left for the commits of what is cut.
const GRACE: Duration = Duration::from_secs(5);

/// How long no connection is accepted after the system had no room for one. Trying again at
/// once would keep a core busy and make nothing better.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Serves routes whose requests have a session.
///
/// As `warp::serve`, over HTTP/1 and HTTP/2 (prior knowledge), with upgrades:
///
/// ```no_run
/// # use session_core::{SecretKey, SessionManager};
/// # use warp::Filter;
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sessions: SessionManager = SessionManager::builder().secret_key(SecretKey::generate()?).build()?;
/// # let routes = warp::any().map(|| "hello");
/// # let signal = std::future::pending();
/// adapter_warp::serve(routes, sessions)
///     .bind(([127, 0, 0, 1], 8080))
///     .await?
///     .graceful(signal)
///     .run()
///     .await;
/// # Ok(())
/// # }
/// ```
pub fn serve<F, S>(routes: F, sessions: SessionManager<S>) -> Server<impl HttpService>
where
    F: Filter + Clone + Send + Sync + 'static,
    F::Extract: Reply,
    S: 'static,
{
    let layer = SessionLayer::new(sessions.clone());
    Server {
        drained: Box::pin(async move { sessions.drain().await }),
        ..serve_service(layer.layer(warp::service(routes)))
    }
}

/// Serves a service that has its [`SessionLayer`] already: one with other layers of tower, or
/// with a layer for each of several managers.
///
/// [`SessionManager::drain`] is to be awaited when [`run`](Server::run) has returned.
pub fn serve_service<V: HttpService>(service: V) -> Server<V> {
    Server {
        service,
        drained: Box::pin(ready(())),
        grace: GRACE,
        stop: Box::pin(pending()),
        listener: Unbound,
    }
}

/// What a [`Server`] can serve: every tower service over HTTP that cannot fail and is always
/// ready, as `warp::service` is and those with a [`SessionLayer`] around it.
pub trait HttpService:
    Service<Request<Incoming>, Response = Response<Self::Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static
{
    /// The body of its responses.
    type Body: Body<Data: Send, Error: Into<BoxError>> + Send + 'static;
}

impl<V, B> HttpService for V
where
    V: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send>,
    V: Clone + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Body = B;
}

/// A server; made by [`serve`].
#[must_use = "servers do nothing unless run"]
pub struct Server<V, L = Unbound> {
    service: V,
    drained: BoxFuture<()>,
    grace: Duration,
    stop: BoxFuture<()>,
    listener: L,
}

/// The listener of a [`Server`] that has none yet.
#[derive(Clone, Copy, Debug)]
pub struct Unbound;

impl<V, L> Server<V, L> {
    /// How long running requests may take to end when the server stops; five seconds unless
    /// said otherwise. Then their connections are cut. What they wrote to their sessions after
    /// their heads is stored all the same.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }
}

impl<V: HttpService> Server<V> {
    /// Binds and runs this server, for ever.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn run(self, address: impl Into<SocketAddr>) -> io::Result<()> {
        self.bind(address).await?.run().await;
        Ok(())
    }

    /// Binds this server.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(self, address: impl Into<SocketAddr>) -> io::Result<Server<V, TcpListener>> {
        let listener = TcpListener::bind(address.into()).await?;
        Ok(self.incoming(listener))
    }

    /// Serves the connections of this listener.
    pub fn incoming(self, listener: TcpListener) -> Server<V, TcpListener> {
        Server {
            service: self.service,
            drained: self.drained,
            grace: self.grace,
            stop: self.stop,
            listener,
        }
    }
}

impl<V: HttpService> Server<V, TcpListener> {
    /// Stops when `signal` completes: accepts no more, closes idle connections, gives running
    /// requests their [`grace`](Self::grace), cuts what is left, and waits until all commits
    /// have ended. Connections that were upgraded belong to whoever took them.
    pub fn graceful(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.stop = Box::pin(signal);
        self
    }

    /// Runs this server until the signal of [`graceful`](Self::graceful), or for ever. Dropping
    /// the future cuts all connections at once.
    pub async fn run(mut self) {
        let (tasks, cutter) = tasks();
        let graceful = GracefulShutdown::new();
        while let future::Either::Right(((stream, peer), _)) =
            select(&mut self.stop, pin!(accept(&self.listener))).await
        {
            let connection = Connection {
                stream,
                peer,
                tasks: tasks.clone(),
                watcher: graceful.watcher(),
            };
            tasks.spawn(connection.serve(self.service.clone()));
        }
        drop((self.listener, tasks));
        // What is still running when the time is over is cut next.
        let _ = tokio::time::timeout(self.grace, graceful.shutdown()).await;
        cutter.cut().await;
        self.drained.await;
    }
}

impl<V, L> std::fmt::Debug for Server<V, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}

/// The next connection.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_the_client(&error) => {}
            // Most likely no more files may be opened, until one is closed.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// True for a connection that its client closed before it was accepted.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// A connection that was accepted.
struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    tasks: Tasks,
    watcher: Watcher,
}

impl Connection {
    async fn serve(self, service: impl HttpService) {
        let peer = self.peer;
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(RemoteAddr(peer));
            // Over HTTP/1 hyper keeps the body back by itself.
            let head_only =
                request.method() == Method::HEAD && request.version() == Version::HTTP_2;
            let answer = service.clone().call(request);
            async move {
                let Ok(response) = answer.await;
                Ok::<_, Infallible>(if head_only {
                    without_body(response)
                } else {
                    response.map(Either::Left)
                })
            }
        });
        // The frames of a stream are often small, and must not wait for one another.
        let _ = self.stream.set_nodelay(true);
        let mut server = auto::Builder::new(self.tasks);
        server.http1().timer(TokioTimer::new());
        server.http2().timer(TokioTimer::new());
        let served = server.serve_connection_with_upgrades(TokioIo::new(self.stream), service);
        // Whatever a client does to its connection ends this connection only.
        let _ = self.watcher.watch(served).await;
    }
}

/// The answer to a HEAD request: it tells the length of the body that a GET would get, and has
/// none (RFC 9110, 9.3.2).
fn without_body<B: Body>(mut response: Response<B>) -> Response<Either<B, Empty<B::Data>>> {
    if let Some(length) = response.body().size_hint().exact() {
        let announced = response.headers_mut().entry(header::CONTENT_LENGTH);
        announced.or_insert(HeaderValue::from(length));
    }
    response.map(|_| Either::Right(Empty::new()))
}
