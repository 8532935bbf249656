//! What an administrator sees and may do.

use std::time::Instant;

use serde_json::{Value, json};

use crate::client::{Connection, Response};
use crate::program::{Ground, PATIENCE, Program, Test};
use crate::visitor::Visitor;

/// The address, and whether it is asked or ordered.
const ROUTES: [(&str, &str); 6] = [
    ("GET", "/admin"),
    ("GET", "/admin/figures"),
    ("GET", "/admin/sessions?principal=ada"),
    ("POST", "/admin/end"),
    ("POST", "/admin/end-all"),
    ("POST", "/admin/log-everyone-out"),
];

/// On every store.
pub(crate) const TESTS: &[Test] = tests![
    the_figures_are_those_of_all_sessions,
    the_sessions_of_a_principal_are_listed_by_name,
    one_session_is_ended_and_no_other_one,
    all_sessions_of_a_principal_are_ended,
    everybody_is_logged_out_at_once_and_can_come_back,
];

/// On one store, for they concern none.
pub(crate) const OF_NO_STORE: &[Test] = tests![
    the_page_is_served_and_consults_no_session,
    samples_are_kept_from_the_start_and_told_from_a_moment_on,
    a_page_from_elsewhere_orders_nothing,
    nobody_is_let_in_under_a_name_that_is_not_this_machines,
    a_server_that_other_machines_can_reach_has_no_administrators_page,
];

fn the_page_is_served_and_consults_no_session(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = ada(program);
    let page = visitor.get("/admin");
    assert_eq!(page.status, 200);
    assert_eq!(page.all("content-type"), ["text/html; charset=utf-8"]);
    assert!(page.all("content-security-policy")[0].starts_with("default-src 'self'"));
    for target in ["/admin", "/admin/figures", "/admin/sessions?principal=ada"] {
        let response = visitor.get(target);
        assert_eq!(response.status, 200, "{target}");
        assert!(response.all("set-cookie").is_empty(), "{target}");
        assert!(response.all("vary").is_empty(), "{target}");
    }
}

fn the_figures_are_those_of_all_sessions(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitors = [(); 3].map(|()| ada(program));
    visitors[0].post("/logout", "");
    let mut figures = figures(program, 0);
    let mut stats = program.visitor().get("/stats").json();
    assert_eq!(figures["stats"]["created"], 3);
    // The server sweeps a far store when it likes.
    for stats in [&mut figures["stats"], &mut stats] {
        assert!(stats["store_calls"]["sweep"].take().is_u64());
    }
    assert_eq!(figures["stats"], stats);
    assert_eq!(figures["ends"]["logged_out"], 1);
    assert_eq!(figures["ends"]["expired"], 0);
    let young = json!({"at_most": 60, "sessions": 2});
    assert_eq!(figures["by_age"][0], young);
    assert_eq!(figures["by_age"].as_array().unwrap().len(), 6);
    assert_eq!(figures["by_age"][5]["at_most"], Value::Null);
    let now = figures["now"].as_u64().unwrap();
    let samples = figures["samples"].as_array().unwrap();
    assert_eq!(samples.last(), Some(&json!([now, 2])));
}

fn samples_are_kept_from_the_start_and_told_from_a_moment_on(ground: &Ground) {
    let program = &ground.start(&[]);
    let begun = Instant::now();
    // One of the start, as soon as it is taken, and one of now.
    let first = loop {
        let figures = figures(program, 0);
        if times(&figures).len() >= 2 {
            break figures;
        }
        assert!(begun.elapsed() < PATIENCE, "no sample is kept");
    };
    assert!(times(&first).is_sorted(), "{first}");
    let now = first["now"].as_u64().unwrap();
    let later = figures(program, now);
    assert!(times(&later).iter().all(|time| *time >= now), "{later}");
    assert_eq!(times(&later).last(), later["now"].as_u64().as_ref());
}

