//! Bodies that are dropped before their end keep what was written.

use std::task::Poll;

use actix_web::body::{BodyStream, BoxBody};
use actix_web::dev::ServiceResponse;
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, HttpResponse, web};
use adapter_actix::{Session, SessionMiddleware};
use futures_util::stream;
use session_core::SessionEvent;
use session_core::testkit::{Fault, Verb};

use crate::client::Request;
use crate::play::{Step, play, theatre};
use crate::server::{Door, Server, notes};
use crate::wait::{eventually, in_time, stays_pending};

/// Written when the body that holds it is dropped, as a chat marks a reply that broke off.
struct LastWords(Session);

impl Drop for LastWords {
    fn drop(&mut self) {
        self.0
            .set_attribute("last", "words")
            .expect("the session is there");
    }
}

/// A body that never ends by itself and has last words.
async fn unending(session: Session) -> HttpResponse {
    let last_words = LastWords(session);
    let pieces = stream::poll_fn(move |_| {
        let _held_until_the_body_is_dropped = &last_words;
        Poll::<Option<Result<web::Bytes, std::io::Error>>>::Pending
    });
    HttpResponse::Ok().body(BoxBody::new(BodyStream::new(pieces)))
}

fn unending_body(app: &mut web::ServiceConfig) {
    app.route("/body", web::get().to(unending));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_before_the_client_closed_the_connection_is_kept() {
    for door in Door::BOTH {
        let (director, play) = play();
        let server = Server::with_store(&door.store(), theatre(play)).await;
        let mut visitor = server.browser().returning().await;
        let mut body = visitor.open(Request::get("/body")).await;
        director.step(Step::Set("reply", "half of it"));
        director.step(Step::Say("half of it"));
        assert_eq!(body.next().await, "half of it");
        drop(body);
        // The server notices when it cannot send any more.
        eventually("the body is dropped", async || {
            director.step(Step::Say("is anybody there?"));
            director.is_alone()
        })
        .await;
        eventually("the write is kept", async || {
            visitor.note("reply").await.is_some()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_body_says_as_it_is_dropped_is_kept() {
    for door in Door::BOTH {
        let server = Server::with_store(&door.store(), unending_body).await;
        let mut visitor = server.browser().returning().await;
        let body = visitor.open(Request::get("/body")).await;
        assert_eq!(visitor.note("last").await, None);
        body.reset();
        eventually("the write is kept", async || {
            visitor.note("last").await.is_some()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_never_polled_keeps_what_it_says_as_it_is_dropped() {
    for door in Door::BOTH {
        let store = door.store();
        let server = Server::wrapped(
            |builder| builder.store(store),
            |sessions| {
                let middleware = SessionMiddleware::new(sessions);
                move || {
                    let discard = async |request, next: Next<_>| {
                        let response = next.call(request).await?;
                        let (request, response) = response.into_parts();
                        let response = response.set_body("another body");
                        Ok(ServiceResponse::new(request, response))
                    };
                    let discarded = web::scope("/discarded")
                        .wrap(middleware.clone())
                        .wrap(from_fn(discard))
                        .configure(unending_body);
                    let app = App::new().service(discarded);
                    app.service(web::scope("").wrap(middleware.clone()).configure(notes))
                }
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
    let server = Server::with_store(&store, unending_body).await;
    let mut visitor = server.browser().returning().await;
    let body = visitor.open(Request::get("/body")).await;
    store.next(Verb::Apply, Fault::HoldRequest);
    body.reset();
    eventually("the commit reaches the store", async || store.held() == 1).await;
    assert!(stays_pending(server.sessions.drain()).await);
    store.release();
    in_time("the commits end", server.sessions.drain()).await;
    assert_eq!(visitor.note("last").await.as_deref(), Some("words"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_after_the_client_is_gone_is_told_as_an_event() {
    for door in Door::BOTH {
        let store = door.store();
        let server = Server::with_store(&store, unending_body).await;
        let mut visitor = server.browser().returning().await;
        let body = visitor.open(Request::get("/body")).await;
        store.next(Verb::Apply, Fault::Unavailable);
        body.reset();
        eventually("the failure is told", async || {
            server.told(SessionEvent::LateCommitFailed)
        })
        .await;
        assert!(visitor.has_session().await);
        assert_eq!(visitor.note("last").await, None);
    }
}
