//! Sends a pane's request to this very server and tells of the answer as it comes: one JSON
//! object a line (`application/x-ndjson`).

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http_body_util::Full;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName};
use hyper::http::response::Parts;
use hyper::{HeaderMap, Request, Uri};
use serde_json::{Value, json};

use super::Relay;
use super::conversation::{Conversation, Cut};
use super::pages::Pane;
use crate::answer;

/// A request that a pane is to send.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) page: String,
    pub(super) pane: Pane,
    pub(super) method: String,
    pub(super) target: Uri,
    pub(super) body: Option<String>,
}

/// Where a conversation with the server is.
enum Stage {
    ToBeSent(Arc<Relay>, Order),
    Answering(Box<Conversation>),
    Over,
}

/// What becomes of a request, one JSON object a line. It is sent when the first is asked for, and
/// its connection is closed as soon as nobody reads any more.
pub(super) fn frames(
    relay: Arc<Relay>,
    order: Order,
) -> impl Stream<Item = Result<Bytes, answer::Cut>> + Send + Sync {
    stream::unfold(Stage::ToBeSent(relay, order), async |stage| {
        let (frame, next) = match stage {
            Stage::ToBeSent(relay, order) => match begin(&relay, order).await {
                Ok((head, conversation)) => (head, Stage::Answering(Box::new(conversation))),
                Err(why) => (cut(why), Stage::Over),
            },
            Stage::Answering(mut conversation) => match conversation.text().await {
                Some(Ok(text)) => {
                    let frame = json!({ "frame": "text", "text": text });
                    (frame, Stage::Answering(conversation))
                }
                Some(Err(why)) => (cut(why), Stage::Over),
                None => (json!({ "frame": "end" }), Stage::Over),
            },
            Stage::Over => return None,
        };
        Some((Ok(Bytes::from(format!("{frame}\n"))), next))
    })
}

pub(super) fn cut(why: Cut) -> Value {
    json!({ "frame": "cut", "reason": why.to_string() })
}

/// Sends the request and answers the frame of the response's head.
async fn begin(relay: &Relay, order: Order) -> Result<(Value, Conversation), Cut> {
    let (page, pane) = (order.page.clone(), order.pane);
    let request = request(order).ok_or(Cut::NoResponse)?;
    let answered = ask(relay, &page, pane, request).await?;
    Ok((answered.frame, answered.conversation))
}

/// A response whose body may still come.
pub(super) struct Answered {
    pub(super) head: Parts,
    /// What the page is told of the head.
    pub(super) frame: Value,
    pub(super) conversation: Conversation,
}

/// Sends a request as the browser of a pane does: to this server, with what is in its jar. What
/// the response says is put into the jar.
pub(super) async fn ask(
    relay: &Relay,
    page: &str,
    pane: Pane,
    mut request: Request<Full<Bytes>>,
) -> Result<Answered, Cut> {
    let now = relay.clock.now();
    let cookies = {
        let mut pages = relay.pages.lock();
        let page = pages.get(page, now).ok_or(Cut::UnknownPage)?;
        page.request_headers(pane, now)
    };
    let headers = headers(relay.address, cookies, request.headers_mut());
    *request.headers_mut() = headers.ok_or(Cut::NoResponse)?;
    let sent = request.headers().clone();
    let (head, conversation) = Conversation::begin(relay.address, request).await?;

    let now = relay.clock.now();
    let mut pages = relay.pages.lock();
    let page = pages.get(page, now).ok_or(Cut::UnknownPage)?;
    page.receive(pane, &head.headers, now);
    let frame = json!({
        "frame": "head",
        "sent": page.show_headers(&sent),
        "status": head.status.as_u16(),
        "headers": page.show_headers(&head.headers),
        "jar": page.show_jar(pane, now),
    });
    Ok(Answered {
        head,
        frame,
        conversation,
    })
}

/// All headers of a request with `own` ones, in the order in which browsers send them; `None`
/// when a jar holds what no header can carry, which cannot be, since it came in one.
fn headers(
    address: SocketAddr,
    cookies: Vec<(String, String)>,
    own: &mut HeaderMap,
) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, address.to_string().parse().ok()?);
    for (name, value) in cookies {
        let name: HeaderName = name.parse().ok()?;
        headers.append(name, value.parse().ok()?);
    }
    headers.extend(own.drain());
    Some(headers)
}

/// The request as the page ordered it.
fn request(order: Order) -> Option<Request<Full<Bytes>>> {
    let mut request = Request::builder().method(&*order.method);
    if order.body.is_some() {
        let content_type = match order.target.path() {
            "/form" => "application/x-www-form-urlencoded",
            _ => "application/json",
        };
        request = request.header(CONTENT_TYPE, content_type);
    }
    let body = Bytes::from(order.body.unwrap_or_default());
    // RFC 9110, 8.6: a method that usually has content says so when it has none.
    if !body.is_empty() || matches!(&*order.method, "POST" | "PUT") {
        request = request.header(CONTENT_LENGTH, body.len());
    }
    request.uri(order.target).body(Full::new(body)).ok()
}

#[cfg(test)]
mod tests;
