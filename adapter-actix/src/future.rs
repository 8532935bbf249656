//! The future of a response: runs the handler, keeps the session alive meanwhile, commits.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::{StatusCode, header};
use actix_web::{Error, HttpMessage};
use pin_project_lite::pin_project;
use session_core::{Delivery, Exchange, ExchangeHandle, Main, SessionError};

use crate::body::SessionBody;
use crate::headers::ResponseHeaders;
use crate::rejection::Rejection;

/// What a service answers. An `Err` is an answer too: actix-web makes a response of it.
type Answer<B> = Result<ServiceResponse<B>, Error>;

pin_project! {
    /// The response of a [`SessionService`](crate::SessionService).
    ///
    /// Dropping it before it completes means that the client is gone: the handler is dropped
    /// and nothing more of its session is stored.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, B, S = Main> {
        // Dropped as soon as it has answered, with whatever it still holds of the session.
        #[pin]
        handler: Option<F>,
        exchange: Option<Exchange<S>>,
        // What the handler answered, while its session is being stored. In a box, since few
        // responses wait for that and all futures are moved.
        answer: Option<Box<Answer<B>>>,
    }
}

impl<F, B, S> ResponseFuture<F, B, S> {
    pub(crate) const fn new(handler: F, exchange: Exchange<S>) -> Self {
        Self {
            handler: Some(handler),
            exchange: Some(exchange),
            answer: None,
        }
    }
}

impl<F, B, S> Future for ResponseFuture<F, B, S>
where
    F: Future<Output = Answer<B>>,
    B: MessageBody,
    S: 'static,
{
    type Output = Answer<SessionBody<B, S>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // Without an exchange it is polled again after completion, which the contract of
        // futures leaves open.
        let Some(mut exchange) = this.exchange.take() else {
            return Poll::Pending;
        };
        let mut answer = None;
        if let Some(handler) = this.handler.as_mut().as_pin_mut() {
            let Poll::Ready(answered) = handler.poll(cx) else {
                // Completes only during a body.
                let _ = exchange.poll_keep_alive(cx);
                *this.exchange = Some(exchange);
                return Poll::Pending;
            };
            this.handler.set(None);
            if let Ok(response) = &answered {
                // The request lives until the head is sent, and would hold the session.
                let mut extensions = response.request().extensions_mut();
                extensions.remove::<ExchangeHandle<S>>();
            }
            answer = Some(answered);
        }
        let Poll::Ready(committed) = exchange.poll_commit(cx) else {
            if let Some(answer) = answer {
                *this.answer = Some(Box::new(answer));
            }
            *this.exchange = Some(exchange);
            return Poll::Pending;
        };
        match answer.or_else(|| this.answer.take().map(|answer| *answer)) {
            Some(answer) => Poll::Ready(respond(exchange, answer, committed)),
            // The handler panicked at an earlier poll: there is nothing to answer with.
            None => Poll::Pending,
        }
    }
}

/// Puts the headers of the session on the response, and the session into its body.
fn respond<B: MessageBody, S: 'static>(
    mut exchange: Exchange<S>,
    answer: Answer<B>,
    committed: Result<Delivery, SessionError>,
) -> Answer<SessionBody<B, S>> {
    let (delivery, failure) = match committed {
        Ok(delivery) => {
            let noted = delivery.noted_failure().cloned();
            (delivery, noted)
        }
        Err(error) => (exchange.salvage().unwrap_or_default(), Some(error)),
    };
    let answer = match (answer, failure) {
        (Ok(response), None) => Ok(carry(response, exchange)),
        (Err(error), None) => Err(error),
        (Ok(response), Some(failure)) => {
            let (request, _) = response.into_parts();
            let response = ServiceResponse::from_err(Rejection::from(failure), request);
            Ok(response.map_body(|_, body| SessionBody::replaced(body)))
        }
        (Err(_), Some(failure)) => Err(Rejection::from(failure).into()),
    };
    if delivery.is_empty() {
        return answer;
    }
    match answer {
        Ok(mut response) => {
            delivery.write_to(&mut ResponseHeaders(response.headers_mut()));
            Ok(response)
        }
        Err(mut error) => {
            error.add_response_mapper(move |mut response| {
                let headers = &mut ResponseHeaders(response.headers_mut());
                delivery.clone().write_to(headers);
                response
            });
            Err(error)
        }
    }
}

/// Puts the session into the body where it has work to do there.
fn carry<B: MessageBody, S>(
    response: ServiceResponse<B>,
    exchange: Exchange<S>,
) -> ServiceResponse<SessionBody<B, S>> {
    // After an upgrade the connection is no longer this request's.
    let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let exchange = Some(exchange).filter(|_| !upgraded);
    let exact = match response.response().body().size() {
        BodySize::None => Some(0),
        BodySize::Sized(length) => Some(length),
        BodySize::Stream => None,
    };
    // Of a body whose size is known, actix-web announces that.
    let announced = exact.or_else(|| announced(&response));
    let session = exchange.and_then(|it| it.into_body(exact, announced));
    response.map_body(|_, body| match session {
        Some(session) => SessionBody::watched(body, session),
        None => SessionBody::plain(body),
    })
}

/// The length that the handler announces, if it does. Beside chunks it is not sent.
fn announced<B>(response: &ServiceResponse<B>) -> Option<u64> {
    if response.response().head().chunked() {
        return None;
    }
    let length = response.headers().get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

impl<F, B, S> std::fmt::Debug for ResponseFuture<F, B, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ResponseFuture")
    }
}
