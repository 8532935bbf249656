//! Sessions for poem: around an endpoint, along a body, and for handlers.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::stream;
use http_body::{Body as _, Frame};
use http_body_util::{StreamBody, combinators::BoxBody};
use parking_lot::Mutex;
use poem::error::ResponseError;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Endpoint, EndpointExt, Error, FromRequest, Request, RequestBody, Response, Result};
use session_core::{BodyFrame, BoxError, Exchange, ExchangeHandle, Opening, SessionManager};
use tokio::runtime::Handle;

use crate::translate::{Head, Headers, Rejection, Tokio};

/// Gives every request of `app` its session. An error of `app` is an answer too: it leaves as
/// the response that poem makes of it, with the headers of the session.
pub fn with_sessions(
    app: impl Endpoint + 'static,
    sessions: SessionManager,
) -> impl Endpoint<Output = Response> {
    app.around(move |app, request| serve(app, request, sessions.clone()))
}

async fn serve(
    app: Arc<impl Endpoint>,
    mut request: Request,
    sessions: SessionManager,
) -> Result<Response> {
    if !sessions.has_runtime() {
        sessions.attach_runtime(Arc::new(Tokio(Handle::current())));
    }
    let mut exchange = sessions.begin(&Head(&request));
    request.set_data(exchange.handle());
    let mut answer = pin!(app.get_response(request));
    let mut response = poll_fn(|cx| {
        let answer = answer.as_mut().poll(cx);
        if answer.is_pending() {
            // Completes only during a body.
            let _ = exchange.poll_keep_alive(cx);
        }
        answer
    })
    .await;
    let (delivery, failure) = match exchange.commit().await {
        Ok(delivery) => {
            let noted = delivery.noted_failure().cloned();
            (delivery, noted)
        }
        Err(error) => (exchange.salvage().unwrap_or_default(), Some(error)),
    };
    if let Some(failure) = failure {
        response = Rejection(failure).as_response();
    } else {
        watch(&mut response, exchange);
    }
    delivery.write_to(&mut Headers(response.headers_mut()));
    Ok(response)
}

/// Lets the session follow a body to its end, where there is still something to do for it.
fn watch(response: &mut Response, exchange: Exchange) {
    let mut body: BoxBody<Bytes, io::Error> = response.take_body().into();
    let exact = body.size_hint().exact();
    let announced = response.header(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.parse().ok());
    // Nobody waits for the end of no body, such as that of an upgrade.
    let session = match exact {
        Some(0) => None,
        _ => exchange.into_body(exact, announced),
    };
    let Some(session) = session else {
        return response.set_body(body);
    };
    if let Some(length) = announced.or(exact) {
        // Frames by themselves do not say how many there will be.
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    // Never locked: poem wants its bodies `Sync`, and an exchange is not.
    let mut session = Mutex::new(session);
    let frames = stream::poll_fn(move |cx| {
        let next = |cx: &mut Context<'_>| {
            let frame = ready!(Pin::new(&mut body).poll_frame(cx));
            Poll::Ready(frame.map(|frame| frame.map(in_bytes).map_err(BoxError::from)))
        };
        let frame = session.get_mut().poll_next(cx, next);
        frame.map_err(io::Error::other)
    });
    response.set_body(BoxBody::new(StreamBody::new(frames)));
}

fn in_bytes(frame: Frame<Bytes>) -> BodyFrame<Frame<Bytes>> {
    BodyFrame {
        bytes: frame.data_ref().map_or(0, Bytes::len),
        is_last: frame.is_trailers(),
        frame,
    }
}

/// The session of a request, stored when something is written to it (`getSession(true)`).
///
/// Do not ask for `Option<Session>`: it is a session for every visitor, since poem builds it
/// from this one. An outage is 503 even there.
#[derive(Debug)]
pub struct Session(pub session_core::Session);

impl<'a> FromRequest<'a> for Session {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        open(request, ExchangeHandle::session).await.map(Self)
    }
}

/// The session of a request if the client has one; never makes one (`getSession(false)`).
#[derive(Debug)]
pub struct ExistingSession(pub Option<session_core::Session>);

impl<'a> FromRequest<'a> for ExistingSession {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        let open = open(request, ExchangeHandle::existing_session);
        open.await.map(Self)
    }
}

async fn open<T>(request: &Request, open: fn(&ExchangeHandle) -> Opening<T>) -> Result<T> {
    let no_middleware = || Error::from_status(StatusCode::INTERNAL_SERVER_ERROR);
    let handle: &ExchangeHandle = request.data().ok_or_else(no_middleware)?;
    open(handle).await.map_err(|error| {
        // `Option` and `Result` as extractors take the error for themselves.
        handle.note_failure(error.clone());
        Rejection(error).into()
    })
}
