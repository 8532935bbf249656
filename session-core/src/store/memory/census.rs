//! Counting the live sessions, shard by shard.

use super::MemoryStore;
use super::shard::Slot;
use crate::clock::Timestamp;
use crate::runtime::yield_once;
use crate::store::Census;

/// Shards that are counted before other tasks of the same thread have a turn.
const SHARDS_AT_ONCE: usize = 64;

impl MemoryStore {
    /// Counts what lives at `now`. Each shard is locked for itself.
    pub(super) async fn count_live(&self, now: Timestamp) -> Census {
        let mut census = Census::default();
        for index in 0..self.shards.len() {
            for entry in self.lock(index).entries() {
                if let Slot::Live(record) = &entry.slot
                    && !record.is_expired(now)
                {
                    census.count(now.saturating_since(record.created_at));
                }
            }
            if index % SHARDS_AT_ONCE == SHARDS_AT_ONCE - 1 {
                yield_once().await;
            }
        }
        census
    }
}
