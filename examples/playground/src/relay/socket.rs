//! Opens a WebSocket as the browser of a pane, and tells of it as it goes: one JSON object a
//! line, as of any other request. A script can open one with the cookies of its own browser
//! alone, and those of the panes are here.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt, Stream, StreamExt, stream};
use http_body_util::Full;
use hyper::header::{
    CONNECTION, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::http::response::Parts;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::Relay;
use super::conversation::{Conversation, Cut};
use super::forward::{self, Answered};
use super::pages::Pane;
use crate::answer;

/// Lines that may wait for the server; whoever says more waits too.
const LINES_WAITING: usize = 8;

/// The WebSockets that a page has open, by numbers that are its own.
#[derive(Default)]
pub(super) struct Sockets {
    opened: u64,
    open: HashMap<u64, mpsc::Sender<String>>,
}

impl Sockets {
    /// One more, with the number that it got and the lines that are said to it.
    fn open(&mut self) -> (u64, mpsc::Receiver<String>) {
        let (sender, lines) = mpsc::channel(LINES_WAITING);
        self.open.retain(|_, lines| !lines.is_closed());
        self.opened += 1;
        self.open.insert(self.opened, sender);
        (self.opened, lines)
    }

    /// Where lines to an open socket go; `None` when it is closed.
    pub(super) fn lines_to(&self, socket: u64) -> Option<mpsc::Sender<String>> {
        self.open.get(&socket).cloned()
    }
}

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sockets({})", self.open.len())
    }
}

/// Where a socket is.
enum Stage {
    ToBeOpened(Arc<Relay>, String, Pane),
    /// It was refused, and why is on its way.
    Refused(Box<Conversation>),
    Open(Box<Talk>),
    Over,
}

/// What becomes of a socket, one JSON object a line. It is opened when the first is asked for,
/// and its connection is closed as soon as nobody reads any more.
pub(super) fn frames(
    relay: Arc<Relay>,
    page: String,
    pane: Pane,
) -> impl Stream<Item = Result<Bytes, answer::Cut>> + Send + Sync {
    stream::unfold(Stage::ToBeOpened(relay, page, pane), async |stage| {
        let told = match stage {
            Stage::ToBeOpened(relay, page, pane) => open(&relay, &page, pane).await,
            Stage::Refused(mut conversation) => match conversation.text().await {
                Some(Ok(text)) => Ok((
                    json!({ "frame": "text", "text": text }),
                    Stage::Refused(conversation),
                )),
                Some(Err(why)) => Err(why),
                None => Ok((json!({ "frame": "end" }), Stage::Over)),
            },
            Stage::Open(talk) => talk.next().await,
            Stage::Over => return None,
        };
        let (frame, next) = told.unwrap_or_else(|why| (forward::cut(why), Stage::Over));
        Some((Ok(Bytes::from(format!("{frame}\n"))), next))
    })
}

/// Shakes hands, and answers the frame of the response's head.
async fn open(relay: &Relay, page: &str, pane: Pane) -> Result<(Value, Stage), Cut> {
    let key = generate_key();
    let request = handshake(relay.address, &key).ok_or(Cut::NoResponse)?;
    let answered = forward::ask(relay, page, pane, request).await?;
    let Answered {
        head,
        mut frame,
        conversation,
    } = answered;
    if head.status != StatusCode::SWITCHING_PROTOCOLS {
        return Ok((frame, Stage::Refused(Box::new(conversation))));
    }
    if !accepts(&head, &key) {
        return Err(Cut::NoSocket);
    }
    let (number, lines) = {
        let mut pages = relay.pages.lock();
        let page = pages.get(page, relay.clock.now());
        page.ok_or(Cut::UnknownPage)?.sockets().open()
    };
    frame["socket"] = number.into();
    let (stream, read) = conversation.into_socket().await;
    let socket = WebSocketStream::from_partially_read(stream, read.into(), Role::Client, None);
    let talk = Talk {
        socket: socket.await,
        lines,
    };
    Ok((frame, Stage::Open(Box::new(talk))))
}

/// What a browser asks with, whose page is of this very server (RFC 6455, 4.1).
fn handshake(address: SocketAddr, key: &str) -> Option<Request<Full<Bytes>>> {
    let request = Request::builder()
        .uri("/ws")
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(ORIGIN, format!("http://{address}"))
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, key);
    request.body(Full::default()).ok()
}

/// True when the server has understood what it was asked for.
fn accepts(head: &Parts, key: &str) -> bool {
    let accept = head.headers.get(SEC_WEBSOCKET_ACCEPT);
    accept.is_some_and(|accept| *accept == *derive_accept_key(key.as_bytes()))
}

/// An open socket, and what the page says to it.
struct Talk {
    socket: WebSocketStream<TcpStream>,
    lines: mpsc::Receiver<String>,
}

impl Talk {
    /// What happens next: a line goes out, an answer comes in, or it closes.
    async fn next(mut self: Box<Self>) -> Result<(Value, Stage), Cut> {
        loop {
            tokio::select! {
                Some(line) = self.lines.recv() => {
                    let frame = json!({ "frame": "line", "text": line });
                    let sent = self.socket.send(Message::text(line)).await;
                    sent.map_err(|_| Cut::NoEnd)?;
                    return Ok((frame, Stage::Open(self)));
                }
                message = self.socket.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        let frame = json!({ "frame": "answer", "text": text.as_str() });
                        return Ok((frame, Stage::Open(self)));
                    }
                    Some(Ok(Message::Close(why))) => {
                        let code = why.map(|why| u16::from(why.code));
                        return Ok((json!({ "frame": "closed", "code": code }), Stage::Over));
                    }
                    // Pings are answered by the socket itself.
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Err(Cut::NoEnd),
                },
            }
        }
    }
}
