//! From times to what is said about them: a table for people, JSON for programs.

use std::fmt;

use serde::Serialize;

use crate::framework::{Framework, Target};
use crate::measure::{Plan, Round};
use crate::variant::Variant;

/// Everything that a run found out.
#[derive(Serialize)]
pub(crate) struct Report {
    rounds: u32,
    slot_ms: u128,
    seed: u64,
    pinned: bool,
    frameworks: Vec<Table>,
}

/// One framework.
#[derive(Serialize)]
struct Table {
    framework: &'static str,
    scenarios: Vec<Row>,
}

/// One scenario.
#[derive(Serialize)]
struct Row {
    scenario: &'static str,
    bare_ns: f64,
    ours: Overhead,
    peers: Vec<Peer>,
    /// Of our overhead to that of the first peer.
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

/// What a library costs in one scenario, in nanoseconds per request over the bare framework.
#[derive(Serialize)]
struct Overhead {
    median_ns: f64,
    lower_quartile_ns: f64,
    upper_quartile_ns: f64,
}

impl Report {
    /// An empty report of a run by this plan.
    pub(crate) const fn new(plan: &Plan, pinned: bool) -> Self {
        Self {
            rounds: plan.rounds,
            slot_ms: plan.slot.as_millis(),
            seed: plan.seed,
            pinned,
            frameworks: Vec::new(),
        }
    }

    /// Adds what was measured on one framework.
    pub(crate) fn add(&mut self, framework: &Framework, measured: &[Round]) {
        let row = |target: &Target| Row::new(target, framework.peers, measured);
        self.frameworks.push(Table {
            framework: framework.name,
            scenarios: framework.targets.iter().map(row).collect(),
        });
    }
}

impl Row {
    fn new(target: &Target, peers: &[Variant], measured: &[Round]) -> Self {
        let rounds: Vec<&Round> = measured
            .iter()
            .filter(|round| round.scenario() == target.scenario)
            .collect();
        let ours = Overhead::new(&rounds, 0);
        let peers: Vec<Peer> = (1..)
            .zip(peers)
            .map(|(place, peer)| {
                let overhead = Overhead::new(&rounds, place);
                Peer {
                    variant: peer.name(),
                    ratio: ours.median_ns / overhead.median_ns,
                    overhead,
                }
            })
            .collect();
        let ratio = peers.first().map_or(f64::NAN, |peer| peer.ratio);
        Self {
            scenario: target.scenario.name(),
            bare_ns: quantile(rounds.iter().map(|round| round.bare()).collect(), 0.5),
            ours,
            peers,
            ratio,
            target: target.ratio,
            met: ratio <= target.ratio,
        }
    }
}

impl Overhead {
    /// Taken within each round, so that a slow round is slow for both sides. `place` is that
    /// in [`Round::overheads`].
    fn new(rounds: &[&Round], place: usize) -> Self {
        let over = |round: &&Round| round.overheads().nth(place);
        let over: Vec<f64> = rounds.iter().filter_map(over).collect();
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
            "Overhead over the bare framework, µs of CPU time per request [quartiles]; \
             medians of {rounds} rounds of {slot_ms} ms, {cpu}."
        )?;
        for table in &self.frameworks {
            write!(f, "\n{table}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<10} {:>6}  {:<22}", self.framework, "bare", "ours")?;
        for peer in self.scenarios.iter().take(1).flat_map(|row| &row.peers) {
            write!(f, "  {:<22}", peer.variant)?;
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
        let bare = self.bare_ns / 1e3;
        write!(f, "{:<10} {bare:>6.3}  {}", self.scenario, self.ours)?;
        for peer in &self.peers {
            write!(f, "  {}", peer.overhead)?;
        }
        for peer in &self.peers {
            write!(f, "  {:.3} of {}", peer.ratio, peer.variant)?;
        }
        let verdict = if self.met { "met" } else { "missed" };
        write!(f, "  target {:.2}", self.target)?;
        if let Some(yardstick) = self.peers.first() {
            write!(f, " of {}", yardstick.variant)?;
        }
        write!(f, " {verdict}")
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
    use crate::on_axum;
    use crate::scenario::Scenario;

    #[test]
    fn quantiles_ignore_the_order_and_a_wild_round() {
        let rounds = vec![9.0, 1.0, 5_000.0, 3.0, 7.0];
        assert_eq!(quantile(rounds.clone(), 0.25), 3.0);
        assert_eq!(quantile(rounds.clone(), 0.5), 7.0);
        assert_eq!(quantile(rounds, 0.75), 9.0);
        assert!(quantile(Vec::new(), 0.5).is_nan());
    }

    /// The row of these rounds on axum: the times of bare, ours and both peers.
    fn row(rounds: &[[f64; 4]]) -> Row {
        let round = |times: &[f64; 4]| Round::new(Scenario::Read, times.to_vec());
        let measured: Vec<Round> = rounds.iter().map(round).collect();
        let target = Target::new(Scenario::Read, 0.42);
        Row::new(&target, on_axum::FRAMEWORK.peers, &measured)
    }

    #[test]
    fn the_ratio_is_of_overheads_and_not_of_whole_requests() {
        let row = row(&[[100.0, 140.0, 200.0, 500.0]]);
        assert_eq!(row.ratio, 0.4);
        assert_eq!(row.peers[1].ratio, 0.1);
        assert!(row.met, "0.40 is within 0.42");
    }

    #[test]
    fn a_ratio_above_its_target_is_missed() {
        let row = row(&[[100.0, 143.0, 200.0, 500.0]]);
        assert!(!row.met);
        let text = row.to_string();
        assert!(
            text.ends_with("target 0.42 of tower-sessions missed"),
            "{text}"
        );
    }

    #[test]
    fn the_overhead_is_taken_within_a_round() {
        // Everything is slower in the second round; the difference is what counts.
        let row = row(&[[100.0, 140.0, 200.0, 500.0], [300.0, 340.0, 400.0, 700.0]]);
        assert_eq!(row.ours.lower_quartile_ns, 40.0);
        assert_eq!(row.ours.upper_quartile_ns, 40.0);
    }
}
