//! What the engine and poem say to each other: requests, headers, errors, the runtime.

use std::borrow::Cow;
use std::time::Duration;

use poem::error::ResponseError;
use poem::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, uri::Scheme};
use poem::{Request, Response};
use session_core::{BoxFuture, Facts, HeaderSink, Runtime, SessionError};
use tokio::runtime::Handle;

/// A request.
pub(crate) struct Head<'a>(pub(crate) &'a Request);

impl Facts for Head<'_> {
    fn header_lines(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        let lines = self.0.headers().get_all(name).iter();
        lines.for_each(|line| visit(line.as_bytes()));
    }

    fn is_secure(&self) -> bool {
        // What the listener says, and no header can.
        *self.0.scheme() == Scheme::HTTPS
    }

    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn path(&self) -> &str {
        // Where endpoints are nested, poem's `uri` is only the rest of the path.
        self.0.original_uri().path()
    }
}

/// The headers of a response.
pub(crate) struct Headers<'a>(pub(crate) &'a mut HeaderMap);

impl HeaderSink for Headers<'_> {
    fn lines(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        let lines = self.0.get_all(name).iter();
        lines.for_each(|line| visit(line.as_bytes()));
    }

    fn append(&mut self, name: &str, value: Cow<'static, str>) {
        let (name, value) = (HeaderName::try_from(name), HeaderValue::try_from(&*value));
        // The engine writes nothing that HTTP forbids.
        if let (Ok(name), Ok(value)) = (name, value) {
            self.0.append(name, value);
        }
    }

    fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }
}

/// What a client is told when its session cannot be used. For handlers that use `?`.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Rejection(#[from] pub(crate) SessionError);

impl ResponseError for Rejection {
    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn as_response(&self) -> Response {
        Response::builder()
            .status(self.status())
            .content_type("text/plain; charset=utf-8")
            .header(header::CACHE_CONTROL, "no-store")
            .body(self.0.public_text())
    }
}

/// The runtime that poem runs on.
pub(crate) struct Tokio(pub(crate) Handle);

impl Runtime for Tokio {
    fn spawn(&self, task: BoxFuture<()>) {
        self.0.spawn(task);
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        let _entered = self.0.enter();
        Box::pin(tokio::time::sleep(duration))
    }
}
