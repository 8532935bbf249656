//! For how long a lock of our store is held.
//!
//! Locks are measured in a build of their own, `RUSTFLAGS="--cfg timed_locks"`, in which each notes for
//! how long it was held: of each call, the longest of its locks counts. Beside it, as an
//! observation from outside: while one thread does its deeds, another one knocks at the shard that
//! the next deed is about, over and over, with the cheapest call there is, and what it waits is told.
//!
//! The same calls are made eleven times in the same order, and each counts as in the quickest of
//! them: what takes long by itself does so each time, and what an interrupt makes longer is
//! another one each time. Three times do not suffice: where reading memory itself pauses for a
//! tenth of a millisecond, as it may in a virtual machine, it does so in one of four calls as long
//! as those of a census. One row of the report makes no calls at all, for comparison.
//!
//! A thread that holds a lock and loses its processor keeps others waiting for as long as it is
//! away; the quickest run leaves that out. A wait is left out where the thread that waited
//! was preempted meanwhile, by the count of the kernel, or where the other one was, by its clocks.

use std::error::Error;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use session_core::store::{PrincipalIndex, SessionStore};
use session_core::{Clock, MemoryStore, StoreKey, SystemClock, Timestamp};

use crate::calls::{Door, SWEEPS_NEW, anonymous, change, fill, roomy};
use crate::chance::Chance;
use crate::histogram::Histogram;
use crate::latency::Quantiles;
use crate::machine::{keep_to_processor, preemptions};
use crate::replay::{Replay, Run};
use crate::stopwatch::{Took, time};

/// Shards of a store with room for a million; one with fewer uses the last bits of the number.
const SHARDS: usize = 32_768;

/// How often the same calls are made.
const RUNS: usize = 11;

/// Longer waits are looked into.
const LONG: Duration = Duration::from_micros(20);

/// So long the sessions of these stores live.
const LIFE: Duration = Duration::from_secs(60 * 60);

/// For comparison: random numbers are drawn, and the store is left alone.
pub(crate) const NO_DEED: &str = "no call at all";

/// Whatever went wrong in one of two threads.
pub(crate) type Trouble = Box<dyn Error + Send + Sync>;

/// What one kind of deed did to others.
#[derive(Serialize)]
pub(crate) struct Lock {
    /// Which.
    pub(crate) deed: &'static str,
    /// For how long its calls held a lock.
    pub(crate) held: Quantiles,
    /// How long others waited.
    pub(crate) waits: Quantiles,
    /// Waits that were left out.
    pub(crate) left_out: usize,
}

impl Lock {
    /// As long as a lock may be held, in nanoseconds.
    const HELD_MAX: u64 = 100_000;

    pub(crate) const fn is_short(&self) -> bool {
        self.held.max <= Self::HELD_MAX
    }
}

/// The longest time for which this thread has held a lock since it asked the last time; `None` in a
/// build whose locks note nothing.
fn longest_hold() -> Option<Duration> {
    #[cfg(timed_locks)]
    return Some(session_core::take_longest_hold());
    #[cfg(not(timed_locks))]
    None
}

