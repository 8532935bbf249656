//! The application under the scenarios, without a framework.

mod script;
mod steps;

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{BoxStream, Stream, StreamExt};
use parking_lot::Mutex;

use self::script::Script;
use super::gate::Gate;
use crate::error::SessionError;
use crate::exchange::ExchangeHandle;
use crate::session::Session;

/// The application under the scenarios. It does what the path of a request says, step by step;
/// the framework extracts the session, and turns the [`Reply`] into a response. Cheap to clone.
///
/// | path | what the handler extracts |
/// |---|---|
/// | `/session/..` | [`Given::Session`], by the extractor of `getSession(true)` |
/// | `/existing/..` | [`Given::Existing`], by the extractor of `getSession(false)` |
/// | `/exchange/..` | [`Given::Exchange`], from where the adapter leaves it for handlers |
/// | anything else | [`Given::Nothing`] |
///
/// All methods are served alike.
#[derive(Clone, Default)]
pub struct Probe {
    gate: Gate,
}

/// What the framework's handler extracted for its request.
#[derive(Debug)]
pub enum Given {
    /// The session, as `getSession(true)` answers it.
    Session(Session),
    /// The session if there is one, as `getSession(false)` answers it.
    Existing(Option<Session>),
    /// That from which handlers get sessions.
    Exchange(ExchangeHandle),
    /// Nothing: the request is no business of its session.
    Nothing,
}

impl Given {
    /// What the route of `path` extracts, taken from `handle` without a framework: for servers
    /// that have no extractors.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn extract(path: &str, handle: ExchangeHandle) -> Result<Self, SessionError> {
        Ok(match path.split('/').nth(1) {
            Some("session") => Self::Session(handle.session().await?),
            Some("existing") => Self::Existing(handle.existing_session().await?),
            Some("exchange") => Self::Exchange(handle),
            _ => Self::Nothing,
        })
    }
}

/// A response, to be turned into one of the framework.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Header lines of the application's own, with names in lower case. A name that comes twice
    /// is two lines. What the session adds is none of these.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: ReplyBody,
}

/// The body of a [`Reply`].
#[derive(Debug)]
pub enum ReplyBody {
    /// This text, complete.
    Text(String),
    /// A body that is made while it is sent; each frame is to be sent when it is there.
    Stream {
        /// What is sent. Reading it writes to the session.
        frames: Frames,
        /// The `Content-Length` to announce, in bytes; `None` where the length is not known in
        /// advance.
        length: Option<u64>,
    },
}

/// The frames of a streamed body: a [`Stream`], and for servers that have no use for one, a
/// [`next`](Self::next). An error means that the body breaks off.
///
/// The lock is never taken: it makes the frames [`Sync`], as some frameworks want them.
pub struct Frames(Mutex<BoxStream<'static, Result<Vec<u8>, io::Error>>>);

impl Frames {
    /// The next frame; `None` behind the last one.
    pub async fn next(&mut self) -> Option<Result<Vec<u8>, io::Error>> {
        self.0.get_mut().next().await
    }
}

impl Stream for Frames {
    type Item = Result<Vec<u8>, io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.get_mut().poll_next_unpin(cx)
    }
}

impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Frames")
    }
}

impl Probe {
    pub(super) const fn new(gate: Gate) -> Self {
        Self { gate }
    }

    /// The handler of every route: does what `path`, the path of the request, says with what
    /// was `given`.
    ///
    /// # Errors
    /// What an operation on the session reports. To be answered as the adapter answers the
    /// errors of handlers.
    pub async fn answer(&self, path: &str, given: Given) -> Result<Reply, SessionError> {
        Script::of(path, given, self.gate.clone()).answer().await
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe")
    }
}
