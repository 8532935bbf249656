//! The adapter scenarios themselves: a server without a framework plays all of them, and the
//! faults that an adapter may have are found.

mod by_hand;

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use by_hand::{Flaw, serve, serve_with};
use session_core::testkit::adapter::{Scenario, scenarios};

#[test]
fn a_server_without_a_framework_plays_every_scenario() {
    for scenario in scenarios() {
        scenario.check(serve);
    }
}

#[test]
fn scenarios_have_names_of_their_own() {
    let mut names: Vec<_> = scenarios().iter().map(Scenario::name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), scenarios().len());
}

#[test]
fn every_transcript_belongs_to_a_scenario_and_none_holds_a_token() {
    /// Longer than any word, and much shorter than a token.
    const SUSPICIOUS: usize = 40;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/testkit/adapter/golden");
    let mut known = HashSet::new();
    for scenario in scenarios() {
        let name = format!("{}.txt", scenario.name());
        let text = fs::read_to_string(folder.join(&name)).expect("a transcript can be read");
        let is_of_a_token = |it: char| it.is_ascii_alphanumeric() || "-_".contains(it);
        let longest = text.split(|it| !is_of_a_token(it)).map(str::len).max();
        assert!(longest < Some(SUSPICIOUS), "{name} holds a token");
        known.insert(OsString::from(name));
    }
    for file in fs::read_dir(folder).expect("the folder can be read") {
        let name = file.expect("the folder can be read").file_name();
        assert!(known.contains(&name), "no scenario is called {name:?}");
    }
}

#[test]
fn every_fault_is_found_by_a_scenario_that_is_about_it() {
    for (flaw, name, shown) in [
        (
            Flaw::ForgetsLateWrites,
            "what_is_written_before_the_last_announced_byte_is_stored",
            "    store: load, apply",
        ),
        (
            Flaw::ForgetsWritesOfFailedHandlers,
            "an_error_of_the_application_keeps_what_was_written",
            "store: load, apply",
        ),
        (
            Flaw::OverwritesHeaders,
            "headers_of_the_application_stay",
            "< set-cookie: theme=dark",
        ),
        (
            Flaw::JoinsSetCookie,
            "headers_of_the_application_stay",
            "< set-cookie: theme=dark, lang=en, __Host-sid=<token 1>",
        ),
        (
            Flaw::DropsVary,
            "a_session_begins_with_its_first_write",
            "    < vary: Cookie",
        ),
        (
            Flaw::HidesFailedCommits,
            "a_response_whose_session_is_not_stored_is_replaced",
            "< 503",
        ),
        (
            Flaw::HidesFailedCommits,
            "every_fault_under_a_write",
            "    Unavailable: 503",
        ),
        (
            Flaw::ForgetsSalvage,
            "every_fault_under_a_fresh_start",
            "503, vary, no-store, cookie deleted",
        ),
        (
            Flaw::ForgetsSalvage,
            "a_client_is_told_of_what_was_saved_before_the_outage",
            "< set-cookie: __Host-sid=<token 1>",
        ),
        (
            Flaw::ReadsOneCookieLine,
            "the_good_one_of_several_cookies_is_found",
            "cart is book",
        ),
        (
            Flaw::MakesOptionalSessions,
            "a_session_begins_with_its_first_write",
            "there is no session",
        ),
    ] {
        let message = failure_of(scenario(name), flaw);
        assert!(message.contains(shown), "{flaw:?}: {message}");
    }
}

fn scenario(name: &str) -> &'static Scenario {
    let found = scenarios().iter().find(|scenario| scenario.name() == name);
    found.unwrap_or_else(|| panic!("there is no scenario {name}"))
}

/// What `scenario` says of an adapter with this fault.
fn failure_of(scenario: &Scenario, flaw: Flaw) -> String {
    let check = || scenario.check(|sessions, probe| serve_with(Some(flaw), sessions, probe));
    let panic = catch_unwind(AssertUnwindSafe(check))
        .expect_err(&format!("{flaw:?} passes the scenario {scenario}"));
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(_) => panic!("{flaw:?} ends the scenario {scenario} without a message"),
    }
}
