//! Names and values that nobody has used before.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A generator of the kind SplitMix64, for names: nothing secret is made of it.
#[derive(Debug)]
pub(crate) struct Chance(AtomicU64);

impl Chance {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    /// One that begins elsewhere on each run.
    pub(crate) fn of_this_run() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = since.map_or(0, |since| since.as_nanos());
        let low = u64::try_from(nanos & u128::from(u64::MAX)).unwrap_or_default();
        Self::from_seed(low ^ (u64::from(std::process::id()) << 32))
    }

    /// One that says the same after the same seed.
    pub(crate) const fn from_seed(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next number.
    pub(crate) fn number(&self) -> u64 {
        let mut mixed = self.0.fetch_add(Self::STEP, Ordering::Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next number below `end`.
    pub(crate) fn below(&self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.number() % end).unwrap_or_default()
    }

    /// A word of letters and digits that begins with `what`.
    pub(crate) fn word(&self, what: &str) -> String {
        format!("{what}{:016x}", self.number())
    }

    /// Any bytes that a header may carry.
    pub(crate) fn header_bytes(&self, length: usize) -> Vec<u8> {
        let bytes = std::iter::repeat_with(|| self.number().to_le_bytes()[0]);
        let allowed = bytes.filter(|byte| matches!(byte, 0x21..=0x7e | 0x80..) && *byte != b';');
        allowed.take(length).collect()
    }
}
