//! What adapters are held to over HTTP is what the engine does without it.

use std::fs;
use std::path::Path;

use session_core::testkit::Fault;

use crate::matrix::{Matrix, place_of};
use crate::scene::Trouble;

/// The transcripts, each with the request of the table that it is about.
const TRANSCRIPTS: [(&str, &str); 10] = [
    ("a_first_visit", "a first visit that writes"),
    ("a_read", "a read"),
    ("a_look", "a look that is no access"),
    ("a_write", "a write"),
    ("a_save", "a write with `save` and a look at what is stored"),
    ("a_change_of_the_id", "a change of the id"),
    ("a_login", "a login"),
    ("a_logout", "a logout"),
    (
        "a_fresh_start",
        "an `invalidate` with a fresh session after it",
    ),
    ("a_write_in_a_body", "a write in a body"),
];

/// Where the lists of the transcripts and the rows under the defaults differ.
pub(crate) fn differences(matrix: &Matrix) -> Vec<String> {
    let mut differences = Vec::new();
    for (transcript, request) in TRANSCRIPTS {
        let told = outcomes_in(&read(transcript));
        assert!(told.len() > 5, "the transcript of {transcript} is not read");
        for (call, fault, outcome) in told {
            let trouble = fault_called(&fault).map(Trouble::Fault);
            let row = matrix.rows.iter().find(|row| {
                let n = row.n.unwrap_or(1);
                row.request == request && format!("{} {n}", row.verb) == call
            });
            let cell = row.zip(trouble).map(|(row, it)| &row.cells[place_of(it)]);
            // Of a cell, what a client can see: the status, and what comes next.
            let seen = cell.map(|cell| {
                let words = cell.split_once('→').unwrap_or((cell, ""));
                let breaks_off = words.0.contains("breaks off");
                let status = words.0.split(' ').next().unwrap_or_default();
                let next = words.1.split_whitespace().next().unwrap_or_default();
                visible(status, breaks_off, next)
            });
            if seen.as_ref() != Some(&outcome) {
                differences.push(format!("{request}: {call} {fault}: {seen:?} and {outcome}"));
            }
        }
    }
    differences
}

fn visible(status: &str, breaks_off: bool, next: &str) -> String {
    let how = if breaks_off { " breaks off" } else { "" };
    format!("{status}{how} → {next}")
}

fn fault_called(name: &str) -> Option<Fault> {
    let mut faults = Fault::ALL.into_iter();
    faults.find(|fault| format!("{fault:?}") == name)
}

/// The calls, the faults and what they lead to, in a list of outcomes.
fn outcomes_in(transcript: &str) -> Vec<(String, String, String)> {
    let said = |start: &str| {
        let line = transcript.lines().find_map(|line| line.strip_prefix(start));
        line.expect("the transcript says how it was before and is as usual")
    };
    let old = said("before: ");
    let (_, new) = parted(said("as usual: "));
    let mut call = "";
    let mut outcomes = Vec::new();
    for line in transcript.lines() {
        let Some((fault, outcome)) = line.strip_prefix("    ").and_then(|it| it.split_once(": "))
        else {
            call = line;
            continue;
        };
        let (answer, next) = parted(outcome);
        let next = match next {
            // Where data stays as it is, the cookie tells.
            next if next == old && old == new && answer.contains("cookie") => "new",
            NOBODY if old != NOBODY => "none",
            next if next == old => "old",
            next if next == new => "new",
            _ => "fresh",
        };
        let status = answer.split(',').next().unwrap_or_default();
        let outcome = visible(status, answer.contains("breaks off"), next);
        outcomes.push((call.to_owned(), fault.to_owned(), outcome));
    }
    outcomes
}

/// What a request finds that has no session.
const NOBODY: &str = "cart is not set, logged in: nobody";

fn parted(outcome: &str) -> (&str, &str) {
    let parted = outcome.split_once("; then ");
    parted.expect("an outcome says what comes next")
}

fn read(transcript: &str) -> String {
    let name = format!("src/testkit/adapter/golden/every_fault_under_{transcript}.txt");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(path).expect("the transcript can be read")
}
