//! Who may call from elsewhere: pages of listed origins, with the cookie, and no others.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, StatusCode, Uri, header};

use crate::answer::{Answer, Content, answer};
use crate::refusal::Refusal;

/// An origin as browsers spell it (RFC 6454, section 6.2): scheme, host, and the port unless
/// it is the scheme's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The text is not the origin of one web site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an origin is http:// or https://, a host and perhaps a port, such as http://127.0.0.1:3000; `*` and `null` are not allowed, since the browser sends the session along"
)]
pub struct NotAnOrigin;

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let uri: Uri = text.parse().map_err(|_| NotAnOrigin)?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            _ => return Err(NotAnOrigin),
        };
        let authority = uri.authority().ok_or(NotAnOrigin)?;
        let bare = uri.path() == "/" && uri.query().is_none() && !authority.as_str().contains('@');
        let host = authority.host().to_ascii_lowercase();
        if !bare || host.is_empty() || host.contains('*') {
            return Err(NotAnOrigin);
        }
        Ok(Self {
            scheme,
            host,
            port: uri.port_u16().unwrap_or(scheme.default_port()),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.host)?;
        if self.port == self.scheme.default_port() {
            Ok(())
        } else {
            write!(f, ":{}", self.port)
        }
    }
}

impl Origin {
    /// True when a page of this origin is another *site* than a plain-HTTP server that is
    /// reached under `address`, so that a browser sends no `SameSite=Lax` cookie with its
    /// requests: hosts that differ, as `localhost` and `127.0.0.1` do, or another scheme.
    /// Ports do not matter. An address that stands for all interfaces tells no host: false.
    #[must_use]
    pub fn is_another_site_than(&self, address: SocketAddr) -> bool {
        if address.ip().is_unspecified() {
            return false;
        }
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        self.scheme == Scheme::Https || host.parse::<IpAddr>() != Ok(address.ip())
    }
}

/// The origins whose pages may use the session of a visitor.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    origins: Arc<[Origin]>,
}

impl Cors {
    /// Lets pages of `origins` in, besides those of the server itself.
    #[must_use]
    pub fn new(origins: Vec<Origin>) -> Self {
        Self {
            origins: origins.into(),
        }
    }

    /// Judges a request before anything else sees it: answers preflights, names listed origins
    /// in responses, and refuses what changes something on behalf of a page from elsewhere.
    ///
    /// The refusal is what keeps a page on another port of the same host out: to a browser
    /// that is the same site, so it sends the cookie, and a request in simple form needs no
    /// preflight.
    pub(crate) fn judge(&self, request: Caller<'_>) -> Judgement {
        let listed = self.listed(request);
        let answer = if request.is_preflight() {
            Some(preflight(listed.is_some()))
        } else if request.changes_something() && listed.is_none() && !request.is_same_origin() {
            Some(Refusal::ForeignOrigin.into())
        } else {
            None
        };
        let mut headers = Vec::new();
        if !self.origins.is_empty() {
            headers.push((header::VARY, HeaderValue::from_static("origin")));
        }
        if let Some(origin) = listed {
            headers.extend([
                (header::ACCESS_CONTROL_ALLOW_ORIGIN, origin),
                (
                    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                    HeaderValue::from_static("true"),
                ),
                (
                    header::ACCESS_CONTROL_EXPOSE_HEADERS,
                    HeaderValue::from_static("x-session-is-new"),
                ),
            ]);
        }
        Judgement { answer, headers }
    }

    /// The listed origin that a request comes from, as it spells it.
    fn listed(&self, request: Caller<'_>) -> Option<HeaderValue> {
        let text = std::str::from_utf8(request.origin?).ok()?;
        let origin: Origin = text.parse().ok()?;
        let is_listed = self.origins.contains(&origin);
        HeaderValue::from_str(text).ok().filter(|_| is_listed)
    }
}

/// What a request says of where it comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    method: &'a str,
    host: Option<&'a [u8]>,
    origin: Option<&'a [u8]>,
    requested_method: Option<&'a [u8]>,
}

