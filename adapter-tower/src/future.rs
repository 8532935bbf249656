//! The future of a response: runs the handler, keeps the session alive meanwhile, commits.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderValue, Response, StatusCode, header};
use http_body::Body;
use pin_project_lite::pin_project;
use session_core::{Delivery, Exchange, Main, SessionError};

use crate::body::{BodyPolicy, WrapBody};
use crate::headers::ResponseHeaders;

pin_project! {
    /// The response of a [`SessionService`](crate::SessionService).
    ///
    /// Dropping it before it completes means that the client is gone: the handler is dropped
    /// and nothing more of its session is stored.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, S = Main, P = WrapBody>
    where
        F: Future,
    {
        // Dropped as soon as it has answered: what it still holds of the request, the exchange's
        // handle included, must not look like somebody who may change the session.
        #[pin]
        handler: Option<F>,
        exchange: Option<Exchange<S>>,
        // What the handler answered, while its session is being stored. In a box, since few
        // responses wait for that and all futures are moved.
        answer: Option<Box<F::Output>>,
        policy: PhantomData<fn() -> P>,
    }
}

impl<F: Future, S, P> ResponseFuture<F, S, P> {
    pub(crate) const fn new(handler: F, exchange: Exchange<S>) -> Self {
        Self {
            handler: Some(handler),
            exchange: Some(exchange),
            answer: None,
            policy: PhantomData,
        }
    }
}

impl<F, B, E, S, P> Future for ResponseFuture<F, S, P>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    P: BodyPolicy<B, S>,
    S: 'static,
{
    type Output = Result<Response<P::Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(exchange) = this.exchange else {
            // Polled again after completion, which the contract of futures leaves open.
            return Poll::Pending;
        };
        if let Some(handler) = this.handler.as_mut().as_pin_mut() {
            let Poll::Ready(answer) = handler.poll(cx) else {
                // Completes only during a body.
                let _ = exchange.poll_keep_alive(cx);
                return Poll::Pending;
            };
            this.handler.set(None);
            if answer.is_err() {
                // No response head will tell the client anything: as for a handler that was
                // dropped, nothing is stored.
                *this.exchange = None;
                return Poll::Ready(answer.map(|response| response.map(P::plain)));
            }
            return match exchange.poll_commit(cx) {
                Poll::Ready(committed) => {
                    let exchange = this.exchange.take();
                    Poll::Ready(respond::<B, E, S, P>(exchange, answer, committed))
                }
                Poll::Pending => {
                    *this.answer = Some(Box::new(answer));
                    Poll::Pending
                }
            };
        }
        let Some(answer) = this.answer.take() else {
            // Polled again after a panic; there is nothing to answer with.
            return Poll::Pending;
        };
        match exchange.poll_commit(cx) {
            Poll::Ready(committed) => {
                let exchange = this.exchange.take();
                Poll::Ready(respond::<B, E, S, P>(exchange, *answer, committed))
            }
            Poll::Pending => {
                *this.answer = Some(answer);
                Poll::Pending
            }
        }
    }
}

/// Puts the headers of the session on the response, and the session into its body.
fn respond<B, E, S, P>(
    exchange: Option<Exchange<S>>,
    answer: Result<Response<B>, E>,
    committed: Result<Delivery, SessionError>,
) -> Result<Response<P::Body>, E>
where
    B: Body,
    P: BodyPolicy<B, S>,
    S: 'static,
{
    let mut response = answer?;
    match committed {
        Ok(delivery) => {
            if let Some(error) = delivery.noted_failure()
                && P::reports_rejection(&mut response)
            {
                let mut response = failure(error).map(P::text);
                delivery.write_to(&mut ResponseHeaders(response.headers_mut()));
                return Ok(response);
            }
            if !delivery.is_empty() {
                delivery.write_to(&mut ResponseHeaders(response.headers_mut()));
            }
        }
        Err(error) => {
            let mut response = failure(&error).map(P::text);
            if let Some(delivery) = exchange.and_then(|mut exchange| exchange.salvage()) {
                delivery.write_to(&mut ResponseHeaders(response.headers_mut()));
            }
            return Ok(response);
        }
    }
    // After an upgrade the connection is no longer this request's.
    let exchange = exchange.filter(|_| response.status() != StatusCode::SWITCHING_PROTOCOLS);
    let exact = response.body().size_hint().exact();
    let session = exchange.and_then(|it| {
        // Where the session is finished and the body is there, nobody asks for it.
        let is_over = exact.is_some() && !it.may_change();
        let announced = if is_over { None } else { announced(&response) };
        it.into_body(exact, announced)
    });
    Ok(response.map(|body| match session {
        Some(session) => P::watched(body, session),
        None => P::plain(body),
    }))
}

/// The response that takes the place of the handler's when the session could not be opened or
/// stored: opaque, with a fixed text.
fn failure(error: &SessionError) -> Response<&'static str> {
    let mut response = Response::new(error.public_text());
    *response.status_mut() =
        StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The length that the handler announces, if it does.
fn announced<B>(response: &Response<B>) -> Option<u64> {
    let length = response.headers().get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

impl<F: Future, S, P> std::fmt::Debug for ResponseFuture<F, S, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ResponseFuture")
    }
}
