//! HTTP/2, where a browser may send each cookie in a header field of its own (RFC 9113, 8.2.3).

use std::net::SocketAddr;

use adapter_warp::{Session, SessionRejection, session};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use session_core::testkit::Verb;
use tokio::net::TcpStream;
use warp::http::{Method, Request, Response};
use warp::{Filter, Reply};

use crate::play::{Step, theatre};
use crate::server::{Server, nothing, stores};
use crate::wait::in_time;

/// A connection with prior knowledge.
async fn connect(address: SocketAddr) -> SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (client, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    client
}

async fn get(
    client: &mut SendRequest<Empty<Bytes>>,
    address: SocketAddr,
    path: &str,
    cookies: &[&str],
) -> Response<Incoming> {
    ask(client, Method::GET, address, path, cookies).await
}

async fn ask(
    client: &mut SendRequest<Empty<Bytes>>,
    method: Method,
    address: SocketAddr,
    path: &str,
    cookies: &[&str],
) -> Response<Incoming> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://{address}{path}"));
    for crumb in cookies {
        request = request.header("cookie", *crumb);
    }
    let request = request.body(Empty::new()).unwrap();
    in_time("a response", client.send_request(request))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_is_found_among_the_crumbs() {
    for store in stores() {
        let server = Server::start(&store, nothing()).await;
        let own = server.browser().returning().await.cookie.unwrap();
        let mut client = connect(server.address).await;
        for crumbs in [
            &[&*own][..],
            &["theme=dark", &own, "lang=en"],
            &["theme=dark", "lang=en", &own],
        ] {
            let response = get(&mut client, server.address, "/notes/first", crumbs).await;
            assert_eq!(response.status(), 200);
            let note = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(note, "visit");
        }
        let stranger = get(&mut client, server.address, "/notes/first", &["a=b"]).await;
        assert_eq!(stranger.status(), 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_request_gets_the_headers_and_the_length_of_a_body_and_no_body() {
    let page = warp::path("page")
        .and(session())
        .then(async |session: Session| {
            session.set_attribute("first", "visit")?;
            Ok::<_, SessionRejection>("a page")
        });
    for store in stores() {
        let routes = page.map(Reply::into_response).boxed();
        let server = Server::start(&store, routes).await;
        let mut client = connect(server.address).await;
        let response = ask(&mut client, Method::HEAD, server.address, "/page", &[]).await;
        assert_eq!(response.status(), 200);
        assert!(response.headers().contains_key("set-cookie"));
        assert_eq!(response.headers()["content-length"], "6");
        let body = response.into_body().collect().await;
        assert_eq!(body.expect("the body ends as it should").to_bytes(), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_cut_and_what_it_wrote_is_stored_before_the_server_has_stopped() {
    for store in stores() {
        let (director, routes) = theatre();
        let server = Server::start(&store, routes).await;
        let address = server.address;
        let mut visitor = server.browser().returning().await;
        let own = visitor.cookie.clone().unwrap();
        let mut client = connect(address).await;
        let mut body = get(&mut client, address, "/body", &[&own])
            .await
            .into_body();
        director.step(Step::Set("reply", "half of it"));
        director.step(Step::Say("half of it"));
        let frame = in_time("a frame", body.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "half of it");
        server.stop().await;
        assert!(director.is_alone());
        assert!(in_time("the end", body.collect()).await.is_err());
        assert_eq!(store.inner().count(Verb::Apply), 1);
        let again = Server::start(&store, nothing()).await;
        visitor.address = again.address;
        assert_eq!(visitor.note("reply").await.as_deref(), Some("half of it"));
    }
}
