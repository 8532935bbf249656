//! How long a session may lie idle.

use std::num::NonZeroU64;
use std::time::Duration;

use crate::clock::{Timestamp, millis_rounded_up};

/// How long a session may lie idle before it expires (`setMaxInactiveInterval`).
///
/// Never is a value of its own here; where a number comes from outside, zero and less mean
/// never, as in the Servlet API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxInactiveInterval {
    /// The session does not expire by lying idle.
    Never,
    /// The session expires this many milliseconds after its last access.
    AfterMillis(NonZeroU64),
}

impl MaxInactiveInterval {
    /// The interval of `HttpSession.setMaxInactiveInterval(int)`: zero or less is never.
    #[must_use]
    pub fn from_secs(seconds: i64) -> Self {
        u64::try_from(seconds).map_or(Self::Never, |seconds| Duration::from_secs(seconds).into())
    }

    /// The interval as a duration, or `None` for never.
    #[must_use]
    pub fn as_duration(self) -> Option<Duration> {
        match self {
            Self::Never => None,
            Self::AfterMillis(millis) => Some(Duration::from_millis(millis.get())),
        }
    }

    /// When a session last accessed at `accessed_at` expires by lying idle.
    pub(crate) fn deadline(self, accessed_at: Timestamp) -> Timestamp {
        match self {
            Self::Never => Timestamp::NEVER,
            Self::AfterMillis(idle) => accessed_at.saturating_add_millis(idle.get()),
        }
    }
}

impl From<Duration> for MaxInactiveInterval {
    /// Zero is never; a fraction of a millisecond is rounded up.
    fn from(idle: Duration) -> Self {
        NonZeroU64::new(millis_rounded_up(idle)).map_or(Self::Never, Self::AfterMillis)
    }
}

impl From<Option<Duration>> for MaxInactiveInterval {
    /// `None` and zero are never.
    fn from(idle: Option<Duration>) -> Self {
        idle.map_or(Self::Never, Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_and_negative_seconds_never_expire() {
        for seconds in [0, -1, i64::MIN] {
            assert_eq!(
                MaxInactiveInterval::from_secs(seconds),
                MaxInactiveInterval::Never
            );
        }
        assert_eq!(
            MaxInactiveInterval::from(Duration::ZERO),
            MaxInactiveInterval::Never
        );
    }

    #[test]
    fn the_shortest_positive_interval_is_a_millisecond_and_not_never() {
        let interval = MaxInactiveInterval::from(Duration::from_nanos(1));
        assert_eq!(interval.as_duration(), Some(Duration::from_millis(1)));
    }

    #[test]
    fn a_huge_interval_does_not_overflow_into_expiry() {
        for interval in [
            MaxInactiveInterval::from(Duration::MAX),
            MaxInactiveInterval::from_secs(i64::MAX),
        ] {
            let deadline = interval.deadline(Timestamp::from_millis(1_000));
            assert_eq!(deadline, Timestamp::NEVER);
        }
    }
}
