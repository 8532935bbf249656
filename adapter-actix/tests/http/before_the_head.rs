//! What a handler changed is stored before the head of its response leaves.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use adapter_actix::{Rejection, Session};
use session_core::testkit::{Fault, Verb};
use session_core::{DropReason, SessionEvent};

use crate::client::{Request, Response};
use crate::gate::Gate;
use crate::server::{Door, Server, nothing_else, session_cookies};
use crate::wait::eventually;

const NOT_AVAILABLE: &str = "The session is not available at the moment.";

/// Writes `name` and answers as an application does: with headers and a page of its own.
async fn sign(session: Session) -> Result<HttpResponse, Rejection> {
    session.set_attribute("name", "Ada")?;
    Ok(HttpResponse::Ok()
        .append_header(("set-cookie", "theme=dark"))
        .append_header(("x-inside", "a secret of the page"))
        .body("the page of Ada"))
}

fn signing(app: &mut web::ServiceConfig) {
    app.route("/sign", web::post().to(sign));
}

/// Asserts that the response tells nothing but `text`.
fn assert_opaque(response: &Response, status: u16, text: &str) {
    assert_eq!(response.status(), status);
    assert_eq!(response.text(), text);
    assert_eq!(response.head.all("set-cookie"), [""; 0]);
    assert_eq!(response.head.all("x-inside"), [""; 0]);
    assert_eq!(response.head.all("cache-control"), ["no-store"]);
    assert_eq!(
        response.head.all("content-type"),
        ["text/plain; charset=utf-8"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_waits_for_the_store() {
    let store = Door::Awaited.store();
    let server = Server::with_store(&store, signing).await;
    for verb in [Verb::Create, Verb::Apply] {
        let visitor = match verb {
            Verb::Create => server.browser(),
            _ => server.browser().returning().await,
        };
        store.next(verb, Fault::HoldRequest);
        let mut connection = visitor.call(Request::post("/sign")).await;
        eventually("the commit reaches the store", async || store.held() == 1).await;
        assert!(connection.is_silent().await, "{verb}");
        store.release();
        assert_eq!(connection.head().await.unwrap().status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_stored_whatever_the_status() {
    for door in Door::BOTH {
        for status in [400, 401, 404, 409, 422, 500, 503] {
            let fail = move |session: Session| async move {
                session.set_attribute("attempt", "made")?;
                let status = StatusCode::from_u16(status).unwrap();
                Ok::<_, Rejection>(HttpResponse::build(status).body("refused"))
            };
            let app = move |app: &mut web::ServiceConfig| {
                app.route("/fail", web::post().to(fail));
            };
            let server = Server::with_store(&door.store(), app).await;
            let mut visitor = server.browser();
            let response = visitor.post("/fail").await;
            assert_eq!((response.status(), response.text()), (status, "refused"));
            assert_eq!(visitor.note("attempt").await.as_deref(), Some("made"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_session_that_the_store_cannot_take_is_a_503_without_a_cookie() {
    for door in Door::BOTH {
        for fault in [Fault::Unavailable, Fault::LoseReply, Fault::Full] {
            let store = door.store();
            let server = Server::with_store(&store, signing).await;
            store.next(Verb::Create, fault);
            let response = server.browser().post("/sign").await;
            assert_opaque(&response, 503, NOT_AVAILABLE);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_the_store_cannot_take_is_a_503_and_the_session_stays_as_it_was() {
    for door in Door::BOTH {
        let store = door.store();
        let server = Server::with_store(&store, signing).await;
        let mut visitor = server.browser().returning().await;
        store.next(Verb::Apply, Fault::Unavailable);
        assert_opaque(&visitor.post("/sign").await, 503, NOT_AVAILABLE);
        assert_eq!(visitor.note("name").await, None);
        assert!(visitor.has_session().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_becomes_too_large_is_a_413() {
    let server = Server::configured(nothing_else, |builder| builder.max_bytes(1_000)).await;
    let mut visitor = server.browser().returning().await;
    let big = Request::new("PUT", "/notes/big").body("x".repeat(1_001));
    let response = visitor.send(big).await;
    assert_opaque(&response, 413, "The session is too large.");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_a_session_that_was_saved_early_is_told_although_the_commit_fails() {
    for door in Door::BOTH {
        let save_and_go_on = |session: Session| async move {
            session.set_attribute("first", "visit")?;
            session.save().await?;
            session.set_attribute("name", "Ada")?;
            Ok::<_, Rejection>("the page of Ada")
        };
        let app = move |app: &mut web::ServiceConfig| {
            app.route("/save", web::post().to(save_and_go_on));
        };
        let store = door.store();
        let server = Server::with_store(&store, app).await;
        let mut visitor = server.browser();
        store.next(Verb::Apply, Fault::Unavailable);
        let response = visitor.post("/save").await;
        assert_eq!((response.status(), response.text()), (503, NOT_AVAILABLE));
        assert_eq!(session_cookies(&server, &response).len(), 1);
        assert!(visitor.has_session().await);
        assert_eq!(visitor.note("name").await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ended_meanwhile_leaves_the_response_as_it_is_and_sends_no_cookie() {
    for door in Door::BOTH {
        let gate = Gate::new();
        let inside = gate.clone();
        let app = move |app: &mut web::ServiceConfig| {
            let inside = inside.clone();
            let slow = move |session: Session| {
                let gate = inside.clone();
                async move {
                    gate.pass().await;
                    sign(session).await
                }
            };
            app.route("/slow", web::post().to(slow));
        };
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        let mut tab = visitor.clone();
        let slow = tokio::spawn(async move { tab.post("/slow").await });
        gate.arrived(1).await;
        visitor.post("/logout").await;
        gate.open(1);
        let response = slow.await.unwrap();
        assert_eq!(
            (response.status(), response.text()),
            (200, "the page of Ada")
        );
        assert_eq!(response.head.all("set-cookie"), ["theme=dark"]);
        assert!(server.told(SessionEvent::WritesDropped(DropReason::Gone)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_stores_nothing_and_sets_no_cookie() {
    for door in Door::BOTH {
        let store = door.store();
        let server = Server::with_store(&store, nothing_else).await;
        let mut visitor = server.browser();
        assert_eq!(visitor.note("first").await, None);
        assert_eq!(store.inner().take_calls(), []);

        let mut visitor = visitor.returning().await;
        store.inner().take_calls();
        let response = visitor.get("/notes/first").await;
        assert_eq!(session_cookies(&server, &response), [""; 0]);
        assert_eq!(store.inner().take_calls(), [Verb::Load]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_looks_at_its_session_makes_no_store_call() {
    for door in Door::BOTH {
        let store = door.store();
        let app = |app: &mut web::ServiceConfig| {
            app.route("/plain", web::get().to(async || "plain"));
        };
        let server = Server::with_store(&store, app).await;
        let mut visitor = server.browser().returning().await;
        store.inner().take_calls();
        let response = visitor.get("/plain").await;
        assert_eq!(response.text(), "plain");
        assert_eq!(response.head.all("vary"), [""; 0]);
        assert_eq!(response.head.all("set-cookie"), [""; 0]);
        assert_eq!(store.inner().take_calls(), []);
    }
}
