//! Sessions that outlive the body of their response, in a task that goes on.

use adapter_axum::{Rejection, Session};
use axum::Router;
use axum::body::Body;
use axum::routing::post;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode};
use session_core::testkit::{Fault, Verb};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{Connection, Request};
use crate::gate::Gate;
use crate::server::{Door, Server};
use crate::wait::{eventually, in_time, stays_pending};

/// A site where `/order` answers at once and goes on working behind the gate.
fn working(gate: &Gate, body: fn() -> Body) -> Router {
    let gate = gate.clone();
    let order = async move |session: Session| {
        session.set_attribute("order", "taken")?;
        tokio::spawn(async move {
            gate.pass().await;
            session
                .set_attribute("order", "done")
                .expect("the session is there");
        });
        Ok::<_, Rejection>(body())
    };
    Router::new().route("/order", post(order))
}

const BODIES: [fn() -> Body; 3] = [
    Body::empty,
    || Body::from("a page"),
    || Body::from_stream(stream::iter(["a ", "stream"].map(Ok::<_, std::io::Error>))),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_outlives_the_body_stores_what_it_wrote_when_it_ends() {
    for door in Door::BOTH {
        for body in BODIES {
            let gate = Gate::new();
            let server = Server::with_store(&door.store(), working(&gate, body)).await;
            let mut visitor = server.browser();
            assert!(visitor.post("/order").await.is_complete);
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

#[tokio::test(flavor = "multi_thread")]
async fn drain_waits_for_what_the_last_handle_left_behind() {
    let store = Door::Awaited.store();
    let gate = Gate::new();
    let server = Server::with_store(&store, working(&gate, Body::empty)).await;
    let mut visitor = server.browser();
    visitor.post("/order").await;
    store.next(Verb::Apply, Fault::HoldRequest);
    gate.open(1);
    eventually("the commit reaches the store", async || store.held() == 1).await;
    assert!(stays_pending(server.sessions.drain()).await);
    store.release();
    in_time("the commits end", server.sessions.drain()).await;
    assert_eq!(visitor.note("order").await.as_deref(), Some("done"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_outlives_the_session_revives_nothing() {
    for door in Door::BOTH {
        let gate = Gate::new();
        let server = Server::with_store(&door.store(), working(&gate, Body::empty)).await;
        let mut visitor = server.browser();
        visitor.post("/order").await;
        let mut tab = visitor.clone();
        visitor.post("/logout").await;
        gate.open(1);
        in_time("the commits end", server.sessions.drain()).await;
        assert_eq!(tab.note("order").await, None);
    }
}

/// Switches to a protocol that echoes one byte, with a session that was written before.
async fn upgrade(mut request: axum::extract::Request) -> (StatusCode, HeaderMap) {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let upgraded = upgrade.await.expect("the server upgrades");
        let mut socket = hyper_util::rt::TokioIo::new(upgraded);
        let mut byte = [0];
        socket
            .read_exact(&mut byte)
            .await
            .expect("the client speaks");
        socket
            .write_all(&[byte[0], b'\n'])
            .await
            .expect("the client listens");
    });
    let mut headers = HeaderMap::new();
    headers.insert("connection", HeaderValue::from_static("upgrade"));
    headers.insert("upgrade", HeaderValue::from_static("echo"));
    (StatusCode::SWITCHING_PROTOCOLS, headers)
}

#[tokio::test(flavor = "multi_thread")]
async fn switching_protocols_commits_and_gives_the_connection_away() {
    for door in Door::BOTH {
        let switch = async |session: Session, request: axum::extract::Request| {
            session.set_attribute("first", "visit")?;
            Ok::<_, Rejection>(upgrade(request).await)
        };
        let app = Router::new().route("/socket", post(switch));
        let server = Server::with_store(&door.store(), app).await;
        let request = Request::post("/socket")
            .header("connection", "upgrade")
            .header("upgrade", "echo");
        let mut visitor = server.browser();
        let mut connection = Connection::open(server.address).await;
        connection.send(&request).await;
        let head = connection.head().await.expect("the server answers");
        assert_eq!(head.status, 101);
        visitor.keep_lines(&head.all("set-cookie"));
        assert!(visitor.has_session().await);
        connection.send_bytes(b"x").await.unwrap();
        assert_eq!(connection.line().await, "x");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_keeps_its_session_stores_what_it_wrote_when_it_lets_go() {
    for door in Door::BOTH {
        let gate = Gate::new();
        let inside = gate.clone();
        let switch = async move |session: Session, request: axum::extract::Request| {
            tokio::spawn(async move {
                inside.pass().await;
                session
                    .set_attribute("heard", "x")
                    .expect("the session is there");
            });
            upgrade(request).await
        };
        let app = Router::new().route("/socket", post(switch));
        let server = Server::with_store(&door.store(), app).await;
        let mut visitor = server.browser().returning().await;
        let request = Request::post("/socket")
            .header("connection", "upgrade")
            .header("upgrade", "echo");
        let mut connection = visitor.call(request).await;
        assert_eq!(
            connection.head().await.expect("the server answers").status,
            101
        );
        gate.open(1);
        eventually("the write is stored", async || {
            visitor.note("heard").await.is_some()
        })
        .await;
    }
}