fn the_sessions_of_a_principal_are_listed_by_name(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut phone = program.visitor();
    phone.post("/login", "{\"principal\":\"a d/ä\",\"label\":\"Phone\"}");
    ada(program);
    let list = program
        .visitor()
        .get("/admin/sessions?principal=a+d%2F%C3%A4");
    let list = list.json();
    assert_eq!(list["principal"], "a d/ä");
    let [one] = &list["sessions"].as_array().unwrap()[..] else {
        panic!("one session: {list}");
    };
    let device = &phone.get("/me/sessions").json()[0];
    for name in ["handle", "label", "creation_time"] {
        assert_eq!(one[name], device[name], "{name}");
    }
    assert!(one["last_accessed_time"].is_u64() && one["authenticated_at"].is_u64());
    assert!(one["expires_at"].as_u64() > one["last_accessed_time"].as_u64());
    assert_eq!(listed(program, "nobody"), [Value::Null; 0]);
    let nameless = program.visitor().get("/admin/sessions");
    assert_eq!(nameless.status, 400);
    assert!(nameless.is_error_form());
}

fn one_session_is_ended_and_no_other_one(ground: &Ground) {
    let program = &ground.start(&[]);
    let (mut phone, mut laptop) = (ada(program), ada(program));
    let mut bob = program.visitor();
    bob.post("/login", "{\"principal\":\"bob\"}");
    let handle = current(&mut phone);
    let end = |principal: &str, handle: &str| {
        let body = json!({"principal": principal, "handle": handle});
        order(program, "/admin/end", &body).status
    };
    // Under somebody else's name, a handle names no session.
    assert_eq!(end("bob", &handle), 404);
    assert_eq!(end("ada", "x"), 404);
    assert_eq!(end("ada", &"0".repeat(32)), 404);
    assert_eq!(phone.session()["principal"], "ada");
    assert_eq!(end("ada", &handle), 204);
    assert_eq!(end("ada", &handle), 404);
    assert_eq!(phone.session()["exists"], false);
    assert_eq!(laptop.session()["principal"], "ada");
    assert_eq!(bob.session()["principal"], "bob");
    assert_eq!(listed(program, "ada").len(), 1);
    assert_eq!(figures(program, 0)["ends"]["terminated"], 1);
}

fn all_sessions_of_a_principal_are_ended(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut theirs = [ada(program), ada(program)];
    let mut bob = program.visitor();
    bob.post("/login", "{\"principal\":\"bob\"}");
    for expected in [2, 0] {
        let ended = order(program, "/admin/end-all", &json!({"principal": "ada"}));
        assert_eq!(ended.json(), json!({"ended": expected}));
    }
    for visitor in &mut theirs {
        assert_eq!(visitor.session()["exists"], false);
    }
    assert_eq!(bob.session()["principal"], "bob");
}

fn everybody_is_logged_out_at_once_and_can_come_back(ground: &Ground) {
    let program = &ground.start(&[]);
    let (mut visitor, mut anonymous) = (ada(program), program.visitor());
    anonymous.put("/attributes/a", "1");
    let everybody = order(program, "/admin/log-everyone-out", &json!({}));
    assert_eq!(everybody.status, 204);
    for visitor in [&mut visitor, &mut anonymous] {
        assert_eq!(visitor.session()["exists"], false);
    }
    let stats = program.visitor().get("/stats").json();
    assert_eq!(
        (&stats["live"], &stats["invalidated"]),
        (&json!(0), &json!(2))
    );
    assert_eq!(figures(program, 0)["ends"]["generation"], 2);
    assert_eq!(
        visitor.post("/login", "{\"principal\":\"ada\"}").status,
        204
    );
    assert_eq!(visitor.session()["principal"], "ada");
}

