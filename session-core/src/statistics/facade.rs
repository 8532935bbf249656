//! The same numbers for the recorder of the `metrics` crate. Their names are in the
//! documentation of [`SessionManagerBuilder::statistics`](crate::SessionManagerBuilder::statistics).

use std::time::Duration;

use metrics::{counter, histogram};

use crate::event::SessionEvent;
use crate::store::Verb;

pub(super) fn event(event: SessionEvent) {
    let name = match event {
        SessionEvent::Created => "session_created_total",
        SessionEvent::Renamed => "session_renamed_total",
        SessionEvent::Ended(_) => "session_ended_total",
        SessionEvent::Removed(_) => "session_removed_total",
        SessionEvent::Rejected(_) => "session_rejected_total",
        SessionEvent::WritesDropped(_) => "session_writes_dropped_total",
        SessionEvent::LateCommitFailed => "session_late_commits_failed_total",
    };
    match event.reason() {
        Some(reason) => counter!(name, "reason" => reason).increment(1),
        None => counter!(name).increment(1),
    }
}

pub(super) fn store_call(verb: Verb, failed: bool, latency: Duration) {
    let verb = verb.as_str();
    counter!("session_store_calls_total", "verb" => verb).increment(1);
    if failed {
        counter!("session_store_failures_total", "verb" => verb).increment(1);
    }
    histogram!("session_store_seconds", "verb" => verb).record(latency);
}

pub(super) fn conflict() {
    counter!("session_conflicts_total").increment(1);
}
