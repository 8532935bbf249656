//! Logging in and out.

use serde_json::{Value, json};

use crate::program::{Ground, Test};
use crate::visitor::session_cookie;

/// On every store.
pub(crate) const TESTS: &[Test] = tests![
    a_login_binds_the_principal_and_changes_the_id,
    a_login_needs_no_session_and_takes_a_label_and_a_wish_to_be_remembered,
    a_login_is_remembered_for_two_weeks_where_that_is_asked_for,
    a_login_over_another_principal_starts_empty,
    whoever_logs_out_has_no_session_and_may_do_so_again,
];

/// On one store, for they concern none.
pub(crate) const OF_NO_STORE: &[Test] = tests![what_is_no_login_is_400_and_logs_nobody_in,];

fn a_login_binds_the_principal_and_changes_the_id(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/cart", "[1]");
    let mut thief = visitor.clone();
    let response = visitor.post("/login?delay_ms=1", "{\"principal\":\"ada\"}");
    assert_eq!(response.status, 204);
    assert_ne!(visitor.token, thief.token);
    let session = visitor.session();
    assert_eq!(session["principal"], json!("ada"));
    assert_eq!(session["attributes"], json!({"cart": [1]}));
    assert_eq!(thief.session()["exists"], json!(false));
}

fn a_login_needs_no_session_and_takes_a_label_and_a_wish_to_be_remembered(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    let body = json!({"principal": "ada", "label": "laptop", "remember": true});
    assert_eq!(visitor.post("/login", &body.to_string()).status, 204);
    assert_eq!(visitor.session()["principal"], json!("ada"));
}

fn a_login_is_remembered_for_two_weeks_where_that_is_asked_for(ground: &Ground) {
    const TWO_WEEKS: u64 = 14 * 24 * 60 * 60;
    let program = &ground.start(&["--idle", "90"]);
    for (remember, max_age, idle) in [
        (json!(true), Some(format!("Max-Age={TWO_WEEKS}")), TWO_WEEKS),
        (json!(false), None, 90),
        (Value::Null, None, 90),
    ] {
        let mut visitor = program.visitor();
        let body = json!({"principal": "ada", "remember": remember});
        let response = visitor.post("/login", &body.to_string());
        let cookie = response.all("set-cookie")[0].to_owned();
        let mut attributes = cookie.split("; ");
        let found = attributes.find(|attribute| attribute.starts_with("Max-Age="));
        assert_eq!(found, max_age.as_deref(), "{cookie}");
        assert_eq!(visitor.session()["max_inactive_interval"], json!(idle));
    }
}

fn a_login_over_another_principal_starts_empty(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.post("/login", "{\"principal\":\"ada\"}");
    visitor.put("/attributes/a", "1");
    visitor.post("/login", "{\"principal\":\"ada\"}");
    assert_eq!(visitor.attribute("a"), json!(1));
    visitor.post("/login", "{\"principal\":\"bob\"}");
    let session = visitor.session();
    assert_eq!(session["principal"], json!("bob"));
    assert_eq!(session["attributes"], json!({}));
}

fn whoever_logs_out_has_no_session_and_may_do_so_again(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    assert_eq!(visitor.post("/logout", "").status, 204);
    visitor.put("/attributes/a", "1");
    assert_eq!(visitor.post("/logout", "").status, 204);
    visitor.post("/login", "{\"principal\":\"ada\"}");
    let mut thief = visitor.clone();
    let response = visitor.post("/logout", "");
    assert_eq!(response.status, 204);
    assert_eq!(session_cookie(&response), Some(""));
    assert_eq!(thief.session()["principal"], Value::Null);
    assert_eq!(thief.session()["exists"], json!(false));
}

fn what_is_no_login_is_400_and_logs_nobody_in(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    let endless = json!({"principal": "p".repeat(256)}).to_string();
    let long_label = json!({"principal": "ada", "label": "l".repeat(256)}).to_string();
    for body in [
        "",
        "{}",
        "\"ada\"",
        "[\"ada\"]",
        "{\"principal\":1}",
        "{\"principal\":null}",
        "{\"principal\":\"\"}",
        "{\"principal\":\"ada\",\"label\":1}",
        "{\"principal\":\"ada\",\"label\":\"\"}",
        &long_label,
        "{\"principal\":\"ada\",\"remember\":\"yes\"}",
        &endless,
    ] {
        let response = visitor.post("/login", body);
        assert_eq!(response.status, 400, "{body}");
        assert!(response.is_error_form());
        assert!(response.all("set-cookie").is_empty());
    }
    assert_eq!(visitor.session()["exists"], json!(false));
}
