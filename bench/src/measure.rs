//! The timing: rounds of slots in a shuffled order. What the numbers mean is in `main.rs`.

use std::error::Error;
use std::time::Duration;

use crate::framework::Framework;
use crate::machine::cpu_time;
use crate::scenario::Scenario;
use crate::variant::Variant;
use crate::visitor::Visitor;

/// A slot is warm after this part of its time: caches, branch predictors, allocator.
const WARM_UP: u32 = 10;

/// How much to measure.
pub(crate) struct Plan {
    /// How often everything is measured.
    pub(crate) rounds: u32,
    /// The timed part of one variant in one scenario in one round.
    pub(crate) slot: Duration,
    /// Of the order.
    pub(crate) seed: u64,
}

/// One round of one scenario: nanoseconds per request.
pub(crate) struct Round {
    scenario: Scenario,
    /// In the order of [`Framework::variants`].
    nanoseconds: Vec<f64>,
}

impl Round {
    /// The times of bare, of ours and of the peers.
    pub(crate) const fn new(scenario: Scenario, nanoseconds: Vec<f64>) -> Self {
        Self {
            scenario,
            nanoseconds,
        }
    }

    /// What was measured.
    pub(crate) const fn scenario(&self) -> Scenario {
        self.scenario
    }

    /// The time of the bare framework.
    pub(crate) fn bare(&self) -> f64 {
        self.nanoseconds[0]
    }

    /// What sessions add to it: ours first, then the peers.
    pub(crate) fn overheads(&self) -> impl Iterator<Item = f64> {
        self.nanoseconds[1..].iter().map(|time| time - self.bare())
    }
}

/// Measures everything on one framework.
pub(crate) async fn measure(
    framework: &Framework,
    plan: &Plan,
) -> Result<Vec<Round>, Box<dyn Error>> {
    let variants = framework.variants();
    let places: Vec<usize> = (0..variants.len()).collect();
    let mut order = Order(plan.seed);
    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        for scenario in order.shuffled(&framework.scenarios()) {
            let mut nanoseconds = vec![0.0; variants.len()];
            for place in order.shuffled(&places) {
                nanoseconds[place] = slot(variants[place], scenario, plan.slot).await?;
            }
            rounds.push(Round::new(scenario, nanoseconds));
        }
    }
    Ok(rounds)
}

/// Nanoseconds per request of one variant in one scenario.
async fn slot(variant: Variant, scenario: Scenario, time: Duration) -> Result<f64, Box<dyn Error>> {
    let mut visitor = Visitor::arrive(variant, scenario).await?;
    // A layer may have started a task; its first poll belongs to nobody's request.
    tokio::task::yield_now().await;
    batches(&mut visitor, scenario, time / WARM_UP).await?;
    batches(&mut visitor, scenario, time).await
}

async fn batches(
    visitor: &mut Visitor,
    scenario: Scenario,
    time: Duration,
) -> Result<f64, Box<dyn Error>> {
    let mut spent = Duration::ZERO;
    let mut requests = 0_u32;
    while spent < time {
        visitor.prepare_batch().await?;
        let start = cpu_time();
        visitor.visit(scenario.batch()).await?;
        spent += cpu_time().saturating_sub(start);
        requests += scenario.batch();
    }
    Ok(spent.as_secs_f64() * 1e9 / f64::from(requests))
}

/// A generator for shuffling (SplitMix64): the same seed gives the same order everywhere.
struct Order(u64);

impl Order {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// The items in a random order (Fisher-Yates; the bias of the remainder does not matter
    /// for a handful of items).
    fn shuffled<T: Copy>(&mut self, items: &[T]) -> Vec<T> {
        let mut items = items.to_vec();
        for last in (1..items.len()).rev() {
            let other = self.next() % (last as u64 + 1);
            items.swap(last, other as usize);
        }
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_order_and_every_item_once() {
        let items = [0, 1, 2, 3, 4, 5];
        let shuffle = |seed| Order(seed).shuffled(&items);
        assert_eq!(shuffle(1), shuffle(1));
        assert!((2..50).any(|seed| shuffle(seed) != shuffle(1)));
        for item in items {
            assert!(shuffle(1).contains(&item));
        }
    }
}
