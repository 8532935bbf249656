//! Sends a pane's request to this very server and tells of the answer as it comes: one JSON
//! object a line (`application/x-ndjson`).

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http_body_util::Full;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use hyper::{Request, Uri};
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

fn cut(why: Cut) -> Value {
    json!({ "frame": "cut", "reason": why.to_string() })
}

/// Sends the request and answers the frame of the response's head.
async fn begin(relay: &Relay, order: Order) -> Result<(Value, Conversation), Cut> {
    let now = relay.clock.now();
    let cookies = {
        let mut pages = relay.pages.lock();
        let page = pages.get(&order.page, now).ok_or(Cut::UnknownPage)?;
        page.request_headers(order.pane, now)
    };
    let (page, pane) = (order.page.clone(), order.pane);
    let request = request(relay.address, order, cookies).ok_or(Cut::NoResponse)?;
    let sent = request.headers().clone();
    let (response, conversation) = Conversation::begin(relay.address, request).await?;

    let now = relay.clock.now();
    let mut pages = relay.pages.lock();
    let page = pages.get(&page, now).ok_or(Cut::UnknownPage)?;
    page.receive(pane, &response.headers, now);
    let head = json!({
        "frame": "head",
        "sent": page.show_headers(&sent),
        "status": response.status.as_u16(),
        "headers": page.show_headers(&response.headers),
        "jar": page.show_jar(pane, now),
    });
    Ok((head, conversation))
}

/// The request as it goes over the wire; `None` when a jar holds what no header can carry,
/// which cannot be, since it came in one.
fn request(
    address: SocketAddr,
    order: Order,
    cookies: Vec<(String, String)>,
) -> Option<Request<Full<Bytes>>> {
    let mut request = Request::builder()
        .method(&*order.method)
        .uri(order.target)
        .header(HOST, address.to_string());
    for (name, value) in cookies {
        request = request.header(name, value);
    }
    if order.body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let body = Bytes::from(order.body.unwrap_or_default());
    // RFC 9110, 8.6: a method that usually has content says so when it has none.
    if !body.is_empty() || matches!(&*order.method, "POST" | "PUT") {
        request = request.header(CONTENT_LENGTH, body.len());
    }
    request.body(Full::new(body)).ok()
}

#[cfg(test)]
mod tests;
