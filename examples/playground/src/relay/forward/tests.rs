//! Requests to a server that does what a test says.

use futures_util::StreamExt;
use session_core::testkit::Site;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::answer::Body;
use crate::answer::Pieces;
use crate::relay::tests::{opened, relay, the_page};

/// A server that does what the test says, and a page of its relay.
struct Scene {
    listener: TcpListener,
    relay: Arc<Relay>,
    page: String,
}

impl Scene {
    async fn set() -> Self {
        Self::with(&Site::new()).await
    }

    async fn with(site: &Site) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = relay(site, listener.local_addr().unwrap());
        let page = opened(&relay);
        Self {
            listener,
            relay,
            page,
        }
    }

    /// What the page gets when pane A sends this.
    fn send(&self, method: &str, path: &str, body: Option<&str>) -> Pieces {
        let question = json!({
            "page": self.page, "pane": "A", "method": method, "path": path, "body": body,
        });
        let question = question.to_string();
        let answer = self.relay.send(&the_page(), question.as_bytes()).unwrap();
        assert_eq!(answer.status, 200);
        let content_type = ("content-type", "application/x-ndjson".to_owned());
        assert_eq!(answer.headers, [content_type]);
        match answer.body {
            Body::Stream(frames) => frames,
            Body::Whole(_) => panic!("frames come one by one"),
        }
    }

    /// The server's side of the next request, and the request.
    async fn accept(&self) -> (TcpStream, String) {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let mut request = String::new();
        while !is_whole(&request) {
            let mut bytes = [0; 1_024];
            let read = stream.read(&mut bytes).await.unwrap();
            assert_ne!(read, 0, "the request is whole: {request:?}");
            request += std::str::from_utf8(&bytes[..read]).unwrap();
        }
        (stream, request)
    }

    /// Plays one request, answered by `response` before the server closes the connection.
    async fn play(&self, mut frames: Pieces, response: &[u8]) -> (String, Vec<Value>) {
        let server = async {
            let (mut stream, request) = self.accept().await;
            stream.write_all(response).await.unwrap();
            request
        };
        let page = async {
            let mut seen = Vec::new();
            while let Some(frame) = frames.next().await {
                seen.push(parsed(&frame.unwrap()));
            }
            seen
        };
        tokio::join!(server, page)
    }
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    body.len() == length.map_or(0, |length| length.parse().unwrap())
}

fn parsed(frame: &[u8]) -> Value {
    assert_eq!(frame.last(), Some(&b'\n'));
    serde_json::from_slice(frame).unwrap()
}

#[tokio::test]
async fn a_request_goes_out_as_a_browser_would_send_it() {
    let scene = Scene::set().await;
    let frames = scene.send("PUT", "/attributes/a%2Fb?delay_ms=1", Some("\"x\""));
    let response = b"HTTP/1.1 204 No Content\r\n\r\n";
    let (request, seen) = scene.play(frames, response).await;
    let host = scene.listener.local_addr().unwrap().to_string();
    let expected = format!(
        "PUT /attributes/a%2Fb?delay_ms=1 HTTP/1.1\r\nhost: {host}\r\n\
         content-type: application/json\r\ncontent-length: 3\r\n\r\n\"x\""
    );
    assert_eq!(request, expected);
    let sent = json!([
        ["host", host],
        ["content-type", "application/json"],
        ["content-length", "3"],
    ]);
    assert_eq!(seen[0]["frame"], "head");
    assert_eq!(seen[0]["sent"], sent);
    assert_eq!(seen[0]["status"], 204);
    assert_eq!(seen[1..], [json!({ "frame": "end" })]);
}

#[tokio::test]
async fn a_method_with_content_says_when_it_has_none() {
    let scene = Scene::set().await;
    for (method, path, length) in [
        ("POST", "/logout", Some("content-length: 0")),
        ("GET", "/session", None),
        ("DELETE", "/attributes/a", None),
    ] {
        let frames = scene.send(method, path, None);
        let response = b"HTTP/1.1 204 No Content\r\n\r\n";
        let (request, _) = scene.play(frames, response).await;
        let said = request.lines().find(|line| line.contains("content-"));
        assert_eq!(said, length, "{method}");
    }
}

