//! The session of a response body: what an adapter's body wrapper drives, frame by frame.

use std::fmt;
use std::task::{Context, Poll, ready};

use super::{Exchange, Main};
use crate::error::SessionError;

/// Follows a response body to its end, so that whoever sees the end reads the last write.
///
/// Made by [`Exchange::into_body`]. It passes frames on as they come, stores what has waited
/// for a second at a frame or in between, keeps the session alive while the body is pending,
/// and holds the end back until everything is stored. Dropping it early means that the client
/// is gone: what was written is stored all the same.
///
/// `T` is the frame of the framework.
pub struct BodyExchange<T, S = Main> {
    /// Gone once the session is finished.
    exchange: Option<Exchange<S>>,
    /// What is left of a length that the client knows: it stops reading at the last byte, and
    /// servers stop polling there.
    bytes_left: Option<u64>,
    /// The end of the body, with the last frame if that shows the end, held back until the
    /// session is finished.
    held: Option<Option<T>>,
}

/// One frame of a body.
#[derive(Clone, Copy, Debug)]
pub struct BodyFrame<T> {
    /// The frame.
    pub frame: T,
    /// How many bytes of content it has; none for trailers.
    pub bytes: usize,
    /// True when it is known that no frame follows: servers do not poll again behind trailers,
    /// nor once a body says that it is at its end.
    pub is_last: bool,
}

impl<S> Exchange<S> {
    /// The exchange along the body of the response, after the commit. `None` when nothing can
    /// happen to the session any more, so that the body can go as it is.
    ///
    /// `exact` is the size of a body that is known beforehand, because it is there already;
    /// `announced` the value of a `Content-Length` that the handler set. To be left out for a
    /// response that switches protocols: the connection is no longer this request's.
    #[must_use]
    pub fn into_body<T>(
        self,
        exact: Option<u64>,
        announced: Option<u64>,
    ) -> Option<BodyExchange<T, S>> {
        // A body that is still being made may take longer than its session may lie idle.
        let may_last = || exact.is_none() && self.uses_session();
        if !self.may_change() && !may_last() {
            return None;
        }
        Some(BodyExchange {
            exchange: Some(self),
            bytes_left: announced.or(exact),
            held: None,
        })
    }
}

impl<T, S> BodyExchange<T, S> {
    /// True once the session is finished. Until then a wrapper must not say that the body is
    /// at its end.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        self.exchange.is_none()
    }

    /// The next frame, `None` at the end. `next` polls the body itself.
    ///
    /// # Errors
    /// That of the body; or that the writes could not be stored, with which the body must
    /// break off.
    pub fn poll_next<E: From<SessionError>>(
        &mut self,
        cx: &mut Context<'_>,
        mut next: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<BodyFrame<T>, E>>>,
    ) -> Poll<Option<Result<T, E>>> {
        loop {
            let Some(exchange) = &mut self.exchange else {
                return next(cx).map_ok(|next| next.frame);
            };
            if let Some(end) = &mut self.held {
                let finished = ready!(exchange.poll_finish(cx));
                let end = end.take();
                self.exchange = None;
                return Poll::Ready(match finished {
                    Ok(()) => end.map(Ok),
                    Err(error) => Some(Err(error.into())),
                });
            }
            if let Err(error) = ready!(exchange.poll_flush(cx)) {
                self.exchange = None;
                return Poll::Ready(Some(Err(error.into())));
            }
            match next(cx) {
                Poll::Pending => ready!(exchange.poll_keep_alive(cx)),
                Poll::Ready(None) => self.held = Some(None),
                Poll::Ready(Some(Ok(next))) => {
                    self.bytes_left = self
                        .bytes_left
                        .map(|left| left.saturating_sub(next.bytes as u64));
                    if !next.is_last && self.bytes_left != Some(0) {
                        return Poll::Ready(Some(Ok(next.frame)));
                    }
                    self.held = Some(Some(next.frame));
                }
                Poll::Ready(Some(Err(error))) => {
                    // The response is broken; what was written is stored all the same.
                    self.exchange = None;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

impl<T, S> fmt::Debug for BodyExchange<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyExchange")
            .field("is_finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
