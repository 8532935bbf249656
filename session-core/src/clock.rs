//! Time comes in through a parameter: the [`Clock`] of the configuration is the only place
//! that knows what "now" is, so that tests step a clock instead of sleeping.

use std::fmt;
use std::time::{Duration, SystemTime};

/// A point in time, in whole milliseconds since the Unix epoch.
///
/// All arithmetic saturates: a huge duration leads to [`Timestamp::NEVER`], never to a panic
/// and never to a point in the past.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);

    /// A point that is never reached: the deadline of what does not expire.
    pub const NEVER: Self = Self(u64::MAX);

    /// The point `millis` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The point `duration` later. A fraction of a millisecond is rounded up, so that a
    /// positive duration always leads to a later point.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        self.saturating_add_millis(millis_rounded_up(duration))
    }

    pub(crate) const fn saturating_add_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// The time that passed since `earlier`, zero when `earlier` is in fact later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NEVER => f.write_str("Timestamp(never)"),
            Self(millis) => write!(f, "Timestamp({millis} ms)"),
        }
    }
}

impl From<SystemTime> for Timestamp {
    /// Times before the epoch become the epoch.
    fn from(time: SystemTime) -> Self {
        time.duration_since(SystemTime::UNIX_EPOCH)
            .map_or(Self::EPOCH, |since| {
                let fraction = u64::from(since.subsec_millis());
                Self(millis_of_secs(since).saturating_add(fraction))
            })
    }
}

/// `duration` in milliseconds, a fraction rounded up, more than fits cut to `u64::MAX`.
pub(crate) fn millis_rounded_up(duration: Duration) -> u64 {
    let fraction = u64::from(duration.subsec_nanos().div_ceil(1_000_000));
    millis_of_secs(duration).saturating_add(fraction)
}

/// The whole seconds of `duration` in milliseconds. In 64 bits, since every request asks for
/// the time, and the 128 bits of [`Duration::as_millis`] take several times as long.
const fn millis_of_secs(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000)
}

/// Tells the engine what time it is.
///
/// The engine never asks the operating system by itself. [`SystemClock`] is the default;
/// `testkit` has a clock that a test steps by hand.
pub trait Clock: Send + Sync + 'static {
    /// The current time. May go backwards, as wall clocks do; the engine copes.
    fn now(&self) -> Timestamp;
}

/// The wall clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_of_a_millisecond_is_rounded_up_and_never_lost() {
        let start = Timestamp::from_millis(10);
        assert_eq!(
            start.saturating_add(Duration::from_nanos(1)),
            Timestamp::from_millis(11)
        );
        assert_eq!(start.saturating_add(Duration::ZERO), start);
    }

    #[test]
    fn a_huge_duration_saturates_to_never() {
        let start = Timestamp::from_millis(10);
        let nearly = Duration::from_millis(u64::MAX - 11);
        assert_eq!(
            start.saturating_add(nearly),
            Timestamp::from_millis(u64::MAX - 1)
        );
        for huge in [
            nearly + Duration::from_nanos(1),
            Duration::from_secs(u64::MAX / 1_000 + 1),
            Duration::MAX,
        ] {
            assert_eq!(start.saturating_add(huge), Timestamp::NEVER, "{huge:?}");
        }
    }

    #[test]
    fn a_time_before_the_epoch_is_the_epoch() {
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(5);
        assert_eq!(Timestamp::from(before), Timestamp::EPOCH);
    }
}
