//! What an operation answers, before a framework makes its own response of it.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use serde_json::Value;
use session_core::SessionError;

use crate::stop::Stopping;

/// A response that belongs to no framework.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case, and values; several lines may have one name.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

/// The body of an [`Answer`].
pub(crate) enum Body {
    Whole(Bytes),
    Stream(Pieces),
}

/// A body in pieces, each sent when it is made. warp wants bodies to be `Sync`.
pub(crate) type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, Cut>> + Send + Sync>>;

/// Why a body breaks off. It cuts the connection, so that no client takes what it got for all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cut {
    /// The program stops.
    #[error(transparent)]
    Stopping(#[from] Stopping),
    /// The session took no more.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl Answer {
    /// An answer without a body.
    pub(crate) const fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Whole(Bytes::new()),
        }
    }

    /// Done, and nothing to say.
    pub(crate) const fn no_content() -> Self {
        Self::empty(204)
    }

    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::whole(status, "application/json", value.to_string())
    }

    pub(crate) fn whole(
        status: u16,
        content_type: impl Into<String>,
        content: impl Into<Bytes>,
    ) -> Self {
        let mut answer = Self::empty(status).header("content-type", content_type);
        answer.body = Body::Whole(content.into());
        answer
    }

    /// A body in pieces.
    pub(crate) fn stream(
        content_type: &'static str,
        pieces: impl Stream<Item = Result<Bytes, Cut>> + Send + Sync + 'static,
    ) -> Self {
        let mut answer = Self::empty(200).header("content-type", content_type);
        answer.body = Body::Stream(Box::pin(pieces));
        answer
    }

    /// One more header line.
    #[must_use]
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}
