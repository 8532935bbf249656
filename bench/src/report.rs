//! From times to what is said about them: a table for people, JSON for programs.

use std::fmt;

use serde::Serialize;

use crate::measure::{Plan, Round};
use crate::scenario::Scenario;
use crate::variant::Variant;

/// The peer whose overhead the targets are parts of.
const YARDSTICK: Variant = Variant::TowerSessions;

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
    ours: Overhead,
    peers: Vec<Peer>,
    /// Of our overhead to that of [`YARDSTICK`].
    ratio: f64,
    target: f64,
    met: bool,
}

/// A peer, and our overhead as a part of its own.
#[derive(Serialize)]
struct Peer {
    variant: &'static str,
    #[serde(flatten)]
    overhead: Overhead,
    ratio: f64,
}

/// What a library costs in one scenario, in nanoseconds per request over bare axum.
#[derive(Serialize)]
struct Overhead {
    median_ns: f64,
    lower_quartile_ns: f64,
    upper_quartile_ns: f64,
}

impl Report {
    /// Sums up `measured`.
    pub(crate) fn new(plan: &Plan, pinned: bool, measured: &[Round]) -> Self {
        let row = |scenario: &Scenario| Row::new(*scenario, measured);
        Self {
            rounds: plan.rounds,
            slot_ms: plan.slot.as_millis(),
            seed: plan.seed,
            pinned,
            scenarios: Scenario::ALL.iter().map(row).collect(),
        }
    }
}

impl Row {
    fn new(scenario: Scenario, measured: &[Round]) -> Self {
        let rounds: Vec<&Round> = measured.iter().filter(|r| r.scenario == scenario).collect();
        let ours = Overhead::new(&rounds, Variant::Ours);
        let ratio_to = |overhead: &Overhead| ours.median_ns / overhead.median_ns;
        let peer = |variant: &Variant| {
            let overhead = Overhead::new(&rounds, *variant);
            Peer {
                variant: variant.name(),
                ratio: ratio_to(&overhead),
                overhead,
            }
        };
        let ratio = ratio_to(&Overhead::new(&rounds, YARDSTICK));
        Self {
            scenario: scenario.name(),
            bare_ns: quantile(rounds.iter().map(|r| r.of(Variant::Bare)).collect(), 0.5),
            peers: Variant::PEERS.iter().map(peer).collect(),
            ours,
            ratio,
            target: scenario.target(),
            met: ratio <= scenario.target(),
        }
    }
}

impl Overhead {
    /// Taken within each round, so that a slow round is slow for both sides.
    fn new(rounds: &[&Round], variant: Variant) -> Self {
        let over = |round: &&Round| round.of(variant) - round.of(Variant::Bare);
        let over: Vec<f64> = rounds.iter().map(over).collect();
        Self {
            lower_quartile_ns: quantile(over.clone(), 0.25),
            upper_quartile_ns: quantile(over.clone(), 0.75),
            median_ns: quantile(over, 0.5),
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
            rounds, slot_ms, ..
        } = self;
        let cpu = if self.pinned {
            "on one CPU"
        } else {
            "on any CPU: not to be quoted"
        };
        writeln!(
            f,
            "Overhead over bare axum, µs of CPU time per request [quartiles]; \
             medians of {rounds} rounds of {slot_ms} ms, {cpu}.\n"
        )?;
        write!(f, "{:<10} {:>6}", "", "bare")?;
        write!(f, "  {:<22}", Variant::Ours.name())?;
        for variant in Variant::PEERS {
            write!(f, "  {:<22}", variant.name())?;
        }
        writeln!(f, "  ratios")?;
        for row in &self.scenarios {
            writeln!(f, "{row}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<10} {:>6.3}  {}",
            self.scenario,
            self.bare_ns / 1e3,
            self.ours
        )?;
        for peer in &self.peers {
            write!(f, "  {}", peer.overhead)?;
        }
        for peer in &self.peers {
            write!(f, "  {:.3} of {}", peer.ratio, peer.variant)?;
        }
        let verdict = if self.met { "met" } else { "missed" };
        write!(
            f,
            "  target {:.2} of {} {verdict}",
            self.target,
            YARDSTICK.name()
        )
    }
}

impl fmt::Display for Overhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, lower, upper] = [
            self.median_ns,
            self.lower_quartile_ns,
            self.upper_quartile_ns,
        ]
        .map(|ns| ns / 1e3);
        let quartiles = format!("[{lower:.3} {upper:.3}]");
        write!(f, "{median:>6.3} {quartiles:<15}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_ignore_the_order_and_a_wild_round() {
        let rounds = vec![9.0, 1.0, 5_000.0, 3.0, 7.0];
        assert_eq!(quantile(rounds.clone(), 0.25), 3.0);
        assert_eq!(quantile(rounds.clone(), 0.5), 7.0);
        assert_eq!(quantile(rounds, 0.75), 9.0);
        assert!(quantile(Vec::new(), 0.5).is_nan());
    }

    /// Rounds with 100 ns for bare axum and the given times over it for the others.
    fn rounds(overheads: &[[f64; 3]]) -> Vec<Round> {
        let round = |over: &[f64; 3]| Round {
            scenario: Scenario::Read,
            nanoseconds: [100.0, 100.0 + over[0], 100.0 + over[1], 100.0 + over[2]],
        };
        overheads.iter().map(round).collect()
    }

    #[test]
    fn the_ratio_is_of_overheads_and_not_of_whole_requests() {
        let row = Row::new(Scenario::Read, &rounds(&[[40.0, 100.0, 400.0]]));
        assert_eq!(row.ratio, 0.4);
        assert!(row.met, "0.40 is within 0.42");
    }

    #[test]
    fn a_ratio_above_its_target_is_missed() {
        let row = Row::new(Scenario::Read, &rounds(&[[43.0, 100.0, 400.0]]));
        assert!(!row.met);
        let text = row.to_string();
        assert!(
            text.ends_with("target 0.42 of tower-sessions missed"),
            "{text}"
        );
    }

    #[test]
    fn the_overhead_is_taken_within_a_round() {
        // Everything is three times slower in the second round; the difference is what counts.
        let mut measured = rounds(&[[40.0, 100.0, 400.0], [40.0, 100.0, 400.0]]);
        for time in &mut measured[1].nanoseconds {
            *time += 200.0;
        }
        let row = Row::new(Scenario::Read, &measured);
        assert_eq!(row.ours.lower_quartile_ns, 40.0);
        assert_eq!(row.ours.upper_quartile_ns, 40.0);
    }
}
