//! WebSockets that the relay opens for a page's browsers.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::Connection;
use crate::program::{Ground, PATIENCE, Test};
use crate::relay::{OWN, Page, ask, assert_no_token, header};

/// On one store, for they concern none.
pub(crate) const OF_NO_STORE: &[Test] = tests![
    a_pane_talks_about_its_own_session_and_the_page_sees_no_token,
    a_socket_that_is_refused_is_told_as_any_other_answer,
    each_pane_has_sockets_of_its_own_and_a_session_that_moved_is_an_error,
    a_token_in_a_header_opens_a_socket_too,
    a_page_that_goes_away_closes_its_socket,
    only_the_page_that_opened_a_socket_can_say_something_to_it,
    a_signal_closes_the_sockets_of_the_page_and_ends_the_program_well,
];

fn a_pane_talks_about_its_own_session_and_the_page_sees_no_token(ground: &Ground) {
    let program = &ground.start(&[]);
    let page = Page::open(program);
    page.send("A", "PUT", "/attributes/a", Some("1"));
    let mut socket = Socket::open(&page, "A");
    assert_eq!(socket.head["status"], 101);
    assert_eq!(header(&socket.head["sent"], "cookie"), "sid=<token #1>");
    let origin = format!("http://{}", program.address);
    assert_eq!(header(&socket.head["sent"], "origin"), origin);
    assert_eq!(header(&socket.head["headers"], "upgrade"), "websocket");
    for (line, answer) in [
        ("get a", "1"),
        ("increment n", "1"),
        ("set b {\"c\": \"ä\"}", "{\"c\":\"ä\"}"),
        ("get nothing", "null"),
    ] {
        assert_eq!(socket.ask(line), answer);
    }
    assert!(socket.ask("dance").starts_with("error: "));
    let attributes = page.look("A")["session"]["attributes"].clone();
    assert_eq!(attributes, json!({"a": 1, "b": {"c": "ä"}, "n": 1}));
}

fn a_socket_that_is_refused_is_told_as_any_other_answer(ground: &Ground) {
    let program = &ground.start(&[]);
    let page = Page::open(program);
    let mut socket = Socket::open(&page, "A");
    assert_eq!(socket.head["status"], 409);
    assert_eq!(socket.head["socket"], Value::Null);
    let text = socket.frame();
    assert_eq!(text["frame"], "text");
    assert!(text["text"].as_str().unwrap().contains("error"), "{text}");
    assert_eq!(socket.frame(), json!({"frame": "end"}));
    assert_eq!(page.look("A")["session"]["exists"], false);
}

fn each_pane_has_sockets_of_its_own_and_a_session_that_moved_is_an_error(ground: &Ground) {
    let program = &ground.start(&[]);
    let page = Page::open(program);
    let mut sockets = ["A", "B"].map(|pane| {
        let value = format!("\"{pane}\"");
        page.send(pane, "PUT", "/attributes/who", Some(&value));
        Socket::open(&page, pane)
    });
    assert_eq!(sockets[0].ask("get who"), "\"A\"");
    assert_eq!(sockets[1].ask("get who"), "\"B\"");
    page.send("A", "POST", "/change-id", None);
    assert!(sockets[0].ask("get who").starts_with("error: "));
    assert_eq!(sockets[1].ask("get who"), "\"B\"");
}

fn a_token_in_a_header_opens_a_socket_too(ground: &Ground) {
    let program = &ground.start(&["--header", "X-Auth-Token"]);
    let page = Page::open(program);
    page.send("A", "PUT", "/attributes/a", Some("1"));
    let mut socket = Socket::open(&page, "A");
    let token = header(&socket.head["sent"], "x-auth-token");
    assert_eq!(token, "<token #1>");
    assert_eq!(socket.ask("get a"), "1");
}

fn a_page_that_goes_away_closes_its_socket(ground: &Ground) {
    let program = &ground.start(&[]);
    let page = Page::open(program);
    page.send("A", "PUT", "/attributes/a", Some("1"));
    let socket = Socket::open(&page, "A");
    let number = socket.head["socket"].clone();
    drop(socket);
    let begun = Instant::now();
    while page.say(&number, "get a") != 410 {
        assert!(begun.elapsed() < PATIENCE, "the socket stays open");
        thread::sleep(Duration::from_millis(20));
    }
}

fn only_the_page_that_opened_a_socket_can_say_something_to_it(ground: &Ground) {
    let program = &ground.start(&[]);
    let (page, other) = (Page::open(program), Page::open(program));
    page.send("A", "PUT", "/attributes/a", Some("1"));
    let mut socket = Socket::open(&page, "A");
    let number = socket.head["socket"].clone();
    assert_eq!(other.say(&number, "set a 2"), 410);
    assert_eq!(page.say(&json!(99), "set a 2"), 410);
    let question = json!({"page": page.name(), "socket": number, "line": "set a 2"});
    let foreign = [("sec-fetch-site", "cross-site"), OWN[1]];
    for what in ["say", "socket"] {
        let response = ask(program, what, &foreign, &question.to_string());
        assert_eq!(response.status, 403, "{what}");
    }
    assert_eq!(socket.ask("get a"), "1");
}

fn a_signal_closes_the_sockets_of_the_page_and_ends_the_program_well(ground: &Ground) {
    let program = ground.start(&[]);
    let page = Page::open(&program);
    page.send("A", "PUT", "/attributes/a", Some("1"));
    let mut socket = Socket::open(&page, "A");
    assert_eq!(socket.ask("get a"), "1");
    let stopping = thread::spawn(move || socket.frame());
    let (status, took, _) = program.stop("-TERM");
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
    let closed = json!({"frame": "closed", "code": 1001});
    assert_eq!(stopping.join().unwrap(), closed);
}

/// A socket as the page sees it.
struct Socket {
    connection: Connection,
    /// What was told in one chunk may be several frames.
    told: String,
    head: Value,
    program: SocketAddr,
    page: Value,
}

impl Socket {
    fn open(page: &Page<'_>, pane: &str) -> Self {
        let mut connection = page.start_asking("socket", json!({"pane": pane}));
        assert_eq!(connection.head().expect("an answer").status, 200);
        let mut socket = Self {
            connection,
            told: String::new(),
            head: Value::Null,
            program: page.program.address,
            page: page.name(),
        };
        socket.head = socket.frame();
        assert_eq!(socket.head["frame"], "head");
        socket
    }

    fn ask(&mut self, line: &str) -> String {
        let said = Page::say_as(self.program, &self.page, &self.head["socket"], line);
        assert_eq!(said, 204);
        assert_eq!(self.frame(), json!({"frame": "line", "text": line}));
        let answer = self.frame();
        assert_eq!(answer["frame"], "answer");
        answer["text"].as_str().expect("text").to_owned()
    }

    fn frame(&mut self) -> Value {
        loop {
            if let Some((line, rest)) = self.told.split_once('\n') {
                assert_no_token(line);
                let frame = serde_json::from_str(line).expect("JSON");
                self.told = rest.to_owned();
                return frame;
            }
            let chunk = self.connection.chunk().flatten().expect("a frame");
            self.told += &String::from_utf8(chunk).expect("text");
        }
    }
}
