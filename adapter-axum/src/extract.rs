//! Extractors.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use session_core::{ExchangeHandle, Main, Opening, SessionAttribute, SessionView};

use crate::rejection::Rejection;

/// The session of a request (`getSession(true)`): the one the client has, or a new one that is
/// made when something is written to it. `Option<Session>` never makes one.
///
/// Derefs to [`session_core::Session`], which has all the operations.
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

impl<S: 'static, C: Sync> FromRequestParts<C> for Session<S> {
    type Rejection = Rejection;

    fn from_request_parts(
        parts: &mut Parts,
        _: &C,
    ) -> impl Future<Output = Result<Self, Rejection>> + Send {
        Extraction::of(parts, ExchangeHandle::session, Session)
    }
}

impl<S: 'static, C: Sync> OptionalFromRequestParts<C> for Session<S> {
    type Rejection = Rejection;

    fn from_request_parts(
        parts: &mut Parts,
        _: &C,
    ) -> impl Future<Output = Result<Option<Self>, Rejection>> + Send {
        Extraction::of(parts, ExchangeHandle::existing_session, |found| {
            found.map(Session)
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

impl<S: 'static, C: Sync> FromRequestParts<C> for Peek<S> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &C) -> Result<Self, Rejection> {
        let handle = handle::<S>(parts)?.clone();
        Ok(Self(handle.peek_session().await?))
    }
}

/// One typed attribute of the client's session; `None` when it is not set or there is no
/// session. For a session of another manager, `Session<S>` has
/// [`get`](session_core::Session::get).
#[derive(Clone, Debug)]
pub struct Attribute<T>(pub Option<T>);

impl<T: SessionAttribute + Send, C: Sync> FromRequestParts<C> for Attribute<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &C) -> Result<Self, Rejection> {
        let session = handle::<Main>(parts)?.existing_session().await?;
        let value = session.map(|session| session.get::<T>()).transpose()?;
        Ok(Self(value.flatten()))
    }
}

fn handle<S: 'static>(parts: &Parts) -> Result<&ExchangeHandle<S>, Rejection> {
    parts.extensions.get().ok_or(Rejection::NoLayer)
}

/// An extraction: small, and complete at its first poll with a store in this process.
enum Extraction<T, R> {
    Opening(Opening<T>, fn(T) -> R),
    Rejected(Option<Rejection>),
}

impl<T, R> Extraction<T, R> {
    fn of<S: 'static>(
        parts: &Parts,
        open: fn(&ExchangeHandle<S>) -> Opening<T>,
        wrap: fn(T) -> R,
    ) -> Self {
        match handle(parts) {
            Ok(handle) => Self::Opening(open(handle), wrap),
            Err(rejection) => Self::Rejected(Some(rejection)),
        }
    }
}

impl<T, R> Future for Extraction<T, R> {
    type Output = Result<R, Rejection>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Opening(opening, wrap) => {
                let wrap = *wrap;
                Pin::new(opening).poll(cx).map(|opened| Ok(wrap(opened?)))
            }
            Self::Rejected(rejection) => {
                Poll::Ready(Err(rejection.take().unwrap_or(Rejection::NoLayer)))
            }
        }
    }
}
