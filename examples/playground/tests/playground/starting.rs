//! The command line, as an operator meets it.

use std::process::Output;

use serde_json::json;

use crate::program::{FRAMEWORKS, Program, SECRET, command, on_each};

#[test]
fn what_cannot_work_is_refused_with_a_message_and_a_status() {
    let two = format!("{SECRET},hunter2");
    let none = format!("{SECRET},");
    for arguments in [
        &["--secret", "hunter2"][..],
        &["--secret", ""],
        &["--secret", "changeme-changeme-changeme-changeme-hunter2"],
        &["--secret", "hunter2hunter2hunter2hunter2hunter2hunter2"],
        &["--secret", &two],
        &["--secret", &none],
        &["--secret", SECRET, "hunter2"],
        &["--store", "mongodb://ada:hunter2@localhost/db"],
        &["--store", "redis://:hunter2@local host"],
        &["--store", "postgres://ada:hunter2@[localhost/db"],
        &["--store", "sqlite:/dev/null/hunter2.db"],
        &["--store", "nonsense-hunter2"],
        &["--header", "Cookie"],
        &["--header", "not a name"],
        &["--absolute", "0"],
        &["--max-session-bytes", "0"],
        &["--idle", "soon"],
        &["--listen", "nowhere"],
        &["--nonsense"],
    ] {
        for framework in FRAMEWORKS {
            let Output {
                status,
                stdout,
                stderr,
            } = command(framework, arguments)
                .output()
                .expect("the program runs");
            assert!(status.code().is_some_and(|code| code != 0), "{arguments:?}");
            assert!(stdout.is_empty(), "{arguments:?}");
            let message = String::from_utf8(stderr).expect("the message is text");
            assert!(message.contains("error:"), "{arguments:?}: {message}");
            assert!(!message.contains("hunter2"), "{arguments:?}: {message}");
            assert!(!message.contains("panicked"), "{arguments:?}: {message}");
        }
    }
}

#[test]
fn without_a_secret_one_is_generated_with_a_warning() {
    let program = Program::start_generated("axum");
    assert_eq!(program.visitor().get("/untouched").status, 200);
    let (_, _, log) = program.stop("-TERM");
    assert!(log.contains("warning"), "{log}");
}

#[test]
fn the_cookie_is_secure_unless_insecure_was_asked_for() {
    for framework in FRAMEWORKS {
        let program = Program::start(framework, &[]);
        let response = program.visitor().put("/attributes/a", "1");
        let [line] = response.all("set-cookie")[..] else {
            panic!("one cookie");
        };
        assert!(line.starts_with("__Host-sid="), "{line}");
        for attribute in ["Secure", "HttpOnly", "Path=/", "SameSite=Lax"] {
            assert!(line.split("; ").any(|part| part == attribute), "{line}");
        }
    }
    on_each(&[], |program| {
        let response = program.visitor().put("/attributes/a", "1");
        let line = response.all("set-cookie")[0];
        assert!(
            line.starts_with("sid=") && !line.contains("Secure"),
            "{line}"
        );
        assert!(!line.contains("Max-Age"), "{line}");
    });
}

#[test]
fn the_cookie_outlives_the_browser_when_asked_to_but_not_the_session() {
    on_each(&["--max-age", "1000", "--absolute", "500"], |program| {
        let response = program.visitor().put("/attributes/a", "1");
        let line = response.all("set-cookie")[0];
        let age = line
            .split("; ")
            .find_map(|part| part.strip_prefix("Max-Age="));
        let age: u64 = age.expect("a Max-Age").parse().expect("seconds");
        assert!((490..=500).contains(&age), "{line}");
    });
}

#[test]
fn a_token_in_a_header_needs_no_cookie_and_an_ended_session_is_an_empty_value() {
    on_each(&["--header", "X-Auth-Token"], |program| {
        let mut visitor = program.visitor().by_header("x-auth-token");
        let first = visitor.put("/attributes/a", "1");
        assert!(first.all("set-cookie").is_empty());
        assert_eq!(first.all("x-auth-token").len(), 1);
        assert_eq!(visitor.attribute("a"), json!(1));
        let read = visitor.get("/session");
        assert!(read.all("x-auth-token").is_empty());
        assert_eq!(
            read.all("vary").join(",").to_ascii_lowercase(),
            "x-auth-token"
        );
        let ended = visitor.post("/logout", "");
        assert_eq!(ended.all("x-auth-token"), [""]);
        assert!(ended.all("set-cookie").is_empty());
    });
}
