//! The command line, as an operator meets it.

use std::process::Output;
use std::sync::Arc;

use serde_json::{Value, json};
use testbed::Store;

use crate::program::{Ground, Program, SECRET, Test, command};

/// On one store, for they concern none.
pub(crate) const OF_NO_STORE: &[Test] = tests![
    what_cannot_work_is_refused_with_a_message_and_a_status,
    without_a_secret_one_is_generated_with_a_warning,
    a_generated_secret_is_another_one_in_each_program,
    the_cookie_is_secure_unless_insecure_was_asked_for,
    the_cookie_outlives_the_browser_when_asked_to_but_not_the_session,
    a_token_in_a_header_needs_no_cookie_and_an_ended_session_is_an_empty_value,
];

fn what_cannot_work_is_refused_with_a_message_and_a_status(ground: &Ground) {
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
        &["--store-prefix", "hunter2"],
        &["--store", "sqlite:hunter2", "--store-prefix", "Hunter2"],
        &["--header", "Cookie"],
        &["--header", "not a name"],
        &["--absolute", "0"],
        &["--max-session-bytes", "0"],
        &["--idle", "soon"],
        &["--listen", "nowhere"],
        &["--nonsense"],
    ] {
        let Output {
            status,
            stdout,
            stderr,
        } = command(ground.framework, arguments)
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

fn without_a_secret_one_is_generated_with_a_warning(ground: &Ground) {
    let program = ground.start_generated();
    assert_eq!(program.visitor().get("/untouched").status, 200);
    let (_, _, log) = program.stop("-TERM");
    assert!(log.contains("warning"), "{log}");
}

/// With the sessions of the other program at hand, only its key is missing.
fn a_generated_secret_is_another_one_in_each_program(ground: &Ground) {
    let place = Arc::new(Store::Sqlite.place().expect("the store is there"));
    let start_pair = |start: &dyn Fn() -> Program| [start(), start()];
    let seen_by_the_other = |[one, other]: [Program; 2]| {
        let mut visitor = one.visitor();
        visitor.put("/attributes/a", "1");
        assert_eq!(visitor.attribute("a"), json!(1));
        visitor.at(&other).attribute("a")
    };
    let given = start_pair(&|| ground.start_at(place.clone(), &[]));
    assert_eq!(seen_by_the_other(given), json!(1), "one key, one site");
    let generated = start_pair(&|| ground.start_generated_at(place.clone()));
    assert_eq!(seen_by_the_other(generated), Value::Null);
}

fn the_cookie_is_secure_unless_insecure_was_asked_for(ground: &Ground) {
    let program = ground.start_secure();
    let response = program.visitor().put("/attributes/a", "1");
    let [line] = response.all("set-cookie")[..] else {
        panic!("one cookie");
    };
    assert!(line.starts_with("__Host-sid="), "{line}");
    for attribute in ["Secure", "HttpOnly", "Path=/", "SameSite=Lax"] {
        assert!(line.split("; ").any(|part| part == attribute), "{line}");
    }
    let program = &ground.start(&[]);
    let response = program.visitor().put("/attributes/a", "1");
    let line = response.all("set-cookie")[0];
    assert!(
        line.starts_with("sid=") && !line.contains("Secure"),
        "{line}"
    );
    assert!(!line.contains("Max-Age"), "{line}");
}

fn the_cookie_outlives_the_browser_when_asked_to_but_not_the_session(ground: &Ground) {
    let program = &ground.start(&["--max-age", "1000", "--absolute", "500"]);
    let response = program.visitor().put("/attributes/a", "1");
    let line = response.all("set-cookie")[0];
    let age = line
        .split("; ")
        .find_map(|part| part.strip_prefix("Max-Age="));
    let age: u64 = age.expect("a Max-Age").parse().expect("seconds");
    assert!((490..=500).contains(&age), "{line}");
}

fn a_token_in_a_header_needs_no_cookie_and_an_ended_session_is_an_empty_value(ground: &Ground) {
    let program = &ground.start(&["--header", "X-Auth-Token"]);
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
}
