//! Responses of every kind, and the session that goes along with each.

use serde_json::json;

use crate::program::{Ground, Test};
use crate::visitor::session_cookie;

/// On every store.
pub(crate) const TESTS: &[Test] = tests![
    a_redirect_leads_to_what_it_set,
    a_failure_stores_what_was_set_and_sets_the_cookie,
    a_panic_stores_nothing_and_the_program_goes_on,
    the_applications_own_cookies_are_lines_beside_the_sessions,
];

/// On one store, for they concern none.
pub(crate) const OF_NO_STORE: &[Test] = tests![
    what_does_not_consult_the_session_says_nothing_of_it,
    the_page_and_its_files_are_served,
    head_is_get_without_a_body,
];

fn what_does_not_consult_the_session_says_nothing_of_it(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    for _ in 0..2 {
        let response = visitor.get("/untouched");
        assert_eq!(response.status, 200);
        assert!(response.all("set-cookie").is_empty());
        assert!(response.all("vary").is_empty());
        visitor.put("/attributes/a", "1");
    }
}

fn a_redirect_leads_to_what_it_set(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    let response = visitor.get("/redirect?name=a%2Fb+c&value=x%26y");
    assert_eq!(response.status, 303);
    assert!(session_cookie(&response).is_some());
    let [location] = response.all("location")[..] else {
        panic!("one target");
    };
    assert_eq!(location, "/attributes/a%2Fb%20c");
    assert_eq!(visitor.get(location).json(), json!("x&y"));
}

fn a_failure_stores_what_was_set_and_sets_the_cookie(ground: &Ground) {
    let program = &ground.start(&[]);
    for status in [200, 204, 304, 400, 404, 418, 500, 503, 599] {
        let mut visitor = program.visitor();
        let target = format!("/fail?status={status}&name=a&value=V");
        let response = visitor.get(&target);
        assert_eq!(response.status, status);
        assert!(status < 400 || response.is_error_form());
        assert!(session_cookie(&response).is_some(), "{status}");
        assert_eq!(visitor.attribute("a"), json!("V"), "{status}");
    }
}

fn a_panic_stores_nothing_and_the_program_goes_on(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/a", "1");
    for _ in 0..20 {
        let response = visitor.try_send("GET", "/panic?name=a&value=V", "");
        assert!(response.is_none_or(|response| response.status == 500));
    }
    assert_eq!(visitor.attribute("a"), json!(1));
    let mut other = program.visitor();
    let response = other.try_send("GET", "/panic?name=a&value=V", "");
    assert!(response.is_none_or(|response| response.all("set-cookie").is_empty()));
    assert_eq!(other.session()["exists"], json!(false));
}

fn the_applications_own_cookies_are_lines_beside_the_sessions(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    let response = visitor.get("/cookies");
    assert_eq!(response.status, 200);
    let lines = response.all("set-cookie");
    assert_eq!(lines.len(), 3);
    assert!(lines.contains(&"a=1") && lines.contains(&"b=2"));
    assert!(session_cookie(&response).is_some());
    assert_ne!(visitor.session()["attributes"], json!({}));
    assert_eq!(visitor.get("/cookies").all("set-cookie"), ["a=1", "b=2"]);
}

fn the_page_and_its_files_are_served(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    let page = visitor.get("/");
    assert_eq!(page.status, 200);
    assert_eq!(page.all("content-type"), ["text/html; charset=utf-8"]);
    assert!(page.all("set-cookie").is_empty());
    assert!(page.all("content-security-policy")[0].starts_with("default-src 'self'"));
    let files: Vec<_> = page
        .body
        .split('"')
        .filter(|text| text.starts_with("/page/"))
        .collect();
    assert!(!files.is_empty());
    for file in files {
        let response = visitor.get(file);
        assert_eq!(response.status, 200, "{file}");
        assert_eq!(response.all("x-content-type-options"), ["nosniff"]);
    }
    assert_eq!(visitor.get("/page/nothing.js").status, 404);
}

fn head_is_get_without_a_body(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    for target in [
        "/",
        "/admin",
        "/admin/figures",
        "/admin/sessions?principal=ada",
        "/attributes/a",
        "/attributes/%",
        "/cookies",
        "/fail?status=418&name=a&value=V",
        "/form",
        "/me/sessions",
        "/metrics",
        "/nothing",
        "/page/app.js",
        "/redirect?name=a&value=V",
        "/session",
        "/stats",
        "/stream?chunks=1&attribute=k",
        "/untouched",
        "/ws",
    ] {
        let get = program.visitor().get(target);
        let head = visitor.clone().send("HEAD", target, "");
        assert_eq!(head.status, get.status, "{target}");
        for name in ["content-type", "location", "vary"] {
            assert_eq!(head.all(name), get.all(name), "{target}: {name}");
        }
        assert_eq!(
            session_cookie(&head).is_some(),
            session_cookie(&get).is_some()
        );
    }
    visitor.put("/attributes/a", "1");
    assert_eq!(visitor.send("HEAD", "/attributes/a", "").status, 200);
}
