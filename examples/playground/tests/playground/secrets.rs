//! What is never printed.

use serde_json::json;
use testbed::secrets::{Secrets, find};

use crate::client::Connection;
use crate::program::{Ground, Program, SECRET, Test};
use crate::relay::Page;
use crate::visitor::Visitor;

/// On every store.
pub(crate) const TESTS: &[Test] = tests![no_token_and_no_key_is_in_the_log_at_any_level,];

fn no_token_and_no_key_is_in_the_log_at_any_level(ground: &Ground) {
    for header in [None, Some("x-auth-token")] {
        let arguments: &[&str] = match header {
            Some(name) => &["--header", name],
            None => &[],
        };
        let program = ground.start_verbose(arguments);
        let mut visitor = program.visitor();
        if let Some(name) = header {
            visitor = visitor.by_header(name);
        }
        let tokens = play(&program, visitor);
        assert!(tokens.len() >= 4, "{tokens:?}");
        play_through_the_relay(&program);
        let (_, _, log) = program.stop("-TERM");
        assert!(log.contains("TRACE"), "everything is logged");
        let secrets = tokens.iter().map(String::as_str).chain([SECRET]);
        let lines: Vec<_> = secrets.map(noted).collect();
        let secrets = Secrets::noted(lines.iter().map(String::as_str)).expect("they are noted");
        // Those of the relay's browsers are known to nobody, but to be known by their shape.
        let found = find(&secrets, log.as_bytes());
        assert!(found.is_empty(), "a secret is logged: {found:#?}");
    }
}

/// Does what makes servers talk, and answers every token that was sent or received.
fn play(program: &Program, mut visitor: Visitor) -> Vec<String> {
    let mut tokens = Vec::new();
    for (method, target, body) in [
        ("PUT", "/attributes/a", "1"),
        ("POST", "/change-id", ""),
        ("POST", "/login", "{\"principal\":\"ada\"}"),
        ("GET", "/session", ""),
        ("GET", "/stream?chunks=3&interval_ms=1&attribute=k", ""),
        ("GET", "/fail?status=500&name=a&value=V", ""),
        ("GET", "/panic?name=a&value=V", ""),
        ("PUT", "/attributes/a", "{"),
        ("GET", "/me/sessions", ""),
        ("DELETE", "/me/sessions", ""),
        ("GET", "/form", ""),
        ("POST", "/form", "csrf=guess&value=1"),
        ("GET", "/ws", ""),
        ("GET", "/stats", ""),
        ("GET", "/metrics", ""),
        ("GET", "/admin/sessions?principal=ada", ""),
        ("POST", "/logout", ""),
    ] {
        visitor.try_send(method, target, body);
        tokens.extend(visitor.token.clone());
    }
    // A forged one, and one in a request that no server understands.
    visitor.token = Some("Af0rg3d".repeat(13));
    visitor.get("/session");
    tokens.extend(visitor.token.clone());
    let mut connection = Connection::open(program.address);
    let broken = format!(
        "GET /session HTTP/1.1\r\ncookie: sid={}\r\nbroken\r\n\r\n",
        tokens[0]
    );
    connection.send_raw(broken.as_bytes());
    connection.head();
    tokens.sort();
    tokens.dedup();
    tokens
}

/// A browser of the page, with a request and a socket.
fn play_through_the_relay(program: &Program) {
    let page = Page::open(program);
    page.send("A", "PUT", "/attributes/a", Some("1"));
    let mut frames = page.start_asking("socket", json!({"pane": "A"}));
    frames.head().expect("an answer");
    frames.chunk().flatten().expect("the head of the socket");
    assert_eq!(page.say(&json!(1), "get a"), 204);
    frames.chunk().flatten().expect("the line");
}

/// The line by which a secret is noted.
fn noted(secret: &str) -> String {
    let digits: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("text {digits}")
}
