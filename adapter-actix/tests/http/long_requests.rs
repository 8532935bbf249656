//! A session does not expire while a request that uses it is being answered.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpResponse, web};
use adapter_actix::{Rejection, Session, SessionMiddleware};
use futures_util::stream;
use session_core::testkit::{ManualClock, ManualRuntime};

use crate::client::Request;
use crate::gate::Gate;
use crate::server::{Server, notes};
use crate::wait::eventually;

const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// A server on whose runtime time passes only when the test lets it.
async fn serve(
    app: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> (Server, ManualRuntime) {
    let clock = ManualClock::new();
    let runtime = ManualRuntime::new(clock.clone());
    let attached = runtime.clone();
    let server = Server::wrapped(
        |builder| builder.clock(clock).max_inactive_interval(IDLE_LIMIT),
        move |sessions| {
            sessions.attach_runtime(Arc::new(attached));
            let middleware = SessionMiddleware::new(sessions);
            move || {
                App::new()
                    .wrap(middleware.clone())
                    .configure(&app)
                    .configure(notes)
            }
        },
    )
    .await;
    (server, runtime)
}

/// Lets more time pass than a session may lie idle, in steps of a third of that.
async fn outlast_the_idle_limit(runtime: &ManualRuntime) {
    for _ in 0..6 {
        eventually("the request waits", async || runtime.pending_sleeps() == 1).await;
        runtime.advance(IDLE_LIMIT / 3);
    }
    eventually("the request waits", async || runtime.pending_sleeps() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_handler_keeps_its_session_alive() {
    let gate = Gate::new();
    let inside = gate.clone();
    let app = move |app: &mut web::ServiceConfig| {
        let inside = inside.clone();
        let wait = move |session: Session| {
            let gate = inside.clone();
            async move {
                let _: Option<String> = session.get_attribute("first")?;
                gate.pass().await;
                Ok::<_, Rejection>("done")
            }
        };
        app.route("/wait", web::get().to(wait));
    };
    let (server, runtime) = serve(app).await;
    let mut visitor = server.browser().returning().await;
    let mut connection = visitor.call(Request::get("/wait")).await;
    gate.arrived(1).await;
    outlast_the_idle_limit(&runtime).await;
    assert!(visitor.has_session().await);
    gate.open(1);
    assert_eq!(connection.head().await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_body_keeps_a_session_alive_that_nobody_can_change_any_more() {
    let gate = Gate::new();
    let inside = gate.clone();
    let app = move |app: &mut web::ServiceConfig| {
        let inside = inside.clone();
        let perform = move |session: Session| {
            let gate = inside.clone();
            async move {
                let _: Option<String> = session.get_attribute("first")?;
                let late = async move {
                    gate.pass().await;
                    Ok::<_, Rejection>(web::Bytes::from_static(b"done"))
                };
                Ok::<_, Rejection>(HttpResponse::Ok().streaming(stream::once(late)))
            }
        };
        app.route("/body", web::get().to(perform));
    };
    let (server, runtime) = serve(app).await;
    let mut visitor = server.browser().returning().await;
    let body = visitor.open(Request::get("/body")).await;
    outlast_the_idle_limit(&runtime).await;
    assert!(visitor.has_session().await);
    gate.open(1);
    assert_eq!(body.rest().await.text(), "done");
}
