//! The counters as a visitor and a service manager see them: all three do the same.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use session_core::testkit::note_tokens;

/// How long anything may take that a visitor would wait for.
const PATIENCE: Duration = Duration::from_secs(15);

/// A running counter. It ends with the test that started it.
struct Counter {
    child: Child,
    address: String,
}

impl Counter {
    fn start(program: &str) -> Self {
        let mut child = Command::new(program)
            .arg("127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on http://");
        let address = url.unwrap_or_else(|| panic!("{line:?}")).into();
        Self { child, address }
    }

    /// Visits with a cookie, if any, and answers the whole response.
    fn visit(&self, cookie: Option<&str>) -> String {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        let cookie = cookie.map_or_else(String::new, |it| format!("Cookie: {it}\r\n"));
        write!(
            connection,
            "GET / HTTP/1.1\r\nHost: {}\r\n{cookie}Connection: close\r\n\r\n",
            self.address
        )
        .unwrap();
        let mut response = String::new();
        connection.read_to_string(&mut response).unwrap();
        note_tokens(&response);
        response
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        // Fails when it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The pair of name and value that a response sets.
fn cookie_of(response: &str) -> Option<&str> {
    let lines = response.lines();
    let mut fields = lines.filter_map(|line| line.split_once(": "));
    let (_, value) = fields.find(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))?;
    value.split(';').next()
}

fn counts_the_visits_of_a_session_and_stops_when_asked(program: &str) {
    let mut counter = Counter::start(program);
    let first = counter.visit(None);
    assert!(first.starts_with("HTTP/1.1 200 OK\r\n"), "{first}");
    assert!(first.ends_with("This is visit number 1.\n"), "{first}");
    let cookie = cookie_of(&first).unwrap();
    assert!(cookie.starts_with("counter-sid="), "{cookie}");
    for number in 2..=3 {
        let response = counter.visit(Some(cookie));
        let says = format!("This is visit number {number}.\n");
        assert!(response.ends_with(&says), "{response}");
        assert_eq!(cookie_of(&response), None);
    }
    let stranger = counter.visit(None);
    assert!(stranger.ends_with("This is visit number 1.\n"));

    let kill = Command::new("kill")
        .args(["-s", "TERM", &counter.child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    assert!(counter.child.wait().unwrap().success());
}

#[test]
fn on_axum_it_counts_the_visits_of_a_session_and_stops_when_asked() {
    counts_the_visits_of_a_session_and_stops_when_asked(env!("CARGO_BIN_EXE_counter-axum"));
}

#[test]
fn on_actix_it_counts_the_visits_of_a_session_and_stops_when_asked() {
    counts_the_visits_of_a_session_and_stops_when_asked(env!("CARGO_BIN_EXE_counter-actix"));
}

#[test]
fn on_warp_it_counts_the_visits_of_a_session_and_stops_when_asked() {
    counts_the_visits_of_a_session_and_stops_when_asked(env!("CARGO_BIN_EXE_counter-warp"));
}
