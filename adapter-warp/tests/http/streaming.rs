//! The session while a long body streams.

use adapter_warp::{Session, SessionLayer, SessionRejection, session};
use bytes::Bytes;
use http_body_util::Empty;
use session_core::testkit::Verb;
use tower_layer::Layer;
use tower_service::Service;
use warp::{Filter, Reply};

use crate::play::{Step, theatre};
use crate::server::{Server, sessions, stores};
use crate::wait::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sees_the_end_of_a_body_reads_its_last_write() {
    for store in stores() {
        let (director, routes) = theatre();
        let server = Server::start(&store, routes).await;
        let mut visitor = server.browser().returning().await;
        let mut body = visitor.open("/body").await;
        director.step(Step::Say("once upon a time"));
        assert_eq!(body.next().await, "once upon a time");
        director.step(Step::Set("reply", "all of it"));
        drop(director);
        assert!(body.rest().await.is_complete);
        assert_eq!(visitor.note("reply").await.as_deref(), Some("all of it"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_the_client_leaves_keeps_what_was_written() {
    for store in stores() {
        let (director, routes) = theatre();
        let server = Server::start(&store, routes).await;
        let mut visitor = server.browser().returning().await;
        let mut body = visitor.open("/body").await;
        director.step(Step::Set("reply", "half of it"));
        director.step(Step::Say("half of it"));
        assert_eq!(body.next().await, "half of it");
        drop(body);
        eventually("the body is dropped", async || {
            director.step(Step::Say("is anybody there?"));
            director.is_alone()
        })
        .await;
        eventually("the write is kept", async || {
            visitor.note("reply").await.is_some()
        })
        .await;
        assert_eq!(visitor.note("reply").await.as_deref(), Some("half of it"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_writes_nothing_costs_no_store_call_after_its_head() {
    for store in stores() {
        let (director, routes) = theatre();
        let server = Server::start(&store, routes).await;
        let mut visitor = server.browser().returning().await;
        let mut body = visitor.open("/body").await;
        store.inner().take_calls();
        director.step(Step::Say("a"));
        assert_eq!(body.next().await, "a");
        drop(director);
        assert!(body.rest().await.is_complete);
        assert_eq!(store.inner().take_calls(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_whose_session_a_task_still_holds_keeps_its_length() {
    let (give, mut given) = tokio::sync::mpsc::unbounded_channel();
    let kept = warp::path("kept")
        .and(session())
        .then(move |session: Session| {
            let give = give.clone();
            async move {
                session.set_attribute("first", "write")?;
                give.send(session).expect("the test takes it");
                Ok::<_, SessionRejection>("kept")
            }
        });
    let routes = kept.map(Reply::into_response).boxed();
    for store in stores() {
        let server = Server::start(&store, routes.clone()).await;
        let mut visitor = server.browser();
        let response = visitor.get("/kept").await;
        assert_eq!(response.text(), "kept");
        assert_eq!(response.head.all("content-length"), ["4"]);
        let session = given.recv().await.expect("the handler gave it");
        // The body has ended, and its session is stored once.
        assert_eq!(store.inner().count(Verb::Create), 1);
        drop(session);
    }
}

#[tokio::test]
async fn a_body_during_which_nobody_can_write_is_warp_s_own() {
    let write = warp::any().and(session()).then(async |session: Session| {
        session.set_attribute("first", "write")?;
        Ok::<_, SessionRejection>("written")
    });
    for store in stores() {
        let layer = SessionLayer::new(sessions(&store));
        let mut service = layer.layer(warp::service(write));
        let request = warp::http::Request::new(Empty::<Bytes>::new());
        let Ok(response) = service.call(request).await;
        // warp keeps the request until its future is dropped, and the exchange's handle with it.
        assert!(response.into_body().into_plain().is_ok());
    }
}