/// Measures every deed, with so many sessions.
pub(crate) fn measure(sessions: usize) -> Result<Vec<Lock>, Trouble> {
    if longest_hold().is_none() {
        return Err("locks are measured in a build with RUSTFLAGS='--cfg timed_locks'".into());
    }
    let now = SystemClock.now();
    let filled = || Ok(fill(sessions, LIFE, now, &mut Chance::new(1))?);
    let nothing = Deed(NO_DEED);
    let growing = Deed("create, growing");
    let changing = Deed("change");
    let evicting = Deed("create, evicting");
    let expiring = Deed("sweep, 7 expired");
    let counting = Deed("census, 64 shards");
    let ending = Deed("everybody ended");
    Ok(vec![
        nothing.repeat(
            || Ok((roomy(), Vec::new())),
            |hand, _| {
                let mut chance = Chance::new(2);
                for _ in 0..sessions / 4 {
                    hand.time(|_| black_box((0..1_000).fold(0, |sum, _| chance.next() ^ sum)));
                }
                Ok(())
            },
        )?,
        growing.repeat(
            || Ok((roomy(), Vec::new())),
            |hand, _| {
                let mut chance = Chance::new(2);
                for _ in 0..sessions {
                    let record = anonymous(chance.key(), now);
                    hand.aim(&record.key);
                    hand.time(|store| Door(store).create(&record, now))?;
                    // As after each request: what was evicted is reported.
                    Door(&hand.scene.store).sweep(now, SWEEPS_NEW)?;
                }
                Ok(())
            },
        )?,
        changing.repeat(filled, |hand, keys| {
            let (mut chance, changes) = (Chance::new(2), change(now));
            for _ in 0..sessions / 4 {
                let key = &keys[chance.below(keys.len())];
                hand.aim(key);
                hand.time(|store| Door(store).apply(key, &changes, now))?;
            }
            Ok(())
        })?,
        evicting.repeat(
            || {
                let store = MemoryStore::builder().max_sessions(sessions / 10);
                Ok((store.build(), Vec::new()))
            },
            |hand, _| {
                let mut chance = Chance::new(2);
                for number in 0..sessions / 4 {
                    let record = anonymous(chance.key(), now);
                    // Each eviction looks into the shards after those of the one before.
                    hand.aim_at(number + 4);
                    hand.time(|store| Door(store).create(&record, now))?;
                    // As after each request: what was evicted is reported.
                    Door(&hand.scene.store).sweep(now, SWEEPS_NEW)?;
                }
                Ok(())
            },
        )?,
        expiring.repeat(filled, |hand, _| expire(hand, now))?,
        counting.repeat(filled, |hand, _| {
            (0..5).for_each(|_| census(hand, now));
            Ok(())
        })?,
        ending.repeat(filled, |hand, keys| {
            hand.time(|store| poll(store.principals().map(PrincipalIndex::end_everybody)));
            for key in keys {
                hand.aim(key);
                hand.time(|store| Door(store).load(key, now))?;
            }
            Ok(())
        })?,
    ])
}

fn census(hand: &mut Hand<'_>, now: Timestamp) {
    let store = &hand.scene.store;
    let mut counting = pin!(store.census(now));
    let mut cx = Context::from_waker(futures_util::task::noop_waker_ref());
    for group in 0.. {
        hand.aim_at(64 * group + (7 * group) % 64);
        if hand.time(|_| counting.as_mut().poll(&mut cx)).is_ready() {
            return;
        }
    }
}

/// All sessions have expired. A call removes few of them, so that nearly all of its time is that of
/// a lock; the list of more than these would be made and freed for longer than they are removed.
fn expire(hand: &mut Hand<'_>, now: Timestamp) -> Result<(), Trouble> {
    let later = now.saturating_add(2 * LIFE);
    loop {
        let swept = hand.time(|store| Door(store).sweep(later, 7))?;
        // The next call goes on where this one has ended.
        if let Some(last) = swept.removed.last() {
            hand.aim(&last.record.key);
        }
        if !swept.more {
            return Ok(());
        }
    }
}

/// Runs what answers at once.
fn poll<F: Future>(future: Option<F>) -> bool {
    let Some(future) = future else {
        return false;
    };
    let mut cx = Context::from_waker(futures_util::task::noop_waker_ref());
    matches!(pin!(future).poll(&mut cx), Poll::Ready(_))
}

