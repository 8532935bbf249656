//! What is refused, on every framework in the same form.

use serde_json::json;

use crate::program::{Ground, Test};

/// On one store, for they concern none.
pub(crate) const OF_NO_STORE: &[Test] = tests![
    bad_arguments_are_400_in_the_error_form_and_change_nothing,
    a_body_is_json_whatever_its_content_type,
    an_unknown_address_is_404_and_a_wrong_method_405,
];

fn bad_arguments_are_400_in_the_error_form_and_change_nothing(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    let long = "n".repeat(256);
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let too_long = format!("/attributes/{long}");
    let too_long_query = format!("/redirect?name={long}&value=V");
    for (method, target, body) in [
        ("GET", "/attributes/", ""),
        ("PUT", "/attributes/", "1"),
        ("DELETE", "/attributes/", ""),
        ("POST", "/attributes//increment", ""),
        ("POST", "/attributes//append", "1"),
        ("PUT", &too_long, "1"),
        ("GET", "/attributes/a%", ""),
        ("GET", "/attributes/a%zz", ""),
        ("PUT", "/attributes/a%2", "1"),
        ("GET", "/attributes/%FF", ""),
        ("DELETE", "/attributes/%C3", ""),
        ("POST", "/attributes/%FF/increment", ""),
        ("PUT", "/attributes/a", ""),
        ("PUT", "/attributes/a", "{"),
        ("PUT", "/attributes/a", "1 2"),
        ("PUT", "/attributes/a", "nul"),
        ("PUT", "/attributes/a", "\"\\ud800\""),
        ("PUT", "/attributes/a", "1e999"),
        ("PUT", "/attributes/a", &deep),
        ("POST", "/attributes/a/append", ""),
        ("POST", "/attributes/a/append", "["),
        ("PUT", "/attributes/a?delay_ms=x", "1"),
        ("PUT", "/attributes/a?delay_ms=", "1"),
        ("PUT", "/attributes/a?delay_ms=-1", "1"),
        ("PUT", "/attributes/a?delay_ms=1.5", "1"),
        ("PUT", "/attributes/a?delay_ms=1&delay_ms=2", "1"),
        ("PUT", "/attributes/a?delay_ms=99999999999999999999", "1"),
        ("POST", "/attributes/a/append?delay_ms=x", "1"),
        ("POST", "/attributes/a/increment?mode=add", ""),
        ("POST", "/attributes/a/increment?mode=", ""),
        ("POST", "/attributes/a/increment?delay_ms=x", ""),
        ("GET", "/stream", ""),
        ("GET", "/stream?chunks=x&interval_ms=1&attribute=a", ""),
        ("GET", "/stream?chunks=-1&interval_ms=1&attribute=a", ""),
        ("GET", "/stream?chunks=1&interval_ms=x&attribute=a", ""),
        ("GET", "/stream?chunks=1&interval_ms=1", ""),
        ("GET", "/stream?chunks=1&interval_ms=1&attribute=", ""),
        ("GET", "/redirect?name=a", ""),
        ("GET", "/redirect?value=V", ""),
        ("GET", "/redirect?name=&value=V", ""),
        ("GET", "/redirect?name=%FF&value=V", ""),
        ("GET", &too_long_query, ""),
        ("GET", "/fail?status=abc&name=a&value=V", ""),
        ("GET", "/fail?status=99&name=a&value=V", ""),
        ("GET", "/fail?status=199&name=a&value=V", ""),
        ("GET", "/fail?status=600&name=a&value=V", ""),
        ("GET", "/fail?status=70000&name=a&value=V", ""),
        ("GET", "/fail?name=a&value=V", ""),
        ("GET", "/fail?status=500&value=V", ""),
        ("GET", "/panic?name=a", ""),
        ("POST", "/invalidate?delay_ms=x", ""),
        ("POST", "/change-id?delay_ms=x", ""),
        ("POST", "/login?delay_ms=x", "{\"principal\":\"ada\"}"),
        ("PUT", "/max-inactive-interval", ""),
        ("PUT", "/max-inactive-interval", "\"60\""),
        ("PUT", "/max-inactive-interval", "1.5"),
        ("PUT", "/max-inactive-interval", "[60]"),
        ("PUT", "/max-inactive-interval", "1e30"),
    ] {
        let response = visitor.send(method, target, body);
        assert_eq!(response.status, 400, "{method} {target} {body}");
        assert!(
            response.is_error_form(),
            "{method} {target}: {}",
            response.body
        );
        assert!(response.all("set-cookie").is_empty(), "{method} {target}");
    }
    assert_eq!(visitor.session()["exists"], json!(false));
}

fn a_body_is_json_whatever_its_content_type(ground: &Ground) {
    let program = &ground.start(&[]);
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "nonsense",
    ] {
        let mut visitor = program.visitor();
        let mut connection = crate::client::Connection::open(program.address);
        let headers = [("content-type", content_type)];
        connection.send("PUT", "/attributes/a", &headers, "[1]");
        let response = connection.response("PUT").expect("an answer");
        assert_eq!(response.status, 204, "{content_type}");
        visitor.keep(&response);
        assert_eq!(visitor.attribute("a"), json!([1]));
    }
}

fn an_unknown_address_is_404_and_a_wrong_method_405(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    for (method, target, status) in [
        ("GET", "/nothing", 404),
        ("POST", "/nothing", 404),
        ("GET", "/attributes", 404),
        ("GET", "/attributes/a/b", 404),
        ("GET", "/attributes/a/", 404),
        ("GET", "/session/", 404),
        ("GET", "//session", 404),
        ("POST", "/session", 405),
        ("PATCH", "/session", 405),
        ("POST", "/attributes/a", 405),
        ("GET", "/attributes/a/increment", 405),
        ("GET", "/login", 405),
        ("GET", "/logout", 405),
        ("GET", "/invalidate", 405),
        ("GET", "/change-id", 405),
        ("GET", "/max-inactive-interval", 405),
        ("POST", "/max-inactive-interval", 405),
        ("POST", "/attributes/a/increment/", 404),
        ("POST", "/stats", 405),
        ("DELETE", "/metrics", 405),
        ("POST", "/admin", 405),
        ("GET", "/admin/end", 405),
        ("GET", "/admin/nothing", 404),
        ("PUT", "/form", 405),
        ("POST", "/ws", 405),
        ("POST", "/me/sessions", 405),
        ("GET", "/me/sessions/x", 405),
        ("GET", "/me/sessions/", 405),
        ("DELETE", "/stream", 405),
        ("OPTIONS", "/logout", 405),
    ] {
        let response = visitor.send(method, target, "");
        assert_eq!(response.status, status, "{method} {target}");
        assert!(response.is_error_form(), "{method} {target}");
        assert!(response.all("set-cookie").is_empty());
    }
}
