//! Decisions that look random and are the same in every run.

use super::entropy::split_mix_64;
use crate::runtime::yield_once;

/// A sequence of decisions that a seed determines.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn number(&mut self) -> u64 {
        split_mix_64(&mut self.0)
    }

    /// A number less than `end`, which is more than zero.
    pub(super) fn below(&mut self, end: usize) -> usize {
        // The remainder is less than `end`.
        (self.number() % end as u64) as usize
    }

    pub(super) fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    /// One of `choices`, of which there are some.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Another sequence.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.number())
    }

    /// Lets others go on a few times, or not at all.
    pub(super) async fn pause(&mut self) {
        for _ in 0..self.below(4) {
            yield_once().await;
        }
    }
}
