//! Removing what has expired, a little at a time.

use super::MemoryStore;
use super::shard::Step;
use crate::clock::Timestamp;
use crate::store::{RemovalReason, Removed, Swept};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

/// How many shards one call looks into for each session that it may remove.
const SHARDS_PER_SESSION: usize = 4;

/// Where the round through the shards is, and before when there is nothing to do.
///
/// `next_due` is never later than the earliest node of any shard, so that a call with nothing
/// to do is one atomic load. A round computes it anew. What is inserted during a round goes
/// into `fresh` first and into `next_due` second; the end of the round writes `next_due` first
/// and reads `fresh` second, so that one of the two sees the other.
pub(super) struct Sweeper {
    next_due: AtomicU64,
    fresh: AtomicU64,
    round: Mutex<Round>,
}

#[derive(Default)]
struct Round {
    /// The shard to look into next; a round starts at zero.
    cursor: usize,
    /// The earliest node of the shards that the round has left behind.
    earliest: Timestamp,
}

impl Default for Sweeper {
    fn default() -> Self {
        let never = Timestamp::NEVER.as_millis();
        Self {
            next_due: AtomicU64::new(never),
            fresh: AtomicU64::new(never),
            round: Mutex::default(),
        }
    }
}

impl Sweeper {
    /// Something was inserted that is due at `deadline`. Called while its shard is locked.
    pub(super) fn expect(&self, deadline: Timestamp) {
        lower(&self.fresh, deadline);
        lower(&self.next_due, deadline);
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
        let sweeper = &self.sweeper;
        let mut swept = Swept::default();
        if !sweeper.is_due(now) {
            return swept;
        }
        swept.more = true;
        // Another thread that sweeps already does the work.
        let Some(mut round) = sweeper.round.try_lock() else {
            return swept;
        };
        for _ in 0..limit.saturating_mul(SHARDS_PER_SESSION) {
            if round.cursor == 0 {
                round.earliest = Timestamp::NEVER;
                let never = Timestamp::NEVER.as_millis();
                sweeper.fresh.store(never, Ordering::SeqCst);
            }
            let Some(next) = self.sweep_shard(round.cursor, now, limit, &mut swept.removed) else {
                return swept;
            };
            round.earliest = round.earliest.min(next);
            round.cursor = (round.cursor + 1) & (self.shards.len() - 1);
            if round.cursor == 0 {
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

    /// Sweeps one shard. Answers when its next node comes up, or `None` when the limit was
    /// reached with something due still there.
    fn sweep_shard(
        &self,
        index: usize,
        now: Timestamp,
        limit: usize,
        removed: &mut Vec<Removed>,
    ) -> Option<Timestamp> {
        /// Nodes examined under one lock beyond what may be removed: those of sessions that
        /// were used since.
        const NODES_MAX: usize = 32;
        let mut over = Vec::new();
        let next = {
            let mut shard = self.lock(index);
            let mut examined = 0;
            while removed.len() + over.len() < limit && examined < NODES_MAX {
                match shard.step(now) {
                    Step::Nothing => break,
                    Step::Kept => {}
                    Step::Removed(entry) => over.push(entry),
                }
                examined += 1;
            }
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
}
