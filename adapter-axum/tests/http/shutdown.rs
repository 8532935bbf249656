//! A runtime that ends while bodies stream.

use adapter_axum::Session;
use axum::Router;
use axum::routing::get;
use session_core::SessionEvent;
use session_core::testkit::Verb;
use tokio::runtime::Runtime;

use crate::client::Request;
use crate::play::{Step, play};
use crate::server::{Browser, Door, Server, TestStore};

/// Ends the runtime of a server while a body streams that has written to its session. Answers
/// what the engine told, and the visitor.
fn shut_down_during_a_body(store: &TestStore) -> (Vec<SessionEvent>, Browser) {
    let runtime = Runtime::new().expect("the machine has threads");
    let (server, visitor) = runtime.block_on(async {
        let (director, play) = play();
        let perform = async move |session: Session| play.body(session.into_inner());
        let app = Router::new().route("/body", get(perform));
        let server = Server::with_store(store, app).await;
        let mut visitor = server.browser().returning().await;
        let mut body = visitor.open(Request::get("/body")).await;
        director.step(Step::Set("reply", "half of it"));
        director.step(Step::Say("half of it"));
        assert_eq!(body.next().await, "half of it");
        // Nobody hangs up, and nobody drains: the process just ends.
        std::mem::forget((director, body));
        (server, visitor)
    });
    drop(runtime);
    (server.events(), visitor)
}

#[test]
fn a_runtime_that_ends_during_a_body_loses_nothing_of_a_store_in_this_process() {
    let store = Door::Immediate.store();
    let (_, mut visitor) = shut_down_during_a_body(&store);
    let runtime = Runtime::new().expect("the machine has threads");
    runtime.block_on(async {
        let again = Server::with_store(&store, Router::new()).await;
        visitor.moves_to(&again);
        assert_eq!(visitor.note("reply").await.as_deref(), Some("half of it"));
    });
}

#[test]
fn a_runtime_that_ends_during_a_body_drops_the_writes_of_a_remote_store_and_tells_so() {
    let store = Door::Awaited.store();
    let (events, _) = shut_down_during_a_body(&store);
    assert_eq!(store.inner().count(Verb::Apply), 0);
    let told = |event: &SessionEvent| matches!(event, SessionEvent::WritesDropped(_));
    assert!(events.iter().any(told), "{events:?}");
}
