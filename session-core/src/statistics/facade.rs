//! The same numbers for the recorder of the `metrics` crate. Their names are in the
//! documentation of [`SessionManagerBuilder::statistics`](crate::SessionManagerBuilder::statistics).

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::event::SessionEvent;
use crate::store::{Census, Verb};

const CREATED: &str = "session_created_total";
const RENAMED: &str = "session_renamed_total";
const ENDED: &str = "session_ended_total";
const REMOVED: &str = "session_removed_total";
const REJECTED: &str = "session_rejected_total";
const WRITES_DROPPED: &str = "session_writes_dropped_total";
const LATE_COMMITS_FAILED: &str = "session_late_commits_failed_total";
const CONFLICTS: &str = "session_conflicts_total";
const STORE_CALLS: &str = "session_store_calls_total";
const STORE_FAILURES: &str = "session_store_failures_total";
const STORE_SECONDS: &str = "session_store_seconds";
const LIVE: &str = "session_live";
const LIVE_BY_AGE: &str = "session_live_by_age";

/// The classes of age of a census, as labels.
const AGES: [&str; Census::AGE_LIMITS.len() + 1] = ["1m", "10m", "1h", "1d", "1w", "older"];

/// Says what each name counts, and begins every count at zero: one that is not there yet could
/// not be told from one that nobody keeps.
pub(super) fn announce() {
    for (name, what) in [
        (CREATED, "Sessions that were created and stored."),
        (RENAMED, "Sessions that got another id."),
        (ENDED, "Sessions that were ended, by reason."),
        (
            REMOVED,
            "Sessions that a store removed by itself, by reason.",
        ),
        (REJECTED, "Presented ids that were not used, by reason."),
        (
            WRITES_DROPPED,
            "Requests whose writes were dropped, by reason.",
        ),
        (
            LATE_COMMITS_FAILED,
            "Commits that failed after the response head had left.",
        ),
        (
            CONFLICTS,
            "Changes that another request was faster than, and that were made again.",
        ),
        (STORE_CALLS, "Calls of the store, by verb."),
        (
            STORE_FAILURES,
            "Calls of the store that failed or were given up, by verb.",
        ),
    ] {
        describe_counter!(name, what);
    }
    describe_histogram!(
        STORE_SECONDS,
        Unit::Seconds,
        "How long calls of the store took."
    );
    describe_gauge!(LIVE, "Sessions that live, by the latest census.");
    describe_gauge!(
        LIVE_BY_AGE,
        "Sessions that live by the latest census, by their age: at most that of the label, and \
         more than that of the one before."
    );
    for event in SessionEvent::ALL {
        count_event(event, 0);
    }
    for verb in Verb::ALL {
        counter!(STORE_CALLS, "verb" => verb.as_str()).increment(0);
        counter!(STORE_FAILURES, "verb" => verb.as_str()).increment(0);
    }
    counter!(CONFLICTS).increment(0);
}

pub(super) fn event(event: SessionEvent) {
    count_event(event, 1);
}

fn count_event(event: SessionEvent, times: u64) {
    let name = match event {
        SessionEvent::Created => CREATED,
        SessionEvent::Renamed => RENAMED,
        SessionEvent::Ended(_) => ENDED,
        SessionEvent::Removed(_) => REMOVED,
        SessionEvent::Rejected(_) => REJECTED,
        SessionEvent::WritesDropped(_) => WRITES_DROPPED,
        SessionEvent::LateCommitFailed => LATE_COMMITS_FAILED,
    };
    match event.reason() {
        Some(reason) => counter!(name, "reason" => reason).increment(times),
        None => counter!(name).increment(times),
    }
}

pub(super) fn store_call(verb: Verb, failed: bool, latency: Duration) {
    let verb = verb.as_str();
    counter!(STORE_CALLS, "verb" => verb).increment(1);
    if failed {
        counter!(STORE_FAILURES, "verb" => verb).increment(1);
    }
    histogram!(STORE_SECONDS, "verb" => verb).record(latency);
}

pub(super) fn conflict() {
    counter!(CONFLICTS).increment(1);
}

pub(super) fn census(census: &Census) {
    gauge!(LIVE).set(as_gauge(census.live()));
    for (age, (_, sessions)) in AGES.into_iter().zip(census.ages()) {
        gauge!(LIVE_BY_AGE, "age" => age).set(as_gauge(sessions));
    }
}

/// Exact up to 2^53, far more sessions than any store holds.
fn as_gauge(sessions: usize) -> f64 {
    sessions as f64
}
