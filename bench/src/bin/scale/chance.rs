//! Chance that repeats itself (SplitMix64): the same seed gives the same run.

use session_core::StoreKey;

/// A generator of numbers.
pub(crate) struct Chance(u64);

impl Chance {
    /// One that begins at `seed`.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number less than `limit`; the bias of the remainder does not matter here.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// A key of a session: what looks like a digest.
    pub(crate) fn key(&mut self) -> StoreKey {
        let mut bytes = [0; 32];
        for some in bytes.chunks_exact_mut(8) {
            some.copy_from_slice(&self.next().to_le_bytes());
        }
        StoreKey::from_bytes(bytes)
    }

    /// The items in a random order (Fisher-Yates).
    pub(crate) fn shuffled<T: Copy>(&mut self, items: &[T]) -> Vec<T> {
        let mut items = items.to_vec();
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
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
        let shuffle = |seed| Chance::new(seed).shuffled(&items);
        assert_eq!(shuffle(1), shuffle(1));
        assert!((2..50).any(|seed| shuffle(seed) != shuffle(1)));
        for item in items {
            assert!(shuffle(1).contains(&item));
        }
    }
}