#[tokio::test]
async fn what_a_response_sets_is_kept_sent_with_the_next_request_and_shown_masked() {
    let scene = Scene::set().await;
    let frames = scene.send("GET", "/cookies", None);
    let response = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 2\r\n\
        Set-Cookie: __Host-sid=s3cret; Secure; Path=/\r\nSet-Cookie: b=2\r\n\r\nok";
    let (_, seen) = scene.play(frames, response).await;
    let headers = json!([
        ["set-cookie", "a=1"],
        ["set-cookie", "__Host-sid=<token #1>; Secure; Path=/"],
        ["set-cookie", "b=2"],
        ["content-length", "2"],
    ]);
    assert_eq!(seen[0]["headers"], headers);
    let cookies = json!(["a=1", "__Host-sid=<token #1>; Secure; Path=/", "b=2"]);
    assert_eq!(
        seen[0]["jar"],
        json!({ "cookies": cookies, "header": null })
    );

    let frames = scene.send("GET", "/session", None);
    let response = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\
        Set-Cookie: __Host-sid=; Max-Age=0; Secure; Path=/\r\n\r\n";
    let (request, seen) = scene.play(frames, response).await;
    assert!(request.contains("\r\ncookie: a=1; __Host-sid=s3cret; b=2\r\n"));
    let sent = json!(["cookie", "a=1; __Host-sid=<token #1>; b=2"]);
    assert_eq!(seen[0]["sent"][1], sent);
    assert_eq!(seen[0]["jar"]["cookies"], json!(["a=1", "b=2"]));
}

#[tokio::test]
async fn a_token_in_a_header_is_masked_on_both_ways() {
    let site = Site::with(|builder| builder.token_header("X-Auth-Token"));
    let scene = Scene::with(&site).await;
    let response = b"HTTP/1.1 204 No Content\r\nX-Auth-Token: s3cret\r\n\r\n";
    let frames = scene.send("POST", "/login", Some("{}"));
    let (_, seen) = scene.play(frames, response).await;
    let line = json!(["x-auth-token", "<token #1>"]);
    assert_eq!(seen[0]["headers"], json!([line]));
    assert_eq!(seen[0]["jar"]["header"], "X-Auth-Token: <token #1>");
    let frames = scene.send("GET", "/session", None);
    let (request, seen) = scene.play(frames, response).await;
    assert!(request.contains("\r\nx-auth-token: s3cret\r\n"));
    assert_eq!(seen[0]["sent"][1], line);
}

#[tokio::test]
async fn a_body_is_told_as_it_comes() {
    let scene = Scene::set().await;
    let mut frames = scene.send("GET", "/stream?chunks=2", None);
    let mut next = async || parsed(&frames.next().await.unwrap().unwrap());
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (mut stream, first) = {
        let server = async {
            let (mut stream, _) = scene.accept().await;
            stream.write_all(head).await.unwrap();
            stream
        };
        tokio::join!(server, next())
    };
    assert_eq!(first["frame"], "head");
    // Each piece is sent only after the one before was seen. The euro sign is cut in two.
    for (chunk, text) in [
        (&b"2\r\n1\n\r\n"[..], "1\n"),
        (b"3\r\nx\xe2\x82\r\n", "x"),
        (b"1\r\n\xac\r\n", "\u{20ac}"),
    ] {
        stream.write_all(chunk).await.unwrap();
        assert_eq!(next().await, json!({ "frame": "text", "text": text }));
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    assert_eq!(next().await, json!({ "frame": "end" }));
    assert!(frames.next().await.is_none());
}

#[tokio::test]
async fn a_response_that_breaks_off_is_told_as_cut() {
    let scene = Scene::set().await;
    for response in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1\n"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n1\n\r\n",
    ] {
        let frames = scene.send("GET", "/stream?chunks=2", None);
        let (_, seen) = scene.play(frames, response).await;
        assert_eq!(seen[0]["frame"], "head");
        assert_eq!(seen[1], json!({ "frame": "text", "text": "1\n" }));
        assert_eq!(seen[2..], [cut(Cut::NoEnd)]);
    }
}

#[tokio::test]
async fn where_no_response_comes_there_is_a_cut_and_no_head() {
    let scene = Scene::set().await;
    let frames = scene.send("GET", "/panic?name=a&value=b", None);
    let (_, seen) = scene.play(frames, b"").await;
    assert_eq!(seen, [cut(Cut::NoResponse)]);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_as_cut() {
    let mut scene = Scene::set().await;
    let mut frames = scene.send("GET", "/session", None);
    // Nobody listens at the old address any more.
    scene.listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    assert_eq!(
        parsed(&frames.next().await.unwrap().unwrap()),
        cut(Cut::Unreachable)
    );
    assert!(frames.next().await.is_none());
}

#[tokio::test]
async fn when_the_page_goes_away_the_server_sees_it_at_once() {
    let scene = Scene::set().await;
    let mut frames = scene.send("GET", "/stream?chunks=2", None);
    let server = async {
        let (mut stream, _) = scene.accept().await;
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head).await.unwrap();
        stream
    };
    let (mut stream, _) = tokio::join!(server, frames.next());
    drop(frames);
    // The end of the stream, or a reset.
    assert!(matches!(stream.read(&mut [0; 1]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_page_that_goes_away_before_the_response_is_seen_too() {
    let scene = Scene::set().await;
    let mut frames = scene.send("GET", "/session", None);
    let mut stream = tokio::select! {
        (stream, _) = scene.accept() => stream,
        _ = frames.next() => panic!("there is no response"),
    };
    drop(frames);
    assert!(matches!(stream.read(&mut [0; 1]).await, Ok(0) | Err(_)));
}
