//! `save` commits in the middle of a handler and tells the outcome.

use adapter_axum::{Rejection, Session};
use axum::Router;
use axum::routing::post;
use session_core::testkit::{Fault, Verb};
use session_core::{SaveOutcome, SessionError};

use crate::client::Request;
use crate::gate::{Dropped, Gate};
use crate::server::{Door, Server};
use crate::wait::{eventually, stays_pending};

#[tokio::test(flavor = "multi_thread")]
async fn save_tells_whether_there_was_anything_to_store() {
    for door in Door::BOTH {
        let twice = async |session: Session| {
            let before = session.save().await?;
            session.set_attribute("draft", "one")?;
            let first = session.save().await?;
            let again = session.save().await?;
            assert_eq!(
                [before, first, again],
                [
                    SaveOutcome::Unchanged,
                    SaveOutcome::Stored,
                    SaveOutcome::Unchanged
                ]
            );
            Ok::<_, Rejection>("saved")
        };
        let server =
            Server::with_store(&door.store(), Router::new().route("/save", post(twice))).await;
        let mut visitor = server.browser();
        // Once with a new session, once with one that exists.
        assert_eq!(visitor.post("/save").await.text(), "saved");
        visitor.write("draft", "other").await;
        assert_eq!(visitor.post("/save").await.text(), "saved");
        assert_eq!(visitor.note("draft").await.as_deref(), Some("one"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_saved_is_seen_by_others_while_the_handler_still_runs() {
    for door in Door::BOTH {
        let gate = Gate::new();
        let inside = gate.clone();
        let save_and_wait = async move |session: Session| {
            session.set_attribute("draft", "early")?;
            session.save().await?;
            inside.pass().await;
            session.set_attribute("draft", "late")?;
            Ok::<_, Rejection>(())
        };
        let app = Router::new().route("/save", post(save_and_wait));
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        let mut tab = visitor.clone();
        let saving = tokio::spawn(async move { tab.post("/save").await });
        gate.arrived(1).await;
        assert_eq!(visitor.note("draft").await.as_deref(), Some("early"));
        gate.open(1);
        assert_eq!(saving.await.unwrap().status(), 200);
        assert_eq!(visitor.note("draft").await.as_deref(), Some("late"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_saved_early_gets_its_cookie_all_the_same() {
    for door in Door::BOTH {
        let save = async |session: Session| {
            session.set_attribute("first", "visit")?;
            session.save().await?;
            Ok::<_, Rejection>(())
        };
        let server =
            Server::with_store(&door.store(), Router::new().route("/save", post(save))).await;
        let mut visitor = server.browser();
        visitor.post("/save").await;
        assert!(visitor.has_session().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn saving_a_session_that_ended_meanwhile_is_an_error() {
    for door in Door::BOTH {
        let gate = Gate::new();
        let inside = gate.clone();
        let slow = async move |session: Session| {
            inside.pass().await;
            session.set_attribute("draft", "too late")?;
            assert!(matches!(session.save().await, Err(SessionError::Gone)));
            session.save().await?;
            session.set_attribute("draft", "still too late")?;
            Ok::<_, Rejection>(())
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
        assert_eq!(response.status(), 409);
        assert_eq!(response.text(), "The session changed or ended meanwhile.");
        assert_eq!(response.head.all("set-cookie"), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_save_whose_fate_is_unknown_the_request_commits_no_more() {
    for door in Door::BOTH {
        let store = door.store();
        let save = async |session: Session| {
            session.set_attribute("draft", "one")?;
            assert!(matches!(
                session.save().await,
                Err(SessionError::Unavailable(_))
            ));
            assert!(matches!(
                session.set_attribute("draft", "two"),
                Err(SessionError::Failed)
            ));
            assert!(matches!(session.save().await, Err(SessionError::Failed)));
            Ok::<_, Rejection>("handled")
        };
        let app = Router::new().route("/save", post(save));
        let server = Server::with_store(&store, app).await;
        let mut visitor = server.browser().returning().await;
        store.inner().take_calls();
        store.next(Verb::Apply, Fault::Unavailable);
        let response = visitor.post("/save").await;
        assert_eq!((response.status(), response.text()), (200, "handled"));
        assert_eq!(store.inner().count(Verb::Apply), 0);
        assert_eq!(visitor.note("draft").await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_future_of_save_does_not_cancel_what_was_sent() {
    let store = Door::Awaited.store();
    let given_up = Gate::new();
    let inside = given_up.clone();
    let save = async move |session: Session| {
        session.set_attribute("draft", "sent")?;
        assert!(stays_pending(session.save()).await);
        inside.pass().await;
        Ok::<_, Rejection>(())
    };
    let server = Server::with_store(&store, Router::new().route("/save", post(save))).await;
    let mut visitor = server.browser().returning().await;
    store.next(Verb::Apply, Fault::HoldRequest);
    let connection = visitor.call(Request::post("/save")).await;
    given_up.arrived(1).await;
    assert_eq!(store.held(), 1);
    assert_eq!(visitor.note("draft").await, None);
    // The client is gone as well, and so is the handler.
    drop(connection);
    store.release();
    eventually("the commit is done", async || {
        visitor.note("draft").await.is_some()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_saved_stays_although_the_handler_is_dropped_later() {
    for door in Door::BOTH {
        let (gate, dropped) = (Gate::new(), Dropped::default());
        let (inside, state) = (gate.clone(), dropped.clone());
        let save = async move |session: Session| {
            let _guard = state.guard();
            session.set_attribute("saved", "yes")?;
            session.save().await?;
            session.set_attribute("unsaved", "yes")?;
            inside.pass().await;
            Ok::<_, Rejection>(())
        };
        let app = Router::new().route("/save", post(save));
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        let connection = visitor.call(Request::post("/save")).await;
        gate.arrived(1).await;
        drop(connection);
        eventually("the handler is dropped", async || dropped.happened()).await;
        assert_eq!(visitor.note("saved").await.as_deref(), Some("yes"));
        assert_eq!(visitor.note("unsaved").await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_saved_and_ended_in_one_request_leaves_no_cookie() {
    for door in Door::BOTH {
        let begin_and_end = async |session: Session| {
            session.set_attribute("draft", "one")?;
            session.save().await?;
            session.invalidate()?;
            Ok::<_, Rejection>(())
        };
        let app = Router::new().route("/end", post(begin_and_end));
        let store = door.store();
        let server = Server::with_store(&store, app).await;
        let response = server.browser().post("/end").await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.head.all("set-cookie"), [""; 0]);
        assert_eq!(store.inner().count(Verb::Create), 1);
        assert_eq!(store.inner().count(Verb::Delete), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_that_learned_of_a_new_id_by_saving_leaves_the_fresh_cookie_alone() {
    for door in Door::BOTH {
        let gate = Gate::new();
        let inside = gate.clone();
        let save_and_log_out = async move |session: Session| {
            inside.pass().await;
            session.set_attribute("draft", "one")?;
            session.save().await?;
            session.logout()?;
            Ok::<_, Rejection>(())
        };
        let app = Router::new().route("/slow", post(save_and_log_out));
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        let mut tab = visitor.clone();
        let slow = tokio::spawn(async move { tab.post("/slow").await });
        gate.arrived(1).await;
        visitor.post("/login/ada").await;
        gate.open(1);
        let response = slow.await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.head.all("set-cookie"), [""; 0]);
        assert!(!visitor.has_session().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_was_saved_and_has_ended_since_is_not_sent() {
    for door in Door::BOTH {
        let (rotated, loaded) = (Gate::new(), Gate::new());
        let (inside, slow) = (rotated.clone(), loaded.clone());
        let rotate = async move |session: Session| {
            session.change_session_id()?;
            session.save().await?;
            inside.pass().await;
            session.set_attribute("draft", "too late")?;
            Ok::<_, Rejection>(())
        };
        let log_out = async move |session: Session| {
            slow.pass().await;
            session.logout()?;
            Ok::<_, Rejection>(())
        };
        let app = Router::new()
            .route("/rotate", post(rotate))
            .route("/log-out", post(log_out));
        let server = Server::with_store(&door.store(), app).await;
        let visitor = server.browser().returning().await;
        let (mut one, mut other) = (visitor.clone(), visitor.clone());
        let log_out = tokio::spawn(async move { one.post("/log-out").await });
        loaded.arrived(1).await;
        let rotate = tokio::spawn(async move { other.post("/rotate").await });
        rotated.arrived(1).await;
        loaded.open(1);
        assert_eq!(log_out.await.unwrap().status(), 200);
        rotated.open(1);
        let response = rotate.await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.head.all("set-cookie"), [""; 0]);
    }
}
