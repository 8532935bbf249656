//! From times to what is said about them: JSON for programs, and sections of a document, with
//! tables for people.

use std::fmt;

use serde::Serialize;

use crate::flood::Flood;
use crate::growth::Growth;
use crate::latency::{Latency, Quantiles, SIZES, STORE};
use crate::locks::Lock;
use crate::machine;
use crate::site::Library;
use crate::table::Table;
use crate::target::targets_of;
use crate::threads::Scaling;

/// Everything that a run found out.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) machine: String,
    pub(crate) threads: Vec<Scaling>,
    pub(crate) latencies: Vec<Latency>,
    pub(crate) locks: Vec<Lock>,
    pub(crate) growths: Vec<Growth>,
    pub(crate) flood: Option<Flood>,
}

impl Report {
    /// An empty one of a run on this machine.
    pub(crate) fn new() -> Self {
        Self {
            machine: machine::description(),
            threads: Vec::new(),
            latencies: Vec::new(),
            locks: Vec::new(),
            growths: Vec::new(),
            flood: None,
        }
    }

    /// True when every part was measured that has targets in common.
    pub(crate) const fn is_complete(&self) -> bool {
        !self.threads.is_empty()
            && !self.latencies.is_empty()
            && !self.growths.is_empty()
            && self.flood.is_some()
    }

    /// What was measured, by name: each is a section of the document.
    pub(crate) fn sections(&self) -> Vec<(&'static str, String)> {
        let mut sections = vec![("machine", format!("Machine: {}.", self.machine))];
        if !self.threads.is_empty() {
            sections.push(("threads", self.threads()));
        }
        if !self.latencies.is_empty() {
            sections.push(("latency", self.requests()));
            sections.push(("calls", self.calls()));
        }
        if !self.growths.is_empty() {
            sections.push(("growth", self.growth()));
            sections.push(("bytes", self.bytes()));
        }
        if !self.locks.is_empty() {
            sections.push(("locks", self.locks()));
        }
        sections.extend(self.flood.as_ref().map(|flood| ("flood", survived(flood))));
        sections.push(("targets", self.targets()));
        sections
    }

    fn threads(&self) -> String {
        let mut table = Table::new([
            "sessions",
            "visit",
            "library",
            "one thread",
            "two threads",
            "gain",
            "of bare's",
            "rounds",
            "disturbed",
        ]);
        for it in &self.threads {
            table.row([
                power(it.sessions).to_owned(),
                it.visit.to_owned(),
                it.library.name().to_owned(),
                format!("{:.0}k/s", it.one / 1e3),
                format!("{:.0}k/s", it.two / 1e3),
                format!("{:.2}", it.ratio),
                format!("{:.2}", it.of_bare),
                it.rounds.to_string(),
                it.disturbed.to_string(),
            ]);
        }
        table.finish()
    }

    /// Requests to all libraries, with few sessions and with many.
    fn requests(&self) -> String {
        let libraries = Library::STORING.map(Library::name);
        let calls = ["read", "count", "create"];
        let kinds = libraries
            .into_iter()
            .flat_map(|of| calls.map(|call| (of, call)));
        self.compare(kinds)
    }

    /// Calls of our store.
    fn calls(&self) -> String {
        let calls = ["load", "change", "create", "sweep step"];
        self.compare(calls.into_iter().map(|call| (STORE, call)))
    }

    fn compare(&self, kinds: impl Iterator<Item = (&'static str, &'static str)>) -> String {
        let mut table = Table::new([
            "µs",
            "",
            "10^3: 50 %",
            "99 %",
            "99.9 %",
            "all",
            "10^6: 50 %",
            "99 %",
            "99.9 %",
            "all",
        ]);
        for (of, call) in kinds {
            let found = SIZES.map(|sessions| {
                self.latencies
                    .iter()
                    .find(|it| (it.of, it.call, it.sessions) == (of, call, sessions))
                    .map(|it| &it.quantiles)
            });
            if found.iter().any(Option::is_some) {
                let cells = found.into_iter().flat_map(|quantiles| cells_of(quantiles));
                table.row([of.to_owned(), call.to_owned()].into_iter().chain(cells));
            }
        }
        table.finish()
    }

    fn growth(&self) -> String {
        let mut table = Table::new([
            "µs",
            "first 10^3: 50 %",
            "99 %",
            "99.9 %",
            "all",
            "10^6: 50 %",
            "99 %",
            "99.9 %",
            "all",
            "slowest, as it was",
        ]);
        for it in &self.growths {
            let cells = cells_of(Some(&it.few))
                .into_iter()
                .chain(cells_of(Some(&it.many)));
            let slowest = [microseconds(it.slowest)];
            table.row([it.of.clone()].into_iter().chain(cells).chain(slowest));
        }
        table.finish()
    }

    fn bytes(&self) -> String {
        let mut table = Table::new(["", "bytes of a session"]);
        for it in &self.growths {
            table.row([it.of.clone(), format!("{:.0}", it.bytes)]);
        }
        table.finish()
    }

    fn locks(&self) -> String {
        let mut table = Table::new([
            "µs",
            "held: 50 %",
            "99 %",
            "99.9 %",
            "all",
            "who waits: 99 %",
            "99.9 %",
            "at most 100",
        ]);
        for it in &self.locks {
            let cells = cells_of(Some(&it.held));
            let waits = [it.waits.p99, it.waits.p999].map(microseconds);
            let verdict = if it.is_short() { "met" } else { "missed" };
            let row = [it.deed.to_owned()].into_iter().chain(cells).chain(waits);
            table.row(row.chain([verdict.to_owned()]));
        }
        table.finish()
    }

    fn targets(&self) -> String {
        let mut table = Table::new(["target", "measured", "aim", ""]);
        for target in targets_of(self) {
            table.row(target.cells());
        }
        table.finish()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sections()
            .iter()
            .try_for_each(|(_, text)| writeln!(f, "{text}\n"))
    }
}

fn survived(flood: &Flood) -> String {
    let Flood {
        made,
        logged_in,
        kept,
        budget,
        most,
        create,
        ..
    } = flood;
    let [p50, p999] = [create.p50, create.p999].map(microseconds);
    format!(
        "{made} anonymous sessions came from two threads to a store that may take {budget} bytes and\n\
         had {logged_in} sessions of visitors who had logged in. {kept} of these are there still. \
         After each call the\nstore was asked what it takes: {most} bytes at most. A session for which \
         another one has to go takes\n{p50} µs to make, and one of a thousand more than {p999}."
    )
}

/// The quantiles in microseconds; dashes where there is nothing to tell.
fn cells_of(quantiles: Option<&Quantiles>) -> [String; 4] {
    /// Fewer calls have no p99.
    const ENOUGH: u64 = 100;
    match quantiles {
        Some(it) if it.calls >= ENOUGH => [it.p50, it.p99, it.p999, it.max].map(microseconds),
        _ => ["-"; 4].map(str::to_owned),
    }
}

fn microseconds(nanoseconds: u64) -> String {
    let microseconds = nanoseconds as f64 / 1e3;
    match nanoseconds {
        0..10_000 => format!("{microseconds:.2}"),
        10_000..100_000 => format!("{microseconds:.1}"),
        _ => format!("{microseconds:.0}"),
    }
}

const fn power(sessions: usize) -> &'static str {
    match sessions {
        1 => "1",
        1_000 => "10^3",
        _ => "10^6",
    }
}
