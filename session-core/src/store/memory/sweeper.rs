//! Removing what has expired, a little at a time.

use super::shard::Step;
use super::{GROUP, MemoryStore};
use crate::clock::Timestamp;
use crate::store::{RemovalReason, Removed, Swept};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// How many steps one call takes for each session that it may remove: each a shard, a node of it
/// that is due, or a group of shards where nothing is.
const STEPS_PER_SESSION: usize = 8;

/// Where the round through the shards is, and before when there is nothing to do.
///
/// `next_due` is never later than the earliest node of any shard, so that a call with nothing
/// to do is one atomic load. A round computes it anew. What is inserted during a round goes
/// into `fresh` first and into `next_due` second; the end of the round writes `next_due` first
/// and reads `fresh` second, so that one of the two sees the other.
///
/// Each group of shards has such a bound, too. What is inserted goes into it before all others, so
/// a round that passes a group without seeing it finds it in `fresh`. A round that looks into a
/// group raises the bound before the first of its shards: what is inserted from then on lowers it
/// again, and what was there before is seen.
pub(super) struct Sweeper {
    groups: Box<[AtomicU64]>,
    next_due: AtomicU64,
    fresh: AtomicU64,
    round: Mutex<Round>,
}

#[derive(Default)]
struct Round {
    /// The shard to look into next; a round starts at zero.
    cursor: usize,
    /// The earliest node of the groups that the round has left behind.
    earliest: Timestamp,
    /// That of the shards of the present group, once the round looks into them.
    of_group: Option<Timestamp>,
}

impl Sweeper {
    /// That of an empty store with so many shards.
    pub(super) fn new(shards: usize) -> Self {
        let never = || AtomicU64::new(Timestamp::NEVER.as_millis());
        Self {
            groups: (0..shards.div_ceil(GROUP)).map(|_| never()).collect(),
            next_due: never(),
            fresh: never(),
            round: Mutex::default(),
        }
    }

    /// Something was inserted into this shard that is due at `deadline`. Called while the shard
    /// is locked.
    pub(super) fn expect(&self, shard: usize, deadline: Timestamp) {
        lower(&self.groups[shard / GROUP], deadline);
        lower(&self.fresh, deadline);
        lower(&self.next_due, deadline);
    }

    /// Something is due in every shard.
    pub(super) fn expect_everywhere(&self) {
        for group in &self.groups {
            lower(group, Timestamp::EPOCH);
        }
        lower(&self.fresh, Timestamp::EPOCH);
        lower(&self.next_due, Timestamp::EPOCH);
    }

    /// The bound of the group that begins at `shard`, when nothing of it is due at `now`.
    fn idle_group(&self, shard: usize, now: Timestamp) -> Option<Timestamp> {
        let bound = self.groups[shard / GROUP].load(Ordering::SeqCst);
        (bound > now.as_millis()).then_some(Timestamp::from_millis(bound))
    }

    /// True when something may have expired at `now`.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let next_due = self.next_due.load(Ordering::SeqCst);
        now.as_millis() >= next_due && next_due != Timestamp::NEVER.as_millis()
    }
}

/// Lowers a bound; a bound that is low enough already is only read.
fn lower(bound: &AtomicU64, deadline: Timestamp) {
    let deadline = deadline.as_millis();
    if deadline < bound.load(Ordering::SeqCst) {
        bound.fetch_min(deadline, Ordering::SeqCst);
    }
}

impl MemoryStore {
    /// Removes up to `limit` expired sessions. Looks at a bounded number of shards and nodes;
    /// `more` says that the round is not over yet.
    pub(super) fn sweep_expired(&self, now: Timestamp, limit: usize) -> Swept {
        if !self.sweeper.is_due(now) {
            return Swept::default();
        }
        // Another thread that sweeps already does the work.
        match self.sweeper.round.try_lock() {
            Some(round) => self.go_on(round, now, limit),
            None => Swept {
                more: true,
                ..Swept::default()
            },
        }
    }

    /// The same for whoever cannot go on before something is removed: it waits for its turn.
    pub(super) fn sweep_expired_in_turn(&self, now: Timestamp, limit: usize) -> Swept {
        if !self.sweeper.is_due(now) {
            return Swept::default();
        }
        self.go_on(self.sweeper.round.lock(), now, limit)
    }

