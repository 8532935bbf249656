//! Whatever bytes a client sends as a cookie: it has no session, and nothing else happens.

use adapter_axum::SessionLayer;
use session_core::Entropy;
use session_core::testkit::SeededEntropy;

use crate::client::{Connection, Request, Response};
use crate::server::{Browser, Door, Server, notes};

/// Values that no server has issued, the same in every run.
fn garbage(token: &str) -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<u8>> = [
        "",
        " ",
        "=",
        ";",
        "\"\"",
        "\"",
        ",",
        ".",
        "..",
        "null",
        "undefined",
        "0",
        "-1",
        "%00",
        "../../etc/passwd",
        "' OR '1'='1",
        "{{7*7}}",
        "*",
        "a*[?]\\",
        "\t",
        "\u{feff}",
        "日本語",
    ]
    .map(|value| value.as_bytes().to_vec())
    .into();
    values.push(vec![0x80; 64]);
    values.push(vec![0xff; token.len()]);
    values.push((0x80..=0xff).collect());
    values.push(vec![b'A'; 8 * 1024]);
    values.push(vec![b';'; 8 * 1024]);
    values.push(b"__Host-sid=".repeat(700));
    values.extend(near_misses(token));
    let random = SeededEntropy::new(5);
    while values.len() < 1_000 {
        let mut bytes = vec![0; 1 + values.len() % 200];
        random.fill(&mut bytes).unwrap();
        // A header cannot carry control characters; servers refuse them before any handler.
        bytes.retain(|byte| *byte >= b' ' && *byte != 0x7f);
        values.push(bytes);
    }
    values
}

/// Tokens that differ from a live one in one place.
fn near_misses(token: &str) -> Vec<Vec<u8>> {
    let bytes = token.as_bytes();
    let mut values = Vec::new();
    for at in 0..bytes.len() {
        for other in [b'A', b'b', b'-', b'=', b' ', 0xff] {
            let mut value = bytes.to_vec();
            value[at] = other;
            values.push(value);
        }
        let mut missing = bytes.to_vec();
        missing.remove(at);
        values.push(missing);
    }
    for (before, after) in [
        ("", "="),
        ("", "!!!!"),
        ("", "A"),
        ("A", ""),
        ("", "."),
        ("%20", ""),
    ] {
        values.push(format!("{before}{token}{after}").into_bytes());
    }
    values.retain(|value| value.trim_ascii() != bytes);
    values
}

/// A response without what differs from one second to the next.
fn timeless(mut response: Response) -> Response {
    response.head.headers.retain(|(name, _)| name != "date");
    response
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_answers_exactly_as_no_cookie_and_asks_no_store() {
    let store = Door::Immediate.store();
    let server = Server::with_store(&store, axum::Router::new()).await;
    let visitor = server.browser().returning().await;
    let values = garbage(visitor.token());
    assert!(values.len() >= 1_000);
    store.inner().take_calls();

    let mut connection = Connection::open(server.address).await;
    let read = || Request::get("/notes/first");
    let without = timeless(connection.exchange(&read()).await);
    assert_eq!(without.status(), 404);
    for value in &values {
        let line = [b"__Host-sid=", &value[..]].concat();
        let with = timeless(connection.exchange(&read().cookies(line)).await);
        assert_eq!(with, without, "{}", value.escape_ascii());
    }
    assert_eq!(store.inner().take_calls(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_garbage_can_start_a_session_like_anybody_else() {
    let server = Server::start(axum::Router::new()).await;
    let visitor = server.browser().returning().await;
    for value in garbage(visitor.token()).iter().step_by(10) {
        let line = [b"__Host-sid=", &value[..]].concat();
        let request = Request::new("PUT", "/notes/first")
            .cookies(line)
            .body("visit");
        let response = Connection::open(server.address)
            .await
            .exchange(&request)
            .await;
        assert_eq!(response.status(), 204, "{}", value.escape_ascii());
        let mut stranger: Browser = server.browser();
        stranger.keep_lines(&response.head.all("set-cookie"));
        assert_ne!(stranger.token(), visitor.token());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_lines_of_garbage_do_not_hide_a_session() {
    let server = Server::layered(
        |builder| builder,
        |sessions| notes().layer(SessionLayer::new(sessions)),
    )
    .await;
    let visitor = server.browser().returning().await;
    let own = visitor.cookie_line();
    for line in [
        ";;;;",
        "=",
        "=;=",
        "a",
        " ; a ",
        "\"",
        "a=\"b; c",
        "a=b=c=d",
        "\u{ff}=\u{ff}",
    ] {
        let request = Request::get("/notes/first")
            .cookies(line)
            .cookies(&own)
            .cookies(line);
        let response = Connection::open(server.address)
            .await
            .exchange(&request)
            .await;
        assert_eq!(response.status(), 200, "{line}");
    }
}
