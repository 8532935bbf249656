//! For how long a lock of our store is held, from outside of it.
//!
//! Two bounds. Every lock is taken within a call and is free when it returns, so none is held
//! for longer than the longest call. And while one thread does its deeds, another one knocks at
//! the shard that the next deed is about, over and over, with the cheapest call there is: how
//! long it waits at worst is how long the lock was held.
//!
//! A thread that holds a lock and loses its processor keeps others waiting for as long as it is
//! away; that is left out. Of the first bound, a call counts for the time that its thread ran. Of
//! the second, a wait is left out where the thread that waited was preempted meanwhile, by the
//! count of the kernel, or where the other one was, by its clocks.

use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use session_core::store::SessionStore;
use session_core::{Clock, MemoryStore, StoreKey, SystemClock, Timestamp};

use crate::calls::{Door, anonymous, change, fill, roomy};
use crate::chance::Chance;
use crate::histogram::Histogram;
use crate::latency::Quantiles;
use crate::machine::preemptions;
use crate::stopwatch::{Took, time};

/// Shards of a store, as it comes.
const SHARDS: usize = 4_096;

/// Longer waits are looked into.
const LONG: Duration = Duration::from_micros(20);

/// So long the sessions of these stores live.
const LIFE: Duration = Duration::from_secs(60 * 60);

/// Whatever went wrong in one of two threads.
pub(crate) type Trouble = Box<dyn Error + Send + Sync>;

/// What one kind of deed did to others.
#[derive(Serialize)]
pub(crate) struct Lock {
    /// Which.
    pub(crate) deed: &'static str,
    /// How long its calls took, while their thread ran.
    pub(crate) calls: Quantiles,
    /// How many locks one call takes at least, one after the other.
    pub(crate) locks: usize,
    /// How long others waited.
    pub(crate) waits: Quantiles,
    /// Waits that were left out.
    pub(crate) left_out: usize,
}

impl Lock {
    /// No lock was held for longer, in nanoseconds: no call took longer, or nobody waited for
    /// longer.
    pub(crate) fn bound(&self) -> u64 {
        self.calls.max.min(self.waits.max)
    }
}

/// Measures every deed, with so many sessions.
pub(crate) fn measure(sessions: usize) -> Result<Vec<Lock>, Trouble> {
    let now = SystemClock.now();
    let mut chance = Chance::new(1);

    let grow = Scene::new(roomy());
    let growing = grow.play("create, growing", 1, |hand| {
        let mut chance = Chance::new(2);
        for _ in 0..sessions {
            let record = anonymous(chance.key(), now);
            hand.aim(&record.key);
            hand.time(|store| Door(store).create(&record, now))?;
        }
        Ok(())
    })?;
    drop(grow);

    let (store, keys) = fill(sessions, LIFE, now, &mut chance)?;
    let scene = Scene::new(store);
    let changing = scene.play("change", 1, |hand| {
        let changes = change(now);
        for _ in 0..sessions / 2 {
            let key = &keys[chance.below(keys.len())];
            hand.aim(key);
            hand.time(|store| Door(store).apply(key, &changes, now))?;
        }
        Ok(())
    })?;
    let counting = scene.play("census, 64 shards", 64, |hand| {
        for _ in 0..10 {
            census(hand, now);
        }
        Ok(())
    })?;
    let expiring = scene.play("sweep, all expired", 1, |hand| expire(hand, now))?;
    drop(scene);

    let (store, keys) = fill(sessions, LIFE, now, &mut chance)?;
    let scene = Scene::new(store);
    let ending = scene.play("everybody ended", 1, |hand| {
        hand.time(|store| poll(store.principals().map(|index| index.end_everybody())));
        for key in &keys {
            hand.aim(key);
            hand.time(|store| Door(store).load(key, now))?;
        }
        Ok(())
    })?;
    drop(scene);

    let full = Scene::new(MemoryStore::builder().max_sessions(sessions / 10).build());
    let evicting = full.play("create, evicting", 10, |hand| {
        for number in 0..sessions / 2 {
            let record = anonymous(chance.key(), now);
            // Each eviction looks into the shards after those of the one before.
            hand.aim_at(number + 4);
            hand.time(|store| Door(store).create(&record, now))?;
        }
        Ok(())
    })?;
    Ok(vec![growing, changing, evicting, expiring, counting, ending])
}

fn census(hand: &mut Hand<'_>, now: Timestamp) {
    let store = hand.scene.store_ref();
    let mut counting = pin!(store.census(now));
    let mut cx = Context::from_waker(futures_util::task::noop_waker_ref());
    for group in 0.. {
        hand.aim_at(64 * group + (7 * group) % 64);
        if hand.time(|_| counting.as_mut().poll(&mut cx)).is_ready() {
            return;
        }
    }
}

/// All sessions have expired. Of so many, a call removes what one lock allows.
fn expire(hand: &mut Hand<'_>, now: Timestamp) -> Result<(), Trouble> {
    let later = now.saturating_add(2 * LIFE);
    for call in 0.. {
        hand.aim_at(call / 8);
        if !hand.time(|store| Door(store).sweep(later, 256))?.more {
            break;
        }
    }
    Ok(())
}

/// Runs what answers at once.
fn poll<F: Future>(future: Option<F>) -> bool {
    let Some(future) = future else {
        return false;
    };
    let mut cx = Context::from_waker(futures_util::task::noop_waker_ref());
    matches!(pin!(future).poll(&mut cx), Poll::Ready(_))
}

/// A store, one who does deeds and one who knocks.
struct Scene {
    store: MemoryStore,
    shard: AtomicUsize,
    is_over: AtomicBool,
}

impl Scene {
    const fn new(store: MemoryStore) -> Self {
        Self {
            store,
            shard: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    const fn store_ref(&self) -> &MemoryStore {
        &self.store
    }

    /// Does the deeds while somebody knocks.
    fn play(
        &self,
        deed: &'static str,
        locks: usize,
        deeds: impl FnOnce(&mut Hand<'_>) -> Result<(), Trouble>,
    ) -> Result<Lock, Trouble> {
        self.is_over.store(false, Ordering::SeqCst);
        let mut hand = Hand {
            scene: self,
            times: Histogram::default(),
            absences: Vec::new(),
        };
        let (done, knocked) = thread::scope(|scope| {
            let knocking = scope.spawn(|| self.knock());
            let done = deeds(&mut hand);
            self.is_over.store(true, Ordering::SeqCst);
            (done, knocking.join())
        });
        done?;
        let knocks = knocked.map_err(|_| "who knocked, broke")??;
        let (waits, left_out) = knocks.without(&hand.absences);
        Ok(Lock {
            deed,
            calls: Quantiles::of(&hand.times),
            locks,
            waits: Quantiles::of(&waits),
            left_out,
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
    times: Histogram,
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
        let began = Instant::now();
        let (answer, Took { wall, running }) = time(|| call(&self.scene.store));
        self.times.add(running);
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
            long: vec![(at(0), micros(30)), (at(100), micros(50)), (at(400), micros(60))],
            left_out: 1,
            ..Knocks::default()
        };
        let (waits, left_out) = knocks.without(&[(at(120), micros(10)), (at(200), micros(100))]);
        assert_eq!((waits.total(), waits.max(), left_out), (2, 60_000, 2));
    }
}
