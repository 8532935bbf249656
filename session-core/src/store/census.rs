//! How many sessions live, and for how long already.

use std::time::Duration;

/// The live sessions of a store at one moment, counted by their age since they were created.
///
/// The classes of age are the same for every store: those of
/// [`AGE_LIMITS`](Self::AGE_LIMITS), and older. A store counts by
/// [`count`](Self::count), or by [`count_class`](Self::count_class) where a database has
/// done the sums.
///
/// ```
/// use session_core::store::Census;
/// use std::time::Duration;
///
/// let mut census = Census::default();
/// census.count(Duration::from_secs(5));
/// census.count(Duration::from_secs(2 * 60 * 60));
/// assert_eq!(census.live(), 2);
/// assert_eq!(census.ages().next(), Some((Some(Duration::from_secs(60)), 1)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    by_age: [usize; Self::AGE_LIMITS.len() + 1],
}

impl Census {
    /// The oldest age of each class but the last: a minute, ten minutes, an hour, a day, a
    /// week. An age of exactly a limit belongs to its class.
    pub const AGE_LIMITS: [Duration; 5] = [
        Duration::from_secs(60),
        Duration::from_secs(10 * 60),
        Duration::from_secs(60 * 60),
        Duration::from_secs(24 * 60 * 60),
        Duration::from_secs(7 * 24 * 60 * 60),
    ];

    /// Counts a session that was created this long ago.
    pub fn count(&mut self, age: Duration) {
        let is_older = |limit: &Duration| *limit < age;
        self.count_class(Self::AGE_LIMITS.partition_point(is_older), 1);
    }

    /// Counts `sessions` whose age is in the class of this number: that of the limit at this
    /// place in [`AGE_LIMITS`](Self::AGE_LIMITS), and any number beyond them for older ones.
    pub fn count_class(&mut self, class: usize, sessions: usize) {
        let counted = &mut self.by_age[class.min(Self::AGE_LIMITS.len())];
        *counted = counted.saturating_add(sessions);
    }

    /// How many sessions live.
    #[must_use]
    pub fn live(&self) -> usize {
        let add = |sum: usize, class: usize| sum.saturating_add(class);
        self.by_age.into_iter().fold(0, add)
    }

    /// How many sessions there are of each class, the youngest first, with the oldest age of
    /// the class: `None` for the last one, which has no limit.
    pub fn ages(&self) -> impl Iterator<Item = (Option<Duration>, usize)> + '_ {
        let limits = Self::AGE_LIMITS.into_iter().map(Some).chain([None]);
        limits.zip(self.by_age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn an_age_of_exactly_a_limit_belongs_to_its_class() {
        for (class, limit) in Census::AGE_LIMITS.into_iter().enumerate() {
            let mut census = Census::default();
            census.count(limit);
            census.count(limit + MILLISECOND);
            let mut expected = Census::default();
            expected.count_class(class, 1);
            expected.count_class(class + 1, 1);
            assert_eq!(census, expected);
        }
    }

    #[test]
    fn every_session_is_in_one_class() {
        let mut census = Census::default();
        for age in [Duration::ZERO, Duration::MAX, MILLISECOND] {
            census.count(age);
        }
        census.count_class(usize::MAX, 4);
        assert_eq!(census.live(), 7);
        let ages: Vec<_> = census.ages().collect();
        assert_eq!(ages.len(), 6);
        assert_eq!(ages[0], (Some(Duration::from_secs(60)), 2));
        assert_eq!(ages[5], (None, 5));
    }
}