/// What is to be done with a request.
#[derive(Debug)]
pub(crate) struct Judgement {
    /// The answer, to a request that no handler may see.
    pub(crate) answer: Option<Answer>,
    /// What the response says besides, be it this answer or that of a handler.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl<'a> Caller<'a> {
    /// Reads a request by its method, the authority of its target, which HTTP/2 has in the
    /// place of `Host`, and whatever finds a header by its name.
    pub(crate) fn new(
        method: &'a str,
        authority: Option<&'a str>,
        header: impl Fn(&str) -> Option<&'a [u8]>,
    ) -> Self {
        Self {
            method,
            host: authority.map(str::as_bytes).or_else(|| header("host")),
            origin: header("origin"),
            requested_method: header("access-control-request-method"),
        }
    }

    fn is_preflight(self) -> bool {
        self.method == "OPTIONS" && self.requested_method.is_some()
    }

    /// True for all but the safe methods (RFC 9110, section 9.2.1).
    fn changes_something(self) -> bool {
        !matches!(self.method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
    }

    /// True when no other origin is named: programs name none, and a browser names the host
    /// that it talks to. The scheme is not compared, since a proxy in front may speak TLS.
    fn is_same_origin(self) -> bool {
        let Some(origin) = self.origin else {
            return true;
        };
        let origin = std::str::from_utf8(origin).ok();
        let host = origin.and_then(|it| it.split_once("://"));
        host.is_some_and(|(_, host)| {
            self.host
                .is_some_and(|named| named.eq_ignore_ascii_case(host.as_bytes()))
        })
    }
}

/// How long, in seconds, a browser may remember the answer to a preflight.
const PREFLIGHT_MAX_AGE: HeaderValue = HeaderValue::from_static("600");

fn preflight(listed: bool) -> Answer {
    if !listed {
        return answer(StatusCode::NO_CONTENT, [], Content::EMPTY);
    }
    let permissions = [
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST, DELETE"),
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("content-type"),
        ),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE),
    ];
    answer(StatusCode::NO_CONTENT, permissions, Content::EMPTY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_spelled_as_browsers_spell_it() {
        for (written, spelled) in [
            ("http://localhost:3000", "http://localhost:3000"),
            ("HTTP://LocalHost:3000/", "http://localhost:3000"),
            ("http://example.org:80", "http://example.org"),
            ("https://example.org:443", "https://example.org"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(written.parse::<Origin>().unwrap().to_string(), spelled);
        }
    }

    #[test]
    fn what_is_not_one_site_is_no_origin() {
        for text in [
            "*",
            "null",
            "",
            "localhost:3000",
            "http://",
            "ftp://example.org",
            "http://*.org",
            "http://example.org/app",
            "http://example.org?x",
            "http://me@example.org",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(NotAnOrigin), "{text:?}");
        }
    }

    #[test]
    fn a_page_of_the_server_itself_may_change_something_whatever_names_the_host() {
        let own: &[u8] = b"http://127.0.0.1:8080";
        for (authority, host, is_refused) in [
            (None, Some("127.0.0.1:8080"), false),
            (Some("127.0.0.1:8080"), None, false),
            (Some("127.0.0.1:8080"), Some("127.0.0.1:8081"), false),
            (Some("127.0.0.1:8081"), Some("127.0.0.1:8080"), true),
            (None, None, true),
        ] {
            let caller = Caller::new("DELETE", authority, |name| match name {
                "host" => host.map(str::as_bytes),
                "origin" => Some(own),
                _ => None,
            });
            let refused = Cors::default().judge(caller).answer;
            assert_eq!(refused.is_some(), is_refused, "{caller:?}");
        }
    }

    #[test]
    fn another_port_is_the_same_site_and_another_host_or_scheme_is_not() {
        let served = SocketAddr::from(([127, 0, 0, 1], 8080));
        for (origin, another) in [
            ("http://127.0.0.1:3000", false),
            ("http://localhost:3000", true),
            ("https://127.0.0.1:3000", true),
            ("http://127.0.0.2:8080", true),
        ] {
            let origin: Origin = origin.parse().unwrap();
            assert_eq!(origin.is_another_site_than(served), another, "{origin}");
        }
        let everywhere = SocketAddr::from(([0, 0, 0, 0], 8080));
        let origin: Origin = "https://example.org".parse().unwrap();
        assert!(!origin.is_another_site_than(everywhere));
    }
}
