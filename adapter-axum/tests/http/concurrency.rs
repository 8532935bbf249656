//! Many requests of one visitor at once, and many visitors.

use std::sync::Arc;

use adapter_axum::{Rejection, Session};
use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use http::StatusCode;
use session_core::testkit::{Fault, SeededEntropy, Verb};
use session_core::{DropReason, Entropy, SessionEvent};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::client::{Request, Response};
use crate::gate::Gate;
use crate::server::{Browser, Door, Server, session_cookies};
use crate::wait::{eventually, in_time};

const PARALLEL: usize = 64;

/// Adds to the session in three ways, but only when all the other requests have loaded it too.
fn guest_book() -> Router {
    let all_loaded = Arc::new(Barrier::new(PARALLEL));
    let sign = async move |Path(guest): Path<String>, session: Session| {
        all_loaded.wait().await;
        session.set_attribute(&format!("guest {guest}"), &guest)?;
        session.update_attribute("count", |count: &mut usize| *count += 1)?;
        session.append_attribute("book", &guest)?;
        Ok::<_, Rejection>(())
    };
    let read = async |session: Session| {
        let names = session.attribute_names()?;
        let keys = names
            .iter()
            .filter(|name| name.starts_with("guest "))
            .count();
        let count = session.get_attribute::<usize>("count")?.unwrap_or_default();
        let mut book: Vec<String> = session.get_attribute("book")?.unwrap_or_default();
        book.sort_unstable();
        book.dedup();
        Ok::<_, Rejection>(format!(
            "{keys} keys, counted {count}, {} in the book",
            book.len()
        ))
    };
    Router::new()
        .route("/guests/{guest}", post(sign))
        .route("/guests", get(read))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_requests_that_loaded_the_same_session_no_change_is_lost() {
    for door in Door::BOTH {
        let server = Server::with_store(&door.store(), guest_book()).await;
        let mut visitor = server.browser().returning().await;
        let mut tabs = JoinSet::new();
        for guest in 0..PARALLEL {
            let mut tab = visitor.clone();
            tabs.spawn(async move { tab.post(&format!("/guests/{guest}")).await.status() });
        }
        assert_eq!(tabs.join_all().await, [200; PARALLEL]);
        let book = visitor.get("/guests").await;
        assert_eq!(
            book.text(),
            "64 keys, counted 64, 64 in the book",
            "{door:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn first_visits_at_once_make_a_session_each_and_mix_nothing() {
    let server = Server::with_store(&Door::Awaited.store(), Router::new()).await;
    let mut visitors = JoinSet::new();
    for number in 0..PARALLEL {
        let mut visitor = server.browser();
        visitors.spawn(async move {
            visitor.write("number", &number.to_string()).await;
            assert_eq!(visitor.note("number").await, Some(number.to_string()));
            visitor.token().to_owned()
        });
    }
    let mut tokens = visitors.join_all().await;
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), PARALLEL);
}

/// A site where `/slow` loads the session, waits behind the gate, and does `work`.
fn slow<F>(gate: &Gate, work: F) -> Router
where
    F: Fn(&Session) -> Result<(), session_core::SessionError> + Clone + Send + Sync + 'static,
{
    let gate = gate.clone();
    let handler = async move |session: Session| {
        gate.pass().await;
        work(&session)?;
        Ok::<_, Rejection>(StatusCode::NO_CONTENT)
    };
    Router::new().route("/slow", post(handler))
}

/// Starts `/slow` in another tab and waits until it has loaded the session.
async fn begin_slow(
    visitor: &Browser,
    gate: &Gate,
) -> tokio::task::JoinHandle<(Response, Browser)> {
    let mut tab = visitor.clone();
    let request = tokio::spawn(async move { (tab.post("/slow").await, tab) });
    gate.arrived(1).await;
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_request_never_revives_a_session_that_was_logged_out() {
    for door in Door::BOTH {
        let gate = Gate::new();
        let app = slow(&gate, |session| {
            session.set_attribute("first", "revived")?;
            session.append_attribute("book", "revived")?;
            session.update_attribute("count", |count: &mut u32| *count += 1)?;
            session.set_max_inactive_interval(std::time::Duration::from_secs(60))
        });
        let store = door.store();
        let server = Server::with_store(&store, app).await;
        let mut visitor = server.browser().returning().await;
        let request = begin_slow(&visitor, &gate).await;
        assert_eq!(visitor.post("/logout").await.status(), 204);
        gate.open(1);
        let (response, mut tab) = request.await.unwrap();
        // The response is the handler's own, and says nothing of a session.
        assert_eq!(response.status(), 204);
        assert_eq!(session_cookies(&server, &response), [""; 0]);
        assert!(server.told(SessionEvent::WritesDropped(DropReason::Gone)));
        assert!(!tab.has_session().await);
        assert_eq!(store.inner().count(Verb::Create), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_of_a_session_that_was_logged_out_makes_no_session() {
    for door in Door::BOTH {
        let gate = Gate::new();
        let app = slow(&gate, |session| session.login("ada"));
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        let request = begin_slow(&visitor, &gate).await;
        visitor.post("/logout").await;
        gate.open(1);
        let (response, mut tab) = request.await.unwrap();
        assert_eq!(session_cookies(&server, &response), [""; 0]);
        assert!(!tab.has_session().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_that_was_under_way_during_a_login_ends_the_session_under_its_new_id() {
    for door in Door::BOTH {
        let gate = Gate::new();
        let app = slow(&gate, |session| session.logout());
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        let request = begin_slow(&visitor, &gate).await;
        visitor.post("/login/ada").await;
        assert!(visitor.has_session().await);
        gate.open(1);
        let (response, _) = request.await.unwrap();
        assert_eq!(response.status(), 204);
        assert!(!visitor.has_session().await);
        // Its cookie is another one by now, and is left alone.
        assert_eq!(session_cookies(&server, &response), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_request_reaches_a_session_that_got_another_id_meanwhile() {
    for door in Door::BOTH {
        let gate = Gate::new();
        let app = slow(&gate, |session| session.set_attribute("late", "kept"));
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        let request = begin_slow(&visitor, &gate).await;
        visitor.post("/login/ada").await;
        gate.open(1);
        let (response, _) = request.await.unwrap();
        assert_eq!(response.status(), 204);
        assert_eq!(session_cookies(&server, &response), [""; 0]);
        assert_eq!(visitor.note("late").await.as_deref(), Some("kept"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_straggler_with_the_old_id_may_neither_write_nor_overwrite_the_fresh_cookie() {
    for door in Door::BOTH {
        let server = Server::with_store(&door.store(), Router::new()).await;
        let mut visitor = server.browser().returning().await;
        let mut straggler = visitor.clone();
        let old_token = straggler.token().to_owned();
        visitor.post("/login/ada").await;
        assert_ne!(visitor.token(), old_token);

        let write = Request::new("PUT", "/notes/first").body("late");
        for request in [write, Request::post("/login/eve")] {
            let response = straggler.send(request).await;
            assert_eq!(response.status(), 409);
            assert_eq!(response.text(), "The session changed or ended meanwhile.");
            assert_eq!(session_cookies(&server, &response), [""; 0]);
        }
        let read = straggler.get("/notes/first").await;
        assert_eq!(read.status(), 404);
        assert_eq!(session_cookies(&server, &read), [""; 0]);
        assert_eq!(visitor.note("first").await.as_deref(), Some("visit"));

        // Half a minute later whoever still has the old id is somebody else.
        server.clock.advance(std::time::Duration::from_secs(30));
        straggler.write("first", "anew").await;
        assert_ne!(straggler.token(), old_token);
        assert_eq!(visitor.note("first").await.as_deref(), Some("visit"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_logins_at_once_one_wins_and_the_other_is_told() {
    for door in Door::BOTH {
        let gate = Gate::new();
        let app = slow(&gate, |session| session.login("ada"));
        let server = Server::with_store(&door.store(), app).await;
        let visitor = server.browser().returning().await;
        let old_token = visitor.token().to_owned();
        let one = begin_slow(&visitor, &gate).await;
        let other = begin_slow(&visitor, &gate).await;
        gate.open(2);
        let mut outcomes = [one.await.unwrap(), other.await.unwrap()];
        outcomes.sort_by_key(|(response, _)| response.status());
        let [(won, winner), (lost, loser)] = &mut outcomes;
        assert_eq!((won.status(), lost.status()), (204, 409));
        assert_eq!(session_cookies(&server, won).len(), 1);
        assert_eq!(session_cookies(&server, lost), [""; 0]);
        assert_ne!(winner.token(), old_token);
        assert!(winner.has_session().await);
        assert_eq!(loser.token(), old_token);
        assert!(!loser.has_session().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_whose_answer_never_arrives_leaves_one_usable_id_in_the_store() {
    let store = Door::Awaited.store();
    let server = Server::with_store(&store, Router::new()).await;
    let mut visitor = server.browser().returning().await;
    store.next(Verb::Rename, Fault::HoldRequest);
    let connection = visitor.call(Request::post("/login/ada")).await;
    eventually("the login reaches the store", async || store.held() == 1).await;
    assert!(
        visitor.has_session().await,
        "the old id is usable until the rename"
    );
    drop(connection);
    store.release();
    in_time("the commits end", server.sessions.drain()).await;
    // The new id is lost with its response: the visitor logs in again, as nobody's heir.
    assert!(!visitor.has_session().await);
}

/// Visits that break off at random points: each session must only ever hold its own nonce.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_abort_at_random_leave_neither_mixed_sessions_nor_locks() {
    const VISITORS: usize = 24;
    const ABORTS: usize = 25;
    for door in Door::BOTH {
        // Loads, writes its nonce, waits for nothing in particular, writes and says it again.
        let visit = async |Path(nonce): Path<String>, session: Session| {
            session.set_attribute("nonce", &nonce)?;
            tokio::task::yield_now().await;
            session.append_attribute("nonces", &nonce)?;
            session.update_attribute("visits", |visits: &mut u64| *visits += 1)?;
            let late = async move {
                tokio::task::yield_now().await;
                session.append_attribute("nonces", &nonce)?;
                let seen: Vec<String> = session.get_attribute("nonces")?.unwrap_or_default();
                Ok::<_, session_core::SessionError>(seen.join("\n"))
            };
            let body = axum::body::Body::from_stream(futures_util::stream::once(late));
            Ok::<_, Rejection>(body)
        };
        let app = Router::new().route("/visit/{nonce}", post(visit));
        let server = Arc::new(Server::with_store(&door.store(), app).await);
        let mut visitors = JoinSet::new();
        for number in 0..VISITORS {
            let mut visitor = server.browser().returning().await;
            let chance = SeededEntropy::new(number as u64);
            visitors.spawn(async move {
                let nonce = format!("nonce-{number}");
                let target = format!("/visit/{nonce}");
                for _ in 0..ABORTS {
                    let mut dice = [0; 2];
                    chance.fill(&mut dice).unwrap();
                    abort_at(&visitor, &target, dice).await;
                }
                // Nothing is stuck: a whole visit is answered, and knows its own nonce alone.
                let response = visitor.post(&target).await;
                assert!(response.is_complete && response.status() == 200);
                assert!(response.text().lines().all(|seen| seen == nonce));
                assert_eq!(visitor.note("nonce").await, Some(nonce));
            });
        }
        in_time("all visitors are served", visitors.join_all()).await;
        in_time("the commits end", server.sessions.drain()).await;
    }
}

/// A visit that breaks off: within the request, right after it, or somewhere in the response.
async fn abort_at(visitor: &Browser, target: &str, [place, delay]: [u8; 2]) {
    let request = Request::post(target);
    match place % 4 {
        0 => {
            let mut connection = crate::client::Connection::open(visitor.address()).await;
            let bytes = visitor.prepare(request).to_bytes();
            let sent = &bytes[..bytes.len() * usize::from(delay) / 256];
            connection.send_bytes(sent).await.expect("the server reads");
        }
        1 => {
            let connection = visitor.call(request).await;
            for _ in 0..delay {
                tokio::task::yield_now().await;
            }
            drop(connection);
        }
        2 => {
            visitor.call(request).await.head().await;
        }
        _ => {
            let mut connection = visitor.call(request).await;
            connection.head().await;
            connection.line().await;
        }
    }
}
