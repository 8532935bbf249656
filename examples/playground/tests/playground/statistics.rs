//! All sessions together, in numbers.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::{Ground, Program, Test};
use crate::visitor::Visitor;

/// The verbs of stores.
const VERBS: [&str; 11] = [
    "create",
    "load",
    "apply",
    "rename",
    "delete",
    "sweep",
    "census",
    "list",
    "end",
    "end_all",
    "end_everybody",
];

/// On every store.
pub(crate) const TESTS: &[Test] = tests![
    a_session_is_counted_when_it_begins_and_when_it_ends,
    what_lay_idle_too_long_is_counted_as_expired_though_nobody_came_by,
    what_reached_its_absolute_limit_is_counted_as_expired,
    looking_at_the_numbers_or_at_no_session_costs_no_store_call,
    prometheus_is_told_what_became_of_sessions,
];

/// On one store, for they concern none.
pub(crate) const OF_NO_STORE: &[Test] = tests![
    the_numbers_are_these_and_no_session_is_consulted_for_them,
    what_makes_room_in_a_full_store_was_ended_before_its_time,
    prometheus_reads_every_count_from_the_beginning,
    what_prometheus_reads_is_well_formed_and_explained,
    no_number_names_a_session_or_its_visitor,
];

fn the_numbers_are_these_and_no_session_is_consulted_for_them(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    for _ in 0..2 {
        let response = visitor.get("/stats");
        assert_eq!(response.status, 200);
        assert_eq!(response.all("content-type"), ["application/json"]);
        assert!(response.all("set-cookie").is_empty());
        assert!(response.all("vary").is_empty());
        let stats = response.json();
        let members = ["created", "expired", "invalidated", "live", "store_calls"];
        assert_eq!(names(&stats), BTreeSet::from(members));
        assert_eq!(names(&stats["store_calls"]), BTreeSet::from(VERBS));
        let numbers = stats.as_object().unwrap().values();
        let calls = stats["store_calls"].as_object().unwrap().values();
        assert!(numbers.chain(calls).all(|it| it.is_u64() || it.is_object()));
        visitor.put("/attributes/a", "1");
    }
}

fn a_session_is_counted_when_it_begins_and_when_it_ends(ground: &Ground) {
    let program = &ground.start(&[]);
    assert_eq!(lives(program), [0, 0, 0, 0]);
    let mut visitors = [(); 4].map(|()| program.visitor());
    for (visitor, number) in visitors.iter_mut().zip(1..) {
        visitor.put("/attributes/a", "1");
        assert_eq!(lives(program), [number, 0, 0, number]);
    }
    let [invalidated, logged_out, phone, laptop] = &mut visitors;
    invalidated.post("/invalidate", "");
    assert_eq!(lives(program), [4, 0, 1, 3]);
    logged_out.post("/logout", "");
    assert_eq!(lives(program), [4, 0, 2, 2]);
    // Another id, or a principal, is the same session.
    for visitor in [&mut *phone, &mut *laptop] {
        visitor.post("/change-id", "");
        visitor.post("/login", "{\"principal\":\"ada\"}");
    }
    assert_eq!(lives(program), [4, 0, 2, 2]);
    phone.delete("/me/sessions");
    assert_eq!(lives(program), [4, 0, 3, 1]);
    // What is read, or fails, creates none.
    let mut nobody = program.visitor();
    nobody.get("/session");
    nobody.put("/attributes/a", "{");
    nobody.try_send("GET", "/panic?name=a&value=V", "");
    assert_eq!(lives(program), [4, 0, 3, 1]);
}

fn what_lay_idle_too_long_is_counted_as_expired_though_nobody_came_by(ground: &Ground) {
    let program = &ground.start(&["--idle", "1"]);
    let mut visitors = [program.visitor(), program.visitor()];
    for visitor in &mut visitors {
        visitor.put("/attributes/a", "1");
    }
    assert_eq!(lives(program), [2, 0, 0, 2]);
    // The program's clock is the system's.
    thread::sleep(Duration::from_millis(1_100));
    assert_eq!(lives(program), [2, 2, 0, 0]);
}

fn what_reached_its_absolute_limit_is_counted_as_expired(ground: &Ground) {
    let program = &ground.start(&["--absolute", "1"]);
    program.visitor().put("/attributes/a", "1");
    thread::sleep(Duration::from_millis(1_100));
    assert_eq!(lives(program), [1, 1, 0, 0]);
}

fn what_makes_room_in_a_full_store_was_ended_before_its_time(ground: &Ground) {
    let program = &ground.start(&["--max-sessions", "2"]);
    for number in 1..=5 {
        assert_eq!(program.visitor().put("/attributes/a", "1").status, 204);
        let [created, expired, invalidated, live] = lives(program);
        assert_eq!((created, expired), (number, 0));
        assert_eq!(live, number.min(2));
        assert_eq!(invalidated, created - live);
    }
}