    fn go_on(&self, mut round: MutexGuard<'_, Round>, now: Timestamp, limit: usize) -> Swept {
        let sweeper = &self.sweeper;
        let mut swept = Swept {
            more: true,
            ..Swept::default()
        };
        let mut steps = limit.saturating_mul(STEPS_PER_SESSION);
        while steps > 0 {
            steps -= 1;
            let never = Timestamp::NEVER;
            if round.cursor == 0 && round.of_group.is_none() {
                round.earliest = never;
                sweeper.fresh.store(never.as_millis(), Ordering::SeqCst);
            }
            let group = round.cursor / GROUP;
            let group_end = ((group + 1) * GROUP).min(self.shards.len());
            let idle = match round.of_group {
                None => sweeper.idle_group(round.cursor, now),
                Some(_) => None,
            };
            if let Some(bound) = idle {
                round.earliest = round.earliest.min(bound);
                round.cursor = group_end;
            } else {
                let of_group = *round.of_group.get_or_insert_with(|| {
                    sweeper.groups[group].store(never.as_millis(), Ordering::SeqCst);
                    never
                });
                let next =
                    self.sweep_shard(round.cursor, now, limit, &mut steps, &mut swept.removed);
                let Some(next) = next else {
                    if swept.removed.len() < limit {
                        continue;
                    }
                    return swept;
                };
                let of_group = of_group.min(next);
                round.of_group = Some(of_group);
                round.cursor += 1;
                if round.cursor == group_end {
                    round.of_group = None;
                    round.earliest = round.earliest.min(of_group);
                    lower(&sweeper.groups[group], of_group);
                }
            }
            if round.cursor == self.shards.len() {
                round.cursor = 0;
                let earliest = round.earliest.as_millis();
                sweeper.next_due.store(earliest, Ordering::SeqCst);
                let fresh = sweeper.fresh.load(Ordering::SeqCst);
                sweeper.next_due.fetch_min(fresh, Ordering::SeqCst);
                swept.more = sweeper.is_due(now);
                return swept;
            }
        }
        swept
    }

    /// Sweeps some of one shard. Answers when its next node comes up, or `None` when something due
    /// is still there.
    fn sweep_shard(
        &self,
        index: usize,
        now: Timestamp,
        limit: usize,
        steps: &mut usize,
        removed: &mut Vec<Removed>,
    ) -> Option<Timestamp> {
        /// Nodes examined under one lock: others wait for the shard meanwhile.
        const NODES_MAX: usize = 8;
        let mut over = Vec::new();
        let next = {
            let mut shard = self.lock(index);
            let mut examined = 0;
            while removed.len() + over.len() < limit && examined < NODES_MAX.min(*steps) {
                match shard.step(now) {
                    Step::Nothing => break,
                    Step::Kept => {}
                    Step::Removed(entry) => over.push(entry),
                }
                examined += 1;
            }
            *steps -= examined;
            shard.next_expected()
        };
        for entry in over {
            self.budget.give_back(entry.cost());
            self.forget(&entry);
            if let Some(record) = entry.into_record() {
                removed.push(Removed {
                    record,
                    reason: RemovalReason::Expired,
                });
            }
        }
        (next > now).then_some(next)
    }
}

#[cfg(test)]
impl MemoryStore {
    /// Before this time a sweep does nothing at all.
    pub(super) fn next_due(&self) -> Timestamp {
        Timestamp::from_millis(self.sweeper.next_due.load(Ordering::SeqCst))
    }

    /// Others find somebody sweeping for as long as the answer is kept.
    pub(super) fn begin_sweeping(&self) -> impl Sized {
        self.sweeper.round.lock()
    }

    /// Before this time a round passes the group of this shard. A group that the round is in has
    /// no bound yet.
    pub(super) fn group_due(&self, shard: usize) -> Timestamp {
        let round = self.sweeper.round.lock();
        if round.of_group.is_some() && round.cursor / GROUP == shard / GROUP {
            return Timestamp::EPOCH;
        }
        Timestamp::from_millis(self.sweeper.groups[shard / GROUP].load(Ordering::SeqCst))
    }
}
