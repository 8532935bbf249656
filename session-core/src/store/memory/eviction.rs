//! Making room in a full store.

use std::collections::VecDeque;
use std::ops::Range;

use super::budget::Cost;
use super::{GROUP, MemoryStore};
use crate::clock::Timestamp;
use crate::session::StoreKey;
use crate::store::{RemovalReason, Removed};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// What a full store does with a new session, or with one that grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// It removes anonymous sessions, those idle longest first, as far as a sample of them
    /// tells. A session of somebody who logged in is never removed: when there are only such,
    /// the new one is refused.
    #[default]
    EvictAnonymous,
    /// It refuses.
    Refuse,
}

/// Of how many shards the stalest anonymous session is compared before one is removed.
const SHARDS_COMPARED: usize = 8;

/// How many evicted sessions wait to be reported by a sweep, whatever their size; older ones go
/// unreported.
const REPORTS_KEPT: usize = 4_096;

/// How many bytes of them wait besides: making room for one large session evicts thousands of
/// small ones.
const REPORTS_BYTES: usize = 1 << 25;

/// Where there may be sessions to evict, and those that were evicted and are to be reported by the
/// next sweeps.
pub(super) struct Evicted {
    /// Zero for a group of shards in which nobody is anonymous. What is inserted into a shard
    /// raises it while the shard is locked; whoever found nobody in the whole group makes it zero,
    /// if it is still what it was before the first look.
    anonymous: Box<[AtomicUsize]>,
    cursor: AtomicUsize,
    waiting: AtomicUsize,
    reports: Mutex<Reports>,
}

#[derive(Default)]
struct Reports {
    list: VecDeque<Removed>,
    /// What the sessions in the list take, by the estimate of the budget.
    bytes: usize,
}

impl Reports {
    fn push(&mut self, removed: Removed) {
        self.bytes += Cost::of_session(&removed.record).bytes;
        self.list.push_back(removed);
        while self.list.len() > REPORTS_KEPT && self.bytes > REPORTS_BYTES {
            self.pop();
        }
    }

    fn pop(&mut self) -> Option<Removed> {
        let removed = self.list.pop_front()?;
        self.bytes -= Cost::of_session(&removed.record).bytes;
        Some(removed)
    }
}

impl Evicted {
    /// That of an empty store with so many shards.
    pub(super) fn new(shards: usize) -> Self {
        let nobody = || AtomicUsize::new(0);
        Self {
            anonymous: (0..shards.div_ceil(GROUP)).map(|_| nobody()).collect(),
            cursor: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            reports: Mutex::default(),
        }
    }

    /// An anonymous session comes into this shard. Called while the shard is locked.
    pub(super) fn expect_anonymous(&self, shard: usize) {
        self.anonymous[shard / GROUP].fetch_add(1, Ordering::SeqCst);
    }

    /// False when nobody in the group of this shard is anonymous.
    pub(super) fn may_be_anonymous(&self, shard: usize) -> bool {
        self.anonymous[shard / GROUP].load(Ordering::SeqCst) > 0
    }

    pub(super) fn take(&self, limit: usize) -> Vec<Removed> {
        if !self.is_waiting() {
            return Vec::new();
        }
        let mut reports = self.reports.lock();
        let taken = (0..limit).map_while(|_| reports.pop()).collect();
        self.waiting.store(reports.list.len(), Ordering::Relaxed);
        taken
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    pub(super) fn report(&self, removed: Removed) {
        let mut reports = self.reports.lock();
        reports.push(removed);
        self.waiting.store(reports.list.len(), Ordering::Relaxed);
    }
}

impl MemoryStore {
    /// Removes some of what has expired; the next sweeps report it. True while there may be
    /// more of it.
    pub(super) fn sweep_for_room(&self, now: Timestamp) -> bool {
        /// As many as one pause of a full store may cost.
        const SESSIONS: usize = 64;
        let mut removed = self.take_outdated(SESSIONS);
        let swept = self.sweep_expired_in_turn(now, SESSIONS);
        removed.extend(swept.removed);
        let found = !removed.is_empty();
        for removed in removed {
            self.evicted.report(removed);
        }
        found || swept.more || self.has_outdated()
    }

    /// Removes sessions until there is room for `cost`, but not the session under `spared`.
    /// False when that is not possible. No shard is locked while another one is.
    pub(super) fn make_room(&self, cost: Cost, spared: &StoreKey) -> bool {
        if self.when_full == WhenFull::Refuse || self.budget.never_fits(cost) {
            return false;
        }
        while !self.budget.has_room(cost) {
            if !self.evict_one(spared) {
                return false;
            }
        }
        true
    }

    fn evict_one(&self, spared: &StoreKey) -> bool {
        let chosen = self.stalest_anonymous(spared);
        if let Some(key) = &chosen {
            self.evict(key);
        }
        chosen.is_some()
    }

    /// The anonymous session that has been idle longest in a few shards that have any.
    pub(super) fn stalest_anonymous(&self, spared: &StoreKey) -> Option<StoreKey> {
        let shards = self.shards.len();
        let start = self.evicted.cursor.fetch_add(1, Ordering::Relaxed) & (shards - 1);
        let mut found = Vec::with_capacity(SHARDS_COMPARED);
        // From the middle of a group on, and in the end to there.
        let mut next = start;
        while next < start + shards && found.len() < SHARDS_COMPARED {
            let first = next & (shards - 1);
            let end = (first / GROUP * GROUP + GROUP).min(shards);
            let some = first..end.min(first + start + shards - next);
            next += some.len();
            if self.evicted.may_be_anonymous(first) {
                self.find_anonymous(some, spared, &mut found);
            }
        }
        let (_, key) = found.into_iter().min()?;
        Some(key)
    }

    /// Adds the stalest anonymous session of each of these shards, which are in one group, until
    /// there are enough.
    fn find_anonymous(
        &self,
        shards: Range<usize>,
        spared: &StoreKey,
        found: &mut Vec<(Timestamp, StoreKey)>,
    ) {
        let mark = &self.evicted.anonymous[shards.start / GROUP];
        let before = mark.load(Ordering::SeqCst);
        let is_whole_group = shards.len() == GROUP.min(self.shards.len());
        let mut is_anybody = false;
        for index in shards {
            let mut shard = self.lock(index);
            if shard.anonymous() > 0 {
                is_anybody = true;
                found.extend(shard.stalest_anonymous(spared));
            }
            if found.len() == SHARDS_COMPARED {
                return;
            }
        }
        if is_whole_group && !is_anybody {
            // Where somebody came meanwhile, it stays as it is.
            let _ = mark.compare_exchange(before, 0, Ordering::SeqCst, Ordering::SeqCst);
        }
    }

    /// Removes the session under `key`, unless it is gone or has logged in since it was chosen.
    pub(super) fn evict(&self, key: &StoreKey) {
        let evicted = {
            let mut shard = self.shard(key);
            match shard.anonymous_access(key) {
                Some(_) => shard.remove(key),
                None => None,
            }
        };
        let Some(entry) = evicted else {
            return;
        };
        self.budget.give_back(entry.cost());
        if let Some(record) = entry.into_record() {
            self.evicted.report(Removed {
                record,
                reason: RemovalReason::Evicted,
            });
        }
    }
}
