//! From times to what is said about them: a table for people, JSON for programs.

use std::fmt;

use serde::Serialize;

use crate::measure::{Plan, Round};
use crate::scenario::Scenario;
use crate::variant::Variant;

/// The peer whose overhead the targets are parts of.
const YARDSTICK: &str = "tower-sessions";
/// Whose overhead has targets.
const SUBJECT: &str = "ours";

/// Everything that a run found out.
#[derive(Serialize)]
pub(crate) struct Report {
    rounds: u32,
    slot_ms: u128,
    seed: u64,
    pinned: bool,
    scenarios: Vec<Row>,
}

/// One scenario.
#[derive(Serialize)]
struct Row {
    scenario: &'static str,
    bare_ns: f64,
    peers: Vec<Overhead>,
    verdict: Option<Verdict>,
}

/// What one library costs in one scenario, in nanoseconds per request over bare axum.
#[derive(Serialize)]
struct Overhead {
    variant: &'static str,
    median_ns: f64,
    lower_quartile_ns: f64,
    upper_quartile_ns: f64,
    /// Our overhead as a part of this one; `None` for ourselves.
    ratio: Option<f64>,
}

/// The ratio to the yardstick, beside what was aimed at.
#[derive(Serialize)]
struct Verdict {
    ratio: f64,
    target: f64,
    met: bool,
}

impl Report {
    /// Sums up `measured`.
    pub(crate) fn new(plan: &Plan, pinned: bool, measured: &[Round]) -> Self {
        Self {
            rounds: plan.rounds,
            slot_ms: plan.slot.as_millis(),
            seed: plan.seed,
            pinned,
            scenarios: Scenario::ALL
                .iter()
                .map(|scenario| Row::new(*scenario, measured))
                .collect(),
        }
    }
}

impl Row {
    fn new(scenario: Scenario, measured: &[Round]) -> Self {
        let rounds: Vec<&Round> = measured.iter().filter(|r| r.scenario == scenario).collect();
        let bare = |round: &Round| round.nanoseconds[BARE];

        let mut peers: Vec<Overhead> = Vec::new();
        for (index, variant) in Variant::ALL.iter().enumerate().filter(|(i, _)| *i != BARE) {
            let over = rounds
                .iter()
                .map(|round| round.nanoseconds[index] - bare(round));
            peers.push(Overhead::new(*variant, over.collect()));
        }
        let of = |name| {
            peers
                .iter()
                .find(|peer| peer.variant == name)
                .map(|peer| peer.median_ns)
        };
        let (ours, yardstick) = (of(SUBJECT), of(YARDSTICK));
        for peer in peers.iter_mut().filter(|peer| peer.variant != SUBJECT) {
            peer.ratio = ours.map(|ours| ours / peer.median_ns);
        }
        Self {
            scenario: scenario.name(),
            bare_ns: quantile(rounds.iter().map(|round| bare(round)).collect(), 0.5),
            peers,
            verdict: ours.zip(yardstick).map(|(ours, yardstick)| {
                let ratio = ours / yardstick;
                let target = scenario.target();
                Verdict {
                    ratio,
                    target,
                    met: ratio <= target,
                }
            }),
        }
    }
}

/// Where bare axum stands in [`Variant::ALL`].
const BARE: usize = 0;
const _: () = assert!(matches!(Variant::ALL[BARE], Variant::Bare));

impl Overhead {
    fn new(variant: Variant, over: Vec<f64>) -> Self {
        Self {
            variant: variant.name(),
            lower_quartile_ns: quantile(over.clone(), 0.25),
            upper_quartile_ns: quantile(over.clone(), 0.75),
            median_ns: quantile(over, 0.5),
            ratio: None,
        }
    }
}

/// The value below which `part` of the values lie; between two of them, the nearer one.
fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values
        .get((last as f64 * part).round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rounds,
            slot_ms,
            pinned,
            ..
        } = self;
        let cpu = if *pinned {
            "one CPU"
        } else {
            "no CPU of its own: do not quote"
        };
        writeln!(
            f,
            "Overhead over bare axum, µs of CPU time per request [quartiles]; \
             medians of {rounds} rounds of {slot_ms} ms, on {cpu}.\n"
        )?;
        write!(f, "{:<10} {:>6}", "", "bare")?;
        for peer in self.scenarios.iter().take(1).flat_map(|row| &row.peers) {
            write!(f, "  {:<22}", peer.variant)?;
        }
        writeln!(f, "  ratio to {YARDSTICK}")?;
        for row in &self.scenarios {
            writeln!(f, "{row}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<10} {:>6.3}", self.scenario, self.bare_ns / 1e3)?;
        for peer in &self.peers {
            let range = format!(
                "[{:.3} {:.3}]",
                peer.lower_quartile_ns / 1e3,
                peer.upper_quartile_ns / 1e3
            );
            write!(f, "  {:>6.3} {range:<15}", peer.median_ns / 1e3)?;
        }
        if let Some(Verdict { ratio, target, met }) = &self.verdict {
            let word = if *met { "met" } else { "missed" };
            write!(f, "  {ratio:.2}, target {target:.2} {word}")?;
        }
        for peer in self.peers.iter().filter(|peer| peer.variant != YARDSTICK) {
            if let Some(ratio) = peer.ratio {
                write!(f, "; {ratio:.2} of {}", peer.variant)?;
            }
        }
        Ok(())
    }
}
