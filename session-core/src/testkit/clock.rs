//! A clock that a test steps by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};

/// A [`Clock`] that stands still until a test moves it. Clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use session_core::Clock;
/// use session_core::testkit::ManualClock;
///
/// let clock = ManualClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().saturating_since(before), Duration::from_secs(60));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// The time that a new clock shows: the first of January 2026, midnight UTC.
    pub const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    /// A clock that shows [`START`](Self::START).
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(AtomicU64::new(Self::START.as_millis())))
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        self.set(self.now().saturating_add(duration));
    }

    /// Sets the clock to `time`, which may be earlier: wall clocks step back, too.
    pub fn set(&self, time: Timestamp) {
        self.0.store(time.as_millis(), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_show_the_same_time_and_time_can_go_back() {
        let clock = ManualClock::new();
        let other = clock.clone();
        clock.advance(Duration::from_secs(1));
        assert_eq!(
            other.now(),
            ManualClock::START.saturating_add(Duration::from_secs(1))
        );
        other.set(Timestamp::EPOCH);
        assert_eq!(clock.now(), Timestamp::EPOCH);
    }
}
