//! The relay, with which one page is several browsers.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::client::{Connection, Response};
use crate::program::{Ground, Program, Test};

/// On one store, for they concern none.
pub(crate) const OF_NO_STORE: &[Test] = tests![
    each_pane_is_a_browser_of_its_own,
    an_exchange_is_told_in_frames_without_the_token,
    a_stolen_cookie_is_the_same_session_until_its_id_changes,
    a_look_is_no_access,
    a_stream_is_told_as_it_comes_and_an_abort_reaches_it,
    a_panic_is_told_as_a_cut,
    what_is_no_question_of_an_open_page_of_this_server_is_refused,
    a_token_in_a_header_is_kept_and_masked_like_a_cookie,
];

fn each_pane_is_a_browser_of_its_own(ground: &Ground) {
    let program = &ground.start(&[]);
    let page = Page::open(program);
    assert_eq!(
        page.facts["transport"],
        json!({"kind": "cookie", "name": "sid"})
    );
    assert_eq!(page.facts["store"], "memory");
    page.send("A", "PUT", "/attributes/a", Some("1"));
    page.send("B", "PUT", "/attributes/a", Some("2"));
    let [a, b] = ["A", "B"].map(|pane| page.look(pane));
    assert_eq!(a["session"]["attributes"], json!({"a": 1}));
    assert_eq!(b["session"]["attributes"], json!({"a": 2}));
    let line = a["jar"]["cookies"][0].as_str().unwrap();
    assert!(line.starts_with("sid=<token #1>; "), "{line}");
    assert!(
        b["jar"]["cookies"][0]
            .as_str()
            .unwrap()
            .contains("<token #2>")
    );
}

fn an_exchange_is_told_in_frames_without_the_token(ground: &Ground) {
    let program = &ground.start(&[]);
    let page = Page::open(program);
    let frames = page.send("A", "PUT", "/attributes/a", Some("[1]"));
    assert_eq!(frames.len(), 2, "{frames:?}");
    let head = &frames[0];
    assert_eq!(
        (&head["frame"], &head["status"]),
        (&json!("head"), &json!(204))
    );
    let cookie = header(&head["headers"], "set-cookie");
    assert!(cookie.starts_with("sid=<token #1>; "), "{cookie}");
    assert_eq!(frames[1], json!({"frame": "end"}));
    let frames = page.send("A", "GET", "/attributes/a", None);
    assert_eq!(header(&frames[0]["sent"], "cookie"), "sid=<token #1>");
    assert_eq!(frames[1], json!({"frame": "text", "text": "[1]"}));
    // No redirect is followed, and a deletion empties the jar.
    let frames = page.send("A", "GET", "/redirect?name=a&value=V", None);
    assert_eq!(frames[0]["status"], 303);
    let frames = page.send("A", "POST", "/logout", None);
    assert_eq!(frames[0]["jar"], json!({"cookies": [], "header": null}));
}

fn a_stolen_cookie_is_the_same_session_until_its_id_changes(ground: &Ground) {
    let program = &ground.start(&[]);
    let page = Page::open(program);
    page.send("A", "PUT", "/attributes/a", Some("1"));
    let stolen = page.ask("steal", json!({"from": "A", "to": "B"})).json();
    assert!(
        stolen["jar"]["cookies"][0]
            .as_str()
            .unwrap()
            .contains("<token #1>")
    );
    assert_eq!(page.look("B")["session"]["exists"], true);
    page.send("A", "POST", "/change-id", None);
    assert_eq!(page.look("A")["session"]["exists"], true);
    assert_eq!(page.look("B")["session"]["exists"], false);
    let forgotten = page.ask("forget", json!({"pane": "A"})).json();
    assert_eq!(forgotten["jar"]["cookies"], json!([]));
    assert_eq!(page.look("A")["session"]["exists"], false);
}

