//! The session over a WebSocket (RFC 6455).

use std::time::Duration;

use serde_json::json;

use crate::client::{Connection, Response};
use crate::program::{Ground, Program, Test};
use crate::visitor::Visitor;

/// On every store.
pub(crate) const TESTS: &[Test] = tests![
    each_command_is_answered_by_the_value_and_stored_by_then,
    what_is_no_command_or_cannot_be_done_is_an_error_and_changes_nothing,
    increments_of_several_sockets_and_requests_are_all_counted,
    a_session_that_ended_or_got_another_id_is_an_error_and_stays_so,
    a_session_that_expired_is_an_error_and_each_message_before_keeps_it,
    a_signal_closes_the_sockets_and_ends_the_program_well,
];

/// On one store, for they concern none.
pub(crate) const OF_NO_STORE: &[Test] = tests![
    a_handshake_without_a_session_is_409_and_starts_none,
    a_page_of_another_origin_is_403_and_one_of_this_origin_is_let_in,
    what_is_no_handshake_is_400_and_told_the_version,
    a_ping_is_answered_and_a_close_is_too,
];

fn each_command_is_answered_by_the_value_and_stored_by_then(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = visitor_of(program);
    let mut socket = Socket::open(&visitor);
    for (line, answer) in [
        ("get b", "null"),
        ("set b {\"c\": [1, null, \"ä\"]}", "{\"c\":[1,null,\"ä\"]}"),
        ("get b", "{\"c\":[1,null,\"ä\"]}"),
        ("increment n", "1"),
        ("increment n", "2"),
        ("set b null", "null"),
        ("get b", "null"),
    ] {
        assert_eq!(socket.ask(line), answer, "{line}");
    }
    assert_eq!(visitor.attribute("n"), json!(2));
    visitor.put("/attributes/n", "7");
    assert_eq!(socket.ask("increment n"), "8");
    assert_eq!(visitor.session()["attributes"], json!({"a": 1, "n": 8}));
}

fn what_is_no_command_or_cannot_be_done_is_an_error_and_changes_nothing(ground: &Ground) {
    let program = &ground.start(&["--max-session-bytes", "2000"]);
    let mut visitor = visitor_of(program);
    visitor.put("/attributes/text", "\"t\"");
    let before = visitor.session()["attributes"].clone();
    let mut socket = Socket::open(&visitor);
    let (long_name, large) = ("n".repeat(256), "x".repeat(3000));
    for line in [
        "",
        "delete a",
        "set a",
        "set a {",
        "get a b",
        "get ",
        "increment text",
        &format!("get {long_name}"),
        &format!("set {long_name} 1"),
        &format!("set a \"{large}\""),
    ] {
        let answer = socket.ask(line);
        assert!(answer.starts_with("error: "), "{line}: {answer}");
    }
    socket.send(BINARY, b"get a");
    assert!(socket.text().starts_with("error: "));
    assert_eq!(visitor.session()["attributes"], before);
    assert_eq!(socket.ask("get a"), "1");
}

fn increments_of_several_sockets_and_requests_are_all_counted(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = visitor_of(program);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut socket = Socket::open(&visitor);
                for _ in 0..25 {
                    socket.ask("increment n");
                }
            });
        }
        scope.spawn(|| {
            let mut visitor = visitor.clone();
            for _ in 0..25 {
                visitor.post("/attributes/n/increment", "");
            }
        });
    });
    assert_eq!(visitor.attribute("n"), json!(125));
}

fn a_session_that_ended_or_got_another_id_is_an_error_and_stays_so(ground: &Ground) {
    let program = &ground.start(&[]);
    for (target, body) in [
        ("/invalidate", ""),
        ("/logout", ""),
        ("/change-id", ""),
        ("/login", "{\"principal\":\"ada\"}"),
    ] {
        let mut visitor = visitor_of(program);
        let mut socket = Socket::open(&visitor);
        assert_eq!(socket.ask("get a"), "1");
        assert_eq!(visitor.post(target, body).status, 204);
        for line in ["get a", "set a 2", "increment a"] {
            let answer = socket.ask(line);
            assert!(answer.starts_with("error: "), "{target}, {line}: {answer}");
        }
        assert_ne!(visitor.attribute("a"), json!(2), "{target}");
    }
}

fn a_session_that_expired_is_an_error_and_each_message_before_keeps_it(ground: &Ground) {
    let program = &ground.start(&["--idle", "1"]);
    let visitor = visitor_of(program);
    let mut socket = Socket::open(&visitor);
    // The program keeps its own time; there is no clock to step in another process.
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(400));
        assert_eq!(socket.ask("get a"), "1");
    }
    std::thread::sleep(Duration::from_millis(1500));
    assert!(socket.ask("get a").starts_with("error: "));
}

fn a_handshake_without_a_session_is_409_and_starts_none(ground: &Ground) {
    let program = &ground.start(&[]);
    let response = handshake(&program.visitor(), &[]).1;
    assert_refused(&response, 409);
}

fn a_page_of_another_origin_is_403_and_one_of_this_origin_is_let_in(ground: &Ground) {
    let program = &ground.start(&[]);
    let visitor = visitor_of(program);
    for foreign in [
        "http://example.org",
        "http://localhost:1",
        "null",
        "localhost",
    ] {
        let response = handshake(&visitor, &[("origin", foreign)]).1;
        assert_refused(&response, 403);
    }
    for own in ["http://localhost", "https://localhost"] {
        assert_eq!(handshake(&visitor, &[("origin", own)]).1.status, 101);
    }
}

