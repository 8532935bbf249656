//! From times to what is said about them: tables for people, JSON for programs.

use std::fmt;

use serde::Serialize;

use crate::flood::Flood;
use crate::growth::Growth;
use crate::latency::{Latency, Quantiles};
use crate::locks::Lock;
use crate::machine;
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
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.machine)?;
        if !self.threads.is_empty() {
            self.print_threads(f)?;
        }
        if !self.latencies.is_empty() {
            self.print_latencies(f)?;
        }
        if !self.locks.is_empty() {
            self.print_locks(f)?;
        }
        if !self.growths.is_empty() {
            self.print_growths(f)?;
        }
        if let Some(flood) = &self.flood {
            print_flood(flood, f)?;
        }
        writeln!(f, "\n| target | measured | aim | |\n|---|---|---|---|")?;
        targets_of(self)
            .iter()
            .try_for_each(|target| writeln!(f, "{target}"))
    }
}

impl Report {
    fn print_threads(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n| sessions | visit | library | one thread, requests/s | two threads | two by one \
             | of bare's | rounds, disturbed |\n|---|---|---|---|---|---|---|---|"
        )?;
        self.threads.iter().try_for_each(|it| {
            let (one, two) = (it.one / 1e3, it.two / 1e3);
            writeln!(
                f,
                "| {} | {} | {} | {one:.0}k | {two:.0}k | {:.2} | {:.2} | {}, {} |",
                it.sessions,
                it.visit,
                it.library.name(),
                it.ratio,
                it.of_bare,
                it.rounds,
                it.disturbed,
            )
        })
    }

    fn print_latencies(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n| µs | call | sessions | calls | p50 | p99 | p99.9 | max |\n\
             |---|---|---|---|---|---|---|---|"
        )?;
        self.latencies.iter().try_for_each(|it| {
            let Latency {
                of, call, sessions, ..
            } = it;
            let quantiles = InMicroseconds(&it.quantiles);
            writeln!(f, "| {of} | {call} | {sessions} | {quantiles} |")
        })
    }

    fn print_locks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n| µs | calls | p50 | p99 | p99.9 | max | who waits meanwhile | p50 | p99 | p99.9 \
             | max | left out | bound |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|"
        )?;
        self.locks.iter().try_for_each(|it| {
            let (calls, waits) = (InMicroseconds(&it.calls), InMicroseconds(&it.waits));
            let bound = it.bound() as f64 / 1e3;
            let (deed, left_out) = (it.deed, it.left_out);
            writeln!(
                f,
                "| {deed} | {calls} | {waits} | {left_out} | {bound:.1} |"
            )
        })
    }

    fn print_growths(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n| | bytes of a session | create, growing to 10^3, µs: calls | p50 | p99 | p99.9 | max \
             | to 10^6: calls | p50 | p99 | p99.9 | max | slowest, first run |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|"
        )?;
        self.growths.iter().try_for_each(|it| {
            let (few, many) = (InMicroseconds(&it.few), InMicroseconds(&it.many));
            let slowest = it.slowest as f64 / 1e3;
            let (of, bytes) = (&it.of, it.bytes);
            writeln!(f, "| {of} | {bytes:.0} | {few} | {many} | {slowest:.1} |")
        })
    }
}

fn print_flood(flood: &Flood, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Flood {
        made,
        logged_in,
        kept,
        budget,
        most,
        resident,
        ..
    } = flood;
    writeln!(
        f,
        "\nFlood: {made} anonymous sessions made; {kept} of {logged_in} who had logged in are \
         still; at most {most} of {budget} bytes taken (resident: {resident})."
    )
}

/// Calls and quantiles, as cells of a table.
struct InMicroseconds<'a>(&'a Quantiles);

impl fmt::Display for InMicroseconds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Quantiles {
            calls,
            p50,
            p99,
            p999,
            max,
            ..
        } = self.0;
        let [p50, p99, p999, max] = [p50, p99, p999, max].map(|ns| *ns as f64 / 1e3);
        write!(f, "{calls} | {p50:.2} | {p99:.2} | {p999:.2} | {max:.1}")
    }
}
