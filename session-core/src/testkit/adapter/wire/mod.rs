//! How requests reach a server.

mod http1;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

pub use self::http1::Http1;
use crate::error::BoxError;

/// A version of HTTP in which scenarios are played. [`Http1`] is at hand; a test that has a
/// client for HTTP/2 plays the same scenarios through that.
///
/// Everything here blocks: scenarios run on threads of their own.
pub trait Wire: Send + Sync {
    /// A client of the server at `address`, which may keep its connections open from one
    /// request to the next. It is used by several threads at once.
    fn client(&self, address: SocketAddr) -> Arc<dyn Client>;
}

/// One client.
pub trait Client: Send + Sync {
    /// Sends a request and waits for the head of the response.
    ///
    /// # Errors
    /// When the server cannot be reached, hangs up, or does not answer in time.
    fn send(&self, request: &Request) -> Result<Response, BoxError>;
}

/// A request without a body.
#[derive(Clone)]
pub struct Request {
    /// The method, such as `GET`.
    pub method: &'static str,
    /// The path, which needs no escaping.
    pub path: String,
    /// Header lines, with names in lower case. `cookie` may come several times.
    pub headers: Vec<(String, String)>,
}

impl fmt::Debug for Request {
    /// Without the headers: they may hold a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {})", self.method, self.path)
    }
}

/// The head of a response, and its body to be read.
pub struct Response {
    /// The status.
    pub status: u16,
    /// Header lines in order, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body. Dropping it before its end breaks the exchange off, as a client does that
    /// goes away.
    pub body: Box<dyn Body>,
}

impl fmt::Debug for Response {
    /// Without the headers: they may hold a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({})", self.status)
    }
}

/// The body of a response.
pub trait Body: Send {
    /// Waits for the next piece.
    fn next(&mut self) -> Piece;
}

/// What comes next of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Bytes, however the server has cut them.
    Data(Vec<u8>),
    /// The end, as it should be.
    End,
    /// No end: the server broke off, or fell silent.
    BrokeOff,
}
