//! Visitors of a site, of whom there may be a million: each is a cookie.

use std::error::Error;
use std::fmt::{self, Display};
use std::future::poll_fn;
use std::hint::black_box;
use std::pin::pin;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body::Body as _;
use http_body_util::BodyExt;
use tower_service::Service;

use crate::site::{COUNT, CREATE, Library, NOBODY, READ, REMEMBER};

/// What a visitor does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Visit {
    /// Reads the counter.
    Read,
    /// Reads the counter, changes it, writes it.
    Count,
    /// Begins a session with a counter.
    Create,
    /// Begins a session with a text of 100 bytes.
    Remember,
}

impl Visit {
    const fn request(self) -> (Method, &'static str) {
        match self {
            Self::Read => (Method::GET, READ),
            Self::Count => (Method::POST, COUNT),
            Self::Create => (Method::POST, CREATE),
            Self::Remember => (Method::POST, REMEMBER),
        }
    }
}

/// A site gave no answer that could be used, so that its times mean nothing.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a site {}", self.0)
    }
}

impl Error for Refused {}

/// Sends a request as the server of axum does it.
async fn send(
    router: &mut Router,
    visit: Visit,
    cookie: Option<&HeaderValue>,
) -> Result<Response<Body>, Refused> {
    let (method, path) = visit.request();
    let mut request = Request::new(Body::default());
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from_static(path);
    if let Some(cookie) = cookie {
        request.headers_mut().insert(COOKIE, cookie.clone());
    }
    let Ok(()) = poll_fn(|cx| Service::<Request<Body>>::poll_ready(router, cx)).await;
    let Ok(response) = router.call(request).await;
    match response.status() {
        StatusCode::OK => Ok(response),
        status => Err(Refused(format!("answered {status}"))),
    }
}

/// Sends a request and takes in the answer to its end. This is what is timed.
pub(crate) async fn call(
    router: &mut Router,
    visit: Visit,
    cookie: Option<&HeaderValue>,
) -> Result<(), Refused> {
    let response = send(router, visit, cookie).await?;
    let mut body = pin!(response.into_body());
    let mut bytes = 0;
    while !body.is_end_stream() {
        match poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, Bytes::len),
            Some(Err(error)) => return Err(broken(error)),
            None => break,
        }
    }
    black_box(bytes);
    Ok(())
}

/// What a visitor sees of an answer.
pub(crate) struct Page {
    text: Bytes,
    cookie: Option<HeaderValue>,
}

impl Page {
    /// True when the visitor came without a session that is known: counting begins at 1, and a
    /// session that is made has that already.
    pub(crate) fn had_no_session(&self, visit: Visit) -> bool {
        match visit {
            Visit::Read => self.text == NOBODY,
            Visit::Count => self.text == "1",
            Visit::Create | Visit::Remember => true,
        }
    }

    /// Its text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    /// The cookie that the visitor sends from now on, if there is a new one.
    pub(crate) fn into_cookie(self) -> Option<HeaderValue> {
        self.cookie
    }
}

/// Sends a request and reads its answer.
pub(crate) async fn ask(
    router: &mut Router,
    visit: Visit,
    cookie: Option<&HeaderValue>,
) -> Result<Page, Refused> {
    let (head, body) = send(router, visit, cookie).await?.into_parts();
    let lines = head.headers.get_all(SET_COOKIE).iter();
    let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
    let cookie = cookies_of(&lines).map(|cookie| HeaderValue::from_str(&cookie));
    Ok(Page {
        text: body.collect().await.map_err(broken)?.to_bytes(),
        cookie: cookie.transpose().map_err(broken)?,
    })
}

/// The cookies of this many visitors, whose sessions are made now.
pub(crate) async fn gather(
    library: Library,
    router: &mut Router,
    visitors: usize,
) -> Result<Vec<HeaderValue>, Refused> {
    let mut cookies = Vec::with_capacity(visitors);
    for number in 0..visitors {
        let cookie = match library {
            // A cookie like one of ours, so that bare answers visitors who send one, too.
            Library::Bare => HeaderValue::from_str(&foreign_cookie(number)).map_err(broken)?,
            _ => ask(router, Visit::Create, None)
                .await?
                .into_cookie()
                .ok_or_else(|| Refused("set no cookie".to_owned()))?,
        };
        cookies.push(cookie);
    }
    Ok(cookies)
}

fn foreign_cookie(number: usize) -> String {
    format!(
        "__Host-sid=v1.{number:043}.0123456789abcdefghijklmnopqrstuvwxyzABCDEF.0123456789abcdefghij"
    )
}

/// What a browser sends back after these `Set-Cookie` lines; `None` when none of them sets
/// anything (a removal has an empty value).
fn cookies_of(lines: &[&str]) -> Option<String> {
    let pairs = lines.iter().filter_map(|line| line.split(';').next());
    let set: Vec<&str> = pairs.filter(|pair| !removes(pair)).collect();
    (!set.is_empty()).then(|| set.join("; "))
}

fn removes(pair: &str) -> bool {
    pair.split_once('=')
        .is_some_and(|(_, value)| value.is_empty())
}

fn broken(error: impl Display) -> Refused {
    Refused(format!("broke off: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_sends_back_what_was_set_and_nothing_that_was_removed() {
        let lines = ["a=1; Path=/", "b=; Max-Age=0", "c=Zg==; Secure"];
        assert_eq!(cookies_of(&lines).as_deref(), Some("a=1; c=Zg=="));
        assert_eq!(cookies_of(&lines[1..2]), None);
    }
}
