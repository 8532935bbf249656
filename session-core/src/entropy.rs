//! Chance comes in through a parameter: every random byte of the engine is drawn here.

use ring::rand::{SecureRandom, SystemRandom};

/// A source of unpredictable bytes.
///
/// Session ids are 256 bits of this. A failing source is a hard error of whatever needed the
/// bytes; there is no weaker fallback (OWASP ASVS 7.2.3).
pub trait Entropy: Send + Sync + 'static {
    /// Fills `buffer` completely.
    ///
    /// # Errors
    /// [`EntropyError`] when the source cannot deliver; `buffer` must then not be used.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError>;
}

/// The source of random bytes failed. Nothing was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the source of random bytes failed")]
pub struct EntropyError;

/// The operating system's generator, asked anew for every id: nothing is buffered in the
/// process, so a fork or a cloned virtual machine never repeats an id.
#[derive(Clone, Debug)]
pub struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    /// The operating system's generator.
    #[must_use]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        self.0.fill(buffer).map_err(|_| EntropyError)
    }
}

#[test]
fn the_source_of_ids_keeps_nothing_that_a_fork_could_copy() {
    assert_eq!(size_of::<SystemEntropy>(), 0);
}
