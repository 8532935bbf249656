//! When sessions were last seen, as a hint.

use std::sync::atomic::{AtomicU64, Ordering};

use session_core::{StoreKey, Timestamp};

/// The accesses of some sessions that this process has seen, to foretell whether the next one has
/// to be recorded: a load that records nothing needs no script, which costs the server several
/// times what it costs to read. What is foretold is verified with what is read, so it may be wrong
/// and need not be remembered for long.
pub(crate) struct Recent {
    places: Box<[Place]>,
}

/// The latest session that fell on this place. Both halves are written apart, so the first also
/// covers the second: halves of two sessions are no session's.
#[derive(Default)]
struct Place {
    key_and_time: AtomicU64,
    time: AtomicU64,
}

/// Two mebibytes.
const PLACES: usize = 1 << 17;

impl Recent {
    pub(crate) fn new() -> Self {
        Self {
            places: (0..PLACES).map(|_| Place::default()).collect(),
        }
    }

    pub(crate) fn note(&self, key: &StoreKey, accessed: Timestamp) {
        let (place, key) = self.place(key);
        let time = accessed.as_millis();
        place.time.store(time, Ordering::Relaxed);
        place.key_and_time.store(key ^ time, Ordering::Relaxed);
    }

    /// The access that was noted for this session, unless it is forgotten.
    pub(crate) fn accessed(&self, key: &StoreKey) -> Option<Timestamp> {
        let (place, key) = self.place(key);
        let time = place.time.load(Ordering::Relaxed);
        let is_of_key = place.key_and_time.load(Ordering::Relaxed) ^ time == key;
        is_of_key.then(|| Timestamp::from_millis(time))
    }

    fn place(&self, key: &StoreKey) -> (&Place, u64) {
        let [a, b, c, d, e, f, g, h, i, j, k, ..] = *key.as_bytes();
        let index = (usize::from(k) << 16 | usize::from(u16::from_le_bytes([i, j]))) % PLACES;
        (
            &self.places[index],
            u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_session_of_a_place_is_remembered() {
        let recent = Recent::new();
        let (one, other) = ([1; 32], {
            let mut other = [1; 32];
            other[0] = 2;
            other
        });
        let (one, other) = (StoreKey::from_bytes(one), StoreKey::from_bytes(other));
        assert_eq!(recent.accessed(&one), None);
        recent.note(&one, Timestamp::from_millis(5));
        assert_eq!(recent.accessed(&one), Some(Timestamp::from_millis(5)));
        assert_eq!(recent.accessed(&other), None);
        recent.note(&other, Timestamp::from_millis(6));
        assert_eq!(recent.accessed(&one), None);
        assert_eq!(recent.accessed(&other), Some(Timestamp::from_millis(6)));
    }
}
