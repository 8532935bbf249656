//! What a handler changed is stored before the head of its response leaves.

use std::sync::Arc;

use adapter_axum::{Rejection, Session};
use axum::Router;
use axum::response::{AppendHeaders, IntoResponse, Redirect};
use axum::routing::{get, post};
use http::StatusCode;
use session_core::testkit::{Fault, Verb};
use session_core::{DropReason, SessionEvent};
use tokio::sync::Barrier;

use crate::client::{Request, Response};
use crate::gate::Gate;
use crate::server::{Door, Server, session_cookies};
use crate::wait::eventually;

const NOT_AVAILABLE: &str = "The session is not available at the moment.";

/// Writes `name` and answers as an application does: with headers and a page of its own.
async fn sign(session: Session) -> Result<impl IntoResponse, Rejection> {
    session.set_attribute("name", "Ada")?;
    let own = AppendHeaders([
        ("set-cookie", "theme=dark"),
        ("x-inside", "a secret of the page"),
    ]);
    Ok((own, "the page of Ada"))
}

fn signing() -> Router {
    Router::new().route("/sign", post(sign)).route(
        "/sign-and-see",
        post(async |session: Session| {
            session.set_attribute("name", "Ada")?;
            Ok::<_, Rejection>(Redirect::to("/notes/name"))
        }),
    )
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
async fn whoever_is_redirected_sees_the_write_on_another_connection() {
    for door in Door::BOTH {
        let server = Server::with_store(&door.store(), signing()).await;
        let mut visitor = server.browser();
        let response = visitor.post("/sign-and-see").await;
        assert_eq!(response.status(), 303);
        let target = response.head.all("location")[0].to_owned();
        assert_eq!(visitor.get(&target).await.text(), "Ada", "{door:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_waits_for_the_store() {
    let store = Door::Awaited.store();
    let server = Server::with_store(&store, signing()).await;
    for verb in [Verb::Create, Verb::Apply] {
        let visitor = match verb {
            Verb::Create => server.browser(),
            _ => server.browser().returning().await,
        };
        store.next(verb, Fault::HoldRequest);
        let mut connection = visitor.call(Request::post("/sign-and-see")).await;
        eventually("the commit reaches the store", async || store.held() == 1).await;
        assert!(connection.is_silent().await, "{verb}");
        store.release();
        assert_eq!(connection.head().await.unwrap().status, 303);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_stored_whatever_the_status() {
    for door in Door::BOTH {
        for status in [400, 401, 404, 409, 422, 500, 503] {
            let fail = async move |session: Session| {
                session.set_attribute("attempt", "made")?;
                Ok::<_, Rejection>((StatusCode::from_u16(status).unwrap(), "refused"))
            };
            let app = Router::new().route("/fail", post(fail));
            let server = Server::with_store(&door.store(), app).await;
            let mut visitor = server.browser();
            let response = visitor.post("/fail").await;
            assert_eq!((response.status(), response.text()), (status, "refused"));
            assert_eq!(visitor.note("attempt").await.as_deref(), Some("made"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_does_not_exist_commits_what_its_fallback_wrote() {
    let app = Router::new().fallback(async |session: Session| {
        session.set_attribute("lost", "yes")?;
        Ok::<_, Rejection>(StatusCode::NOT_FOUND)
    });
    let server = Server::start(app).await;
    let mut visitor = server.browser();
    assert_eq!(visitor.get("/nowhere").await.status(), 404);
    assert_eq!(visitor.note("lost").await.as_deref(), Some("yes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_session_that_the_store_cannot_take_is_a_503_without_a_cookie() {
    for door in Door::BOTH {
        for fault in [Fault::Unavailable, Fault::LoseReply, Fault::Full] {
            let store = door.store();
            let server = Server::with_store(&store, signing()).await;
            store.next(Verb::Create, fault);
            let response = server.browser().post("/sign").await;
            assert_opaque(&response, 503, NOT_AVAILABLE);
            assert_eq!(
                store.inner().count(Verb::Create),
                usize::from(fault == Fault::LoseReply)
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_the_store_cannot_take_is_a_503_and_the_session_stays_as_it_was() {
    for door in Door::BOTH {
        for fault in [Fault::Unavailable, Fault::NewerFormat, Fault::Full] {
            let store = door.store();
            let server = Server::with_store(&store, signing()).await;
            let mut visitor = server.browser().returning().await;
            store.next(Verb::Apply, fault);
            assert_opaque(&visitor.post("/sign").await, 503, NOT_AVAILABLE);
            assert_eq!(visitor.note("name").await, None);
            assert!(visitor.has_session().await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_reply_was_lost_is_never_sent_again() {
    for door in Door::BOTH {
        let store = door.store();
        let server = Server::with_store(&store, signing()).await;
        let mut visitor = server.browser().returning().await;
        store.inner().take_calls();
        store.next(Verb::Apply, Fault::LoseReply);
        assert_opaque(&visitor.post("/sign").await, 503, NOT_AVAILABLE);
        assert_eq!(store.inner().count(Verb::Apply), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_the_store_cannot_take_leaves_the_visitor_as_before() {
    for door in Door::BOTH {
        let store = door.store();
        let server = Server::with_store(&store, Router::new()).await;
        let mut visitor = server.browser().returning().await;
        let before = visitor.token().to_owned();
        store.next(Verb::Rename, Fault::Unavailable);
        let response = visitor.post("/login/ada").await;
        assert_eq!((response.status(), response.text()), (503, NOT_AVAILABLE));
        assert_eq!(visitor.token(), before);
        assert!(visitor.has_session().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_that_the_store_cannot_do_is_a_503_and_keeps_the_cookie() {
    for door in Door::BOTH {
        let store = door.store();
        let server = Server::with_store(&store, Router::new()).await;
        let mut visitor = server.browser().returning().await;
        store.next(Verb::Delete, Fault::Unavailable);
        let response = visitor.post("/logout").await;
        assert_eq!(response.status(), 503);
        assert_eq!(session_cookies(&server, &response), [""; 0]);
        assert!(visitor.has_session().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_becomes_too_large_is_a_413() {
    let server = Server::configured(Router::new(), |builder| builder.max_bytes(1_000)).await;
    let mut visitor = server.browser().returning().await;
    let big = Request::new("PUT", "/notes/big").body("x".repeat(1_001));
    let response = visitor.send(big).await;
    assert_eq!(response.status(), 413);
    assert_eq!(response.text(), "The session is too large.");
    assert_eq!(visitor.note("big").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_requests_that_fit_only_alone_one_is_a_413() {
    for door in Door::BOTH {
        let both_loaded = Arc::new(Barrier::new(2));
        let half = move |name: &'static str| {
            let both_loaded = both_loaded.clone();
            post(async move |session: Session| {
                both_loaded.wait().await;
                session.set_attribute(name, &"x".repeat(600))?;
                Ok::<_, Rejection>("the page")
            })
        };
        let app = Router::new()
            .route("/left", half("left"))
            .route("/right", half("right"));
        let store = door.store();
        let server = Server::configured(app, |builder| builder.store(store).max_bytes(1_000)).await;
        let mut visitor = server.browser().returning().await;
        let mut tab = visitor.clone();
        let (left, right) = tokio::join!(visitor.post("/left"), tab.post("/right"));
        let (fits, too_large) = match left.status() {
            200 => (left, right),
            _ => (right, left),
        };
        assert_eq!(fits.text(), "the page");
        assert_opaque(&too_large, 413, "The session is too large.");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ended_meanwhile_leaves_the_response_as_it_is_and_sends_no_cookie() {
    for door in Door::BOTH {
        let gate = Gate::new();
        let inside = gate.clone();
        let slow = async move |session: Session| {
            inside.pass().await;
            sign(session).await
        };
        let app = Router::new().route("/slow", post(slow));
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
        let server = Server::with_store(&store, Router::new()).await;
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
        let app = Router::new().route("/plain", get(async || "plain"));
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
