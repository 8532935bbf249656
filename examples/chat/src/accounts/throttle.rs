//! Guessing passwords is made slow: a few wrong ones are taken at once, more only by and by.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use session_core::{Clock, Timestamp};

use super::credentials::AccountName;

/// How many attempts a name has to begin with.
const ATTEMPTS: u32 = 10;

/// How long it takes until a name has one attempt more.
const REGAINED_EVERY: Duration = Duration::from_secs(60);

/// How long it takes until a name has all of its attempts again.
const ALL_REGAINED: Duration = Duration::from_secs(REGAINED_EVERY.as_secs() * ATTEMPTS as u64);

/// How many names are remembered. At the limit those are forgotten that have the most attempts
/// left, so that whoever guesses at one name gains nothing by trying many others.
const NAMES: usize = 10_000;

/// Counts attempts to log in, by name: also by names without an account, so that it does not
/// tell which have one.
///
/// It is kept by name and not by address, since whoever guesses has many addresses. The price:
/// who keeps guessing at a name keeps its owner from logging in. Sessions that are logged in go
/// on.
pub(super) struct Throttle {
    clock: Arc<dyn Clock>,
    /// When each name has all of its attempts again.
    regained: Mutex<HashMap<AccountName, Timestamp>>,
    /// How many names are remembered: [`NAMES`], but in tests.
    room: usize,
}

impl Throttle {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_room_for(NAMES, clock)
    }

    fn with_room_for(names: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            regained: Mutex::default(),
            room: names,
        }
    }

    /// Takes an attempt from `name`. To be called before the password is looked at: of many
    /// guesses at the same time, no more than allowed are looked at.
    ///
    /// # Errors
    /// When there is none left: the time until there is one again.
    pub(super) fn attempt(&self, name: &AccountName) -> Result<(), Duration> {
        let now = self.clock.now();
        let mut names = self.names();
        if names.len() >= self.room && !names.contains_key(name) {
            make_room(&mut names, now);
        }
        let regained = names.entry(name.clone()).or_insert(now);
        // A clock that was set back must not make the wait longer than it can be.
        *regained = (*regained).clamp(now, now.saturating_add(ALL_REGAINED));
        *regained = taken(*regained, now)?;
        Ok(())
    }

    /// Gives `name` all of its attempts again: somebody knew the password.
    pub(super) fn succeeded(&self, name: &AccountName) {
        self.names().remove(name);
    }

    /// Gives `name` back what the last attempt took: nobody looked at the password, and so
    /// nobody learnt anything.
    pub(super) fn spared(&self, name: &AccountName) {
        if let Some(regained) = self.names().get_mut(name) {
            *regained = Timestamp::from_millis(
                regained
                    .as_millis()
                    .saturating_sub(REGAINED_EVERY.as_secs() * 1000),
            );
        }
    }

    fn names(&self) -> MutexGuard<'_, HashMap<AccountName, Timestamp>> {
        self.regained.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a name has all attempts again that loses one `now`, and had all of them again at
/// `regained`; or else how long it takes until it has one to lose.
fn taken(regained: Timestamp, now: Timestamp) -> Result<Timestamp, Duration> {
    let after = regained.saturating_add(REGAINED_EVERY);
    let missing = after.saturating_since(now.saturating_add(ALL_REGAINED));
    if missing.is_zero() {
        Ok(after)
    } else {
        Err(missing)
    }
}

/// Forgets the names that have all of their attempts, or else the one that is the nearest to it.
fn make_room(names: &mut HashMap<AccountName, Timestamp>, now: Timestamp) {
    let before = names.len();
    names.retain(|_, regained| *regained > now);
    if names.len() < before {
        return;
    }
    let nearest = names.iter().min_by_key(|(_, regained)| **regained);
    if let Some(name) = nearest.map(|(name, _)| name.clone()) {
        names.remove(&name);
    }
}

#[cfg(test)]
mod tests {
    use session_core::testkit::ManualClock;

    use super::*;

    const ROOM: usize = 100;

    fn throttle() -> (ManualClock, Throttle) {
        let clock = ManualClock::new();
        let throttle = Throttle::with_room_for(ROOM, Arc::new(clock.clone()));
        (clock, throttle)
    }

    fn name(name: &str) -> AccountName {
        AccountName::new(name).unwrap()
    }

    fn use_up(throttle: &Throttle, name: &AccountName) {
        for _ in 0..ATTEMPTS {
            assert_eq!(throttle.attempt(name), Ok(()));
        }
    }

    #[test]
    fn ten_attempts_are_free_and_the_next_one_has_to_wait() {
        let (_, throttle) = throttle();
        use_up(&throttle, &name("ada"));
        for _ in 0..3 {
            assert_eq!(throttle.attempt(&name("Ada")), Err(REGAINED_EVERY));
        }
        assert_eq!(throttle.attempt(&name("ben")), Ok(()));
    }

    #[test]
    fn attempts_come_back_one_by_one_and_asking_too_early_costs_nothing() {
        let (clock, throttle) = throttle();
        let ada = name("ada");
        use_up(&throttle, &ada);
        clock.advance(REGAINED_EVERY - Duration::from_secs(1));
        assert_eq!(throttle.attempt(&ada), Err(Duration::from_secs(1)));
        clock.advance(Duration::from_secs(1));
        assert_eq!(throttle.attempt(&ada), Ok(()));
        assert_eq!(throttle.attempt(&ada), Err(REGAINED_EVERY));
        clock.advance(ALL_REGAINED * 5);
        use_up(&throttle, &ada);
        assert_eq!(
            throttle.attempt(&ada),
            Err(REGAINED_EVERY),
            "no more than at first"
        );
    }

    #[test]
    fn whoever_knows_the_password_has_all_attempts_again() {
        let (_, throttle) = throttle();
        use_up(&throttle, &name("ada"));
        throttle.succeeded(&name("ada"));
        use_up(&throttle, &name("ada"));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_for_longer() {
        let (clock, throttle) = throttle();
        use_up(&throttle, &name("ada"));
        clock.set(Timestamp::EPOCH);
        assert_eq!(throttle.attempt(&name("ada")), Err(REGAINED_EVERY));
        clock.advance(REGAINED_EVERY);
        assert_eq!(throttle.attempt(&name("ada")), Ok(()));
    }

    #[test]
    fn names_are_forgotten_when_they_have_all_their_attempts() {
        let (clock, throttle) = throttle();
        for number in 0..ROOM {
            throttle
                .attempt(&name(&format!("visitor {number}")))
                .unwrap();
        }
        clock.advance(REGAINED_EVERY);
        throttle.attempt(&name("ada")).unwrap();
        assert_eq!(throttle.names().len(), 1);
    }

    #[test]
    fn trying_many_names_wins_no_attempt_for_the_one_that_is_guessed_at() {
        let (_, throttle) = throttle();
        use_up(&throttle, &name("ada"));
        for number in 0..2 * ROOM {
            throttle
                .attempt(&name(&format!("visitor {number}")))
                .unwrap();
        }
        assert_eq!(throttle.attempt(&name("ada")), Err(REGAINED_EVERY));
        assert_eq!(throttle.names().len(), ROOM);
    }
}
