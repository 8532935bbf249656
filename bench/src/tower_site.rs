//! A site that is a tower service over http 1.x: axum's routers and warp's filters.

use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::hint::black_box;
use std::marker::PhantomData;
use std::pin::pin;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderValue, Response, StatusCode, Uri};
use http_body::Body;
use http_body_util::BodyExt;
use tower_service::Service;

use crate::site::{Page, Refused, Request, Site};

/// A service whose requests have bodies of the type `Q`.
pub(crate) struct TowerSite<S, Q> {
    service: S,
    request_body: PhantomData<fn() -> Q>,
}

impl<S, Q> TowerSite<S, Q> {
    /// The site of this service.
    pub(crate) const fn new(service: S) -> Self {
        Self {
            service,
            request_body: PhantomData,
        }
    }
}

impl<S, Q, B> TowerSite<S, Q>
where
    S: Service<http::Request<Q>, Response = Response<B>, Error = Infallible>,
    Q: Default,
{
    async fn send(&mut self, request: &Prepared) -> Result<Response<B>, Refused> {
        let request = request.to_request();
        let Ok(()) = poll_fn(|cx| self.service.poll_ready(cx)).await;
        let Ok(response) = self.service.call(request).await;
        match response.status() {
            StatusCode::OK => Ok(response),
            status => Err(Refused::status(status)),
        }
    }
}

impl<S, Q, B> Site for TowerSite<S, Q>
where
    S: Service<http::Request<Q>, Response = Response<B>, Error = Infallible>,
    Q: Default,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    fn repeat<'a>(
        &'a mut self,
        request: &'a Request,
        times: u32,
    ) -> LocalBoxFuture<'a, Result<(), Refused>> {
        Box::pin(async move {
            let request = Prepared::new(request)?;
            for _ in 0..times {
                let response = self.send(&request).await?;
                black_box(drain(response.into_body()).await?);
            }
            Ok(())
        })
    }

    fn ask<'a>(&'a mut self, request: &'a Request) -> LocalBoxFuture<'a, Result<Page, Refused>> {
        Box::pin(async move {
            let (head, body) = self.send(&Prepared::new(request)?).await?.into_parts();
            let lines = head.headers.get_all(SET_COOKIE).iter();
            let set_cookie = lines.map(|line| line.to_str().map(str::to_owned));
            let body = body.collect().await.map_err(broken_body)?.to_bytes();
            Ok(Page {
                text: String::from_utf8(body.into()).map_err(Refused::broken)?,
                set_cookie: set_cookie
                    .collect::<Result<_, _>>()
                    .map_err(Refused::broken)?,
            })
        })
    }
}

/// A request whose parts are parsed.
struct Prepared {
    method: http::Method,
    uri: Uri,
    cookie: Option<HeaderValue>,
}

impl Prepared {
    fn new(request: &Request) -> Result<Self, Refused> {
        let cookie = request.cookie.as_deref().map(HeaderValue::from_str);
        Ok(Self {
            method: request.method.clone(),
            uri: Uri::from_static(request.path),
            cookie: cookie.transpose().map_err(Refused::broken)?,
        })
    }

    fn to_request<Q: Default>(&self) -> http::Request<Q> {
        let mut request = http::Request::new(Q::default());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        if let Some(cookie) = &self.cookie {
            request.headers_mut().insert(COOKIE, cookie.clone());
        }
        request
    }
}

/// Reads a body as hyper does: to the frame after which it says that it is at its end, or to
/// the end itself. Returns the bytes that came.
async fn drain<B>(body: B) -> Result<usize, Refused>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    let mut body = pin!(body);
    let mut bytes = 0;
    while !body.is_end_stream() {
        match poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, Bytes::len),
            Some(Err(error)) => return Err(broken_body(error)),
            None => break,
        }
    }
    Ok(bytes)
}

fn broken_body(error: impl Into<Box<dyn Error + Send + Sync>>) -> Refused {
    Refused::broken(error.into())
}
