//! Routes and sessions as one filter, for warp's own test requests and warp's own server.

use adapter_warp::{filter, remote};
use session_core::testkit::{Fault, Verb, note_tokens};
use tokio::net::TcpListener;
use warp::{Filter, Reply};

use crate::client::Request;
use crate::play::{Step, theatre};
use crate::server::{Browser, notes, sessions, stores};

/// The pair `name=token` of the cookie that a response sets.
fn cookie_of<B>(response: &warp::http::Response<B>) -> String {
    let line = response.headers()["set-cookie"].to_str().unwrap();
    note_tokens(line);
    line.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn requests_of_warp_s_own_tests_have_a_session() {
    for store in stores() {
        let site = filter(notes(), sessions(&store));
        let write = warp::test::request()
            .method("PUT")
            .path("/notes/name?with=a+query")
            .body("Ada");
        let response = write.reply(&site).await;
        assert_eq!(response.status(), 204);
        let cookie = cookie_of(&response);

        let read = || warp::test::request().path("/notes/name");
        let response = read().header("cookie", &*cookie).reply(&site).await;
        assert_eq!(
            (response.status().as_u16(), &response.body()[..]),
            (200, &b"Ada"[..])
        );
        assert!(!response.headers().contains_key("set-cookie"));
        assert_eq!(read().reply(&site).await.status(), 404);

        store.next(Verb::Load, Fault::Unavailable);
        let response = read().header("cookie", &*cookie).reply(&site).await;
        assert_eq!(response.status(), 503);
        assert_eq!(
            response.body(),
            "The session is not available at the moment."
        );
    }
}

#[tokio::test]
async fn the_routes_see_the_request_as_it_came() {
    let tell = warp::any()
        .and(warp::method())
        .and(warp::path::full())
        .and(
            warp::query::raw()
                .or(warp::any().map(|| "none".into()))
                .unify(),
        )
        .and(warp::header::<String>("x-own"))
        .and(remote())
        .and(warp::body::bytes())
        .map(
            |method, path: warp::path::FullPath, query: String, own, address, body| {
                let path = path.as_str();
                format!("{method} {path} {query} {own} {address:?} {body:?}").into_response()
            },
        );
    let [store, _] = stores();
    let site = filter(tell, sessions(&store));
    let request = |path| {
        warp::test::request()
            .method("POST")
            .path(path)
            .body("words")
    };
    let response = request("/a%20b/c?d=e&f")
        .header("x-own", "mine")
        .remote_addr(([127, 0, 0, 1], 1234).into())
        .reply(&site)
        .await;
    assert_eq!(
        response.body(),
        "POST /a%20b/c d=e&f mine Some(127.0.0.1:1234) b\"words\""
    );
    let response = request("/").header("x-own", "mine").reply(&site).await;
    assert_eq!(response.body(), "POST / none mine None b\"words\"");
}

/// Serves the site with warp's own server.
async fn serve_with_warp(
    site: impl Filter<Extract = (warp::reply::Response,), Error = warp::Rejection>
    + Clone
    + Send
    + Sync
    + 'static,
) -> Browser {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(warp::serve(site).incoming(listener).run());
    Browser {
        address,
        cookie: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn warp_s_own_server_serves_sessions_and_streams() {
    for store in stores() {
        let (director, routes) = theatre();
        let site = filter(routes.or(notes()).unify(), sessions(&store));
        let mut visitor = serve_with_warp(site).await.returning().await;
        let mut body = visitor.open("/body").await;
        director.step(Step::Say("half of it"));
        assert_eq!(body.next().await, "half of it");
        director.step(Step::Set("reply", "all of it"));
        drop(director);
        assert!(body.rest().await.is_complete);
        assert_eq!(visitor.note("reply").await.as_deref(), Some("all of it"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_whose_session_is_still_held_keeps_its_length() {
    let (give, mut given) = tokio::sync::mpsc::unbounded_channel();
    let kept = warp::path("kept").and(adapter_warp::session()).map(
        move |session: adapter_warp::Session| {
            give.send(session).expect("the test takes it");
            "kept".into_response()
        },
    );
    let [store, _] = stores();
    let mut visitor = serve_with_warp(filter(kept, sessions(&store))).await;
    let response = visitor.send(Request::get("/kept")).await;
    assert_eq!(response.head.all("content-length"), ["4"]);
    assert_eq!(response.text(), "kept");
    drop(given.recv().await);
}

#[tokio::test]
#[should_panic(expected = "a fault of the program")]
async fn a_panic_of_a_handler_goes_on_in_the_server_s_task() {
    let faulty = warp::any().map(|| -> warp::reply::Response { panic!("a fault of the program") });
    let [store, _] = stores();
    let site = filter(faulty, sessions(&store));
    warp::test::request().reply(&site).await;
}

#[tokio::test]
async fn a_request_that_is_dropped_ends_its_handler() {
    let gate = crate::gate::Gate::new();
    let dropped = crate::gate::Dropped::default();
    let (inside, guard) = (gate.clone(), dropped.clone());
    let slow = warp::any().then(move || {
        let (inside, guard) = (inside.clone(), guard.guard());
        async move {
            inside.pass().await;
            drop(guard);
            "never said".into_response()
        }
    });
    let [store, _] = stores();
    let site = filter(slow, sessions(&store));
    let request = tokio::spawn(async move { warp::test::request().reply(&site).await });
    gate.arrived(1).await;
    request.abort();
    crate::wait::eventually("the handler is dropped", async || dropped.happened()).await;
}
