//! A session being opened: at once with a store in this process, else after an await.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::SessionError;
use crate::runtime::BoxFuture;

/// A future that completes at its first poll when the store is in this process, and is then
/// not boxed either.
#[must_use = "futures do nothing unless polled"]
pub struct Opening<T>(Stage<T>);

enum Stage<T> {
    Ready(Option<Result<T, SessionError>>),
    Pending(BoxFuture<Result<T, SessionError>>),
}

// Nothing in it is ever pinned in place: the pending future is behind its own box.
impl<T> Unpin for Opening<T> {}

impl<T> Opening<T> {
    pub(super) const fn ready(outcome: Result<T, SessionError>) -> Self {
        Self(Stage::Ready(Some(outcome)))
    }

    pub(super) const fn pending(future: BoxFuture<Result<T, SessionError>>) -> Self {
        Self(Stage::Pending(future))
    }
}

impl<T> Future for Opening<T> {
    type Output = Result<T, SessionError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Stage::Pending(future) => future.as_mut().poll(cx),
            Stage::Ready(outcome) => {
                Poll::Ready(outcome.take().unwrap_or(Err(SessionError::Failed)))
            }
        }
    }
}

impl<T> std::fmt::Debug for Opening<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opening")
    }
}
