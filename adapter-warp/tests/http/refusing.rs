//! What a client is told when its session cannot be had.

use std::convert::Infallible;
use std::future::ready;

use adapter_warp::{
    Session, SessionLayer, SessionRejection, attribute, optional_session, peek, serve_service,
    session,
};
use session_core::SessionAttribute;
use session_core::testkit::{Fault, Verb};
use tower_layer::Layer;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

use crate::client;
use crate::server::{Routes, Server, TestStore, nothing, sessions, stores};

const NOT_AVAILABLE: &str = "The session is not available at the moment.";

/// Asserts that the response tells nothing but `text`.
fn assert_opaque(response: &client::Response, status: u16, text: &str) {
    assert_eq!((response.status(), response.text()), (status, text));
    assert_eq!(response.head.all("set-cookie"), [""; 0]);
    assert_eq!(response.head.all("cache-control"), ["no-store"]);
    assert_eq!(
        response.head.all("content-type"),
        ["text/plain; charset=utf-8"]
    );
}

fn load_fails(store: &TestStore) {
    store.next(Verb::Load, Fault::Unavailable);
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Name(String);

impl SessionAttribute for Name {
    const NAME: &'static str = "first";
}

/// A route for each filter of the session.
fn all_filters() -> Routes {
    let mine = warp::path("mine").and(session()).map(|_| "mine");
    let perhaps = warp::path("perhaps").and(optional_session());
    let glance = warp::path("glance").and(peek());
    let name = warp::path("name").and(attribute::<Name>());
    let routes = mine.map(Reply::into_response);
    let routes = routes
        .or(perhaps.map(|_| "perhaps".into_response()))
        .unify();
    let routes = routes.or(glance.map(|_| "glance".into_response())).unify();
    routes
        .or(name.map(|_| "name".into_response()))
        .unify()
        .boxed()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_a_503_and_never_no_session_nor_a_fault() {
    for store in stores() {
        let server = Server::start(&store, all_filters()).await;
        let mut visitor = server.browser().returning().await;
        for target in ["/mine", "/perhaps", "/glance", "/name", "/notes/first"] {
            load_fails(&store);
            assert_opaque(&visitor.get(target).await, 503, NOT_AVAILABLE);
        }
        assert_eq!(visitor.note("first").await.as_deref(), Some("visit"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_at_the_commit_is_a_503_and_sets_no_cookie() {
    for store in stores() {
        let server = Server::start(&store, nothing()).await;
        let mut visitor = server.browser();
        store.next(Verb::Create, Fault::Unavailable);
        let request = client::Request::new("PUT", "/notes/first").body("visit");
        assert_opaque(&visitor.send(request).await, 503, NOT_AVAILABLE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_different_live_sessions_are_nobody() {
    let [store, _] = stores();
    let server = Server::start(&store, nothing()).await;
    let ada = server.browser().returning().await.cookie.unwrap();
    let eve = server.browser().returning().await.cookie.unwrap();
    let mut victim = server.browser();
    victim.cookie = Some(format!("{ada}; {eve}"));
    let response = victim.post("/login/ada").await;
    assert_opaque(&response, 400, "The request carries two sessions.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_another_type_is_a_fault_without_details() {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Number(u32);
    impl SessionAttribute for Number {
        const NAME: &'static str = "first";
    }
    let number = warp::path("number").and(attribute::<Number>());
    let routes = number.map(|_| "a number".into_response()).boxed();
    let [store, _] = stores();
    let server = Server::start(&store, routes).await;
    let mut visitor = server.browser().returning().await;
    let response = visitor.get("/number").await;
    assert_opaque(&response, 500, "The session could not be used.");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_a_handler_is_its_reply() {
    let broken = warp::path("broken")
        .and(session())
        .then(async |session: Session| {
            session.invalidate()?;
            session.set_attribute("too", "late")?;
            Ok::<_, SessionRejection>("never said")
        });
    for store in stores() {
        let routes = broken.map(Reply::into_response).boxed();
        let server = Server::start(&store, routes).await;
        let mut visitor = server.browser().returning().await;
        let response = visitor.get("/broken").await;
        assert_eq!(response.status(), 409);
        assert_eq!(response.text(), "The session changed or ended meanwhile.");
        // What the handler did before it failed is done: the session has ended.
        assert_eq!(visitor.cookie, None);
    }
}

/// A server whose `/mine` is recovered by `routes`.
async fn with_recovery(
    store: &TestStore,
    recover: impl Fn(BoxedFilter<(Response,)>) -> Routes,
) -> Server {
    Server::start(store, recover(all_filters())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_recovers_has_the_last_word_also_with_a_500() {
    for status in [200, 404, 500, 503] {
        let status = StatusCode::from_u16(status).unwrap();
        let own = move |rejection: Rejection| {
            let found = rejection.find::<SessionRejection>();
            let found = found.map(|_| warp::reply::with_status("my own words", status));
            ready(found.map(Reply::into_response).ok_or(rejection))
        };
        for store in stores() {
            let server = with_recovery(&store, |routes| routes.recover(own).unify().boxed()).await;
            let mut visitor = server.browser().returning().await;
            load_fails(&store);
            let response = visitor.get("/mine").await;
            assert_eq!(response.status(), status.as_u16());
            assert_eq!(response.text(), "my own words");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_recovers_all_leaves_nothing_to_answer() {
    let page = async |_: Rejection| {
        let page = warp::reply::html("<h1>Something went wrong</h1>");
        let page = warp::reply::with_status(page, StatusCode::INTERNAL_SERVER_ERROR);
        Ok::<_, Infallible>(page.into_response())
    };
    for store in stores() {
        // The error type of these routes says that they reject nothing.
        let routes = all_filters().recover(page).unify();
        let service = SessionLayer::new(sessions(&store)).layer(warp::service(routes));
        let server = Server::run(serve_service(service)).await;
        let mut visitor = server.browser();
        let made = Server::start(&store, nothing()).await;
        visitor.cookie = made.browser().returning().await.cookie;
        load_fails(&store);
        let response = visitor.get("/mine").await;
        assert_eq!(response.status(), 500);
        assert_eq!(response.text(), "<h1>Something went wrong</h1>");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_route_that_answers_wins() {
    let fallback = warp::path("mine").map(|| "without a session".into_response());
    for store in stores() {
        let server = with_recovery(&store, |routes| routes.or(fallback).unify().boxed()).await;
        let mut visitor = server.browser().returning().await;
        load_fails(&store);
        let response = visitor.get("/mine").await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.text(), "without a session");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_routes_that_reject_change_nothing() {
    #[derive(Debug)]
    struct OutOfTea;
    impl warp::reject::Reject for OutOfTea {}
    let tea = warp::path("mine").and_then(async || Err::<Response, Rejection>(OutOfTea.into()));
    let post = warp::path("mine").and(warp::post()).map(warp::reply);
    let post = post.map(Reply::into_response);
    for store in stores() {
        for routes in [
            all_filters().or(tea).unify().boxed(),
            tea.or(all_filters()).unify().boxed(),
            all_filters().or(post).unify().boxed(),
        ] {
            let server = Server::start(&store, routes).await;
            let mut visitor = server.browser().returning().await;
            load_fails(&store);
            assert_opaque(&visitor.get("/mine").await, 503, NOT_AVAILABLE);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_that_has_nothing_to_do_with_sessions_stays_as_warp_answers_it() {
    let fails = warp::path("fails")
        .and(session())
        .and_then(async |_| Err::<Response, Rejection>(SessionRejection::NoLayer.into()));
    for store in stores() {
        let server = Server::start(&store, fails.boxed()).await;
        let mut visitor = server.browser().returning().await;
        assert_eq!(visitor.get("/nowhere").await.status(), 404);
        let response = visitor.get("/fails").await;
        assert_eq!(response.status(), 500);
        assert_eq!(
            response.text(),
            "Unhandled rejection: SessionRejection(\"The session could not be used.\")"
        );
    }
}

#[tokio::test]
async fn without_a_layer_the_filters_reject() {
    let routes = all_filters();
    for target in ["/mine", "/perhaps", "/glance", "/name"] {
        let request = warp::test::request().path(target);
        let rejection = request.filter(&routes).await.expect_err("it rejects");
        let found = rejection.find::<SessionRejection>();
        assert!(matches!(found, Some(SessionRejection::NoLayer)), "{target}");
    }
}
