//! The form, and what keeps foreign pages from sending it.

use serde_json::json;

use crate::program::{Ground, Test};
use crate::visitor::{Visitor, session_cookie};

/// On every store.
pub(crate) const TESTS: &[Test] = tests![
    a_form_starts_a_session_and_sets_its_attribute,
    every_rendering_has_another_token_and_all_are_good_until_the_next_login,
];

/// On one store, for they concern none.
pub(crate) const OF_NO_STORE: &[Test] = tests![
    a_form_that_is_not_the_visitors_own_is_403_and_sets_nothing,
    a_form_that_cannot_be_read_is_400_and_one_without_a_value_sets_none,
];

fn a_form_starts_a_session_and_sets_its_attribute(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    let response = visitor.get("/form");
    assert_eq!(response.status, 200);
    assert_eq!(response.all("content-type"), ["text/html; charset=utf-8"]);
    assert!(session_cookie(&response).is_some());
    let body = format!("csrf={}&value=%3Cb%3E+%22%26", token(&response.body));
    let response = visitor.post("/form", &body);
    assert_eq!(response.status, 303);
    assert_eq!(response.all("location"), ["/form"]);
    assert_eq!(visitor.attribute("form"), json!("<b> \"&"));
    let page = visitor.get("/form").body;
    assert!(page.contains("value=\"&lt;b&gt; &quot;&amp;\""), "{page}");
}

fn every_rendering_has_another_token_and_all_are_good_until_the_next_login(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    let tokens = [(); 2].map(|()| form_token(&mut visitor));
    assert_ne!(tokens[0], tokens[1]);
    visitor.post("/change-id", "");
    for token in &tokens {
        let response = visitor.post("/form", &format!("csrf={token}&value=a"));
        assert_eq!(response.status, 303);
    }
    visitor.post("/login", "{\"principal\":\"ada\"}");
    let stale = visitor.post("/form", &format!("csrf={}&value=b", tokens[0]));
    assert_eq!(stale.status, 403);
    assert_eq!(visitor.attribute("form"), json!("a"));
}

fn a_form_that_is_not_the_visitors_own_is_403_and_sets_nothing(ground: &Ground) {
    let program = &ground.start(&[]);
    let (mut visitor, mut attacker) = (program.visitor(), program.visitor());
    visitor.put("/attributes/form", "1");
    let foreign = form_token(&mut attacker);
    for body in [
        "",
        "value=2",
        "csrf=&value=2",
        "csrf=guess&value=2",
        &format!("csrf={foreign}&value=2"),
    ] {
        for visitor in [&mut visitor, &mut program.visitor()] {
            let response = visitor.post("/form", body);
            assert_eq!(response.status, 403, "{body}");
            assert!(response.is_error_form());
            assert!(response.all("set-cookie").is_empty());
        }
    }
    assert_eq!(visitor.attribute("form"), json!(1));
}

fn a_form_that_cannot_be_read_is_400_and_one_without_a_value_sets_none(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    let token = form_token(&mut visitor);
    for body in [
        "csrf=%".to_owned(),
        format!("csrf={token}&csrf={token}&value=1"),
        format!("csrf={token}&value=1&value=2"),
        format!("csrf={token}&value=%FF"),
    ] {
        let response = visitor.post("/form", &body);
        assert_eq!(response.status, 400, "{body}");
        assert!(response.is_error_form());
    }
    assert_eq!(visitor.post("/form", &format!("csrf={token}")).status, 303);
    assert_eq!(visitor.attribute("form"), json!(""));
}

fn form_token(visitor: &mut Visitor) -> String {
    token(&visitor.get("/form").body).to_owned()
}

/// The token in the hidden field of a page.
fn token(page: &str) -> &str {
    let behind = page
        .split_once("name=\"csrf\" value=\"")
        .expect("a field")
        .1;
    behind.split_once('"').expect("a value").0
}
