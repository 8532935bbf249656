//! A browser as far as a session needs one, that talks to a router without a network.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use tower_service::Service;

use crate::scenario::Scenario;
use crate::variant::Variant;

/// Sent by a visitor whose site hands out no cookie, so that bare axum parses one as well.
const FOREIGN_COOKIE: HeaderValue = HeaderValue::from_static(
    "visitor=v1.0123456789abcdefghijklmnopqrstuvwxyzABCDEF.0123456789abcdefghijklmnopqrstuvwxyz",
);

/// One visitor of one site, who sends the same request again and again.
pub(crate) struct Visitor {
    site: Router,
    scenario: Scenario,
    uri: Uri,
    cookie: Option<HeaderValue>,
}

impl Visitor {
    /// Builds the site with an empty store and prepares the session of the scenario.
    pub(crate) async fn arrive(
        variant: Variant,
        scenario: Scenario,
    ) -> Result<Self, Box<dyn Error>> {
        let mut visitor = Self {
            site: variant.router().await?,
            scenario,
            uri: Uri::from_static(scenario.path()),
            cookie: None,
        };
        if let Some(seed) = scenario.seed() {
            let response = visitor.send(Method::POST, Uri::from_static(seed)).await?;
            visitor.cookie = Some(cookies_of(response.headers())?.unwrap_or(FOREIGN_COOKIE));
        }
        Ok(visitor)
    }

    /// Prepares the session again where the scenario makes it grow.
    pub(crate) async fn prepare_batch(&mut self) -> Result<(), Refused> {
        if let Some(seed) = self.scenario.seed().filter(|_| self.scenario.grows()) {
            let response = self.send(Method::POST, Uri::from_static(seed)).await?;
            drain(response.into_body()).await;
        }
        Ok(())
    }

    /// Sends the request of the scenario and takes in the answer to its end. This is what is
    /// timed.
    pub(crate) async fn visit(&mut self) -> Result<usize, Refused> {
        let response = self.send(self.scenario.method(), self.uri.clone()).await?;
        Ok(drain(response.into_body()).await)
    }

    /// The text at another path of the same site; cookies that are set there are kept.
    pub(crate) async fn get(&mut self, path: &'static str) -> Result<String, Box<dyn Error>> {
        self.text(Method::GET, path).await
    }

    /// The same by POST.
    pub(crate) async fn post(&mut self, path: &'static str) -> Result<String, Box<dyn Error>> {
        self.text(Method::POST, path).await
    }

    async fn text(&mut self, method: Method, path: &'static str) -> Result<String, Box<dyn Error>> {
        let response = self.send(method, Uri::from_static(path)).await?;
        if let Some(cookie) = cookies_of(response.headers())? {
            self.cookie = Some(cookie);
        }
        let bytes = axum::body::to_bytes(response.into_body(), 1024).await?;
        Ok(String::from_utf8(bytes.into())?)
    }

    /// True when the site has set a cookie, or the visitor came with one.
    pub(crate) fn has_cookie(&self) -> bool {
        self.cookie.is_some()
    }

    async fn send(&mut self, method: Method, uri: Uri) -> Result<Response<Body>, Refused> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        if let Some(cookie) = &self.cookie {
            request.headers_mut().insert(COOKIE, cookie.clone());
        }
        let Ok(()) = poll_fn(|cx| Service::<Request<Body>>::poll_ready(&mut self.site, cx)).await;
        let Ok(response) = self.site.call(request).await;
        match response.status() {
            StatusCode::OK => Ok(response),
            status => Err(Refused(status)),
        }
    }
}

/// Reads a body as a server does: to the frame after which it says that it is at its end, or
/// to the end itself. Returns the bytes that came.
async fn drain(mut body: Body) -> usize {
    let mut bytes = 0;
    while !body.is_end_stream() {
        match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, Bytes::len),
            Some(Err(_)) | None => break,
        }
    }
    bytes
}

/// What a browser sends back after these `Set-Cookie` lines; `None` when none of them sets
/// anything (a removal has an empty value).
fn cookies_of(headers: &HeaderMap) -> Result<Option<HeaderValue>, Box<dyn Error>> {
    let mut pairs = Vec::new();
    for line in headers.get_all(SET_COOKIE) {
        let pair = line.to_str()?.split(';').next().unwrap_or_default();
        if !pair.ends_with('=') {
            pairs.push(pair);
        }
    }
    if pairs.is_empty() {
        return Ok(None);
    }
    Ok(Some(HeaderValue::from_str(&pairs.join("; "))?))
}

/// A site answered with another status than 200, so that its times mean nothing.
#[derive(Debug)]
pub(crate) struct Refused(StatusCode);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a site answered {}", self.0)
    }
}

impl Error for Refused {}
