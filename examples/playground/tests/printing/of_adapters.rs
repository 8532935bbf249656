//! Layers, services, futures and extractors, with a request under way in them.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::dev::{Service as _, ServiceRequest, ServiceResponse, Transform};
use actix_web::{FromRequest, HttpResponse};
use adapter_tower::{BodyPolicy, SessionLayer, WrapBody};
use axum::extract::FromRequestParts;
use futures_util::future::LocalBoxFuture;
use http::Request;
use http_body_util::Full;
use session_core::{Main, SessionError};
use tower::{Layer, Service, ServiceExt};
use warp::Filter;

use crate::material::{Diary, Material};
use crate::printed::Printed;

pub(crate) async fn print(material: &Material, printed: &mut Printed) {
    of_tower(material, printed).await;
    of_axum(material, printed).await;
    of_actix(material, printed).await;
    of_warp(material, printed).await;
}

fn request<B>(material: &Material, body: B) -> Request<B> {
    let cookie = format!("__Host-sid={}", material.token());
    let request = Request::get("/").header("cookie", cookie);
    request.body(body).unwrap()
}

async fn of_tower(material: &Material, printed: &mut Printed) {
    let layer: SessionLayer = SessionLayer::new(material.site.sessions().clone());
    printed.debug(&layer);
    let answer = tower::service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(http::Response::new(Full::new(bytes::Bytes::from("a page"))))
    });
    let mut service = layer.layer(answer);
    printed.debug(&service);
    let future = service.call(request(material, ()));
    printed.debug(&future);
    printed.debug(future.await.unwrap().body());
    printed.debug(&adapter_tower::TokioRuntime::current().unwrap());
    // One along which the session may still change.
    let exchange = material.visitor.begin();
    let session = exchange.handle().session().await.unwrap();
    session.set_attribute("late", "a value").unwrap();
    let watched = exchange.into_body(None, None).expect("it may change");
    let body = Full::new(bytes::Bytes::from("a page"));
    printed.debug(&WrapBody::watched(body, watched));
}

async fn of_axum(material: &Material, printed: &mut Printed) {
    use adapter_axum::{Attribute, Peek, Rejection, Session};
    let texts = std::sync::Arc::new(parking_lot::Mutex::new(Printed::none()));
    let inside = texts.clone();
    let handler = async move |request: axum::extract::Request| {
        let (mut parts, _) = request.into_parts();
        let session: Session = Session::from_request_parts(&mut parts, &()).await.unwrap();
        let peek: Peek = Peek::from_request_parts(&mut parts, &()).await.unwrap();
        let diary = Attribute::<Diary>::from_request_parts(&mut parts, &()).await;
        let Attribute(diary) = diary.unwrap();
        assert!(diary.is_some());
        let mut printed = inside.lock();
        printed.debug(&session);
        printed.debug(&peek);
        "a page"
    };
    let layer: SessionLayer = SessionLayer::new(material.site.sessions().clone());
    let app = axum::Router::new()
        .route("/", axum::routing::get(handler))
        .layer(layer);
    app.oneshot(request(material, axum::body::Body::empty()))
        .await
        .unwrap();
    printed.merge(&texts.lock());
    printed.debug(&Attribute(None::<Nothing>));
    printed.error(&Rejection::NoLayer);
    printed.error(&Rejection::Session(undecodable(material).await));
}

async fn of_actix(material: &Material, printed: &mut Printed) {
    use adapter_actix::{Attribute, Rejection, Session, SessionMiddleware};
    let middleware = SessionMiddleware::new(material.site.sessions().clone());
    printed.debug(&middleware);
    let texts = Rc::new(RefCell::new(Printed::none()));
    let application = Application(texts.clone());
    let service = middleware.new_transform(application).await.unwrap();
    printed.debug(&service);
    let request = actix_web::test::TestRequest::get()
        .uri("/")
        .insert_header(("cookie", format!("__Host-sid={}", material.token())));
    let future = service.call(request.to_srv_request());
    printed.debug(&future);
    let response = future.await.unwrap();
    printed.debug(response.response().body());
    printed.merge(&texts.borrow());
    printed.debug(&Attribute(None::<Nothing>));
    printed.debug(&adapter_actix::ActixRuntime::current().unwrap());
    let bare = actix_web::test::TestRequest::get().to_http_request();
    let error = Session::<Main>::extract(&bare).await.unwrap_err();
    printed.error(&error);
    printed.error(&Rejection::NoLayer);
    printed.error(&Rejection::Session(undecodable(material).await));
}

/// What stands inside of the middleware.
struct Application(Rc<RefCell<Printed>>);

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Application")
    }
}

impl actix_web::dev::Service<ServiceRequest> for Application {
    type Response = ServiceResponse;
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<ServiceResponse, actix_web::Error>>;

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        use adapter_actix::{Attribute, ExistingSession, Peek, Session};
        let texts = self.0.clone();
        Box::pin(async move {
            let mut printed = Printed::none();
            let extraction = Session::<Main>::extract(request.request());
            printed.debug(&extraction);
            printed.debug(&extraction.await?);
            printed.debug(&ExistingSession::<Main>::extract(request.request()).await?);
            printed.debug(&Peek::<Main>::extract(request.request()).await?);
            let diary = Attribute::<Diary>::extract(request.request()).await?;
            assert!(diary.0.is_some());
            texts.borrow_mut().merge(&printed);
            Ok(request.into_response(HttpResponse::Ok().body("a page")))
        })
    }
}

async fn of_warp(material: &Material, printed: &mut Printed) {
    use adapter_warp::{SessionRejection, serve};
    let site = warp::any().map(|| "a page");
    let server = serve(site, material.site.sessions().clone());
    printed.debug(&server);
    let server = server.bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    printed.debug(&server);
    printed.debug(&adapter_warp::Unbound);
    printed.error(&SessionRejection::NoLayer);
    printed.error(&SessionRejection::Session(undecodable(material).await));
}

/// An attribute that is never there: an extractor prints what the application gave it.
#[derive(Clone, Debug)]
struct Nothing;

async fn undecodable(material: &Material) -> SessionError {
    let session = material.visitor.begin().handle().session().await.unwrap();
    session.get_attribute::<u32>("diary").unwrap_err()
}
