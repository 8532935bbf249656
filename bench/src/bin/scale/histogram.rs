//! Times by their size, with an error of three percent whatever the size.

use std::time::Duration;

/// Parts of each power of two.
const PARTS: u64 = 32;
const PARTS_BITS: u32 = PARTS.trailing_zeros();

/// How many times there were of each size.
#[derive(Clone, Default)]
pub(crate) struct Histogram {
    /// By [`place_of`].
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Histogram {
    /// Adds a time.
    pub(crate) fn add(&mut self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let place = place_of(nanoseconds);
        if self.counts.len() <= place {
            self.counts.resize(place + 1, 0);
        }
        self.counts[place] += 1;
        self.total += 1;
        self.max = self.max.max(nanoseconds);
    }

    /// Adds all times of another one.
    pub(crate) fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// How many times there are.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// The longest time, exactly, in nanoseconds.
    pub(crate) const fn max(&self) -> u64 {
        self.max
    }

    /// The nanoseconds within which this part of all times lie; 0 when there are none.
    pub(crate) fn quantile(&self, part: f64) -> u64 {
        let wanted = (self.total as f64 * part).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (place, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return end_of(place).min(self.max);
            }
        }
        self.max
    }
}

/// Small numbers have a place each, larger ones share it with those that begin with the same
/// bits.
fn place_of(number: u64) -> usize {
    let bits = 63 - number.max(1).leading_zeros();
    if bits <= PARTS_BITS {
        return number as usize;
    }
    let shift = bits - PARTS_BITS;
    let part = (number >> shift) - PARTS;
    (u64::from(shift + 1) * PARTS + part) as usize
}

/// The largest number of a place.
fn end_of(place: usize) -> u64 {
    let place = place as u64;
    if place < 2 * PARTS {
        return place;
    }
    let shift = place / PARTS - 1;
    ((PARTS + place % PARTS + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_lies_in_a_place_that_ends_less_than_four_percent_above_it() {
        for number in (0..5_000).chain((1..1_000).map(|n| n * 977_777)) {
            let end = end_of(place_of(number));
            assert!(end >= number, "{number} ends at {end}");
            assert!(end as f64 <= number as f64 * 1.04, "{number} ends at {end}");
            assert_eq!(place_of(end), place_of(number));
            assert_eq!(place_of(end + 1), place_of(number) + 1);
        }
    }

    #[test]
    fn quantiles_are_those_of_the_times_that_were_added() {
        let mut times = Histogram::default();
        assert_eq!(times.quantile(0.5), 0);
        for microsecond in 1..=1_000 {
            times.add(Duration::from_micros(microsecond));
        }
        let close = |part: f64, wanted: f64| {
            let found = times.quantile(part) as f64;
            assert!((found / wanted - 1.0).abs() < 0.04, "{found} for {wanted}");
        };
        close(0.5, 500_000.0);
        close(0.999, 999_000.0);
        assert_eq!(times.quantile(1.0), 1_000_000);
        let mut both = Histogram::default();
        both.merge(&times);
        both.merge(&times);
        assert_eq!((both.total(), both.max()), (2_000, 1_000_000));
        assert_eq!(both.quantile(0.5), times.quantile(0.5));
    }
}
