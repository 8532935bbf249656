//! The layer fits wherever a tower layer fits.

use std::convert::Infallible;
use std::net::SocketAddr;

use adapter_axum::{Rejection, Session, SessionLayer};
use adapter_tower::{SessionService, WrapBody};
use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use session_core::testkit::{Fault, Verb, test_key};
use session_core::{ExchangeHandle, Main, SessionManager};
use tokio::net::TcpListener;
use tower::{Layer, service_fn};

use crate::client::{Connection, Request};
use crate::server::{Door, Server, TestStore, notes, session_cookies};

const fn is_cloneable_and_sendable<T: Clone + Send + Sync + 'static>(_: &T) {}

#[tokio::test]
async fn layer_and_service_can_be_cloned_and_sent() {
    let sessions = SessionManager::builder()
        .secret_key(test_key())
        .build()
        .unwrap();
    let layer: SessionLayer = SessionLayer::new(sessions);
    is_cloneable_and_sendable(&layer);
    let router: Router = notes();
    is_cloneable_and_sendable(&layer.layer(router));
}

#[test]
fn a_layer_can_be_made_before_there_is_a_runtime() {
    let sessions = SessionManager::builder()
        .secret_key(test_key())
        .store(Door::Awaited.store())
        .build()
        .unwrap();
    let layer = SessionLayer::new(sessions.clone());
    assert!(!sessions.has_runtime());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (address, _) = crate::server::serve(notes().layer(layer)).await;
        let request = Request::new("PUT", "/notes/first").body("visit");
        let response = Connection::open(address).await.exchange(&request).await;
        assert_eq!(response.status(), 204);
        assert!(sessions.has_runtime());
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_around_some_routes_leaves_the_others_alone() {
    let server = Server::layered(
        |builder| builder,
        |sessions| {
            let outside = Router::new()
                .route("/plain", get(async || "plain"))
                .route("/mistaken", get(async |_: Session| "never"));
            notes()
                .route_layer(SessionLayer::new(sessions))
                .merge(outside)
        },
    )
    .await;
    let mut visitor = server.browser().returning().await;
    assert!(visitor.has_session().await);
    assert_eq!(visitor.get("/plain").await.text(), "plain");
    assert_eq!(visitor.get("/mistaken").await.status(), 500);
    assert_eq!(visitor.get("/nowhere").await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_routers_share_the_session_of_the_layer_around_them() {
    let server = Server::start(Router::new().nest("/inner", notes())).await;
    let mut visitor = server.browser().returning().await;
    let inner = visitor.get("/inner/notes/first").await;
    assert_eq!(inner.text(), "visit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nested_router_with_the_same_layer_once_more_sends_one_cookie() {
    for door in Door::BOTH {
        let store = door.store();
        let server = Server::layered(
            |builder| builder.store(store),
            |sessions| {
                let inner = notes().layer(SessionLayer::new(sessions.clone()));
                Router::new()
                    .nest("/inner", inner)
                    .merge(notes())
                    .layer(SessionLayer::new(sessions))
            },
        )
        .await;
        let mut visitor = server.browser();
        let write = Request::new("PUT", "/inner/notes/first").body("visit");
        let response = visitor.send(write).await;
        assert_eq!(session_cookies(&server, &response).len(), 1);
        assert_eq!(visitor.note("first").await.as_deref(), Some("visit"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_middleware_inside_the_layer_uses_the_same_session() {
    use axum::extract::Request as AxumRequest;
    use axum::middleware::{Next, from_fn};

    let count = async |session: Session, request: AxumRequest, next: Next| {
        session.update_attribute("visits", |visits: &mut u64| *visits += 1)?;
        let response = next.run(request).await;
        session.set_attribute("answered", response.status().as_str())?;
        Ok::<_, Rejection>(response)
    };
    let show = async |session: Session| {
        let visits: Option<u64> = session.get_attribute("visits")?;
        Ok::<_, Rejection>(format!("{visits:?}"))
    };
    let app = Router::new()
        .route("/counted", get(show))
        .layer(from_fn(count));
    let server = Server::start(app).await;
    let mut visitor = server.browser();
    assert_eq!(visitor.get("/counted").await.text(), "Some(1)");
    assert_eq!(visitor.get("/counted").await.text(), "Some(2)");
    assert_eq!(visitor.note("answered").await.as_deref(), Some("200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_on_one_connection_keep_their_sessions_apart() {
    let server = Server::start(Router::new()).await;
    let (ada, eve) = (server.browser().returning().await, server.browser());
    let mut connection = Connection::open(server.address).await;
    for _ in 0..10 {
        let own = connection
            .exchange(&ada.prepare(Request::get("/notes/first")))
            .await;
        assert_eq!(own.text(), "visit");
        let other = connection
            .exchange(&eve.prepare(Request::get("/notes/first")))
            .await;
        assert_eq!(other.status(), 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_https_the_cookie_of_a_site_for_plain_http_is_secure_all_the_same() {
    for (behind_https, is_secure) in [(false, false), (true, true)] {
        let server = Server::layered(
            |builder| builder.secure(false),
            |sessions| notes().layer(SessionLayer::new(sessions).behind_https(behind_https)),
        )
        .await;
        let request = Request::new("PUT", "/notes/first")
            // No client can say this.
            .header("x-forwarded-proto", "https")
            .header("forwarded", "proto=https")
            .body("visit");
        let response = Connection::open(server.address)
            .await
            .exchange(&request)
            .await;
        let [line] = session_cookies(&server, &response)[..] else {
            panic!("one cookie is set");
        };
        assert!(line.starts_with("sid="));
        assert_eq!(
            line.split("; ").any(|attribute| attribute == "Secure"),
            is_secure,
            "{line}"
        );
    }
}

/// A service without any framework: counts the visits of a session.
async fn count(request: http::Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let handle: &ExchangeHandle = request.extensions().get().expect("the layer is there");
    let session = handle.session().await.expect("the store answers");
    let visits = session
        .update_attribute("visits", |visits: &mut u64| *visits += 1)
        .expect("the session is there");
    if request.uri().path() == "/task" {
        // Goes on after the response, so that the body is watched to its end.
        tokio::spawn(async move { drop(session) });
    }
    Ok(Response::new(Full::from(format!("visit {visits}"))))
}

/// Serves [`count`] with hyper alone.
async fn serve_plain(store: &TestStore) -> SocketAddr {
    let sessions = SessionManager::builder()
        .secret_key(test_key())
        .store(store.clone())
        .build()
        .unwrap();
    let layer: adapter_tower::SessionLayer<Main, WrapBody> =
        adapter_tower::SessionLayer::new(sessions);
    let service: SessionService<_> = layer.layer(service_fn(count));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_any_framework_has_sessions_too() {
    for door in Door::BOTH {
        let address = serve_plain(&door.store()).await;
        let mut connection = Connection::open(address).await;
        let first = connection.exchange(&Request::get("/")).await;
        assert_eq!(first.text(), "visit 1");
        let line = first.head.all("set-cookie")[0];
        let pair = line.split(';').next().unwrap();
        for (visit, path) in [(2, "/"), (3, "/task"), (4, "/")] {
            let again = connection.exchange(&Request::get(path).cookies(pair)).await;
            assert_eq!(again.text(), format!("visit {visit}"));
            assert_eq!(again.head.all("content-length"), ["7"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_any_framework_answers_503_when_the_store_fails() {
    for door in Door::BOTH {
        let store = door.store();
        let address = serve_plain(&store).await;
        store.next(Verb::Create, Fault::Unavailable);
        let mut connection = Connection::open(address).await;
        let response = connection.exchange(&Request::get("/")).await;
        assert_eq!(response.status(), 503);
        assert_eq!(
            response.text(),
            "The session is not available at the moment."
        );
        assert_eq!(response.head.all("set-cookie"), [""; 0]);
        // The connection goes on.
        assert_eq!(
            connection.exchange(&Request::get("/")).await.text(),
            "visit 1"
        );
    }
}
