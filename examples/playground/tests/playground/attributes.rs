//! `/attributes/{name}` and what is below it.

use serde_json::json;

use crate::program::{Ground, Test};
use crate::visitor::session_cookie;

/// On every store.
pub(crate) const TESTS: &[Test] = tests![
    an_attribute_is_kept_as_it_was_sent,
    the_cookie_comes_with_the_first_write_and_stays,
    a_segment_is_decoded_exactly_once,
    null_removes_an_attribute,
    what_is_deleted_is_absent_and_may_be_deleted_again,
    deleting_what_is_absent_starts_no_session,
    increments_answer_the_number_as_committed,
    what_is_no_integer_is_not_incremented_and_stays,
    items_are_appended_to_an_array_that_is_made_when_absent,
    nothing_is_appended_to_what_is_no_array,
];

fn an_attribute_is_kept_as_it_was_sent(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    let value = json!({"list": [1, -2, 2.5, "ü", true, null], "empty": {}});
    assert_eq!(visitor.put("/attributes/a", &value.to_string()).status, 204);
    let read = visitor.get("/attributes/a");
    assert_eq!((read.status, read.json()), (200, value));
    assert_eq!(read.all("content-type"), ["application/json"]);
}

fn the_cookie_comes_with_the_first_write_and_stays(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    assert!(session_cookie(&visitor.get("/attributes/a")).is_none());
    let first = visitor.put("/attributes/a", "1");
    assert_eq!(first.all("set-cookie").len(), 1);
    let second = visitor.put("/attributes/a", "2");
    assert!(second.all("set-cookie").is_empty());
    assert!(visitor.get("/attributes/a").all("set-cookie").is_empty());
}

fn a_segment_is_decoded_exactly_once(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    for (segment, name) in [
        ("a%2Fb", "a/b"),
        ("a%252Fb", "a%2Fb"),
        ("%C3%A4+%20", "ä+ "),
        ("..%2F..", "../.."),
        ("%0A", "\n"),
        ("x%3Fy%23z", "x?y#z"),
    ] {
        let target = format!("/attributes/{segment}");
        assert_eq!(visitor.put(&target, "1").status, 204, "{segment}");
        assert_eq!(visitor.get(&target).status, 200, "{segment}");
        assert_eq!(visitor.session()["attributes"][name], json!(1), "{segment}");
    }
    let longest = "n".repeat(255);
    assert_eq!(
        visitor.put(&format!("/attributes/{longest}"), "1").status,
        204
    );
    assert_eq!(visitor.attribute(&longest), json!(1));
}

fn null_removes_an_attribute(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/a", "1");
    assert_eq!(visitor.put("/attributes/a", "null").status, 204);
    assert_eq!(visitor.get("/attributes/a").status, 404);
}

fn what_is_deleted_is_absent_and_may_be_deleted_again(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/a", "1");
    for _ in 0..2 {
        assert_eq!(visitor.delete("/attributes/a").status, 204);
        let read = visitor.get("/attributes/a");
        assert_eq!(read.status, 404);
        assert!(read.is_error_form());
    }
}

fn deleting_what_is_absent_starts_no_session(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    let response = visitor.delete("/attributes/a");
    assert_eq!(response.status, 204);
    assert!(response.all("set-cookie").is_empty());
    assert_eq!(visitor.session()["exists"], json!(false));
}

fn increments_answer_the_number_as_committed(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    let targets = [
        "",
        "?mode=update",
        "?mode=getset",
        "?mode=getset&delay_ms=1",
    ];
    for (target, expected) in targets.iter().zip(1..) {
        let response = visitor.post(&format!("/attributes/n/increment{target}"), "");
        assert_eq!(response.status, 200, "{target}");
        assert_eq!(response.json(), json!({"value": expected}), "{target}");
    }
    assert_eq!(visitor.attribute("n"), json!(4));
    visitor.put("/attributes/n", "-1");
    let response = visitor.post("/attributes/n/increment", "");
    assert_eq!(response.json(), json!({"value": 0}));
}

fn what_is_no_integer_is_not_incremented_and_stays(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    for value in [
        "\"1\"",
        "1.5",
        "1.0",
        "true",
        "[1]",
        "{}",
        "9223372036854775807",
        "18446744073709551615",
        "1e300",
    ] {
        visitor.put("/attributes/n", value);
        let before = visitor.attribute("n");
        for mode in ["update", "getset"] {
            let target = format!("/attributes/n/increment?mode={mode}");
            let response = visitor.post(&target, "");
            assert_eq!(response.status, 400, "{value} {mode}");
            assert!(response.is_error_form());
            assert_eq!(visitor.attribute("n"), before);
        }
    }
}

fn items_are_appended_to_an_array_that_is_made_when_absent(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    for item in ["1", "[2]", "null", "{\"a\":\"b\"}"] {
        assert_eq!(
            visitor.post("/attributes/l/append?delay_ms=1", item).status,
            204
        );
    }
    assert_eq!(visitor.attribute("l"), json!([1, [2], null, {"a": "b"}]));
}

fn nothing_is_appended_to_what_is_no_array(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    for value in ["1", "\"text\"", "{\"a\":[]}", "false"] {
        visitor.put("/attributes/l", value);
        let before = visitor.attribute("l");
        let response = visitor.post("/attributes/l/append", "1");
        assert_eq!(response.status, 400, "{value}");
        assert!(response.is_error_form());
        assert_eq!(visitor.attribute("l"), before);
    }
}
