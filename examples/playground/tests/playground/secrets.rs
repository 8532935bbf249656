//! What is never printed.

use crate::client::Connection;
use crate::program::{FRAMEWORKS, Program, SECRET};
use crate::visitor::Visitor;

#[test]
fn no_token_and_no_key_is_in_the_log_at_any_level() {
    for framework in FRAMEWORKS {
        for header in [None, Some("x-auth-token")] {
            let arguments: &[&str] = match header {
                Some(name) => &["--insecure", "--header", name],
                None => &["--insecure"],
            };
            let program = Program::start_verbose(framework, arguments);
            let mut visitor = program.visitor();
            if let Some(name) = header {
                visitor = visitor.by_header(name);
            }
            let tokens = play(&program, visitor);
            assert!(tokens.len() >= 4, "{tokens:?}");
            let (_, _, log) = program.stop("-TERM");
            assert!(log.contains("TRACE"), "{framework} logs everything");
            for secret in tokens.iter().map(String::as_str).chain([SECRET]) {
                // Parts count too: a log might break a line, or a value, anywhere.
                for part in [&secret[..16], &secret[secret.len() - 16..]] {
                    assert!(!log.contains(part), "{framework} logs a secret");
                }
            }
        }
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
