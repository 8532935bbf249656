//! How the program stops.

use std::time::Duration;

use serde_json::json;
use testbed::Store;

use crate::client::Connection;
use crate::program::{Ground, Test};

/// Within which a service manager must see the program end.
const FIVE_SECONDS: Duration = Duration::from_secs(5);

/// On every store.
pub(crate) const TESTS: &[Test] = tests![
    a_signal_closes_idle_connections_cuts_streams_and_ends_the_program_well,
    a_request_under_way_is_answered_before_the_program_ends,
    a_client_that_does_not_read_its_stream_does_not_keep_the_program,
];

/// On one store, for they concern none.
pub(crate) const OF_NO_STORE: &[Test] =
    tests![a_request_that_takes_too_long_does_not_keep_the_program,];

fn a_signal_closes_idle_connections_cuts_streams_and_ends_the_program_well(ground: &Ground) {
    for signal in ["-TERM", "-INT"] {
        let program = ground.start(&[]);
        let mut silent = Connection::open(program.address);
        let mut idle = Connection::open(program.address);
        idle.send("GET", "/untouched", &[], "");
        idle.response("GET").expect("an answer");
        let mut visitor = program.visitor();
        let target = "/stream?chunks=9&interval_ms=60000&attribute=k";
        let mut stream = visitor.open("GET", target, "");
        visitor.keep(&stream.head().expect("a head"));
        assert_eq!(stream.chunk().flatten().expect("a line"), b"1\n");
        let place = program.place.clone();
        let (status, took, _) = program.stop(signal);
        assert_eq!(status.code(), Some(0), "{signal}");
        assert!(took < FIVE_SECONDS, "{signal}: {took:?}");
        assert!(stream.chunk().is_none(), "not the end");
        assert!(idle.head().is_none() && silent.head().is_none());
        if ground.store != Store::Memory {
            let program = ground.start_at(place, &[]);
            assert_eq!(visitor.at(&program).attribute("k"), json!(1), "{signal}");
        }
    }
}

fn a_request_under_way_is_answered_before_the_program_ends(ground: &Ground) {
    let program = ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/other", "1");
    // More than there are workers, each of which ends with the connections that it made.
    let mut under_way: Vec<_> = (0..8)
        .map(|key| visitor.open("PUT", &format!("/attributes/a{key}?delay_ms=1000"), "1"))
        .collect();
    // Until the program has begun with them; there is no gate to wait at in another process.
    std::thread::sleep(Duration::from_millis(300));
    let place = program.place.clone();
    let (status, took, _) = program.stop("-TERM");
    assert_eq!(status.code(), Some(0));
    assert!(took < FIVE_SECONDS, "{took:?}");
    for connection in &mut under_way {
        assert_eq!(connection.response("PUT").expect("an answer").status, 204);
    }
    if ground.store != Store::Memory {
        let program = ground.start_at(place, &[]);
        let session = visitor.at(&program).session();
        assert_eq!(
            session["attributes"].as_object().unwrap().len(),
            9,
            "{session}"
        );
    }
}

fn a_request_that_takes_too_long_does_not_keep_the_program(ground: &Ground) {
    let program = ground.start(&[]);
    let visitor = program.visitor();
    let mut connection = visitor.open("PUT", "/attributes/a?delay_ms=600000", "1");
    std::thread::sleep(Duration::from_millis(300));
    let (status, took, _) = program.stop("-TERM");
    assert_eq!(status.code(), Some(0));
    assert!(took < FIVE_SECONDS, "{took:?}");
    assert!(connection.head().is_none());
}

fn a_client_that_does_not_read_its_stream_does_not_keep_the_program(ground: &Ground) {
    let program = ground.start(&[]);
    let visitor = program.visitor();
    let target = "/stream?chunks=1000000000&interval_ms=0&attribute=k";
    let mut connection = visitor.open("GET", target, "");
    connection.head().expect("a head");
    std::thread::sleep(Duration::from_millis(300));
    let (status, took, _) = program.stop("-TERM");
    assert_eq!(status.code(), Some(0));
    assert!(took < FIVE_SECONDS, "{took:?}");
}
