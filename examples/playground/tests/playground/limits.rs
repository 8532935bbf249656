//! How much the program keeps.

use serde_json::json;

use crate::program::{Ground, Test};

/// On every store.
pub(crate) const TESTS: &[Test] = tests![
    what_would_make_a_session_too_large_is_413_and_changes_nothing,
    a_value_that_just_fits_is_kept,
];

/// On one store, for they concern none.
pub(crate) const OF_NO_STORE: &[Test] = tests![
    a_body_of_any_size_gets_its_413_before_the_connection_closes,
    a_store_that_is_full_of_people_who_logged_in_is_503,
    anonymous_visitors_make_room_in_a_full_store_and_the_one_who_came_last_stays,
];

fn what_would_make_a_session_too_large_is_413_and_changes_nothing(ground: &Ground) {
    let program = &ground.start(&["--max-session-bytes", "1000"]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/a", "1");
    let large = json!("x".repeat(1000)).to_string();
    let larger = json!("x".repeat(2 << 20)).to_string();
    for (method, target, body) in [
        ("PUT", "/attributes/a", &large),
        ("PUT", "/attributes/a", &larger),
        ("POST", "/attributes/l/append", &large),
        ("POST", "/login", &larger),
    ] {
        let response = visitor.send(method, target, body);
        assert_eq!(response.status, 413, "{method} {target}");
        assert!(response.is_error_form());
    }
    let target = format!("/redirect?name=a&value={}", "x".repeat(1000));
    assert_eq!(visitor.get(&target).status, 413);
    assert_eq!(visitor.session()["attributes"], json!({"a": 1}));
}

fn a_body_of_any_size_gets_its_413_before_the_connection_closes(ground: &Ground) {
    let program = &ground.start(&[]);
    let body = "1".repeat(8 << 20);
    let response = program.visitor().put("/attributes/a", &body);
    assert_eq!(response.status, 413);
    assert!(response.is_error_form());
}

fn a_value_that_just_fits_is_kept(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    let value = json!("x".repeat((1 << 20) - 100));
    assert_eq!(visitor.put("/attributes/a", &value.to_string()).status, 204);
    assert_eq!(visitor.attribute("a"), value);
}

fn a_store_that_is_full_of_people_who_logged_in_is_503(ground: &Ground) {
    let program = &ground.start(&["--max-sessions", "2"]);
    let mut visitors = [program.visitor(), program.visitor()];
    for visitor in &mut visitors {
        assert_eq!(
            visitor.post("/login", "{\"principal\":\"ada\"}").status,
            204
        );
    }
    for (method, target, body) in [
        ("PUT", "/attributes/a", "1"),
        ("POST", "/login", "{\"principal\":\"eve\"}"),
        ("GET", "/cookies", ""),
        // These do not save: here the adapter answers in the handler's place.
        ("GET", "/redirect?name=a&value=V", ""),
        ("GET", "/fail?status=204&name=a&value=V", ""),
        ("GET", "/fail?status=500&name=a&value=V", ""),
        ("GET", "/stream?chunks=2&interval_ms=0&attribute=k", ""),
    ] {
        let response = program.visitor().send(method, target, body);
        assert_eq!(response.status, 503, "{method} {target}");
        assert!(response.is_error_form(), "{target}: {}", response.body);
        assert!(response.all("set-cookie").is_empty(), "{target}");
        assert!(response.all("location").is_empty(), "{target}");
    }
    assert_eq!(visitors[0].session()["principal"], json!("ada"));
}

fn anonymous_visitors_make_room_in_a_full_store_and_the_one_who_came_last_stays(ground: &Ground) {
    let program = &ground.start(&["--max-sessions", "2"]);
    let mut member = program.visitor();
    member.post("/login", "{\"principal\":\"ada\"}");
    let mut guests = [program.visitor(), program.visitor()];
    for guest in &mut guests {
        assert_eq!(guest.put("/attributes/a", "1").status, 204);
    }
    assert_eq!(guests[0].session()["exists"], json!(false));
    assert_eq!(guests[1].attribute("a"), json!(1));
    assert_eq!(member.session()["principal"], json!("ada"));
}
