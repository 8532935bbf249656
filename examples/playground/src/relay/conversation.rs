//! One request and its response, over a connection of their own.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Connection, Parts};
use hyper::http::response;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::text::Decoder;

/// Why no more comes; shown to the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Cut {
    /// There is no connection.
    #[error("the server could not be reached")]
    Unreachable,
    /// The server hung up without a word.
    #[error("the connection was closed before a response came")]
    NoResponse,
    /// The server hung up amid its response.
    #[error("the connection was closed before the response ended")]
    NoEnd,
    /// The server agreed to something else than a WebSocket.
    #[error("the server answered with another key than that of this WebSocket")]
    NoSocket,
    /// The jar that the response is for is gone.
    #[error("the relay does not know this page any more")]
    UnknownPage,
}

/// A connection of its own, and the response's body that comes over it. Both are dropped
/// together, so that the server sees at once that its client is gone.
pub(super) struct Conversation {
    connection: Driven,
    body: Incoming,
    decoder: Decoder,
}

impl Conversation {
    /// Sends a request and awaits the head of its response.
    ///
    /// # Errors
    /// When none comes.
    pub(super) async fn begin(
        address: SocketAddr,
        request: Request<Full<Bytes>>,
    ) -> Result<(response::Parts, Self), Cut> {
        let stream = TcpStream::connect(address)
            .await
            .map_err(|_| Cut::Unreachable)?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|_| Cut::Unreachable)?;
        let mut connection = Driven {
            connection,
            is_over: false,
        };
        let response = connection
            .while_awaiting(sender.send_request(request))
            .await;
        let (parts, body) = response
            .map(Response::into_parts)
            .map_err(|_| Cut::NoResponse)?;
        let conversation = Self {
            connection,
            body,
            decoder: Decoder::default(),
        };
        Ok((parts, conversation))
    }

    /// The next text of the body; `None` at its end.
    pub(super) async fn text(&mut self) -> Option<Result<String, Cut>> {
        loop {
            let text = match self.connection.while_awaiting(self.body.frame()).await {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.decoder.decode(&data),
                    // Trailers say nothing that the page shows.
                    Err(_) => continue,
                },
                Some(Err(_)) => return Some(Err(Cut::NoEnd)),
                None => {
                    let rest = self.decoder.finish();
                    return (!rest.is_empty()).then_some(Ok(rest));
                }
            };
            if !text.is_empty() {
                return Some(Ok(text));
            }
        }
    }

    /// The bare connection, and what has come over it already, after the server has switched
    /// to another protocol.
    pub(super) async fn into_socket(mut self) -> (TcpStream, Bytes) {
        poll_fn(|cx| self.connection.poll(cx)).await;
        let Parts { io, read_buf, .. } = self.connection.connection.into_parts();
        (io.into_inner(), read_buf)
    }
}

/// A connection that makes progress while something is awaited that comes over it: no task of
/// its own could outlive the page's interest.
struct Driven {
    connection: Connection<TokioIo<TcpStream>, Full<Bytes>>,
    is_over: bool,
}

impl Driven {
    async fn while_awaiting<T>(&mut self, what: impl Future<Output = T>) -> T {
        let mut what = pin!(what);
        poll_fn(|cx| {
            // Why it ended is told to whoever awaits something of it.
            let _ = self.poll(cx);
            what.as_mut().poll(cx)
        })
        .await
    }

    /// Makes progress; ready when nothing more comes by this protocol.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.is_over = self.is_over || self.connection.poll_without_shutdown(cx).is_ready();
        match self.is_over {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}