fn looking_at_the_numbers_or_at_no_session_costs_no_store_call(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.put("/attributes/a", "1");
    let before = settled(program);
    for target in ["/untouched", "/stats", "/", "/page/app.js", "/nothing"] {
        visitor.get(target);
        assert_eq!(stats(program), before, "{target}");
    }
    let cost = |visitor: &mut Visitor, target: &str| {
        let before = settled(program)["store_calls"].clone();
        visitor.get(target);
        let after = settled(program)["store_calls"].clone();
        let count = |calls: &Value, verb| calls[verb].as_u64().unwrap();
        VERBS.map(|verb| count(&after, verb) - count(&before, verb))
    };
    for target in ["/session", "/attributes/a", "/attributes/b"] {
        let mut calls = cost(&mut visitor, target);
        // A request that did not end in the millisecond in which it began was an access
        // until then: one call records that, and sweeps a little as every one does.
        for verb in ["apply", "sweep"] {
            let place = VERBS.iter().position(|other| *other == verb).unwrap();
            assert!(std::mem::take(&mut calls[place]) <= 1, "{target}: {verb}");
        }
        let one_load = [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(calls, one_load, "{target}");
    }
    let nothing = [0; VERBS.len()];
    visitor.token = Some("forged".repeat(12));
    assert_eq!(cost(&mut visitor, "/session"), nothing);
    assert_eq!(cost(&mut program.visitor(), "/session"), nothing);
}

fn prometheus_reads_every_count_from_the_beginning(ground: &Ground) {
    let program = &ground.start(&[]);
    let response = program.visitor().get("/metrics");
    assert_eq!(response.status, 200);
    let text_format = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(response.all("content-type"), [text_format]);
    assert!(response.all("vary").is_empty());
    assert!(response.all("set-cookie").is_empty());
    for (series, expected) in [
        ("session_created_total", 0),
        ("session_ended_total{reason=\"invalidated\"}", 0),
        ("session_removed_total{reason=\"expired\"}", 0),
        ("session_rejected_total{reason=\"bad_signature\"}", 0),
        ("session_store_calls_total{verb=\"create\"}", 0),
        ("session_live", 0),
        ("session_live_by_age{age=\"1m\"}", 0),
        ("session_live_by_age{age=\"older\"}", 0),
    ] {
        assert_eq!(series_of(&response.body, series), expected, "{series}");
    }
}

fn prometheus_is_told_what_became_of_sessions(ground: &Ground) {
    let program = &ground.start(&["--idle", "1"]);
    let mut visitors = [(); 3].map(|()| program.visitor());
    for visitor in &mut visitors {
        visitor.put("/attributes/a", "1");
    }
    visitors[0].post("/invalidate", "");
    thread::sleep(Duration::from_millis(1_100));
    program.visitor().put("/attributes/a", "1");
    let text = program.visitor().get("/metrics").body;
    for (series, expected) in [
        ("session_created_total", 4),
        ("session_ended_total{reason=\"invalidated\"}", 1),
        ("session_removed_total{reason=\"expired\"}", 2),
        ("session_live", 1),
        ("session_live_by_age{age=\"1m\"}", 1),
        ("session_live_by_age{age=\"10m\"}", 0),
        ("session_store_calls_total{verb=\"create\"}", 4),
        (
            "session_store_seconds_bucket{verb=\"create\",le=\"+Inf\"}",
            4,
        ),
        ("session_store_seconds_count{verb=\"create\"}", 4),
    ] {
        assert_eq!(series_of(&text, series), expected, "{series}");
    }
}

fn what_prometheus_reads_is_well_formed_and_explained(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    visitor.post("/login", "{\"principal\":\"ada\"}");
    visitor.get("/me/sessions");
    let text = visitor.get("/metrics").body;
    assert!(text.ends_with('\n'));
    let (mut explained, mut told) = (BTreeSet::new(), BTreeSet::new());
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(help) = line.strip_prefix("# HELP ") {
            explained.insert(help.split_once(' ').expect("an explanation").0);
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a type");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            told.insert(name);
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let name = series.split('{').next().unwrap();
            assert!(told.iter().any(|known| name.starts_with(known)), "{line}");
        }
    }
    assert_eq!(explained, told);
    assert!(told.contains("session_store_seconds"), "{told:?}");
}

fn no_number_names_a_session_or_its_visitor(ground: &Ground) {
    let program = &ground.start(&[]);
    let mut visitor = program.visitor();
    let body = json!({"principal": "ada-lovelace", "label": "Analytical Engine"});
    visitor.post("/login", &body.to_string());
    let session = visitor.session();
    let devices = visitor.get("/me/sessions").json();
    let token = visitor.token.clone().unwrap();
    for target in ["/metrics", "/stats", "/admin/figures"] {
        let text = visitor.get(target).body;
        for secret in [
            &token[..16],
            "ada-lovelace",
            "Analytical",
            session["fingerprint"].as_str().unwrap(),
            devices[0]["handle"].as_str().unwrap(),
        ] {
            assert!(!text.contains(secret), "{target} has {secret}");
        }
    }
}

fn stats(program: &Program) -> Value {
    program.visitor().get("/stats").json()
}

/// The numbers once the requests before are over: what a response without a body leaves behind
/// may be stored when its visitor has it already.
fn settled(program: &Program) -> Value {
    let mut before = stats(program);
    loop {
        thread::sleep(Duration::from_millis(20));
        let after = stats(program);
        if after == before {
            return after;
        }
        before = after;
    }
}

/// How many sessions were created, expired, were ended, and live.
fn lives(program: &Program) -> [u64; 4] {
    let stats = stats(program);
    ["created", "expired", "invalidated", "live"].map(|name| stats[name].as_u64().unwrap())
}

fn names(object: &Value) -> BTreeSet<&str> {
    let members = object.as_object().expect("an object");
    members.keys().map(String::as_str).collect()
}

/// The value of one series.
fn series_of(text: &str, series: &str) -> u64 {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let value = value.unwrap_or_else(|| panic!("{series} is not in\n{text}"));
    value.parse().expect("a whole number")
}
