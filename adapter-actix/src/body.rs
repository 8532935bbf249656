//! Response bodies that carry their session to the end.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;
use pin_project_lite::pin_project;
use session_core::{BodyExchange, BodyFrame, Main};

type BodyError = Box<dyn Error>;

pin_project! {
    /// A body that stores what was written to the session while it streamed, before its end
    /// is visible; also when it is dropped early.
    pub struct SessionBody<B, S = Main> {
        #[pin]
        kind: Kind<B, S>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<B, S> {
        Plain { #[pin] body: B },
        // In a box, since few bodies are watched and all are moved.
        Watched { #[pin] body: B, session: Box<BodyExchange<Bytes, S>> },
        Replaced { body: BoxBody },
    }
}

impl<B, S> SessionBody<B, S> {
    /// A body whose session is finished.
    pub(crate) const fn plain(body: B) -> Self {
        Self {
            kind: Kind::Plain { body },
        }
    }

    /// A body during which the session may still change.
    pub(crate) fn watched(body: B, session: BodyExchange<Bytes, S>) -> Self {
        let session = Box::new(session);
        Self {
            kind: Kind::Watched { body, session },
        }
    }

    /// The body of the response that takes the place of the handler's.
    pub(crate) const fn replaced(body: BoxBody) -> Self {
        Self {
            kind: Kind::Replaced { body },
        }
    }
}

impl<B: MessageBody, S> MessageBody for SessionBody<B, S> {
    type Error = BodyError;

    fn size(&self) -> BodySize {
        match &self.kind {
            Kind::Plain { body } | Kind::Watched { body, .. } => body.size(),
            Kind::Replaced { body } => body.size(),
        }
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        match self.project().kind.project() {
            KindProjection::Plain { body } => poll_body(body, cx),
            KindProjection::Watched { mut body, session } => session.poll_next(cx, |cx| {
                let piece = ready!(poll_body(body.as_mut(), cx));
                Poll::Ready(piece.map(|piece| piece.map(in_bytes)))
            }),
            KindProjection::Replaced { body } => poll_body(Pin::new(body), cx),
        }
    }

    fn try_into_bytes(self) -> Result<Bytes, Self> {
        match self.kind {
            Kind::Plain { body } => body.try_into_bytes().map_err(Self::plain),
            Kind::Replaced { body } => body.try_into_bytes().map_err(Self::replaced),
            // Whoever takes all bytes at once would see the end before the session is finished.
            watched @ Kind::Watched { .. } => Err(Self { kind: watched }),
        }
    }

    fn boxed(self) -> BoxBody
    where
        Self: 'static,
    {
        match self.kind {
            Kind::Plain { body } => body.boxed(),
            Kind::Replaced { body } => body,
            watched @ Kind::Watched { .. } => BoxBody::new(Self { kind: watched }),
        }
    }
}

fn poll_body<B: MessageBody>(
    body: Pin<&mut B>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, BodyError>>> {
    body.poll_next(cx).map_err(Into::into)
}

/// actix-web polls until the end, unless the promised length ends before.
fn in_bytes(piece: Bytes) -> BodyFrame<Bytes> {
    BodyFrame {
        bytes: piece.len(),
        is_last: false,
        frame: piece,
    }
}

impl<B, S> std::fmt::Debug for SessionBody<B, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionBody")
    }
}
