//! The same calls made several times in the same order, of which each counts as in the quickest
//! run. What takes long by itself does so every time; what an interrupt makes longer is another
//! call every time.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::histogram::Histogram;

/// How often the same calls are made.
pub(crate) const RUNS: usize = 3;

/// Calls and what they took: each has a kind, by a number.
pub(crate) type Run = Vec<(usize, Duration)>;

/// What the quickest of several runs took, call by call.
#[derive(Default)]
pub(crate) struct Replay {
    quickest: Option<Run>,
}

/// Two runs made different calls, so that they cannot be compared.
#[derive(Debug)]
pub(crate) struct Different;

impl fmt::Display for Different {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("two runs that should be the same are not")
    }
}

impl Error for Different {}

impl Replay {
    /// Adds a run.
    pub(crate) fn add(&mut self, run: Run) -> Result<(), Different> {
        let Some(quickest) = &mut self.quickest else {
            self.quickest = Some(run);
            return Ok(());
        };
        if quickest.len() != run.len() {
            return Err(Different);
        }
        for (quickest, (kind, time)) in quickest.iter_mut().zip(run) {
            if quickest.0 != kind {
                return Err(Different);
            }
            quickest.1 = quickest.1.min(time);
        }
        Ok(())
    }

    /// The times of the calls of one kind.
    pub(crate) fn times_of(&self, kind: usize) -> Histogram {
        let mut times = Histogram::default();
        let calls = self.quickest.iter().flatten();
        calls
            .filter(|call| call.0 == kind)
            .for_each(|call| times.add(call.1));
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_counts_as_in_the_quickest_run() {
        let run = |times: [u64; 3]| {
            let calls = [0, 1, 0].into_iter().zip(times);
            calls
                .map(|(kind, time)| (kind, Duration::from_nanos(time)))
                .collect::<Run>()
        };
        let mut replay = Replay::default();
        for times in [[5, 9, 900], [500, 8, 6], [7, 800, 900]] {
            replay.add(run(times)).unwrap();
        }
        assert_eq!((replay.times_of(0).max(), replay.times_of(1).max()), (6, 8));
        assert_eq!(replay.times_of(0).total(), 2);
        assert!(replay.add(run([1, 1, 1])[..2].to_vec()).is_err());
        assert!(replay.add(vec![(0, Duration::ZERO); 3]).is_err());
    }
}