fn a_look_is_no_access(ground: &Ground) {
    let program = &ground.start(&[]);
    let page = Page::open(program);
    page.send("A", "PUT", "/attributes/a", Some("1"));
    let first = page.look("A");
    let second = page.look("A");
    assert_eq!(first["session"], second["session"]);
    assert!(first["session"]["expires_at"].as_u64() > first["now"].as_u64());
    assert!(first["session"]["size"].as_u64() > Some(0));
}

fn a_stream_is_told_as_it_comes_and_an_abort_reaches_it(ground: &Ground) {
    let program = &ground.start(&[]);
    let page = Page::open(program);
    let target = "/stream?chunks=100000&interval_ms=50&attribute=k";
    let mut connection = page.start("A", "GET", target, None);
    assert_eq!(connection.head().unwrap().status, 200);
    let mut told = String::new();
    while !told.contains("\"3\\n\"") {
        let chunk = connection.chunk().flatten().expect("a frame");
        told += &String::from_utf8(chunk).unwrap();
    }
    drop(connection);
    let begun = std::time::Instant::now();
    let mut last = Value::Null;
    loop {
        std::thread::sleep(std::time::Duration::from_millis(400));
        let now = page.look("A")["session"]["attributes"]["k"].clone();
        if now == last {
            break;
        }
        assert!(
            begun.elapsed() < crate::program::PATIENCE,
            "the stream goes on"
        );
        last = now;
    }
    assert!(last.as_u64() >= Some(3), "{last}");
}

fn a_panic_is_told_as_a_cut(ground: &Ground) {
    let program = &ground.start(&[]);
    let page = Page::open(program);
    let frames = page.send("A", "GET", "/panic?name=a&value=V", None);
    assert_eq!(frames.last().unwrap()["frame"], "cut", "{frames:?}");
}

fn what_is_no_question_of_an_open_page_of_this_server_is_refused(ground: &Ground) {
    let program = &ground.start(&[]);
    let page = Page::open(program);
    let look = json!({"page": page.facts["page"], "pane": "A"}).to_string();
    let own = ("sec-fetch-site", "same-origin");
    let json_type = ("content-type", "application/json");
    for (headers, body, status) in [
        (&[own, json_type][..], look.as_str(), 200),
        (&[("sec-fetch-site", "cross-site"), json_type], &look, 403),
        (&[("sec-fetch-site", "same-site"), json_type], &look, 403),
        (&[("origin", "http://localhost"), json_type], &look, 200),
        (&[("origin", "http://evil.example"), json_type], &look, 403),
        (&[json_type], &look, 403),
        (&[own, ("content-type", "text/plain")], &look, 415),
        (&[own], &look, 415),
        (&[own, json_type], "{}", 400),
        (&[own, json_type], "{\"page\":1,\"pane\":\"A\"}", 400),
        (
            &[own, json_type],
            "{\"page\":\"00000000000000000000000000000000\",\"pane\":\"A\"}",
            410,
        ),
    ] {
        let response = ask(program, "look", headers, body);
        assert_eq!(response.status, status, "{headers:?} {body}");
        assert!(status == 200 || response.is_error_form());
    }
    for (method, target) in [
        ("GET", "/page/app.js"),
        ("GET", "//evil.example/"),
        ("PATCH", "/session"),
    ] {
        let body = json!({
            "page": page.facts["page"], "pane": "A", "method": method, "path": target, "body": null,
        });
        let response = ask(program, "relay", &[own, json_type], &body.to_string());
        assert_eq!(response.status, 400, "{method} {target}");
    }
}

fn a_token_in_a_header_is_kept_and_masked_like_a_cookie(ground: &Ground) {
    let program = &ground.start(&["--header", "X-Auth-Token"]);
    let page = Page::open(program);
    assert_eq!(
        page.facts["transport"],
        json!({"kind": "header", "name": "X-Auth-Token"})
    );
    let frames = page.send("A", "PUT", "/attributes/a", Some("1"));
    assert_eq!(header(&frames[0]["headers"], "x-auth-token"), "<token #1>");
    let jar = json!({"cookies": [], "header": "X-Auth-Token: <token #1>"});
    assert_eq!(frames[0]["jar"], jar);
    assert_eq!(page.look("A")["session"]["attributes"], json!({"a": 1}));
    let frames = page.send("A", "POST", "/logout", None);
    assert_eq!(frames[0]["jar"], json!({"cookies": [], "header": null}));
}

