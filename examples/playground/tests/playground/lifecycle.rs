//! The session as a whole: what it tells of itself, its id, its end.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::program::{Ground, Test};
use crate::visitor::session_cookie;

/// On every store.
pub(crate) const TESTS: &[Test] = tests![
    looking_at_a_session_never_creates_one,
    a_session_tells_what_it_is,
    an_invalidated_session_is_gone_and_its_cookie_too,
    another_id_names_the_same_session_and_the_old_one_none,
    a_write_under_an_id_that_was_just_rotated_is_409_without_a_cookie,
    a_write_that_comes_too_late_for_its_session_is_409_without_a_cookie,
    the_idle_limit_is_set_in_seconds_and_never_is_null,
    without_a_session_there_is_nothing_to_end_to_rename_or_to_prolong,
    a_session_that_lay_idle_too_long_is_gone,
    a_session_ends_at_its_absolute_limit_whatever_its_activity,
    a_login_restarts_the_absolute_limit_and_another_id_does_not,
    two_live_ids_are_no_session_and_400,
];

fn looking_at_a_session_never_creates_one(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    let response = visitor.get("/session");
    assert!(response.all("set-cookie").is_empty());
    let nothing = json!({
        "exists": false, "is_new": null, "fingerprint": null, "creation_time": null,
        "last_accessed_time": null, "max_inactive_interval": null, "principal": null,
        "attributes": {},
    });
    assert_eq!(response.json(), nothing);
    visitor.token = Some("A".repeat(87));
    assert_eq!(visitor.session(), nothing);
}