fn a_page_from_elsewhere_orders_nothing(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = ada(program);
    let handle = current(&mut visitor);
    let own = ("origin", "http://localhost");
    let json_type = ("content-type", "application/json");
    for (target, body) in [
        ("/admin/end", json!({"principal": "ada", "handle": handle})),
        ("/admin/end-all", json!({"principal": "ada"})),
        ("/admin/log-everyone-out", json!({})),
    ] {
        let body = body.to_string();
        for (headers, body, status) in [
            (&[json_type][..], body.as_str(), 403),
            (&[("origin", "http://example.org"), json_type], &body, 403),
            (&[("origin", "null"), json_type], &body, 403),
            (
                &[("sec-fetch-site", "cross-site"), own, json_type],
                &body,
                403,
            ),
            (
                &[("sec-fetch-site", "same-site"), own, json_type],
                &body,
                403,
            ),
            (&[own], &body, 415),
            (&[own, ("content-type", "text/plain")], &body, 415),
            (&[own, json_type], "", 400),
            (&[own, json_type], "[]", 400),
            (&[own, json_type], "{\"everybody\":true}", 400),
        ] {
            let response = ask(program, "POST", target, headers, body);
            assert_eq!(response.status, status, "{target} {headers:?} {body}");
            assert!(response.is_error_form());
        }
        assert_eq!(visitor.get(target).status, 405);
    }
    assert_eq!(visitor.session()["principal"], "ada");
}

fn nobody_is_let_in_under_a_name_that_is_not_this_machines(ground: &Ground) {
    let program = &ground.start(&[]);
    for (method, target) in ROUTES {
        let mut connection = Connection::open(program.address);
        let request = format!(
            "{method} {target} HTTP/1.1\r\nhost: rebound.example.org\r\n\
                 origin: http://rebound.example.org\r\ncontent-type: application/json\r\n\
                 content-length: 2\r\n\r\n{{}}"
        );
        connection.send_raw(request.as_bytes());
        let response = connection.response(method).expect("an answer");
        assert_eq!(response.status, 403, "{method} {target}");
        assert!(response.is_error_form());
    }
}

fn a_server_that_other_machines_can_reach_has_no_administrators_page(ground: &Ground) {
    let program = ground.start_on("0.0.0.0:0");
    let mut visitor = ada(&program);
    for (method, target) in ROUTES {
        let own = [
            ("origin", "http://localhost"),
            ("content-type", "application/json"),
        ];
        let response = ask(&program, method, target, &own, "{}");
        assert_eq!(response.status, 403, "{method} {target}");
        assert!(response.is_error_form());
    }
    // Numbers that name nobody are there all the same.
    assert_eq!(visitor.get("/stats").json()["live"], 1);
    assert_eq!(visitor.get("/metrics").status, 200);
}

/// Somebody who logged in as ada.
fn ada(program: &Program) -> Visitor {
    let mut visitor = program.visitor();
    let response = visitor.post("/login", "{\"principal\":\"ada\"}");
    assert_eq!(response.status, 204);
    visitor
}

/// The handle of the visitor's own session.
fn current(visitor: &mut Visitor) -> String {
    let devices = visitor.get("/me/sessions").json();
    let mut devices = devices.as_array().unwrap().iter();
    let current = devices.find(|device| device["current"] == true);
    current.unwrap()["handle"].as_str().unwrap().to_owned()
}

fn figures(program: &Program, since: u64) -> Value {
    let target = format!("/admin/figures?since={since}");
    program.visitor().get(&target).json()
}

/// When the samples were taken.
fn times(figures: &Value) -> Vec<u64> {
    let samples = figures["samples"].as_array().unwrap();
    let times = samples.iter().map(|sample| sample[0].as_u64().unwrap());
    times.collect()
}

fn listed(program: &Program, principal: &str) -> Vec<Value> {
    let target = format!("/admin/sessions?principal={principal}");
    let list = program.visitor().get(&target).json();
    list["sessions"].as_array().unwrap().clone()
}

/// Orders something as the page does.
fn order(program: &Program, target: &str, body: &Value) -> Response {
    let own = [
        ("origin", "http://localhost"),
        ("content-type", "application/json"),
    ];
    ask(program, "POST", target, &own, &body.to_string())
}

fn ask(
    program: &Program,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response {
    let mut connection = Connection::open(program.address);
    connection.send(method, target, headers, body);
    let response = connection.response(method).expect("an answer");
    assert!(response.all("set-cookie").is_empty());
    response
}
