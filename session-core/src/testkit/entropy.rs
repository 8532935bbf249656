//! Random bytes that are the same in every run, for tests alone.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::entropy::{Entropy, EntropyError};

/// An [`Entropy`] that repeats itself in every run (SplitMix64). Clones share one sequence.
///
/// **For tests alone**: whoever knows the seed knows every session id.
///
/// ```
/// use session_core::{Entropy, EntropyError};
/// use session_core::testkit::SeededEntropy;
///
/// let entropy = SeededEntropy::new(7);
/// let (mut first, mut again) = ([0; 32], [0; 32]);
/// entropy.fill(&mut first)?;
/// entropy.rewind();
/// entropy.fill(&mut again)?; // an id collision
/// assert_eq!(first, again);
///
/// entropy.exhaust();
/// assert_eq!(entropy.fill(&mut first), Err(EntropyError));
/// # Ok::<(), EntropyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SeededEntropy {
    seed: u64,
    source: Arc<Mutex<Source>>,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    /// Draws go on from this state.
    Sequence(u64),
    /// Every draw starts at the seed.
    Repeating,
    /// Every draw fails.
    Exhausted,
}

impl SeededEntropy {
    /// A sequence that `seed` determines.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::from_source(seed, Source::Sequence(seed))
    }

    /// A broken generator: draws of the same length deliver the same bytes, so that every id
    /// collides with the one before.
    #[must_use]
    pub fn repeating(seed: u64) -> Self {
        Self::from_source(seed, Source::Repeating)
    }

    /// A source that always fails.
    #[must_use]
    pub fn exhausted() -> Self {
        Self::from_source(0, Source::Exhausted)
    }

    /// Starts the sequence anew: the next id collides with the first one, the one after it
    /// does not. Also ends an exhaustion.
    pub fn rewind(&self) {
        *self.source.lock() = Source::Sequence(self.seed);
    }

    /// Lets every draw fail from now on.
    pub fn exhaust(&self) {
        *self.source.lock() = Source::Exhausted;
    }

    fn from_source(seed: u64, source: Source) -> Self {
        Self {
            seed,
            source: Arc::new(Mutex::new(source)),
        }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        let mut source = self.source.lock();
        match &mut *source {
            Source::Sequence(state) => fill_from(state, buffer),
            Source::Repeating => fill_from(&mut self.seed.clone(), buffer),
            Source::Exhausted => return Err(EntropyError),
        }
        Ok(())
    }
}

fn fill_from(state: &mut u64, buffer: &mut [u8]) {
    for chunk in buffer.chunks_mut(8) {
        let word = split_mix_64(state).to_le_bytes();
        chunk.copy_from_slice(&word[..chunk.len()]);
    }
}

/// One step of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
pub(super) fn split_mix_64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(entropy: &SeededEntropy) -> [u8; 20] {
        let mut bytes = [0; 20];
        entropy.fill(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn equal_seeds_give_equal_sequences_and_other_seeds_others() {
        let (one, same, other) = (
            SeededEntropy::new(1),
            SeededEntropy::new(1),
            SeededEntropy::new(2),
        );
        let first = draw(&one);
        assert_eq!(first, draw(&same));
        assert_ne!(first, draw(&other));
        assert_ne!(first, draw(&one));
    }

    #[test]
    fn the_sequence_is_split_mix_64() {
        // The first output for the seed 0 of the reference implementation.
        assert_eq!(split_mix_64(&mut 0), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn a_repeating_source_never_gives_anything_new() {
        let entropy = SeededEntropy::repeating(3);
        assert_eq!(draw(&entropy), draw(&entropy));
    }

    #[test]
    fn an_exhausted_source_leaves_the_buffer_alone() {
        let mut bytes = [9; 4];
        assert_eq!(
            SeededEntropy::exhausted().fill(&mut bytes),
            Err(EntropyError)
        );
        assert_eq!(bytes, [9; 4]);
    }
}
