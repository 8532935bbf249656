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
    fn lines(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        if let Some(name) = known(name) {
            for line in self.0.get_all(name) {
                visit(line.as_bytes());
            }
        }
    }

    fn append(&mut self, name: &str, value: Cow<'static, str>) {
        let value = match value {
            Cow::Borrowed(value) => Ok(HeaderValue::from_static(value)),
            Cow::Owned(value) => HeaderValue::try_from(value),
        };
        // The engine writes no name and no value that is not one.
        if let (Some(name), Ok(value)) = (known(name), value) {
            self.0.append(name, value);
        }
    }

    fn remove(&mut self, name: &str) {
        if let Some(name) = known(name) {
            self.0.remove(name);
        }
    }
}

/// The name as `http` has it. Those that every session needs are not parsed.
fn known(name: &str) -> Option<HeaderName> {
    match name {
        "cache-control" => Some(header::CACHE_CONTROL),
        "set-cookie" => Some(header::SET_COOKIE),
        "vary" => Some(header::VARY),
        name => HeaderName::try_from(name).ok(),
    }
}
