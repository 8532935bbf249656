//! On actix-web: the application is called as its server calls it.

mod actix_session;
mod ours;

use actix_http::Request;
use actix_web::body::{self, MessageBody};
use actix_web::dev::{Service, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::SET_COOKIE;
use actix_web::{App, test};
use futures_util::future::LocalBoxFuture;

use crate::site::{Library, Page, Site, Trouble, pair};

pub(crate) const OURS_ON_REDIS: Library = Library {
    name: "ours, actix-web",
    is_peer: false,
    open: |url| Box::pin(ours::on_redis(url)),
};

pub(crate) const ACTIX_SESSION_ON_REDIS: [Library; 2] = [
    Library {
        name: "actix-session 0.11",
        is_peer: true,
        open: |url| Box::pin(actix_session::on_redis(url)),
    },
    Library {
        name: "  where visits count",
        is_peer: true,
        open: |url| Box::pin(actix_session::on_redis_with_visits(url)),
    },
];

async fn site<F, B>(app: App<F>) -> Box<dyn Site>
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

impl<S, B> Site for ActixSite<S>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    fn ask<'a>(
        &'a self,
        path: &'static str,
        cookie: Option<&'a str>,
    ) -> LocalBoxFuture<'a, Result<Page, Trouble>> {
        Box::pin(async move {
            let mut request = test::TestRequest::with_uri(path);
            if let Some(cookie) = cookie {
                request = request.insert_header(("cookie", cookie));
            }
            let answered = self.0.call(request.to_request()).await;
            let response = answered.map_err(|error| error.to_string())?;
            let status = response.status();
            let set_cookie = response.headers().get(SET_COOKIE);
            let cookie = set_cookie.and_then(|value| value.to_str().ok()).map(pair);
            let body = body::to_bytes(response.into_body()).await;
            let body = body.map_err(|error| error.into().to_string())?;
            let text = String::from_utf8(body.into())?;
            if status != StatusCode::OK {
                return Err(format!("{path}: {status} {text}").into());
            }
            Ok(Page { text, cookie })
        })
    }
}
