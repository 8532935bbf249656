//! The timing: rounds of slots in a shuffled order. What the numbers mean is in `main.rs`.

use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

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

/// One round of one scenario: nanoseconds per request, in the order of [`Variant::ALL`].
pub(crate) struct Round {
    /// What was measured.
    pub(crate) scenario: Scenario,
    /// Its times.
    pub(crate) nanoseconds: [f64; Variant::ALL.len()],
}

impl Round {
    /// The time of one variant.
    pub(crate) const fn of(&self, variant: Variant) -> f64 {
        self.nanoseconds[variant as usize]
    }
}

/// Measures everything.
pub(crate) async fn measure(plan: &Plan) -> Result<Vec<Round>, Box<dyn Error>> {
    let mut order = Order(plan.seed);
    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        for scenario in order.shuffled(Scenario::ALL) {
            let mut nanoseconds = [0.0; Variant::ALL.len()];
            for variant in order.shuffled(&Variant::ALL) {
                nanoseconds[variant as usize] = slot(variant, scenario, plan.slot).await?;
            }
            rounds.push(Round {
                scenario,
                nanoseconds,
            });
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
        for _ in 0..scenario.batch() {
            black_box(visitor.visit().await?);
        }
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
        let shuffle = |seed| Order(seed).shuffled(Scenario::ALL);
        assert_eq!(shuffle(1), shuffle(1));
        assert!((2..50).any(|seed| shuffle(seed) != shuffle(1)));
        for scenario in Scenario::ALL {
            assert!(shuffle(1).contains(scenario));
        }
    }
}
