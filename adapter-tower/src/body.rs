//! Response bodies that carry their session to the end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use session_core::{BodyExchange, BodyFrame, BoxError, Main};

/// How the bodies of a framework carry a session. A framework with one body type of its own
/// implements this so that a response without late writes keeps its body as it is.
pub trait BodyPolicy<B: Body, S> {
    /// The body of a response of the service.
    type Body;

    /// The body of a response whose session is finished.
    fn plain(body: B) -> Self::Body;

    /// A body during which the session may still change; see [`SessionBody::watched`].
    fn watched(body: B, session: BodySession<B, S>) -> Self::Body;

    /// A body with this text alone.
    fn text(text: &'static str) -> Self::Body;

    /// True when this is the framework's own report of a rejection that nobody handled. A
    /// failure that was noted with
    /// [`note_failure`](session_core::ExchangeHandle::note_failure) then answers in its place.
    /// Looking may read a body that lies in memory, and must leave it as it was.
    ///
    /// False where extractors answer their failures themselves, as in most frameworks: their
    /// responses are never replaced.
    fn reports_rejection(response: &mut Response<B>) -> bool;
}

/// The session along a body of the type `B`.
pub type BodySession<B, S> = BodyExchange<Frame<<B as Body>::Data>, S>;

/// Wraps any body in a [`SessionBody`].
#[derive(Clone, Copy, Debug)]
pub enum WrapBody {}

impl<B, S> BodyPolicy<B, S> for WrapBody
where
    B: Body,
    B::Data: From<&'static [u8]>,
{
    type Body = SessionBody<B, S>;

    fn plain(body: B) -> Self::Body {
        SessionBody::plain(body)
    }

    fn watched(body: B, session: BodySession<B, S>) -> Self::Body {
        SessionBody::watched(body, session)
    }

    fn text(text: &'static str) -> Self::Body {
        SessionBody {
            kind: Kind::Text { text: Some(text) },
        }
    }

    fn reports_rejection(_: &mut Response<B>) -> bool {
        false
    }
}

pin_project! {
    /// A body that stores what was written to the session while it streamed, before its end
    /// is visible; also when it is dropped early.
    pub struct SessionBody<B, S = Main>
    where
        B: Body,
    {
        #[pin]
        kind: Kind<B, S>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<B, S>
    where
        B: Body,
    {
        Plain { #[pin] body: B },
        Watched { #[pin] body: B, session: BodySession<B, S> },
        Text { text: Option<&'static str> },
    }
}

impl<B: Body, S> SessionBody<B, S> {
    /// A body whose session is finished.
    #[must_use]
    pub const fn plain(body: B) -> Self {
        Self {
            kind: Kind::Plain { body },
        }
    }

    /// The body as the service answered it, when its session is finished.
    ///
    /// # Errors
    /// `self`, in a box, when the session may still change.
    pub fn into_plain(self) -> Result<B, Pin<Box<Self>>> {
        match self.kind {
            Kind::Plain { body } => Ok(body),
            kind => Err(Box::pin(Self { kind })),
        }
    }

    /// A body during which the session may still change.
    #[must_use]
    pub const fn watched(body: B, session: BodySession<B, S>) -> Self {
        Self {
            kind: Kind::Watched { body, session },
        }
    }
}

impl<B, S> Body for SessionBody<B, S>
where
    B: Body,
    B::Data: From<&'static [u8]>,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.project().kind.project() {
            KindProjection::Plain { body } => body.poll_frame(cx).map_err(Into::into),
            KindProjection::Watched { mut body, session } => session.poll_next(cx, |cx| {
                let next = ready!(body.as_mut().poll_frame(cx));
                Poll::Ready(next.map(|next| match next {
                    Ok(frame) => Ok(BodyFrame {
                        bytes: frame.data_ref().map_or(0, Buf::remaining),
                        is_last: frame.is_trailers() || body.is_end_stream(),
                        frame,
                    }),
                    Err(error) => Err(error.into()),
                }))
            }),
            KindProjection::Text { text } => {
                let frame = text.take().map(|text| Frame::data(text.as_bytes().into()));
                Poll::Ready(frame.map(Ok))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Plain { body } => body.is_end_stream(),
            // Before the session is finished the end must not be seen.
            Kind::Watched { body, session } => session.is_finished() && body.is_end_stream(),
            Kind::Text { text } => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Plain { body } | Kind::Watched { body, .. } => body.size_hint(),
            Kind::Text { text } => SizeHint::with_exact(text.map_or(0, |text| text.len() as u64)),
        }
    }
}

/// As the service's own body. With this a service that has a layer can be given another, for
/// the sessions of a second manager.
impl<B: Body + From<&'static str>, S> From<&'static str> for SessionBody<B, S> {
    fn from(text: &'static str) -> Self {
        Self::plain(text.into())
    }
}

/// As for a text.
impl<B: Body + From<bytes::Bytes>, S> From<bytes::Bytes> for SessionBody<B, S> {
    fn from(data: bytes::Bytes) -> Self {
        Self::plain(data.into())
    }
}

impl<B: Body, S> std::fmt::Debug for SessionBody<B, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionBody")
    }
}
