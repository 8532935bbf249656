//! The application of the scenarios on poem, and its server.

use std::future::pending;
use std::io;

use custom_adapter::{ExistingSession, Rejection, Session, with_sessions};
use futures_util::TryStreamExt;
use poem::http::{HeaderName, StatusCode, header::CONTENT_LENGTH};
use poem::web::Data;
use poem::{Body, EndpointExt, Request, Response, Route, handler};
use session_core::testkit::adapter::{Given, Probe, ReplyBody, Server};
use session_core::{ExchangeHandle, SessionManager};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub(crate) fn serve(sessions: SessionManager, probe: Probe) -> Server {
    let routes = Route::new()
        .at("/session/*", with_session)
        .at("/existing/*", with_existing_session)
        .at("/exchange/*", with_exchange)
        .at("/*", with_nothing)
        .data(probe);
    let app = with_sessions(routes, sessions);

    let runtime = Runtime::new().expect("a runtime starts");
    let listener = runtime
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .expect("a port is free");
    let address = listener.local_addr().expect("a listener has an address");
    runtime.spawn(custom_adapter::serve(listener, app, pending()));
    Server::new(address, || runtime.shutdown_background())
}

#[handler]
async fn with_session(
    request: &Request,
    probe: Data<&Probe>,
    Session(session): Session,
) -> Result<Response, Rejection> {
    answer(request, &probe, Given::Session(session)).await
}

#[handler]
async fn with_existing_session(
    request: &Request,
    probe: Data<&Probe>,
    ExistingSession(session): ExistingSession,
) -> Result<Response, Rejection> {
    answer(request, &probe, Given::Existing(session)).await
}

#[handler]
async fn with_exchange(
    request: &Request,
    probe: Data<&Probe>,
    exchange: Data<&ExchangeHandle>,
) -> Result<Response, Rejection> {
    answer(request, &probe, Given::Exchange(exchange.clone())).await
}

#[handler]
async fn with_nothing(request: &Request, probe: Data<&Probe>) -> Result<Response, Rejection> {
    answer(request, &probe, Given::Nothing).await
}

async fn answer(request: &Request, probe: &Probe, given: Given) -> Result<Response, Rejection> {
    let reply = probe.answer(request.uri().path(), given).await?;
    let status = StatusCode::from_u16(reply.status).expect("the probe's statuses are valid");
    let mut response = Response::builder().status(status).finish();
    let headers = response.headers_mut();
    for (name, value) in reply.headers {
        let value = value.parse().expect("the probe's headers are valid");
        headers.append(HeaderName::from_static(name), value);
    }
    match reply.body {
        ReplyBody::Text(text) => response.set_body(text),
        ReplyBody::Stream { frames, length } => {
            if let Some(length) = length {
                headers.insert(CONTENT_LENGTH, length.into());
            }
            let frames = frames.map_err(io::Error::other);
            response.set_body(Body::from_bytes_stream(frames));
        }
    }
    Ok(response)
}
