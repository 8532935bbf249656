//! A site on actix-web.

use std::error::Error;
use std::future::poll_fn;
use std::hint::black_box;
use std::pin::pin;

use actix_http::Request as ActixRequest;
use actix_web::body::{self, BodySize, MessageBody};
use actix_web::dev::{Service, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{COOKIE, HeaderValue, SET_COOKIE};
use actix_web::http::{Method, StatusCode, Uri};
use actix_web::{App, HttpResponse, test};
use futures_util::future::LocalBoxFuture;

use crate::site::{Page, Refused, Request, Site};

/// The site of this application.
pub(super) async fn of<F, B>(app: App<F>) -> Box<dyn Site>
where
    F: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = actix_web::Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    Box::new(ActixSite(test::init_service(app).await))
}

struct ActixSite<S>(S);

impl<S, B> ActixSite<S>
where
    S: Service<ActixRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
{
    async fn send(&self, request: &Prepared) -> Result<HttpResponse<B>, Refused> {
        let request = request.to_request();
        poll_fn(|cx| self.0.poll_ready(cx))
            .await
            .map_err(Refused::broken)?;
        let response = self.0.call(request).await.map_err(Refused::broken)?;
        // The server lets go of the request before it sends the head.
        let (_, response) = response.into_parts();
        match response.status() {
            StatusCode::OK => Ok(response),
            status => Err(Refused::status(status)),
        }
    }
}

impl<S, B> Site for ActixSite<S>
where
    S: Service<ActixRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
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
            let response = self.send(&Prepared::new(request)?).await?;
            let lines = response.headers().get_all(SET_COOKIE);
            let set_cookie = lines.map(|line| line.to_str().map(str::to_owned));
            let set_cookie = set_cookie
                .collect::<Result<_, _>>()
                .map_err(Refused::broken)?;
            let body = body::to_bytes(response.into_body())
                .await
                .map_err(broken_body)?;
            Ok(Page {
                text: String::from_utf8(body.into()).map_err(Refused::broken)?,
                set_cookie,
            })
        })
    }
}

/// A request whose parts are parsed.
struct Prepared {
    method: Method,
    uri: Uri,
    cookie: Option<HeaderValue>,
}

impl Prepared {
    fn new(request: &Request) -> Result<Self, Refused> {
        let method = Method::from_bytes(request.method.as_str().as_bytes());
        let cookie = request.cookie.as_deref().map(HeaderValue::from_str);
        Ok(Self {
            method: method.map_err(Refused::broken)?,
            uri: Uri::from_static(request.path),
            cookie: cookie.transpose().map_err(Refused::broken)?,
        })
    }

    fn to_request(&self) -> ActixRequest {
        let mut request = ActixRequest::new();
        let head = request.head_mut();
        head.method = self.method.clone();
        head.uri = self.uri.clone();
        if let Some(cookie) = &self.cookie {
            head.headers_mut().insert(COOKIE, cookie.clone());
        }
        request
    }
}

/// Reads a body as the server does: to its end, or not at all when it says that it is empty.
/// Returns the bytes that came.
async fn drain<B: MessageBody>(body: B) -> Result<usize, Refused> {
    let mut bytes = 0;
    if matches!(body.size(), BodySize::None | BodySize::Sized(0)) {
        return Ok(bytes);
    }
    let mut body = pin!(body);
    while let Some(piece) = poll_fn(|cx| body.as_mut().poll_next(cx)).await {
        bytes += piece.map_err(broken_body)?.len();
    }
    Ok(bytes)
}

fn broken_body(error: impl Into<Box<dyn Error>>) -> Refused {
    Refused::broken(error.into())
}
