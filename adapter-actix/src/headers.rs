//! Requests and responses of actix-web as the engine sees them.

use std::borrow::Cow;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use session_core::{Facts, HeaderSink};

/// The facts of a request.
pub(crate) struct RequestFacts<'a> {
    pub(crate) request: &'a ServiceRequest,
    pub(crate) secure: bool,
}

impl Facts for RequestFacts<'_> {
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
        self.request.path()
    }
}

/// The headers of a response.
pub(crate) struct ResponseHeaders<'a>(pub(crate) &'a mut HeaderMap);

impl ResponseHeaders<'_> {
    fn has(&self, name: &HeaderName, says_so: &dyn Fn(&[u8]) -> bool) -> bool {
        let mut lines = self.0.get_all(name);
        lines.any(|line| says_so(line.as_bytes()))
    }
}

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
        if let Some((name, value)) = line(name, value)
            && !self.has(&name, says_so)
        {
            self.0.append(name, value);
        }
    }

    fn replace_unless(
        &mut self,
        name: &str,
        value: Cow<'static, str>,
        says_so: &dyn Fn(&[u8]) -> bool,
    ) {
        if let Some((name, value)) = line(name, value)
            && !self.has(&name, says_so)
        {
            self.0.insert(name, value);
        }
    }
}

/// The line as actix-web has it. The engine writes names in lower case and values of visible
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