/// A kind of deed, by its name.
struct Deed(&'static str);

impl Deed {
    /// Does the same deeds several times, each time in a new store, while somebody knocks.
    fn repeat(
        &self,
        prepare: impl Fn() -> Result<(MemoryStore, Vec<StoreKey>), Trouble>,
        deeds: impl Fn(&mut Hand<'_>, &[StoreKey]) -> Result<(), Trouble> + Sync,
    ) -> Result<Lock, Trouble> {
        let mut replay = Replay::default();
        let (mut waits, mut left_out) = (Histogram::default(), 0);
        for _ in 0..RUNS {
            let (store, keys) = prepare()?;
            let scene = Scene {
                store,
                shard: AtomicUsize::new(0),
                is_over: AtomicBool::new(false),
            };
            let (run, knocks, absences) = scene.play(|hand| deeds(hand, &keys))?;
            let (waited, explained) = knocks.without(&absences);
            waits.merge(&waited);
            left_out += explained;
            replay.add(run)?;
        }
        Ok(Lock {
            deed: self.0,
            held: Quantiles::of(&replay.times_of(0)),
            waits: Quantiles::of(&waits),
            left_out,
        })
    }
}

/// A store, one who does deeds and one who knocks.
struct Scene {
    store: MemoryStore,
    shard: AtomicUsize,
    is_over: AtomicBool,
}

/// The times of calls, what happened to who knocked, and when the other one was away.
type Played = (Run, Knocks, Vec<(Instant, Duration)>);

impl Scene {
    /// Does the deeds while somebody knocks.
    fn play(
        &self,
        deeds: impl FnOnce(&mut Hand<'_>) -> Result<(), Trouble> + Send,
    ) -> Result<Played, Trouble> {
        thread::scope(|scope| {
            let knocking = scope.spawn(|| {
                keep_to_processor(1);
                self.knock()
            });
            let doing = scope.spawn(|| {
                keep_to_processor(0);
                let mut hand = Hand {
                    scene: self,
                    times: Run::new(),
                    absences: Vec::new(),
                };
                let done = deeds(&mut hand);
                self.is_over.store(true, Ordering::SeqCst);
                done.map(|()| (hand.times, hand.absences))
            });
            let (times, absences) = doing.join().map_err(|_| "who did deeds, broke")??;
            let knocks = knocking.join().map_err(|_| "who knocked, broke")??;
            Ok((times, knocks, absences))
        })
    }

    /// Knocks until all is over.
    fn knock(&self) -> Result<Knocks, Trouble> {
        let now = SystemClock.now();
        let mut knocks = Knocks::default();
        let mut preempted = preemptions()?;
        while !self.is_over.load(Ordering::Relaxed) {
            let key = stranger_of(self.shard.load(Ordering::Relaxed));
            let began = Instant::now();
            Door(&self.store).knock(&key, now)?;
            let wait = began.elapsed();
            if wait < LONG {
                knocks.short.add(wait);
                continue;
            }
            let preemptions = preemptions()?;
            if preemptions == preempted {
                knocks.long.push((began, wait));
            } else {
                knocks.left_out += 1;
            }
            preempted = preemptions;
        }
        Ok(knocks)
    }
}

/// A key of this shard that nobody has: shards go by the last two bytes.
fn stranger_of(shard: usize) -> StoreKey {
    let mut bytes = [0x55; 32];
    let [.., high, low] = (shard % SHARDS).to_be_bytes();
    bytes[30..].copy_from_slice(&[high, low]);
    StoreKey::from_bytes(bytes)
}

/// Who does the deeds.
struct Hand<'a> {
    scene: &'a Scene,
    /// For how long its calls held a lock.
    times: Run,
    /// When it lost the processor, or waited itself.
    absences: Vec<(Instant, Duration)>,
}

impl Hand<'_> {
    /// Says which shard the next deed is about.
    fn aim(&self, key: &StoreKey) {
        let [.., high, low] = *key.as_bytes();
        self.aim_at(usize::from(u16::from_be_bytes([high, low])));
    }

    fn aim_at(&self, shard: usize) {
        self.scene.shard.store(shard % SHARDS, Ordering::Relaxed);
    }

    fn time<T>(&mut self, call: impl FnOnce(&MemoryStore) -> T) -> T {
        longest_hold(); // what was done besides
        let began = Instant::now();
        let (answer, Took { wall, running }) = time(|| call(&self.scene.store));
        self.times.push((0, longest_hold().unwrap_or_default()));
        if wall.saturating_sub(running) > LONG / 2 {
            self.absences.push((began, wall));
        }
        answer
    }
}

/// What happened to who knocked.
#[derive(Default)]
struct Knocks {
    short: Histogram,
    long: Vec<(Instant, Duration)>,
    left_out: usize,
}

impl Knocks {
    /// All waits but those that somebody's absence explains.
    fn without(self, absences: &[(Instant, Duration)]) -> (Histogram, usize) {
        let (mut waits, mut left_out) = (self.short, self.left_out);
        for (began, wait) in self.long {
            let is_explained = absences
                .iter()
                .any(|(since, length)| *since < began + wait && began < *since + *length);
            if is_explained {
                left_out += 1;
            } else {
                waits.add(wait);
            }
        }
        (waits, left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_during_which_the_other_one_was_away_is_left_out() {
        let start = Instant::now();
        let at = |micros| start + Duration::from_micros(micros);
        let micros = Duration::from_micros;
        let knocks = Knocks {
            long: vec![
                (at(0), micros(30)),
                (at(100), micros(50)),
                (at(400), micros(60)),
            ],
            left_out: 1,
            ..Knocks::default()
        };
        let (waits, left_out) = knocks.without(&[(at(120), micros(10)), (at(200), micros(100))]);
        assert_eq!((waits.total(), waits.max(), left_out), (2, 60_000, 2));
    }
}