fn a_session_tells_what_it_is(ground: &Ground) {
    let program = &ground.start(&["--idle", "90"]);
    let mut visitor = program.visitor();
    let before = now();
    visitor.put("/attributes/a", "[1]");
    let session = visitor.session();
    let after = now();
    assert_eq!(session["exists"], json!(true));
    assert_eq!(session["is_new"], json!(false));
    assert_eq!(session["principal"], Value::Null);
    assert_eq!(session["max_inactive_interval"], json!(90));
    assert_eq!(session["attributes"], json!({"a": [1]}));
    assert!(
        session["fingerprint"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
    for time in ["creation_time", "last_accessed_time"] {
        let time = session[time].as_u64().unwrap();
        assert!((before..=after).contains(&time), "{time}");
    }
    assert_eq!(session.as_object().unwrap().len(), 8);
}

fn an_invalidated_session_is_gone_and_its_cookie_too(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/a", "1");
    let mut thief = visitor.clone();
    let response = visitor.post("/invalidate?delay_ms=1", "");
    assert_eq!(response.status, 204);
    assert_eq!(session_cookie(&response), Some(""));
    assert!(response.all("set-cookie")[0].contains("Max-Age=0"));
    assert_eq!(thief.session()["exists"], json!(false));
}

fn another_id_names_the_same_session_and_the_old_one_none(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/a", "1");
    let before = visitor.session();
    let mut straggler = visitor.clone();
    let response = visitor.post("/change-id?delay_ms=1", "");
    assert_eq!(response.status, 204);
    assert_ne!(visitor.token, straggler.token);
    let after = visitor.session();
    assert_eq!(after["attributes"], before["attributes"]);
    assert_eq!(after["creation_time"], before["creation_time"]);
    assert_ne!(after["fingerprint"], before["fingerprint"]);
    assert_eq!(straggler.session()["exists"], json!(false));
}

fn a_write_under_an_id_that_was_just_rotated_is_409_without_a_cookie(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/a", "1");
    let mut straggler = visitor.clone();
    visitor.post("/change-id", "");
    for (method, target, body) in [
        ("PUT", "/attributes/a", "2"),
        ("DELETE", "/attributes/a", ""),
        ("POST", "/attributes/a/increment", ""),
        ("POST", "/attributes/l/append", "1"),
        ("POST", "/login", "{\"principal\":\"ada\"}"),
        ("POST", "/invalidate", ""),
        ("POST", "/change-id", ""),
        ("PUT", "/max-inactive-interval", "9"),
    ] {
        let response = straggler.send(method, target, body);
        assert_eq!(response.status, 409, "{method} {target}");
        assert!(response.is_error_form());
        assert!(response.all("set-cookie").is_empty(), "{method} {target}");
    }
    assert_eq!(visitor.attribute("a"), json!(1));
}

fn a_write_that_comes_too_late_for_its_session_is_409_without_a_cookie(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/a", "1");
    let mut late: Vec<_> = [
        ("PUT", "/attributes/a?delay_ms=1000", "2"),
        (
            "POST",
            "/attributes/a/increment?mode=update&delay_ms=1000",
            "",
        ),
        (
            "POST",
            "/attributes/a/increment?mode=getset&delay_ms=1000",
            "",
        ),
        ("POST", "/attributes/l/append?delay_ms=1000", "1"),
        ("POST", "/change-id?delay_ms=1000", ""),
        ("POST", "/login?delay_ms=1000", "{\"principal\":\"ada\"}"),
        ("POST", "/invalidate?delay_ms=1000", ""),
    ]
    .map(|(method, target, body)| (target, visitor.open(method, target, body)))
    .into();
    // The program is another process: there is no gate to wait at until it has loaded the
    // session for each of them.
    thread::sleep(Duration::from_millis(400));
    assert_eq!(visitor.post("/invalidate", "").status, 204);
    for (target, connection) in &mut late {
        let response = connection.response("POST").expect("an answer");
        assert_eq!(response.status, 409, "{target}: {}", response.body);
        assert!(response.is_error_form(), "{target}");
        assert!(response.all("set-cookie").is_empty(), "{target}");
    }
}

fn the_idle_limit_is_set_in_seconds_and_never_is_null(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/a", "1");
    assert_eq!(visitor.session()["max_inactive_interval"], json!(1800));
    for (body, expected) in [
        ("60", json!(60)),
        ("0", Value::Null),
        ("7200", json!(7200)),
        ("-5", Value::Null),
        ("1", json!(1)),
        ("null", Value::Null),
    ] {
        let response = visitor.put("/max-inactive-interval", body);
        assert_eq!(response.status, 204, "{body}");
        assert_eq!(
            visitor.session()["max_inactive_interval"],
            expected,
            "{body}"
        );
    }
}

fn without_a_session_there_is_nothing_to_end_to_rename_or_to_prolong(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    for (method, target, body) in [
        ("POST", "/invalidate", ""),
        ("POST", "/change-id", ""),
        ("PUT", "/max-inactive-interval", "60"),
    ] {
        let response = visitor.send(method, target, body);
        assert_eq!(response.status, 409, "{target}");
        assert!(response.is_error_form());
        assert!(response.all("set-cookie").is_empty());
    }
}

fn a_session_that_lay_idle_too_long_is_gone(ground: &Ground) {
    let program = &ground.start(&["--idle", "1"]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/a", "1");
    // The program's clock is the system's.
    thread::sleep(Duration::from_millis(1_100));
    assert_eq!(visitor.session()["exists"], json!(false));
}

fn a_session_ends_at_its_absolute_limit_whatever_its_activity(ground: &Ground) {
    let program = &ground.start(&["--absolute", "1"]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/a", "1");
    for _ in 0..4 {
        thread::sleep(Duration::from_millis(300));
        visitor.get("/session");
    }
    assert_eq!(visitor.session()["exists"], json!(false));
}

fn a_login_restarts_the_absolute_limit_and_another_id_does_not(ground: &Ground) {
    let program = &ground.start(&["--absolute", "2"]);
    let mut visitors = [program.visitor(), program.visitor()];
    for visitor in &mut visitors {
        visitor.put("/attributes/a", "1");
    }
    thread::sleep(Duration::from_millis(1_200));
    let [logs_in, changes_id] = &mut visitors;
    assert_eq!(
        logs_in.post("/login", "{\"principal\":\"ada\"}").status,
        204
    );
    assert_eq!(changes_id.post("/change-id", "").status, 204);
    thread::sleep(Duration::from_millis(1_000));
    assert_eq!(logs_in.attribute("a"), json!(1));
    assert_eq!(changes_id.session()["exists"], json!(false));
}

fn two_live_ids_are_no_session_and_400(ground: &Ground) {
    let program = &ground.start(&[]);
    let [mut one, mut other] = [program.visitor(), program.visitor()];
    one.put("/attributes/a", "1");
    other.put("/attributes/a", "2");
    let tossed = format!("{}; sid={}", one.token.unwrap(), other.token.unwrap());
    let mut visitor = program.visitor();
    visitor.token = Some(tossed);
    let response = visitor.put("/attributes/a", "3");
    assert_eq!(response.status, 400);
    assert!(response.is_error_form());
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}
