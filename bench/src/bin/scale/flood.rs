//! A flood of a million anonymous sessions, against a store with little room and some visitors
//! who have logged in.

use std::error::Error;
use std::thread;

use serde::Serialize;
use session_core::store::{Created, Loaded, StoreError};
use session_core::{Clock, MemoryStore, StoreKey, SystemClock};

use crate::calls::{Door, SWEEPS_NEW, anonymous, logged_in};
use crate::chance::Chance;
use crate::histogram::Histogram;
use crate::latency::Quantiles;
use crate::machine::{keep_to_processor, resident};
use crate::stopwatch::time;

/// The anonymous sessions.
const FLOOD: usize = 1_000_000;
/// Those that they come from at once.
const THREADS: usize = 2;
/// The visitors who have logged in.
const LOGGED_IN: usize = 1_000;
/// The bytes that the store may take: about five thousand sessions.
const BUDGET: usize = 2 << 20;

/// What became of it.
#[derive(Serialize)]
pub(crate) struct Flood {
    /// Anonymous sessions that were made.
    pub(crate) made: usize,
    /// Visitors who had logged in before.
    pub(crate) logged_in: usize,
    /// Those of them who still are.
    pub(crate) kept: usize,
    /// The bytes that the store may take.
    pub(crate) budget: usize,
    /// The most that it said it took, asked after every call.
    pub(crate) most: usize,
    /// By how much the memory of the process grew.
    pub(crate) resident: u64,
    /// What it took to make one where another one had to go.
    pub(crate) create: Quantiles,
}

impl Flood {
    /// Nobody was evicted who had logged in, nobody was refused, and the budget held: by what the
    /// store says and by the memory that the process took.
    pub(crate) const fn is_survived(&self) -> bool {
        self.kept == self.logged_in
            && self.most <= self.budget
            && self.resident <= self.budget as u64
            && self.made == FLOOD
    }
}

/// Sends the flood.
pub(crate) fn measure() -> Result<Flood, Box<dyn Error>> {
    let before = resident()?;
    let store = MemoryStore::builder().max_bytes(BUDGET).build();
    let mut chance = Chance::new(1);
    let now = SystemClock.now();
    let mut known = Vec::new();
    for _ in 0..LOGGED_IN {
        let key = chance.key();
        Door(&store).create(&logged_in(key, now), now)?;
        known.push(key);
    }
    let seeds: Vec<u64> = (0..THREADS).map(|_| chance.next()).collect();
    let waves = thread::scope(|scope| {
        let waves: Vec<_> = seeds
            .into_iter()
            .enumerate()
            .map(|(number, seed)| {
                let store = &store;
                scope.spawn(move || {
                    keep_to_processor(number);
                    wave(store, Chance::new(seed))
                })
            })
            .collect();
        waves
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect::<Vec<_>>()
    });
    let mut whole = Wave::default();
    for wave in waves {
        let wave = wave.map_err(|_| "a wave of the flood broke")??;
        whole.made += wave.made;
        whole.most = whole.most.max(wave.most);
        whole.times.merge(&wave.times);
    }
    Ok(Flood {
        made: whole.made,
        logged_in: LOGGED_IN,
        kept: count_live(&store, &known)?,
        budget: BUDGET,
        most: whole.most,
        resident: resident()?.saturating_sub(before),
        create: Quantiles::of(&whole.times),
    })
}

#[derive(Default)]
struct Wave {
    made: usize,
    most: usize,
    times: Histogram,
}

fn wave(store: &MemoryStore, mut chance: Chance) -> Result<Wave, StoreError> {
    let door = Door(store);
    let mut wave = Wave::default();
    for _ in 0..FLOOD / THREADS {
        let now = SystemClock.now();
        let record = anonymous(chance.key(), now);
        let (created, took) = time(|| door.create(&record, now));
        wave.made += usize::from(created? == Created::Created);
        wave.most = wave.most.max(store.bytes());
        wave.times.add(took.running);
        door.sweep(now, SWEEPS_NEW)?;
    }
    Ok(wave)
}

fn count_live(store: &MemoryStore, keys: &[StoreKey]) -> Result<usize, StoreError> {
    let now = SystemClock.now();
    let mut live = 0;
    for key in keys {
        let loaded = Door(store).knock(key, now)?;
        live += usize::from(matches!(loaded, Loaded::Live { .. }));
    }
    Ok(live)
}
