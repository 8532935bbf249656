//! Handlers that never answer: the client is gone, or they panic.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use adapter_axum::{Rejection, Session, SessionLayer};
use axum::Router;
use axum::extract::Request as AxumRequest;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::FutureExt;
use http::StatusCode;
use session_core::testkit::{Fault, Verb};

use crate::client::Request;
use crate::gate::{Dropped, Gate};
use crate::server::{Door, Server};
use crate::wait::{eventually, in_time};

/// Panics with a session that was just written to.
async fn panicking(session: Session) -> Result<(), Rejection> {
    session.set_attribute("draft", "lost")?;
    resume_quietly("a fault of the program");
}

/// A panic without the message that the default hook prints.
fn resume_quietly(why: &'static str) -> ! {
    let payload: Box<dyn Any + Send> = Box::new(why);
    std::panic::resume_unwind(payload)
}

/// Turns a panic of what is inside into a 500, as catching layers do.
async fn catch(request: AxumRequest, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_whose_client_is_gone_commits_nothing() {
    for door in Door::BOTH {
        let (gate, dropped) = (Gate::new(), Dropped::default());
        let (inside, state) = (gate.clone(), dropped.clone());
        let wait = async move |session: Session| {
            let _guard = state.guard();
            session.set_attribute("draft", "lost")?;
            inside.pass().await;
            Ok::<_, Rejection>(())
        };
        let store = door.store();
        let server = Server::with_store(&store, Router::new().route("/wait", post(wait))).await;
        let mut visitor = server.browser().returning().await;
        store.inner().take_calls();
        let connection = visitor.call(Request::post("/wait")).await;
        gate.arrived(1).await;
        drop(connection);
        eventually("the handler is dropped", async || dropped.happened()).await;
        in_time("the commits end", server.sessions.drain()).await;
        assert_eq!(store.inner().count(Verb::Apply), 0);
        assert_eq!(visitor.note("draft").await, None);
        // No lock stays behind: the session can be written at once.
        visitor.write("draft", "kept").await;
        assert_eq!(visitor.note("draft").await.as_deref(), Some("kept"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_is_dropped_while_its_session_loads_leaves_nothing_behind() {
    let store = Door::Awaited.store();
    let server = Server::with_store(&store, Router::new()).await;
    let mut visitor = server.browser().returning().await;
    store.next(Verb::Load, Fault::HoldRequest);
    let connection = visitor
        .call(Request::new("PUT", "/notes/draft").body("lost"))
        .await;
    eventually("the load reaches the store", async || store.held() == 1).await;
    drop(connection);
    eventually("the load is given up", async || store.held() == 0).await;
    assert_eq!(visitor.note("draft").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_vanishes_during_the_commit_of_the_head_does_not_tear_it_apart() {
    let store = Door::Awaited.store();
    let server = Server::with_store(&store, Router::new()).await;
    let mut visitor = server.browser().returning().await;
    store.next(Verb::Apply, Fault::HoldRequest);
    let connection = visitor
        .call(Request::new("PUT", "/notes/draft").body("sent"))
        .await;
    eventually("the commit reaches the store", async || store.held() == 1).await;
    drop(connection);
    store.release();
    in_time("the commits end", server.sessions.drain()).await;
    assert_eq!(visitor.note("draft").await.as_deref(), Some("sent"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_commits_nothing_and_the_server_goes_on() {
    for door in Door::BOTH {
        let app = Router::new().route("/panic", post(panicking));
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        let mut connection = visitor.call(Request::post("/panic")).await;
        assert_eq!(
            connection.head().await,
            None,
            "the connection is closed without an answer"
        );
        in_time("the commits end", server.sessions.drain()).await;
        assert_eq!(visitor.note("draft").await, None);
        visitor.write("draft", "kept").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_that_is_caught_inside_the_layer_commits_nothing() {
    for door in Door::BOTH {
        let app = Router::new()
            .route("/panic", post(panicking))
            .layer(from_fn(catch));
        let store = door.store();
        let server = Server::with_store(&store, app).await;

        // A visitor who has a session keeps it as it was.
        let mut visitor = server.browser().returning().await;
        let response = visitor.post("/panic").await;
        assert_eq!(response.status(), 500);
        assert_eq!(visitor.note("draft").await, None);
        assert!(visitor.has_session().await);

        // Somebody new gets none.
        let mut stranger = server.browser();
        assert_eq!(stranger.post("/panic").await.status(), 500);
        assert!(!stranger.has_cookie());
        assert_eq!(store.inner().count(Verb::Create), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_that_is_caught_outside_of_the_layer_commits_nothing() {
    for door in Door::BOTH {
        let store = door.store();
        let server = Server::layered(
            |builder| builder.store(store),
            |sessions| {
                let app = crate::server::notes().route("/panic", post(panicking));
                app.layer(SessionLayer::new(sessions)).layer(from_fn(catch))
            },
        )
        .await;
        let mut visitor = server.browser().returning().await;
        assert_eq!(visitor.post("/panic").await.status(), 500);
        in_time("the commits end", server.sessions.drain()).await;
        assert_eq!(visitor.note("draft").await, None);
        assert!(visitor.has_session().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_panics_afterwards_leaves_the_old_id_usable() {
    for door in Door::BOTH {
        let log_in = async |session: Session| -> Result<(), Rejection> {
            session.login("ada")?;
            resume_quietly("a fault of the program")
        };
        let app = Router::new()
            .route("/log-in", post(log_in))
            .layer(from_fn(catch));
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        let before = visitor.token().to_owned();
        assert_eq!(visitor.post("/log-in").await.status(), 500);
        assert_eq!(visitor.token(), before);
        assert!(visitor.has_session().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_panics_commits_nothing_more() {
    for door in Door::BOTH {
        let gate = Gate::new();
        let inside = gate.clone();
        let perform = async move |session: Session| {
            session.set_attribute("before", "the head")?;
            let late = async move {
                inside.pass().await;
                session
                    .set_attribute("draft", "lost")
                    .expect("the session is there");
                if true {
                    resume_quietly("a fault of the program");
                }
                Ok::<_, std::io::Error>("never said")
            };
            let body = axum::body::Body::from_stream(futures_util::stream::once(late));
            Ok::<_, Rejection>(body)
        };
        let app = Router::new().route("/body", post(perform));
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        let body = visitor.open(Request::post("/body")).await;
        gate.open(1);
        assert!(!body.rest().await.is_complete);
        in_time("the commits end", server.sessions.drain()).await;
        assert_eq!(visitor.note("before").await.as_deref(), Some("the head"));
        assert_eq!(visitor.note("draft").await, None);
        visitor.write("draft", "kept").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_panics_poisons_a_session_that_a_task_holds() {
    for door in Door::BOTH {
        let (gate, task) = (Gate::new(), Gate::new());
        let (inside, held) = (gate.clone(), task.clone());
        let perform = async move |session: Session| {
            tokio::spawn(async move {
                session
                    .set_attribute("draft", "lost")
                    .expect("the session is there");
                held.pass().await;
                drop(session);
                held.pass().await;
            });
            let late = async move {
                inside.pass().await;
                if true {
                    resume_quietly("a fault of the program");
                }
                Ok::<_, std::io::Error>("never said")
            };
            axum::body::Body::from_stream(futures_util::stream::once(late))
        };
        let app = Router::new().route("/body", post(perform));
        let store = door.store();
        let server = Server::with_store(&store, app).await;
        let mut visitor = server.browser().returning().await;
        let body = visitor.open(Request::post("/body")).await;
        task.arrived(1).await;
        gate.open(1);
        assert!(!body.rest().await.is_complete);
        task.open(1);
        // It has let go of the session.
        task.arrived(1).await;
        in_time("the commits end", server.sessions.drain()).await;
        assert_eq!(visitor.note("draft").await, None);
    }
}
