//! poem on hyper, without poem's own server.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::{conn::auto, graceful::GracefulShutdown};
use poem::http::{self, uri::Scheme};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint, Request};
use tokio::net::TcpListener;

/// What a stop waits for requests and streams that are under way.
const GRACE: Duration = Duration::from_secs(10);

/// A listener that has no file descriptor left for a connection tries again after this time.
const RETRY: Duration = Duration::from_millis(100);

/// Serves `app` over HTTP/1.1 and HTTP/2 until `stop` completes and the connections are closed.
///
/// This stands in for `poem::Server`, which polls a connection once more after it has failed.
/// hyper then ends a chunked body that broke off as though it were complete, so a client could
/// not tell that its session was not stored.
///
/// # Errors
/// When the listener has no address.
pub async fn serve(
    listener: TcpListener,
    app: impl Endpoint + 'static,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let app = Arc::new(app);
    let local = listener.local_addr()?;
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let Ok((stream, remote)) = accepted else {
            tokio::time::sleep(RETRY).await;
            continue;
        };
        let app = app.clone();
        let service = service_fn(move |request: http::Request<Incoming>| {
            let (local, remote) = (LocalAddr(local.into()), RemoteAddr(remote.into()));
            let request = Request::from((request, local, remote, Scheme::HTTP));
            let app = app.clone();
            async move { Ok::<_, Infallible>(http::Response::from(app.get_response(request).await)) }
        });
        let builder = auto::Builder::new(TokioExecutor::new());
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let connection = connections.watch(connection.into_owned());
        // How a connection ends is the client's business.
        tokio::spawn(async move { drop(connection.await) });
    }
    drop(listener);
    // What has not ended by then is cut off.
    let _ = tokio::time::timeout(GRACE, connections.shutdown()).await;
    Ok(())
}
