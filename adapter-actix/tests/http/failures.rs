//! Handlers and middlewares that answer with an `Err`: an answer like any other.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::{Condition, ErrorHandlerResponse, ErrorHandlers, Next, from_fn};
use actix_web::{App, Error, HttpResponse, ResponseError, web};
use adapter_actix::{Rejection, Session, SessionMiddleware};
use session_core::testkit::{Fault, Verb};

use crate::server::{Door, Server, notes, session_cookies};

/// What an application refuses with.
#[derive(Debug)]
struct Teapot;

impl fmt::Display for Teapot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("I am a teapot")
    }
}

impl ResponseError for Teapot {
    fn status_code(&self) -> StatusCode {
        StatusCode::IM_A_TEAPOT
    }
}

async fn refuse(session: Session) -> Result<HttpResponse, Error> {
    session
        .set_attribute("attempt", "made")
        .map_err(Rejection::from)?;
    Err(Teapot.into())
}

/// A middleware that lets nothing through to the handler.
async fn bar<B>(
    session: Session,
    _: ServiceRequest,
    _: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    session
        .set_attribute("attempt", "made")
        .map_err(Rejection::from)?;
    Err(Teapot.into())
}

fn refusing(app: &mut web::ServiceConfig) {
    app.route("/handler", web::post().to(refuse)).service(
        web::resource("/middleware")
            .wrap(from_fn(bar))
            .post(async || "never"),
    );
}

const REFUSING: [&str; 2] = ["/handler", "/middleware"];

#[tokio::test(flavor = "multi_thread")]
async fn an_error_commits_and_carries_the_cookie() {
    for door in Door::BOTH {
        for target in REFUSING {
            let server = Server::with_store(&door.store(), refusing).await;
            let mut visitor = server.browser();
            let response = visitor.post(target).await;
            assert_eq!((response.status(), response.text()), (418, "I am a teapot"));
            assert_eq!(session_cookies(&server, &response).len(), 1, "{target}");
            assert_eq!(response.head.all("vary"), ["Cookie"]);
            assert_eq!(response.head.all("cache-control"), ["no-store"]);
            assert_eq!(visitor.note("attempt").await.as_deref(), Some("made"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_whose_session_cannot_be_stored_is_a_503() {
    for door in Door::BOTH {
        for target in REFUSING {
            let store = door.store();
            let server = Server::with_store(&store, refusing).await;
            store.next(Verb::Create, Fault::Unavailable);
            let response = server.browser().post(target).await;
            assert_eq!(response.status(), 503, "{target}");
            assert_eq!(
                response.text(),
                "The session is not available at the moment."
            );
            assert_eq!(response.head.all("set-cookie"), [""; 0]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outer_middlewares_see_the_error_itself() {
    let seen = [
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    ];
    let witness = seen.clone();
    let server = Server::wrapped(
        |builder| builder,
        move |sessions| {
            let middleware = SessionMiddleware::new(sessions);
            move || {
                let [on_response, as_error] = witness.clone();
                let watch = move |request: ServiceRequest, next: Next<_>| {
                    let (on_response, as_error) = (on_response.clone(), as_error.clone());
                    async move { look_on(request, next, &on_response, &as_error).await }
                };
                App::new()
                    .configure(refusing)
                    .configure(notes)
                    .wrap(middleware.clone())
                    .wrap(from_fn(watch))
            }
        },
    )
    .await;
    for (target, seen) in REFUSING.into_iter().zip(&seen) {
        let mut visitor = server.browser();
        assert_eq!(visitor.post(target).await.status(), 418);
        assert!(seen.load(Ordering::SeqCst), "{target}");
        assert_eq!(visitor.note("attempt").await.as_deref(), Some("made"));
    }
}

/// Remembers where the error of an application came by: attached to its response, or as such.
async fn look_on<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
    on_response: &AtomicBool,
    as_error: &AtomicBool,
) -> Result<ServiceResponse<B>, Error> {
    let is_teapot = |error: &Error| error.as_error::<Teapot>().is_some();
    let answer = next.call(request).await;
    match &answer {
        Ok(response) => {
            if response.response().error().is_some_and(is_teapot) {
                on_response.store(true, Ordering::SeqCst);
            }
        }
        Err(error) => as_error.store(is_teapot(error), Ordering::SeqCst),
    }
    answer
}

/// Replaces the body of such an answer where it is switched on.
fn page_for_teapots<B: 'static>(is_on: bool) -> Condition<ErrorHandlers<B>> {
    let page = |response: ServiceResponse<B>| {
        let (request, response) = response.into_parts();
        let response = response.set_body("a page with a teapot");
        let response = ServiceResponse::new(request, response).map_into_boxed_body();
        let response = response.map_into_right_body();
        Ok(ErrorHandlerResponse::Response(response))
    };
    let handlers = ErrorHandlers::new().handler(StatusCode::IM_A_TEAPOT, page);
    Condition::new(is_on, handlers)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_for_errors_keeps_the_cookie_inside_and_outside_of_the_middleware() {
    for door in Door::BOTH {
        for is_outside in [false, true] {
            let store = door.store();
            let server = Server::wrapped(
                |builder| builder.store(store),
                move |sessions| {
                    let middleware = SessionMiddleware::new(sessions);
                    move || {
                        App::new()
                            .configure(refusing)
                            .configure(notes)
                            .wrap(page_for_teapots(!is_outside))
                            .wrap(middleware.clone())
                            .wrap(page_for_teapots(is_outside))
                    }
                },
            )
            .await;
            let mut visitor = server.browser();
            let response = visitor.post("/handler").await;
            assert_eq!(response.text(), "a page with a teapot");
            assert_eq!(session_cookies(&server, &response).len(), 1);
            assert_eq!(visitor.note("attempt").await.as_deref(), Some("made"));
        }
    }
}