/// A page that was opened.
pub(crate) struct Page<'p> {
    pub(crate) program: &'p Program,
    facts: Value,
}

impl<'p> Page<'p> {
    pub(crate) fn open(program: &'p Program) -> Self {
        let response = ask(program, "open", &OWN, "{}");
        assert_eq!(response.status, 201, "{}", response.body);
        assert_eq!(response.all("cache-control"), ["no-store"]);
        let facts = response.json();
        Self { program, facts }
    }

    pub(crate) fn look(&self, pane: &str) -> Value {
        self.ask("look", json!({"pane": pane})).json()
    }

    /// Sends a request as a pane and answers the frames.
    pub(crate) fn send(
        &self,
        pane: &str,
        method: &str,
        target: &str,
        body: Option<&str>,
    ) -> Vec<Value> {
        let response = self.start(pane, method, target, body).response("POST");
        let response = response.expect("an answer");
        assert_eq!(response.status, 200, "{}", response.body);
        assert_eq!(response.all("content-type"), ["application/x-ndjson"]);
        assert_no_token(&response.body);
        let lines = response.body.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn start(&self, pane: &str, method: &str, target: &str, body: Option<&str>) -> Connection {
        let question = json!({ "pane": pane, "method": method, "path": target, "body": body });
        self.start_asking("relay", question)
    }

    /// Asks for something whose answer comes in frames.
    pub(crate) fn start_asking(&self, what: &str, mut question: Value) -> Connection {
        question["page"] = self.facts["page"].clone();
        start(self.program.address, what, &OWN, &question.to_string())
    }

    /// The name that the relay knows the page by.
    pub(crate) fn name(&self) -> Value {
        self.facts["page"].clone()
    }

    /// Says a line to a socket, and answers the status.
    pub(crate) fn say(&self, socket: &Value, line: &str) -> u16 {
        Self::say_as(self.program.address, &self.name(), socket, line)
    }

    pub(crate) fn say_as(address: SocketAddr, page: &Value, socket: &Value, line: &str) -> u16 {
        let question = json!({"page": page, "socket": socket, "line": line});
        let mut connection = start(address, "say", &OWN, &question.to_string());
        connection.response("POST").expect("an answer").status
    }

    fn ask(&self, what: &str, mut question: Value) -> Response {
        question["page"] = self.facts["page"].clone();
        let response = ask(self.program, what, &OWN, &question.to_string());
        assert_eq!(response.status, 200, "{}", response.body);
        assert_no_token(&response.body);
        response
    }
}

/// What a browser says of a request by this server's own page.
pub(crate) const OWN: [(&str, &str); 2] = [
    ("sec-fetch-site", "same-origin"),
    ("content-type", "application/json"),
];

pub(crate) fn ask(program: &Program, what: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let response = start(program.address, what, headers, body).response("POST");
    let response = response.expect("an answer");
    assert!(
        response.all("set-cookie").is_empty(),
        "the page itself has no session"
    );
    response
}

fn start(address: SocketAddr, what: &str, headers: &[(&str, &str)], body: &str) -> Connection {
    let mut connection = Connection::open(address);
    connection.send("POST", &format!("/page/{what}"), headers, body);
    connection
}

pub(crate) fn header<'v>(lines: &'v Value, name: &str) -> &'v str {
    let mut lines = lines.as_array().unwrap().iter();
    let line = lines
        .find(|line| line[0] == name)
        .unwrap_or_else(|| panic!("{name}"));
    line[1].as_str().unwrap()
}

/// Tokens are longer than anything else that looks like one.
pub(crate) fn assert_no_token(text: &str) {
    let run = |text: &str| text.len() >= 40;
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c));
    assert!(!words.any(run), "{text}");
}
