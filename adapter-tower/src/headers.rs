//! Requests and responses of `http` as the engine sees them.

use std::borrow::Cow;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use session_core::{Facts, HeaderSink};

/// The facts of a request.
pub(crate) struct RequestFacts<'a, B> {
    pub(crate) request: &'a http::Request<B>,
    pub(crate) secure: bool,
}

impl<B> Facts for RequestFacts<'_, B> {
    fn header_lines(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        let headers = self.request.headers();
        // A known name needs no parsing.
        let lines = match name {
            "cookie" => headers.get_all(header::COOKIE),
            name => headers.get_all(name),
        };
        for line in lines {
            visit(line.as_bytes());
        }
    }

    fn is_secure(&self) -> bool {
        self.secure
    }

    fn method(&self) -> &str {
        self.request.method().as_str()
    }

    fn path(&self) -> &str {
        self.request.uri().path()
    }
}

/// The headers of a response.
pub(crate) struct ResponseHeaders<'a>(pub(crate) &'a mut HeaderMap);

impl HeaderSink for ResponseHeaders<'_> {
    fn visit(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        for line in self.0.get_all(name) {
            visit(line.as_bytes());
        }
    }

    fn append(&mut self, name: &'static str, value: Cow<'static, str>) {
        if let Some(value) = header_value(value) {
            self.0.append(HeaderName::from_static(name), value);
        }
    }

    fn replace(&mut self, name: &'static str, value: Cow<'static, str>) {
        if let Some(value) = header_value(value) {
            self.0.insert(HeaderName::from_static(name), value);
        }
    }
}

/// The engine writes visible ASCII only, which is always a header value.
fn header_value(value: Cow<'static, str>) -> Option<HeaderValue> {
    match value {
        Cow::Borrowed(value) => Some(HeaderValue::from_static(value)),
        Cow::Owned(value) => HeaderValue::try_from(value).ok(),
    }
}
