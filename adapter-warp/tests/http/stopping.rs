//! A server that is told to stop.

use std::time::Duration;

use adapter_warp::serve;
use session_core::testkit::{Fault, Verb};
use tokio::net::TcpListener;
use warp::Filter;

use crate::client::{Connection, Request, Streamed};
use crate::gate::Gate;
use crate::play::{Step, theatre};
use crate::server::{Server, notes, nothing, sessions, stores};
use crate::wait::{eventually, in_time};

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_closed_and_no_more_are_accepted() {
    let [store, _] = stores();
    let server = Server::start(&store, nothing()).await;
    let address = server.address;
    let mut silent = Connection::open(address).await;
    let mut idle = Connection::open(address).await;
    assert_eq!(idle.exchange(&Request::get("/")).await.status(), 404);
    server.stop().await;
    assert_eq!(idle.line().await, "");
    assert_eq!(silent.line().await, "");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_cut_and_what_it_wrote_is_stored_before_the_server_has_stopped() {
    for store in stores() {
        let (director, routes) = theatre();
        let server = Server::start(&store, routes).await;
        let mut visitor = server.browser().returning().await;
        let mut body = visitor.open("/body").await;
        director.step(Step::Set("reply", "half of it"));
        director.step(Step::Say("half of it"));
        assert_eq!(body.next().await, "half of it");
        server.stop().await;
        assert!(director.is_alone());
        assert!(!body.rest().await.is_complete);
        assert_eq!(store.inner().count(Verb::Apply), 1);
        let again = Server::start(&store, nothing()).await;
        visitor.address = again.address;
        assert_eq!(visitor.note("reply").await.as_deref(), Some("half of it"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_waits_for_the_commits_of_what_it_has_cut() {
    let [_, store] = stores();
    let (director, routes) = theatre();
    let server = Server::start(&store, routes).await;
    let mut visitor = server.browser().returning().await;
    let mut body = visitor.open("/body").await;
    director.step(Step::Set("reply", "half of it"));
    director.step(Step::Say("half of it"));
    assert_eq!(body.next().await, "half of it");
    store.next(Verb::Apply, Fault::HoldRequest);
    let stopping = tokio::spawn(server.stop());
    eventually("the commit reaches the store", async || store.held() == 1).await;
    assert!(!stopping.is_finished());
    store.release();
    in_time("the server stops", stopping).await.unwrap();
    assert_eq!(store.inner().count(Verb::Apply), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_request_may_end_within_the_grace() {
    let [store, _] = stores();
    let gate = Gate::new();
    let inside = gate.clone();
    let slow = warp::path("slow").and(adapter_warp::session()).then(
        move |session: adapter_warp::Session| {
            let inside = inside.clone();
            async move {
                inside.pass().await;
                session.set_attribute("slow", "but stored")?;
                Ok::<_, adapter_warp::SessionRejection>("done")
            }
        },
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = serve(slow, sessions(&store))
        .grace(Duration::MAX)
        .incoming(listener)
        .graceful(async { stopped.await.unwrap() })
        .run();
    let running = tokio::spawn(running);
    let mut connection = Connection::open(address).await;
    connection.send(&Request::get("/slow")).await;
    gate.arrived(1).await;
    stop.send(()).unwrap();
    // The listener is closed: the server is stopping.
    eventually("no connection is accepted", async || {
        tokio::net::TcpStream::connect(address).await.is_err()
    })
    .await;
    assert!(!running.is_finished());
    gate.open(1);
    let head = connection.head().await.expect("the server answers");
    assert_eq!(head.status, 200);
    assert_eq!(head.all("set-cookie").len(), 1);
    drop(connection);
    in_time("the server stops", running).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_an_error() {
    let [store, _] = stores();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = serve(notes(), sessions(&store)).run(address).await;
    assert_eq!(error.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_dropped_cuts_its_connections() {
    let [store, _] = stores();
    let (director, routes) = theatre();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let running = tokio::spawn(serve(routes, sessions(&store)).incoming(listener).run());
    let body = Streamed::open(address, &Request::get("/body")).await;
    running.abort();
    assert!(!body.rest().await.is_complete);
    eventually("the body is dropped", async || director.is_alone()).await;
}
