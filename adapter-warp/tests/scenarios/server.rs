//! The application of the scenarios on warp, and its server.

use std::future::Future;
use std::net::SocketAddr;

use adapter_warp::{Session, SessionRejection};
use session_core::testkit::adapter::{Given, Probe, Reply, ReplyBody, Server};
use session_core::{ExchangeHandle, SessionError, SessionManager};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use warp::http::{HeaderName, HeaderValue, StatusCode, header};
use warp::path::FullPath;
use warp::reply::Response;
use warp::{Filter, Rejection, Reply as _};

/// With the server of this crate.
pub(crate) fn serve(sessions: SessionManager, probe: Probe) -> Server {
    start(|listener| {
        adapter_warp::serve(routes(probe), sessions)
            .incoming(listener)
            .run()
    })
}

pub(crate) fn start<F>(run: impl FnOnce(TcpListener) -> F) -> Server
where
    F: Future<Output = ()> + Send + 'static,
{
    let runtime = Runtime::new().expect("a runtime starts");
    let listener = runtime
        .block_on(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))))
        .expect("a port is free");
    let address = listener.local_addr().expect("a listener has an address");
    let server = {
        let _entered = runtime.enter();
        run(listener)
    };
    runtime.spawn(server);
    Server::new(address, move || drop(runtime))
}

pub(crate) fn routes(
    probe: Probe,
) -> impl Filter<Extract = (impl warp::Reply,), Error = Rejection> + Clone + Send + Sync + 'static {
    let asked = warp::path::full().map(move |path| (probe.clone(), path));
    let session = warp::path("session")
        .and(asked.clone())
        .and(adapter_warp::session())
        .then(|asked, session: Session| answer(asked, Given::Session(session)));
    let existing = warp::path("existing")
        .and(asked.clone())
        .and(adapter_warp::optional_session())
        .then(|asked, session: Option<Session>| answer(asked, Given::Existing(session)));
    let exchange = warp::path("exchange")
        .and(asked.clone())
        .and(warp::ext::get::<ExchangeHandle>())
        .then(|asked, handle: ExchangeHandle| answer(asked, Given::Exchange(handle)));
    let untouched = warp::path("untouched")
        .and(asked)
        .then(|asked| answer(asked, Given::Nothing));
    session.or(existing).or(exchange).or(untouched)
}

async fn answer(
    (probe, path): (Probe, FullPath),
    given: Given,
) -> Result<Response, SessionRejection> {
    respond(probe.answer(path.as_str(), given).await)
}

fn respond(reply: Result<Reply, SessionError>) -> Result<Response, SessionRejection> {
    let reply = reply?;
    let mut announced = None;
    let mut response = match reply.body {
        ReplyBody::Text(text) => text.into_response(),
        ReplyBody::Stream { frames, length } => {
            announced = length;
            warp::reply::stream(frames).into_response()
        }
    };
    *response.status_mut() = StatusCode::from_u16(reply.status).expect("a status");
    let headers = response.headers_mut();
    for (name, value) in reply.headers {
        let value = HeaderValue::try_from(value).expect("the probe answers valid headers");
        headers.append(HeaderName::from_static(name), value);
    }
    headers.extend(announced.map(|length| (header::CONTENT_LENGTH, HeaderValue::from(length))));
    Ok(response)
}
