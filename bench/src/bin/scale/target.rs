//! What is aimed at, and whether it was reached.

use serde::Serialize;

use crate::latency::Latency;
use crate::report::Report;
use crate::site::Library;

/// Fewer calls than these have no p99.9 to speak of.
const ENOUGH: u64 = 10_000;

/// Something that is aimed at.
#[derive(Serialize)]
pub(crate) struct Target {
    what: String,
    measured: f64,
    aim: Aim,
    met: bool,
}

/// On which side of a number to be.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Aim {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    fn new(what: String, measured: f64, aim: Aim) -> Self {
        let met = match aim {
            Aim::AtLeast(least) => measured >= least,
            Aim::AtMost(most) => measured <= most,
        };
        Self {
            what,
            measured,
            aim,
            met,
        }
    }

    /// As cells of a table.
    pub(crate) fn cells(&self) -> [String; 4] {
        let aim = match self.aim {
            Aim::AtLeast(least) => format!("at least {least}"),
            Aim::AtMost(most) => format!("at most {most}"),
        };
        let verdict = if self.met { "met" } else { "missed" };
        let measured = format!("{:.2}", self.measured);
        [self.what.clone(), measured, aim, verdict.to_owned()]
    }
}

/// All targets of what was measured.
pub(crate) fn targets_of(report: &Report) -> Vec<Target> {
    let mut targets = of_threads(report);
    targets.extend(of_latency(report));
    for growth in &report.growths {
        if growth.of == Library::Ours.name() {
            let times = growth.many.p999 as f64 / growth.few.p999.max(1) as f64;
            targets.push(Target::new(
                format!(
                    "{}: create, p99.9 while growing to 10^6 by that to 10^3",
                    growth.of
                ),
                times,
                Aim::AtMost(4.0),
            ));
            targets.push(Target::new(
                format!("{}: bytes of a session at 10^6", growth.of),
                growth.bytes,
                Aim::AtMost(400.0),
            ));
        }
    }
    if let Some(flood) = &report.flood {
        let evicted = (flood.logged_in - flood.kept) as f64;
        let part = flood.most as f64 / flood.budget as f64;
        targets.push(Target::new(
            "flood: evicted of those who logged in".into(),
            evicted,
            Aim::AtMost(0.0),
        ));
        targets.push(Target::new(
            "flood: bytes, as part of the budget".into(),
            part,
            Aim::AtMost(1.0),
        ));
    }
    targets
}

/// With many sessions two threads are to be worth what they are to bare; with one that all
/// share, reading is to lose nothing and writing little.
fn of_threads(report: &Report) -> Vec<Target> {
    let ours = report
        .threads
        .iter()
        .filter(|it| it.library == Library::Ours);
    ours.map(|it| {
        let (name, sessions) = (it.visit, it.sessions);
        match (sessions, name) {
            (1, "read") => Target::new(
                "read, one session: 2 threads by 1".into(),
                it.ratio,
                Aim::AtLeast(1.0),
            ),
            (1, _) => Target::new(
                "count, one session: 2 threads by 1".into(),
                it.ratio,
                Aim::AtLeast(0.8),
            ),
            _ => Target::new(
                format!("{name}, {sessions} sessions: 2 threads by 1, of bare's"),
                it.of_bare,
                Aim::AtLeast(0.85),
            ),
        }
    })
    .collect()
}

/// The slowest of a thousand requests: with a million sessions by with a thousand. A single call
/// of the store is too short for that: with a thousand sessions it finds all in the caches.
fn of_latency(report: &Report) -> Vec<Target> {
    let is_ours = |it: &&Latency| it.of == Library::Ours.name();
    let few = report.latencies.iter().filter(is_ours);
    few.filter_map(|few| {
        let many = report.latencies.iter().find(|many| {
            (many.of, many.call) == (few.of, few.call) && many.sessions > few.sessions
        })?;
        let (few, many, name) = (&few.quantiles, &many.quantiles, (few.of, few.call));
        if few.calls.min(many.calls) < ENOUGH {
            return None;
        }
        Some(Target::new(
            format!(
                "{}: {}, p99.9 with 10^6 sessions by that with 10^3",
                name.0, name.1
            ),
            many.p999 as f64 / few.p999.max(1) as f64,
            Aim::AtMost(4.0),
        ))
    })
    .collect()
}
