//! One request of a pane to this server itself, told as it goes on.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Relay;
use super::endpoints::{show, with_page};
use super::jar::Token;
use super::pages::{PageId, Pane};
use crate::answer::Cut;

/// A request to send.
pub(super) struct Errand {
    pub(super) page: PageId,
    pub(super) pane: Pane,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) body: Option<String>,
}

/// Frames on their way to a page: a page that does not read holds up the request, as a browser
/// does.
const FRAMES_WAITING: usize = 8;

/// Sends the request, and tells of it in frames of one line each. When nobody wants them any
/// more the connection is closed, as by a browser whose user goes away.
pub(super) fn frames(
    relay: Arc<Relay>,
    errand: Errand,
) -> impl Stream<Item = Result<Bytes, Cut>> + Send + Sync {
    let (told, mut frames) = mpsc::channel(FRAMES_WAITING);
    // Dropping the set ends the task.
    let mut task = JoinSet::new();
    task.spawn(async move {
        let last = match tell(&relay, &errand, &told).await {
            Ok(()) => json!({ "frame": "end" }),
            Err(_) => json!({ "frame": "cut", "reason": CUT }),
        };
        let _ = told.send(last).await;
    });
    stream::poll_fn(move |cx| {
        // The task belongs to the stream.
        let _ = &task;
        let frame = frames.poll_recv(cx);
        frame.map(|frame| frame.map(|frame| Ok(Bytes::from(format!("{frame}\n")))))
    })
}

const CUT: &str = "the connection was closed before the response ended";

type Told = mpsc::Sender<Value>;
type Failure = Box<dyn Error + Send + Sync>;

/// Tells everything but the last frame.
async fn tell(relay: &Relay, errand: &Errand, told: &Told) -> Result<(), Failure> {
    let request = request(relay, errand)?;
    let sent = request.headers().clone();
    let stream = TcpStream::connect(relay.address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request).await?;
    told.send(head(relay, errand, &sent, &response)?).await?;
    let mut body = response.into_body();
    let mut text = Text::default();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            tell_text(told, text.decode(&data)).await?;
        }
    }
    tell_text(told, text.rest()).await
}

async fn tell_text(told: &Told, text: String) -> Result<(), Failure> {
    if !text.is_empty() {
        told.send(json!({ "frame": "text", "text": text })).await?;
    }
    Ok(())
}

/// The request as the pane's browser would send it.
fn request(relay: &Relay, errand: &Errand) -> Result<Request<Full<Bytes>>, Failure> {
    let jar = with_page(relay, errand.page, |page| page.jar(errand.pane).0.clone())?;
    let body = errand.body.clone().unwrap_or_default();
    let mut request = Request::builder()
        .method(errand.method.as_str())
        .uri(&errand.path)
        .header(header::HOST, relay.address.to_string());
    if errand.body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    if !matches!(errand.method.as_str(), "GET" | "DELETE") || errand.body.is_some() {
        request = request.header(header::CONTENT_LENGTH, body.len());
    }
    if let Some(cookies) = jar.cookie_header() {
        request = request.header(header::COOKIE, cookies);
    }
    if let (Token::Header(name), Some(token)) = (&relay.token, jar.token_header()) {
        request = request.header(name, token);
    }
    Ok(request.body(Full::from(body))?)
}

/// The first frame. The jar keeps what the response sets.
fn head(
    relay: &Relay,
    errand: &Errand,
    sent: &HeaderMap,
    response: &Response<Incoming>,
) -> Result<Value, Failure> {
    let shown = with_page(relay, errand.page, |page| {
        let (jar, mask) = page.jar(errand.pane);
        let mut masked = |headers: &HeaderMap| -> Vec<Value> {
            let lines = headers.iter().map(|(name, value)| {
                let value = mask.header(&relay.token, name.as_str(), &text(value));
                json!([name.as_str(), value])
            });
            lines.collect()
        };
        let (sent, headers) = (masked(sent), masked(response.headers()));
        for line in response.headers().get_all(header::SET_COOKIE) {
            jar.set_cookie(&text(line), Instant::now());
        }
        if let Some(token) = token_of(relay, response.headers()) {
            jar.set_token(&text(token));
        }
        json!({
            "frame": "head",
            "sent": sent,
            "status": response.status().as_u16(),
            "headers": headers,
            "jar": show(relay, page, errand.pane),
        })
    })?;
    Ok(shown)
}

fn token_of<'h>(relay: &Relay, headers: &'h HeaderMap) -> Option<&'h HeaderValue> {
    let Token::Header(name) = &relay.token else {
        return None;
    };
    headers.get(HeaderName::try_from(name).ok()?)
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// Text in pieces that end anywhere, also within a character.
#[derive(Default)]
struct Text(Vec<u8>);

impl Text {
    /// What is complete so far; what is no UTF-8 becomes U+FFFD.
    fn decode(&mut self, piece: &[u8]) -> String {
        self.0.extend_from_slice(piece);
        let whole = self.0.utf8_chunks().last().map_or(0, |last| {
            // Up to three bytes may be the beginning of a character whose rest is to come.
            let broken = last.invalid();
            let begun = std::str::from_utf8(broken).is_err_and(|error| error.error_len().is_none());
            self.0.len() - if begun { broken.len() } else { 0 }
        });
        let rest = self.0.split_off(whole);
        let whole = std::mem::replace(&mut self.0, rest);
        String::from_utf8_lossy(&whole).into_owned()
    }

    /// What never became complete.
    fn rest(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.0)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_comes_in_pieces_is_told_once_it_is_whole() {
        let mut text = Text::default();
        let pieces = ["a\u{20ac}b".as_bytes(), "\u{1f600}".as_bytes()].concat();
        let told: Vec<_> = pieces.iter().map(|byte| text.decode(&[*byte])).collect();
        assert_eq!(
            told,
            ["a", "", "", "\u{20ac}", "b", "", "", "", "\u{1f600}"]
        );
        assert_eq!(text.rest(), "");
    }

    #[test]
    fn broken_bytes_are_replaced() {
        let mut text = Text::default();
        assert_eq!(text.decode(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(text.decode(b"\xe2\x82"), "");
        assert_eq!(text.rest(), "\u{fffd}");
    }
}