fn what_is_no_handshake_is_400_and_told_the_version(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = visitor_of(program);
    let response = visitor.get("/ws");
    assert_refused(&response, 400);
    assert_eq!(response.all("sec-websocket-version"), ["13"]);
    for left_out in 0..HANDSHAKE.len() {
        let mut headers = HANDSHAKE.to_vec();
        headers.remove(left_out);
        let mut connection = visitor.open_with("/ws", &headers);
        assert_refused(&connection.response("GET").expect("an answer"), 400);
    }
    assert_eq!(visitor.post("/ws", "").status, 405);
}

fn a_ping_is_answered_and_a_close_is_too(ground: &Ground) {
    let program = &ground.start(&[]);
    let visitor = visitor_of(program);
    let mut socket = Socket::open(&visitor);
    socket.send(PING, b"are you there");
    assert_eq!(socket.frame(), Some((PONG, b"are you there".to_vec())));
    socket.send(CLOSE, &1000_u16.to_be_bytes());
    let (opcode, payload) = socket.frame().expect("an answer");
    assert_eq!((opcode, &payload[..2]), (CLOSE, &[3, 232][..]));
    assert_eq!(socket.frame(), None);
}

fn a_signal_closes_the_sockets_and_ends_the_program_well(ground: &Ground) {
    let program = ground.start(&[]);
    let visitor = visitor_of(&program);
    let mut socket = Socket::open(&visitor);
    assert_eq!(socket.ask("set a 2"), "2");
    let (status, took, _) = program.stop("-TERM");
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(2), "{took:?}");
    // That the server goes away (RFC 6455, 7.4.1), and then nothing.
    assert_eq!(socket.frame(), Some((CLOSE, vec![3, 233])));
    assert_eq!(socket.frame(), None);
}

/// Somebody with a session in which `a` is 1.
fn visitor_of(program: &Program) -> Visitor {
    let mut visitor = program.visitor();
    assert_eq!(visitor.put("/attributes/a", "1").status, 204);
    visitor
}

fn assert_refused(response: &Response, status: u16) {
    assert_eq!(response.status, status, "{}", response.body);
    assert!(response.is_error_form(), "{}", response.body);
    assert!(response.all("set-cookie").is_empty());
}

/// What makes a request a handshake.
const HANDSHAKE: [(&str, &str); 4] = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    // The nonce of the example, and below its answer (RFC 6455, 1.3).
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Asks for a WebSocket, with these headers besides those of a handshake.
fn handshake(visitor: &Visitor, headers: &[(&str, &str)]) -> (Connection, Response) {
    let mut connection = visitor.open_with("/ws", &[&HANDSHAKE, headers].concat());
    let mut head = connection.head().expect("an answer");
    if head.status != 101 {
        let length = head.all("content-length")[0].parse().expect("a length");
        let body = connection.bytes(length).expect("a body");
        head.body = String::from_utf8(body).expect("text");
    }
    (connection, head)
}

/// Opcodes of frames (RFC 6455, 5.2).
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A message in one frame is its last one.
const FIN: u8 = 0x80;

/// The client's end of a WebSocket. Messages of up to 65535 bytes.
struct Socket(Connection);

impl Socket {
    fn open(visitor: &Visitor) -> Self {
        let (connection, head) = handshake(visitor, &[]);
        assert_eq!(head.status, 101, "{}", head.body);
        assert_eq!(head.all("sec-websocket-accept"), [ACCEPT]);
        Self(connection)
    }

    fn ask(&mut self, line: &str) -> String {
        self.send(TEXT, line.as_bytes());
        self.text()
    }

    fn text(&mut self) -> String {
        let (opcode, payload) = self.frame().expect("an answer");
        assert_eq!(opcode, TEXT);
        String::from_utf8(payload).expect("text is UTF-8")
    }

    fn send(&mut self, opcode: u8, payload: &[u8]) {
        // What a client sends is masked (RFC 6455, 5.3), here with always the same key.
        const MASK: [u8; 4] = *b"mask";
        let length = u16::try_from(payload.len()).expect("a short message");
        let mut frame = vec![FIN | opcode];
        match u8::try_from(length) {
            Ok(short @ ..126) => frame.push(0x80 | short),
            _ => {
                frame.push(0x80 | 126);
                frame.extend(length.to_be_bytes());
            }
        }
        frame.extend(MASK);
        let masked = payload.iter().zip(MASK.iter().cycle());
        frame.extend(masked.map(|(byte, mask)| byte ^ mask));
        self.0.send_raw(&frame);
    }

    /// The opcode and the payload of the next frame; `None` when the program has hung up.
    fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let head = self.0.bytes(2)?;
        assert_eq!(head[0] & 0xf0, FIN, "a message is one frame");
        let length = match head[1] {
            126 => {
                let length = self.0.bytes(2)?;
                u16::from_be_bytes([length[0], length[1]])
            }
            short => {
                assert!(
                    short < 126,
                    "what a server sends is not masked, and short here"
                );
                short.into()
            }
        };
        Some((head[0] & 0x0f, self.0.bytes(length.into())?))
    }
}
