//! What the checker says about all sessions of a recording.

use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, Instant};

use crate::checker::check;
use crate::history::Outcome;
use crate::workload::Recording;

/// Figures of recordings in which nothing was wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) histories: usize,
    pub(crate) operations: usize,
    /// Of these, changes without an answer.
    unknown: usize,
    steps: usize,
    longest_search: Duration,
    searches: Duration,
    took: Duration,
    answered: Vec<Duration>,
    unanswered: Vec<Duration>,
}

impl Tally {
    /// Adds a recording in which each session must have been one, whoever used it and wherever.
    ///
    /// # Errors
    /// The first history that cannot be explained.
    pub(crate) fn add(&mut self, recording: &Recording) -> Result<(), String> {
        let mut tokens = HashSet::new();
        for subject in &recording.subjects {
            for token in subject.tokens() {
                if !tokens.insert(token) {
                    return Err(format!("session {} has an id twice", subject.name()));
                }
            }
            let history = subject.history();
            let began = Instant::now();
            let checked = check(&history);
            let took = began.elapsed();
            let explained = checked.map_err(|it| format!("session {}: {it}", subject.name()))?;
            let operations = &history.operations;
            self.histories += 1;
            self.operations += operations.len();
            let unknown = operations
                .iter()
                .filter(|it| it.outcome == Outcome::Unknown);
            self.unknown += unknown.count();
            self.steps += explained.steps;
            self.longest_search = self.longest_search.max(took);
            self.searches += took;
        }
        self.took += recording.took;
        self.answered.extend(&recording.answered);
        self.unanswered.extend(&recording.unanswered);
        Ok(())
    }

    /// True when a request had no answer although its client waited for one.
    pub(crate) fn has_unanswered(&self) -> bool {
        !self.unanswered.is_empty()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_second = self.answered.len() as f64 / self.took.as_secs_f64().max(1e-9);
        write!(
            f,
            "{} histories with {} operations explained ({} without an answer), ",
            self.histories, self.operations, self.unknown
        )?;
        write!(
            f,
            "{per_second:.0} answers per second ({}), {} requests without one ({}), ",
            percentiles(&self.answered),
            self.unanswered.len(),
            percentiles(&self.unanswered)
        )?;
        write!(
            f,
            "searches of {:.1?} in all, the longest {:.1?}, {} steps",
            self.searches, self.longest_search, self.steps
        )
    }
}

/// The middle one, the 99th of a hundred, and the longest.
pub(crate) fn percentiles(times: &[Duration]) -> String {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let Some(last) = sorted.len().checked_sub(1) else {
        return "none".into();
    };
    let at = |percent: usize| sorted[last * percent / 100];
    format!(
        "p50 {:.1?}, p99 {:.1?}, longest {:.1?}",
        at(50),
        at(99),
        at(100)
    )
}
