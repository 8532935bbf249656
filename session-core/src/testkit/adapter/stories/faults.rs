//! A store that goes wrong in every way, at each call of a request.
//!
//! Their transcripts are lists: what goes before, the request, what is answered as usual and what
//! under each fault; then what the next request finds. A call that is held is a story of its own,
//! for it takes as long as its deadline.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::SessionManagerBuilder;
use crate::testkit::adapter::browser::{Answer, Browser};
use crate::testkit::adapter::stage::Stage;
use crate::testkit::{Fault, Verb};

/// What the next request shows.
const NEXT: &str = "/session/get:cart/whoami";

/// Somebody who is logged in, and whose session has an older state.
const LOGGED_IN: &[&str] = &["/session/set:cart=book/login:ada", "/session/set:cart=pen"];

pub(super) fn every_fault_under_a_first_visit(stage: &Stage) {
    try_faults(stage, &[], "POST", "/session/set:cart=ink", answered);
}

pub(super) fn every_fault_under_a_read(stage: &Stage) {
    try_faults(stage, LOGGED_IN, "GET", "/session/get:cart", answered);
}

pub(super) fn every_fault_under_a_look(stage: &Stage) {
    try_faults(stage, LOGGED_IN, "GET", "/exchange/peek:cart", answered);
}

pub(super) fn every_fault_under_a_write(stage: &Stage) {
    try_faults(stage, LOGGED_IN, "POST", "/session/set:cart=ink", answered);
}

pub(super) fn every_fault_under_a_save(stage: &Stage) {
    let path = "/session/set:cart=ink/save/get:cart";
    try_faults(stage, LOGGED_IN, "POST", path, answered);
}

pub(super) fn every_fault_under_a_change_of_the_id(stage: &Stage) {
    try_faults(stage, LOGGED_IN, "POST", "/session/rotate", answered);
}

pub(super) fn every_fault_under_a_login(stage: &Stage) {
    let anonymous = &["/session/set:cart=book", "/session/set:cart=pen"];
    try_faults(stage, anonymous, "POST", "/session/login:ada", answered);
}

pub(super) fn every_fault_under_a_logout(stage: &Stage) {
    try_faults(stage, LOGGED_IN, "POST", "/session/logout", answered);
}

pub(super) fn every_fault_under_a_fresh_start(stage: &Stage) {
    let path = "/exchange/open/invalidate/open/set:cart=ink";
    try_faults(stage, LOGGED_IN, "POST", path, answered);
}

pub(super) fn every_fault_under_a_write_in_a_body(stage: &Stage) {
    let path = "/session/stream/say:begun/wait/set:cart=ink";
    try_faults(stage, LOGGED_IN, "POST", path, answered);
}

pub(super) fn a_store_without_an_answer_is_given_up_at_the_deadline(stage: &Stage) {
    try_faults(stage, &[], "POST", "/session/set:cart=ink", held);
    for path in [
        "/session/get:cart",
        "/session/set:cart=ink",
        "/session/rotate",
        "/session/logout",
        "/session/stream/say:begun/wait/set:cart=ink",
    ] {
        try_faults(stage, LOGGED_IN, "POST", path, held);
    }
}

/// No call of these stories needs as long unless it is held, also on a machine that is busy.
pub(super) fn half_a_second(builder: SessionManagerBuilder) -> SessionManagerBuilder {
    builder.store_timeout(Duration::from_millis(500))
}

fn held(fault: Fault) -> bool {
    matches!(fault, Fault::HoldReply | Fault::HoldRequest)
}

fn answered(fault: Fault) -> bool {
    !held(fault)
}

/// Plays one request without a fault, and then again for each of its calls and each fault.
fn try_faults(
    stage: &Stage,
    before: &[&str],
    method: &'static str,
    path: &str,
    is_tried: fn(Fault) -> bool,
) {
    stage.tell(&format!("The request is {method} {path}"));
    for path in before {
        stage.note(&format!("    after POST {path}"));
    }
    let mut ada = prepared(stage, before);
    let old = next(&mut ada);
    stage.note(&format!("before: {old}"));
    stage.take_calls();
    let answer = send(&mut ada, method, path);
    let calls = stage.take_calls();
    stage.note(&format!("as usual: {}", shown(&mut ada, &answer)));
    let mut counts = BTreeMap::<Verb, usize>::new();
    for verb in &calls {
        *counts.entry(*verb).or_default() += 1;
    }
    for (verb, count) in counts {
        for n in 1..=count {
            stage.note(&format!("{verb} {n}"));
            let faults = Fault::ALL.into_iter();
            for fault in faults.filter(|it| is_tried(*it) && it.can_befall(verb)) {
                let mut ada = prepared(stage, before);
                stage.upset(verb, n, fault);
                let answer = send(&mut ada, method, path);
                stage.expect_upset();
                stage.note(&format!("    {fault:?}: {}", shown(&mut ada, &answer)));
            }
        }
    }
}

fn send(ada: &mut Browser<'_>, method: &'static str, path: &str) -> Answer {
    match path.contains("/stream/") {
        true => ada.visit_stream(path, "begun"),
        false => ada.visit(method, path),
    }
}

fn prepared<'a>(stage: &'a Stage, before: &[&str]) -> Browser<'a> {
    let mut ada = stage.visitor("ada");
    for path in before {
        ada.visit("POST", path);
    }
    ada
}

/// What was answered, and what the next request finds.
fn shown(ada: &mut Browser<'_>, answer: &Answer) -> String {
    let mut words = vec![answer.status.to_string()];
    if !answer.is_complete {
        words.push("breaks off".into());
    }
    if answer.lists("vary", "Cookie") {
        words.push("vary".into());
    }
    if answer.lists("cache-control", "no-store") {
        words.push("no-store".into());
    }
    match ada.told(answer) {
        Some(true) => words.push("cookie".into()),
        Some(false) => words.push("cookie deleted".into()),
        None => {}
    }
    if answer.status == 200 && !answer.text.is_empty() {
        words.push(format!("“{}”", answer.text));
    }
    format!("{}; then {}", words.join(", "), next(ada))
}

fn next(ada: &mut Browser<'_>) -> String {
    let answer = ada.visit("GET", NEXT);
    answer.text.replace('\n', ", ")
}
