//! Extractors.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use session_core::{ExchangeHandle, Main, Opening, SessionAttribute, SessionError, SessionView};

use crate::rejection::ExtractionError;

/// The session of a request (`getSession(true)`): the one the client has, or a new one that is
/// made when something is written to it. [`ExistingSession`] never makes one.
///
/// Derefs to [`session_core::Session`], which has all the operations.
///
/// `Option<Session>` is `Some` also for a visitor who has no session: actix-web lets no
/// extractor decide what its `Option` means. `Result<Session, Rejection>` is for handlers that
/// answer for themselves when the session cannot be used.
pub struct Session<S = Main>(pub session_core::Session<S>);

impl<S> Session<S> {
    /// The engine's own handle, to be kept beyond the handler.
    #[must_use]
    pub fn into_inner(self) -> session_core::Session<S> {
        self.0
    }
}

impl<S> Clone for Session<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> std::fmt::Debug for Session<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<S> Deref for Session<S> {
    type Target = session_core::Session<S>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<S: 'static> FromRequest for Session<S> {
    type Error = ExtractionError;
    type Future = Extraction<session_core::Session<S>, Self, S>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Extraction::of(request, ExchangeHandle::session, |session| {
            Ok(Self(session))
        })
    }
}

/// The session of a request if there is one (`getSession(false)`); never makes one.
///
/// What `Option<Session>` is with other frameworks:
///
/// ```
/// use adapter_actix::{ExistingSession, Rejection};
///
/// async fn greet(ExistingSession(session): ExistingSession) -> Result<String, Rejection> {
///     let Some(session) = session else {
///         return Ok("Who are you?".into());
///     };
///     let name: Option<String> = session.get_attribute("name")?;
///     Ok(format!("Hello, {}", name.unwrap_or_default()))
/// }
/// ```
pub struct ExistingSession<S = Main>(pub Option<Session<S>>);

impl<S> ExistingSession<S> {
    /// The session, if there is one.
    #[must_use]
    pub fn into_inner(self) -> Option<Session<S>> {
        self.0
    }
}

impl<S> std::fmt::Debug for ExistingSession<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ExistingSession").field(&self.0).finish()
    }
}

impl<S: 'static> FromRequest for ExistingSession<S> {
    type Error = ExtractionError;
    type Future = Extraction<Option<session_core::Session<S>>, Self, S>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Extraction::of(request, ExchangeHandle::existing_session, |found| {
            Ok(Self(found.map(Session)))
        })
    }
}

/// A look at the client's session that is no access: it prolongs nothing. `None` when there is
/// no session.
pub struct Peek<S = Main>(pub Option<SessionView<S>>);

impl<S> std::fmt::Debug for Peek<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Peek").field(&self.0).finish()
    }
}

impl<S: 'static> FromRequest for Peek<S> {
    type Error = ExtractionError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ExtractionError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let handle = handle::<S>(request);
        Box::pin(async move {
            let handle = handle.ok_or_else(ExtractionError::no_layer)?;
            match handle.peek_session().await {
                Ok(view) => Ok(Self(view)),
                Err(error) => Err(ExtractionError::of(error, handle)),
            }
        })
    }
}

/// One typed attribute of the client's session; `None` when it is not set or there is no
/// session. For a session of another manager, `Session<S>` has
/// [`get`](session_core::Session::get).
#[derive(Clone, Debug)]
pub struct Attribute<T>(pub Option<T>);

impl<T: SessionAttribute> FromRequest for Attribute<T> {
    type Error = ExtractionError;
    type Future = Extraction<Option<session_core::Session>, Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Extraction::of(request, ExchangeHandle::existing_session, |found| {
            let value = found.map(|session| session.get::<T>()).transpose()?;
            Ok(Self(value.flatten()))
        })
    }
}

fn handle<S: 'static>(request: &HttpRequest) -> Option<ExchangeHandle<S>> {
    request.extensions().get().cloned()
}

/// The future of an extractor: small, and complete at its first poll with a store in this
/// process.
#[must_use = "futures do nothing unless polled"]
// Without a middleware there is nothing to open.
pub struct Extraction<T, R, S = Main>(Option<Stage<T, R, S>>);

struct Stage<T, R, S> {
    opening: Opening<T>,
    wrap: fn(T) -> Result<R, SessionError>,
    // What a failure is noted with.
    handle: ExchangeHandle<S>,
}

impl<T, R, S: 'static> Extraction<T, R, S> {
    fn of(
        request: &HttpRequest,
        open: fn(&ExchangeHandle<S>) -> Opening<T>,
        wrap: fn(T) -> Result<R, SessionError>,
    ) -> Self {
        Self(handle(request).map(|handle| Stage {
            opening: open(&handle),
            wrap,
            handle,
        }))
    }
}

impl<T, R, S: 'static> Future for Extraction<T, R, S> {
    type Output = Result<R, ExtractionError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(stage) = &mut self.0 else {
            return Poll::Ready(Err(ExtractionError::no_layer()));
        };
        let opened = ready!(Pin::new(&mut stage.opening).poll(cx));
        Poll::Ready(
            opened
                .and_then(stage.wrap)
                .map_err(|error| ExtractionError::of(error, stage.handle.clone())),
        )
    }
}

impl<T, R, S> std::fmt::Debug for Extraction<T, R, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Extraction")
    }
}
