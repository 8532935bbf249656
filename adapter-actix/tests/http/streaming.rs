//! The session while a body streams.

use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::{HttpResponse, web};
use adapter_actix::{Rejection, Session};
use session_core::testkit::{Fault, Verb};

use crate::client::Request;
use crate::gate::Gate;
use crate::play::{Step, play, theatre};
use crate::server::{Door, Server};
use crate::wait::{eventually, in_time};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sees_the_end_reads_the_last_write() {
    for door in Door::BOTH {
        for method in ["GET", "HEAD"] {
            let (director, play) = play();
            let server = Server::with_store(&door.store(), theatre(play)).await;
            let mut visitor = server.browser().returning().await;
            let body = visitor.open(Request::new(method, "/body")).await;
            director.step(Step::Say("a"));
            director.step(Step::Set("draft", "the last"));
            drop(director);
            if method == "GET" {
                let response = body.rest().await;
                assert_eq!((response.text(), response.is_complete), ("a", true));
                assert_eq!(visitor.note("draft").await.as_deref(), Some("the last"));
            } else {
                // The end of the head is all that such a client sees.
                eventually("the write is stored", async || {
                    visitor.note("draft").await.is_some()
                })
                .await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_waits_for_the_store() {
    let store = Door::Awaited.store();
    let (director, play) = play();
    let server = Server::with_store(&store, theatre(play)).await;
    let mut visitor = server.browser().returning().await;
    let mut body = visitor.open(Request::get("/body")).await;
    director.step(Step::Say("a"));
    assert_eq!(body.next().await, "a");
    store.next(Verb::Apply, Fault::HoldRequest);
    director.step(Step::Set("draft", "the last"));
    drop(director);
    eventually("the commit reaches the store", async || store.held() == 1).await;
    assert!(body.is_silent().await);
    store.release();
    assert!(body.rest().await.is_complete);
    assert_eq!(visitor.note("draft").await.as_deref(), Some("the last"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_promised_byte_waits_for_the_store() {
    let store = Door::Awaited.store();
    let (director, play) = play();
    let app = move |app: &mut web::ServiceConfig| {
        let play = play.clone();
        let perform = move |session: Session| {
            let body = play.sized_body(session, 2);
            async move { HttpResponse::Ok().body(body) }
        };
        app.route("/body", web::get().to(perform));
    };
    let server = Server::with_store(&store, app).await;
    let mut visitor = server.browser().returning().await;
    let mut body = visitor.open(Request::get("/body")).await;
    assert_eq!(body.head.all("content-length"), ["2"]);
    director.step(Step::Say("a"));
    assert_eq!(body.next().await, "a");
    store.next(Verb::Apply, Fault::HoldRequest);
    director.step(Step::Set("draft", "the last"));
    director.step(Step::Say("b"));
    eventually("the commit reaches the store", async || store.held() == 1).await;
    assert!(body.is_silent().await);
    store.release();
    // The handler's stream is still open: nothing but the promised length ends the body.
    let response = body.rest().await;
    assert_eq!((response.text(), response.is_complete), ("b", true));
    assert_eq!(visitor.note("draft").await.as_deref(), Some("the last"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_that_the_handler_announces_for_a_stream_is_a_promise_too() {
    for door in Door::BOTH {
        let (director, play) = play();
        let app = move |app: &mut web::ServiceConfig| {
            let play = play.clone();
            let perform = move |session: Session| {
                let body = play.body(session);
                async move { HttpResponse::Ok().no_chunking(2).body(body) }
            };
            app.route("/body", web::get().to(perform));
        };
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        let body = visitor.open(Request::get("/body")).await;
        assert_eq!(body.head.all("content-length"), ["2"]);
        director.step(Step::Set("draft", "the last"));
        director.step(Step::Say("ab"));
        assert_eq!(body.rest().await.text(), "ab");
        assert_eq!(visitor.note("draft").await.as_deref(), Some("the last"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_waited_for_a_second_is_stored_at_the_next_piece() {
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
        assert_eq!(visitor.note("draft").await.as_deref(), Some("one"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_in_the_middle_or_at_the_end_cuts_the_body() {
    for door in Door::BOTH {
        for is_at_the_end in [false, true] {
            let (director, play) = play();
            let store = door.store();
            let server = Server::with_store(&store, theatre(play)).await;
            let mut visitor = server.browser().returning().await;
            let mut body = visitor.open(Request::get("/body")).await;
            director.step(Step::Set("draft", "one"));
            director.step(Step::Say("a"));
            assert_eq!(body.next().await, "a");
            store.next(Verb::Apply, Fault::Unavailable);
            if is_at_the_end {
                drop(director);
            } else {
                server.clock.advance(Duration::from_secs(1));
                director.step(Step::Say("b"));
            }
            let rest = body.rest().await;
            assert_eq!((rest.text(), rest.is_complete), ("", false), "{door:?}");
            assert_eq!(visitor.note("draft").await, None);
        }
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
async fn a_body_that_panics_commits_nothing_more_and_the_server_goes_on() {
    for door in Door::BOTH {
        let (director, play) = play();
        let server = Server::with_store(&door.store(), theatre(play)).await;
        let mut visitor = server.browser().returning().await;
        let body = visitor.open(Request::get("/body")).await;
        director.step(Step::Set("draft", "lost"));
        director.step(Step::Panic);
        assert!(!body.rest().await.is_complete);
        in_time("the commits end", server.sessions.drain()).await;
        assert_eq!(visitor.note("draft").await, None);
        visitor.write("draft", "kept").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_outlives_its_response_stores_what_it_wrote_when_it_ends() {
    const BODIES: [fn() -> BoxBody; 2] = [|| BoxBody::new(()), || BoxBody::new("a page")];
    for door in Door::BOTH {
        for body in BODIES {
            let gate = Gate::new();
            let inside = gate.clone();
            let app = move |app: &mut web::ServiceConfig| {
                let inside = inside.clone();
                let order = move |session: Session| {
                    let gate = inside.clone();
                    async move {
                        session.set_attribute("order", "taken")?;
                        actix_web::rt::spawn(async move {
                            gate.pass().await;
                            session
                                .set_attribute("order", "done")
                                .expect("the session is there");
                        });
                        Ok::<_, Rejection>(HttpResponse::Ok().body(body()))
                    }
                };
                app.route("/order", web::post().to(order));
            };
            let server = Server::with_store(&door.store(), app).await;
            let mut visitor = server.browser();
            let response = visitor.post("/order").await;
            let length = match body().size() {
                BodySize::Sized(length) => length.to_string(),
                size => panic!("a body of unknown size: {size:?}"),
            };
            assert!(response.is_complete);
            assert_eq!(response.head.all("content-length"), [length]);
            gate.arrived(1).await;
            assert_eq!(visitor.note("order").await.as_deref(), Some("taken"));
            gate.open(1);
            eventually("the task's write is stored", async || {
                visitor.note("order").await.as_deref() == Some("done")
            })
            .await;
        }
    }
}
