//! How the program stops.

use std::time::Duration;

use crate::client::Connection;
use crate::program::{FRAMEWORKS, Program};

/// Within which a service manager must see the program end.
const FIVE_SECONDS: Duration = Duration::from_secs(5);

#[test]
fn a_signal_closes_idle_connections_cuts_streams_and_ends_the_program_well() {
    for framework in FRAMEWORKS {
        for signal in ["-TERM", "-INT"] {
            let program = Program::start(framework, &["--insecure"]);
            let mut silent = Connection::open(program.address);
            let mut idle = Connection::open(program.address);
            idle.send("GET", "/untouched", &[], "");
            idle.response("GET").expect("an answer");
            let visitor = program.visitor();
            let target = "/stream?chunks=9&interval_ms=60000&attribute=k";
            let mut stream = visitor.open("GET", target, "");
            stream.head().expect("a head");
            assert_eq!(stream.chunk().flatten().expect("a line"), b"1\n");
            let (status, took, _) = program.stop(signal);
            assert_eq!(status.code(), Some(0), "{framework} {signal}");
            assert!(took < FIVE_SECONDS, "{framework} {signal}: {took:?}");
            assert!(stream.chunk().is_none(), "{framework}: not the end");
            assert!(idle.head().is_none() && silent.head().is_none());
        }
    }
}

#[test]
fn a_request_under_way_is_answered_before_the_program_ends() {
    for framework in FRAMEWORKS {
        let program = Program::start(framework, &["--insecure"]);
        let visitor = program.visitor();
        let mut connection = visitor.open("PUT", "/attributes/a?delay_ms=1000", "1");
        // Until the program has begun with it; there is no gate to wait at in another process.
        std::thread::sleep(Duration::from_millis(300));
        let (status, took, _) = program.stop("-TERM");
        assert_eq!(status.code(), Some(0), "{framework}");
        assert!(took < FIVE_SECONDS, "{framework}: {took:?}");
        assert_eq!(connection.response("PUT").expect("an answer").status, 204);
    }
}

#[test]
fn a_request_that_takes_too_long_does_not_keep_the_program() {
    for framework in FRAMEWORKS {
        let program = Program::start(framework, &["--insecure"]);
        let visitor = program.visitor();
        let mut connection = visitor.open("PUT", "/attributes/a?delay_ms=600000", "1");
        std::thread::sleep(Duration::from_millis(300));
        let (status, took, _) = program.stop("-TERM");
        assert_eq!(status.code(), Some(0), "{framework}");
        assert!(took < FIVE_SECONDS, "{framework}: {took:?}");
        assert!(connection.head().is_none(), "{framework}");
    }
}

#[test]
fn a_client_that_does_not_read_its_stream_does_not_keep_the_program() {
    for framework in FRAMEWORKS {
        let program = Program::start(framework, &["--insecure"]);
        let visitor = program.visitor();
        let target = "/stream?chunks=1000000000&interval_ms=0&attribute=k";
        let mut connection = visitor.open("GET", target, "");
        connection.head().expect("a head");
        std::thread::sleep(Duration::from_millis(300));
        let (status, took, _) = program.stop("-TERM");
        assert_eq!(status.code(), Some(0), "{framework}");
        assert!(took < FIVE_SECONDS, "{framework}: {took:?}");
    }
}
