//! The session while a long body streams.

use std::time::Duration;

use adapter_axum::{Rejection, Session};
use axum::Router;
use axum::routing::get;
use session_core::SessionError;
use session_core::testkit::{Fault, Verb};

use crate::client::Request;
use crate::gate::Gate;
use crate::play::{Step, play};
use crate::server::{Door, Server, session_cookies};
use crate::wait::eventually;

fn theatre(play: crate::play::Play) -> Router {
    let perform = async move |session: Session| play.body(session.into_inner());
    Router::new().route("/body", get(perform))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_waited_for_a_second_is_stored_at_the_next_frame() {
    for door in Door::BOTH {
        let (director, play) = play();
        let server = Server::with_store(&door.store(), theatre(play)).await;
        let mut visitor = server.browser().returning().await;
        let mut body = visitor.open(Request::get("/body")).await;

        director.step(Step::Set("draft", "one"));
        director.step(Step::Say("a"));
        assert_eq!(body.next().await, "a");
        server.clock.advance(Duration::from_millis(999));
        director.step(Step::Say("b"));
        assert_eq!(body.next().await, "b");
        assert_eq!(visitor.note("draft").await, None);

        server.clock.advance(Duration::from_millis(1));
        director.step(Step::Say("c"));
        assert_eq!(body.next().await, "c");
        assert_eq!(
            visitor.note("draft").await.as_deref(),
            Some("one"),
            "{door:?}"
        );

        // The next change waits for a second of its own.
        director.step(Step::Set("draft", "two"));
        director.step(Step::Say("d"));
        assert_eq!(body.next().await, "d");
        assert_eq!(visitor.note("draft").await.as_deref(), Some("one"));
        server.clock.advance(Duration::from_secs(1));
        director.step(Step::Say("e"));
        assert_eq!(body.next().await, "e");
        assert_eq!(visitor.note("draft").await.as_deref(), Some("two"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_within_a_second_are_one_commit() {
    for door in Door::BOTH {
        let (director, play) = play();
        let store = door.store();
        let server = Server::with_store(&store, theatre(play)).await;
        let mut visitor = server.browser().returning().await;
        let mut body = visitor.open(Request::get("/body")).await;
        store.inner().take_calls();
        for draft in ["one", "two", "three", "four", "five"] {
            director.step(Step::Set("draft", draft));
            director.step(Step::Say("."));
            assert_eq!(body.next().await, ".");
        }
        drop(director);
        assert!(body.rest().await.is_complete);
        assert_eq!(store.inner().count(Verb::Apply), 1);
        assert_eq!(visitor.note("draft").await.as_deref(), Some("five"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_writes_nothing_costs_no_store_call_after_its_head() {
    for door in Door::BOTH {
        let (director, play) = play();
        let store = door.store();
        let server = Server::with_store(&store, theatre(play)).await;
        let mut visitor = server.browser().returning().await;
        let mut body = visitor.open(Request::get("/body")).await;
        store.inner().take_calls();
        director.step(Step::Say("a"));
        assert_eq!(body.next().await, "a");
        server.clock.advance(Duration::from_secs(5));
        director.step(Step::Say("b"));
        assert_eq!(body.next().await, "b");
        assert_eq!(store.inner().take_calls(), []);
        drop(director);
        assert!(body.rest().await.is_complete);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_in_the_middle_cuts_the_body() {
    for door in Door::BOTH {
        let (director, play) = play();
        let store = door.store();
        let server = Server::with_store(&store, theatre(play)).await;
        let mut visitor = server.browser().returning().await;
        let mut body = visitor.open(Request::get("/body")).await;
        director.step(Step::Set("draft", "one"));
        director.step(Step::Say("a"));
        assert_eq!(body.next().await, "a");
        store.next(Verb::Apply, Fault::Unavailable);
        server.clock.advance(Duration::from_secs(1));
        director.step(Step::Say("b"));
        let rest = body.rest().await;
        assert_eq!((rest.text(), rest.is_complete), ("", false), "{door:?}");
        eventually("the body is dropped", async || director.is_alone()).await;
        assert_eq!(visitor.note("draft").await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_keeps_what_was_written() {
    for door in Door::BOTH {
        let (director, play) = play();
        let server = Server::with_store(&door.store(), theatre(play)).await;
        let mut visitor = server.browser().returning().await;
        let mut body = visitor.open(Request::get("/body")).await;
        director.step(Step::Say("a"));
        assert_eq!(body.next().await, "a");
        director.step(Step::Set("draft", "half"));
        director.step(Step::Fail);
        assert!(!body.rest().await.is_complete);
        eventually("the write is kept", async || {
            visitor.note("draft").await.is_some()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_session_gets_its_cookie_with_the_head_and_goes_on_during_the_body() {
    for door in Door::BOTH {
        let (director, play) = play();
        let perform = async move |session: Session| {
            session.set_attribute("first", "visit")?;
            Ok::<_, Rejection>(play.body(session.into_inner()))
        };
        let app = Router::new().route("/body", get(perform));
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser();
        let body = visitor.open(Request::get("/body")).await;
        assert!(visitor.has_session().await);
        director.step(Step::Set("draft", "one"));
        drop(director);
        let response = body.rest().await;
        assert_eq!(session_cookies(&server, &response).len(), 1);
        assert_eq!(visitor.note("draft").await.as_deref(), Some("one"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_begins_after_the_head() {
    for door in Door::BOTH {
        let gate = Gate::new();
        let inside = gate.clone();
        let perform = async move |session: Session| {
            let late = async move {
                inside.pass().await;
                // A login, an id change and a first write all need a cookie.
                let first_write = session.set_attribute("draft", "one");
                assert!(matches!(first_write, Err(SessionError::ResponseCommitted)));
                let login = session.login("ada");
                assert!(matches!(login, Err(SessionError::ResponseCommitted)));
                Ok::<_, std::io::Error>("refused")
            };
            axum::body::Body::from_stream(futures_util::stream::once(late))
        };
        let app = Router::new().route("/body", get(perform));
        let store = door.store();
        let server = Server::with_store(&store, app).await;
        let mut visitor = server.browser();
        let body = visitor.open(Request::get("/body")).await;
        gate.open(1);
        let response = body.rest().await;
        assert_eq!((response.text(), response.is_complete), ("refused", true));
        assert!(!visitor.has_cookie());
        assert_eq!(store.inner().count(Verb::Create), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_exists_can_still_be_ended_while_the_body_streams() {
    for door in Door::BOTH {
        let gate = Gate::new();
        let inside = gate.clone();
        let perform = async move |session: Session| {
            let late = async move {
                inside.pass().await;
                session.logout().map(|()| "goodbye")
            };
            axum::body::Body::from_stream(futures_util::stream::once(late))
        };
        let app = Router::new().route("/body", get(perform));
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        let body = visitor.open(Request::get("/body")).await;
        assert!(visitor.has_session().await);
        gate.open(1);
        assert_eq!(body.rest().await.text(), "goodbye");
        assert!(!visitor.has_session().await);
    }
}
