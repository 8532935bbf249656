//! Requests and responses of `http` as the engine sees them.

use std::borrow::Cow;

use http::header::{self, Entry, HeaderMap, HeaderName, HeaderValue};
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
    fn append(&mut self, name: &str, value: Cow<'static, str>) {
        if let Some((name, value)) = line(name, value) {
            self.0.append(name, value);
        }
    }

    fn append_unless(
        &mut self,
        name: &str,
        value: Cow<'static, str>,
        says_so: &dyn Fn(&[u8]) -> bool,
    ) {
        let Some((name, value)) = line(name, value) else {
            return;
        };
        match self.0.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(value);
            }
            Entry::Occupied(mut entry) => {
                if !entry.iter().any(|line| says_so(line.as_bytes())) {
                    entry.append(value);
                }
            }
        }
    }

    fn replace_unless(
        &mut self,
        name: &str,
        value: Cow<'static, str>,
        says_so: &dyn Fn(&[u8]) -> bool,
    ) {
        let Some((name, value)) = line(name, value) else {
            return;
        };
        match self.0.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(value);
            }
            Entry::Occupied(mut entry) => {
                if !entry.iter().any(|line| says_so(line.as_bytes())) {
                    entry.insert(value);
                }
            }
        }
    }
}

/// The line as `http` has it. The engine writes names in lower case and values of visible
/// ASCII, for which there always is one.
fn line(name: &str, value: Cow<'static, str>) -> Option<(HeaderName, HeaderValue)> {
    // A known name needs no parsing.
    let name = match name {
        "cache-control" => header::CACHE_CONTROL,
        "set-cookie" => header::SET_COOKIE,
        "vary" => header::VARY,
        name => HeaderName::try_from(name).ok()?,
    };
    let value = match value {
        Cow::Borrowed(value) => HeaderValue::from_static(value),
        Cow::Owned(value) => HeaderValue::try_from(value).ok()?,
    };
    Some((name, value))
}
