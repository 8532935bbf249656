//! Bodies that write to the session while they are sent.

use serde_json::json;

use crate::program::{Ground, PATIENCE, Test};
use crate::visitor::{Visitor, session_cookie};

/// On every store.
pub(crate) const TESTS: &[Test] = tests![
    whoever_sees_the_end_of_a_stream_reads_its_last_line,
    a_stream_starts_a_session_before_its_first_line,
    a_stream_that_its_client_aborts_keeps_what_was_written,
    a_long_stream_is_saved_while_it_goes_on,
    a_stream_whose_session_is_ended_is_cut_and_revives_nothing,
    a_stream_does_not_hold_up_other_requests_of_its_session,
];

/// On one store, for they concern none.
pub(crate) const OF_NO_STORE: &[Test] = tests![
    a_stream_without_lines_starts_no_session,
    lines_are_sent_one_by_one,
];

fn whoever_sees_the_end_of_a_stream_reads_its_last_line(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    for (lines, interval) in [(1, 0), (3, 5), (200, 0)] {
        let target = format!("/stream?chunks={lines}&interval_ms={interval}&attribute=k");
        let response = visitor.get(&target);
        let expected: String = (1..=lines).map(|line| format!("{line}\n")).collect();
        assert_eq!(response.body, expected);
        assert_eq!(response.all("content-type"), ["text/plain; charset=utf-8"]);
        assert_eq!(visitor.attribute("k"), json!(lines));
    }
}

fn a_stream_starts_a_session_before_its_first_line(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    let response = visitor.get("/stream?chunks=2&interval_ms=1&attribute=k");
    assert!(session_cookie(&response).is_some());
    assert_eq!(visitor.attribute("k"), json!(2));
}

fn a_stream_without_lines_starts_no_session(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    let response = visitor.get("/stream?chunks=0&interval_ms=1&attribute=k");
    assert_eq!((response.status, response.body.as_str()), (200, ""));
    assert!(response.all("set-cookie").is_empty());
    assert_eq!(visitor.session()["exists"], json!(false));
}

fn lines_are_sent_one_by_one(ground: &Ground) {
    let program = &ground.start(&[]);
    let visitor = program.visitor();
    let target = "/stream?chunks=2&interval_ms=3600000&attribute=k";
    let mut connection = visitor.open("GET", target, "");
    assert_eq!(connection.head().unwrap().status, 200);
    // The next one is an hour away.
    assert_eq!(connection.chunk().flatten().unwrap(), b"1\n");
}

fn a_stream_that_its_client_aborts_keeps_what_was_written(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/other", "1");
    let read = read_some(
        &visitor,
        "/stream?chunks=100000&interval_ms=20&attribute=k",
        4,
    );
    let kept = settled(&mut visitor);
    assert!(
        (read..read + 50).contains(&kept),
        "{read} lines read, {kept} kept"
    );
    assert_eq!(visitor.attribute("other"), json!(1));
}

fn a_long_stream_is_saved_while_it_goes_on(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/other", "1");
    let target = "/stream?chunks=1000&interval_ms=50&attribute=k";
    let mut connection = visitor.open("GET", target, "");
    connection.head().unwrap();
    for _ in 1..=30 {
        connection.chunk().flatten().unwrap();
    }
    // Of about one and a half seconds, the first second is stored.
    let stored = visitor.attribute("k").as_u64().unwrap();
    assert!(stored > 1, "{stored}");
}

fn a_stream_whose_session_is_ended_is_cut_and_revives_nothing(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/a", "1");
    let target = "/stream?chunks=100000&interval_ms=20&attribute=k";
    let mut connection = visitor.open("GET", target, "");
    connection.head().unwrap();
    connection.chunk().flatten().unwrap();
    let mut thief = visitor.clone();
    visitor.post("/invalidate", "");
    while connection.chunk().is_some_and(|chunk| chunk.is_some()) {}
    assert_eq!(thief.session()["exists"], json!(false));
}

/// Reads so many lines of a stream, and hangs up.
fn read_some(visitor: &Visitor, target: &str, lines: u64) -> u64 {
    let mut connection = visitor.open("GET", target, "");
    assert_eq!(connection.head().unwrap().status, 200);
    for _ in 0..lines {
        connection.chunk().flatten().expect("a line");
    }
    lines
}

/// The count once it has stopped: the program learns that a client is gone at its next line.
fn settled(visitor: &mut Visitor) -> u64 {
    let begun = std::time::Instant::now();
    let mut last = 0;
    loop {
        std::thread::sleep(std::time::Duration::from_millis(300));
        let now = visitor.attribute("k").as_u64().unwrap();
        if now == last && now > 1 {
            return now;
        }
        assert!(begun.elapsed() < PATIENCE, "the stream goes on");
        last = now;
    }
}

fn a_stream_does_not_hold_up_other_requests_of_its_session(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/a", "1");
    let target = "/stream?chunks=2&interval_ms=3600000&attribute=k";
    let mut connection = visitor.open("GET", target, "");
    connection.head().unwrap();
    assert_eq!(visitor.put("/attributes/a", "2").status, 204);
    assert_eq!(visitor.session()["attributes"], json!({"a": 2, "k": 1}));
}
