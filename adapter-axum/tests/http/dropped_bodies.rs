//! Bodies that are dropped before their end keep what was written.

use adapter_axum::Session;
use axum::Router;
use axum::body::Body;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use futures_util::stream;
use http::StatusCode;
use session_core::testkit::{Fault, Verb};
use session_core::{DropReason, SessionEvent};

use crate::client::{Request, Streamed};
use crate::gate::Gate;
use crate::play::{Director, Step, play};
use crate::server::{Door, Server};
use crate::wait::{eventually, in_time, stays_pending};

/// Written when the body that holds it is dropped, as a chat marks a reply that broke off.
struct LastWords(session_core::Session);

impl Drop for LastWords {
    fn drop(&mut self) {
        self.0
            .set_attribute("last", "words")
            .expect("the session is there");
    }
}

/// A body that never ends by itself and has last words.
fn unending(session: Session) -> Body {
    let last_words = LastWords(session.into_inner());
    Body::from_stream(stream::poll_fn(move |_| {
        let _held_until_the_body_is_dropped = &last_words;
        std::task::Poll::<Option<Result<String, std::io::Error>>>::Pending
    }))
}

/// The client is gone; the server notices, at the latest, when it cannot send any more.
async fn hang_up(body: Streamed, director: &Director) {
    drop(body);
    eventually("the body is dropped", async || {
        director.step(Step::Say("is anybody there?"));
        director.is_alone()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_before_the_client_vanished_is_kept() {
    for door in Door::BOTH {
        let (director, play) = play();
        let perform = async move |session: Session| play.body(session.into_inner());
        let app = Router::new().route("/body", get(perform));
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        let mut body = visitor.open(Request::get("/body")).await;
        director.step(Step::Set("reply", "half of it"));
        director.step(Step::Say("half of it"));
        assert_eq!(body.next().await, "half of it");
        hang_up(body, &director).await;
        eventually("the write is kept", async || {
            visitor.note("reply").await.is_some()
        })
        .await;
        assert_eq!(visitor.note("reply").await.as_deref(), Some("half of it"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_body_says_as_it_is_dropped_is_kept() {
    for door in Door::BOTH {
        let app = Router::new().route("/body", get(async |session: Session| unending(session)));
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        let body = visitor.open(Request::get("/body")).await;
        assert_eq!(visitor.note("last").await, None);
        drop(body);
        eventually("the write is kept", async || {
            visitor.note("last").await.is_some()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_body_stores_at_once_what_was_written_although_a_task_still_holds_the_session() {
    for door in Door::BOTH {
        let gate = Gate::new();
        let inside = gate.clone();
        let perform = async move |session: Session| {
            let held = session.clone();
            tokio::spawn(async move {
                inside.pass().await;
                drop(held);
            });
            unending(session)
        };
        let app = Router::new().route("/body", get(perform));
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        let body = visitor.open(Request::get("/body")).await;
        gate.arrived(1).await;
        drop(body);
        eventually("the write is kept", async || {
            visitor.note("last").await.is_some()
        })
        .await;
        gate.open(1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_http_does_not_send_keep_what_they_say_as_they_are_dropped() {
    for door in Door::BOTH {
        let with_status =
            |status: StatusCode| get(async move |session: Session| (status, unending(session)));
        let app = Router::new()
            .route("/head", with_status(StatusCode::OK))
            .route("/no-content", with_status(StatusCode::NO_CONTENT))
            .route("/not-modified", with_status(StatusCode::NOT_MODIFIED));
        let server = Server::with_store(&door.store(), app).await;
        for (request, status) in [
            (Request::new("HEAD", "/head"), 200),
            (Request::get("/no-content"), 204),
            (Request::get("/not-modified"), 304),
        ] {
            let mut visitor = server.browser().returning().await;
            let response = visitor.send(request).await;
            assert_eq!((response.status(), response.is_complete), (status, true));
            eventually("the write is kept", async || {
                visitor.note("last").await.is_some()
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_never_polled_keeps_what_it_says_as_it_is_dropped() {
    for door in Door::BOTH {
        let store = door.store();
        let discard = async |response: Response| response.map(|_| Body::from("another body"));
        let app = Router::new().route("/body", get(async |session: Session| unending(session)));
        let server = Server::layered(
            |builder| builder.store(store),
            |sessions| {
                let app = app.merge(crate::server::notes());
                let layer = adapter_axum::SessionLayer::new(sessions);
                let discarded = app
                    .clone()
                    .layer(layer.clone())
                    .layer(map_response(discard));
                Router::new()
                    .nest("/discarded", discarded)
                    .merge(app.layer(layer))
            },
        )
        .await;
        let mut visitor = server.browser().returning().await;
        assert_eq!(visitor.get("/discarded/body").await.text(), "another body");
        eventually("the write is kept", async || {
            visitor.note("last").await.is_some()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn drain_waits_for_what_a_dropped_body_left_behind() {
    let store = Door::Awaited.store();
    let (director, play) = play();
    let perform = async move |session: Session| play.body(session.into_inner());
    let app = Router::new().route("/body", get(perform));
    let server = Server::with_store(&store, app).await;
    let mut visitor = server.browser().returning().await;
    let mut body = visitor.open(Request::get("/body")).await;
    director.step(Step::Set("reply", "half of it"));
    director.step(Step::Say("half of it"));
    assert_eq!(body.next().await, "half of it");

    store.next(Verb::Apply, Fault::HoldRequest);
    hang_up(body, &director).await;
    eventually("the commit reaches the store", async || store.held() == 1).await;
    assert!(stays_pending(server.sessions.drain()).await);
    assert_eq!(visitor.note("reply").await, None);
    store.release();
    in_time("the commits end", server.sessions.drain()).await;
    assert_eq!(visitor.note("reply").await.as_deref(), Some("half of it"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_vanishes_while_the_end_waits_for_the_store_cancels_nothing() {
    let store = Door::Awaited.store();
    let (director, play) = play();
    let perform = async move |session: Session| play.body(session.into_inner());
    let app = Router::new().route("/body", get(perform));
    let server = Server::with_store(&store, app).await;
    let mut visitor = server.browser().returning().await;
    let body = visitor.open(Request::get("/body")).await;
    store.next(Verb::Apply, Fault::HoldRequest);
    director.step(Step::Set("reply", "all of it"));
    drop(director);
    eventually("the commit reaches the store", async || store.held() == 1).await;
    drop(body);
    store.release();
    in_time("the commits end", server.sessions.drain()).await;
    eventually("the write is kept", async || {
        visitor.note("reply").await.is_some()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_body_never_revives_a_session_that_was_logged_out() {
    for door in Door::BOTH {
        let app = Router::new().route("/body", get(async |session: Session| unending(session)));
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        let mut tab = visitor.clone();
        let body = visitor.open(Request::get("/body")).await;
        tab.post("/logout").await;
        drop(body);
        eventually("the writes are dropped", async || {
            server.told(SessionEvent::WritesDropped(DropReason::Gone))
        })
        .await;
        assert!(!visitor.has_session().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_after_the_client_is_gone_is_told_as_an_event() {
    for door in Door::BOTH {
        let store = door.store();
        let app = Router::new().route("/body", get(async |session: Session| unending(session)));
        let server = Server::with_store(&store, app).await;
        let mut visitor = server.browser().returning().await;
        let body = visitor.open(Request::get("/body")).await;
        store.next(Verb::Apply, Fault::Unavailable);
        drop(body);
        eventually("the failure is told", async || {
            server.told(SessionEvent::LateCommitFailed)
        })
        .await;
        assert!(visitor.has_session().await);
        assert_eq!(visitor.note("last").await, None);
    }
}
