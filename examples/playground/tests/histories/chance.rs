//! Chance that can be had again: the same seed, the same choices.

/// A sequence of numbers from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// A sequence of its own for each `number`.
    pub(crate) fn branch(&self, number: usize) -> Self {
        let mut branch = Self(self.0 ^ (number as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95));
        Self(branch.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not zero.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        // The bounds are small, so that no number is noticeably likelier than another. The
        // remainder is smaller than a `usize`.
        (self.next() % bound as u64) as usize
    }

    /// True `percent` times out of a hundred.
    pub(crate) fn happens(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of them, each as often as its weight says.
    pub(crate) fn pick<T: Copy>(&mut self, weighted: &[(usize, T)]) -> T {
        let total = weighted.iter().map(|(weight, _)| weight).sum();
        let mut left = self.below(total);
        for (weight, it) in weighted {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *it,
            }
        }
        unreachable!("a number below the total lies within one of the weights")
    }
}
