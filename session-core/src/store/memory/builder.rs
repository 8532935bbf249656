//! The configuration of a memory store.

use super::MemoryStore;
use super::budget::{Budget, Cost};
use super::eviction::{Evicted, WhenFull};
use super::generation::Generation;
use super::principals::Principals;
use super::sweeper::Sweeper;
use crate::sync::Mutex;

/// The configuration of a [`MemoryStore`].
#[derive(Clone, Debug)]
pub struct MemoryStoreBuilder {
    max_sessions: usize,
    max_bytes: usize,
    when_full: WhenFull,
    shards: Option<usize>,
}

impl MemoryStoreBuilder {
    pub(super) const fn new() -> Self {
        Self {
            max_sessions: 1_000_000,
            max_bytes: 1 << 30,
            when_full: WhenFull::EvictAnonymous,
            shards: None,
        }
    }

    /// The most sessions that the store holds.
    #[must_use]
    pub const fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = sessions;
        self
    }

    /// The most bytes that sessions may take, with an estimate of what keeping them costs.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// What happens to a new session, or to one that grows, when the store is full.
    #[must_use]
    pub const fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// How many parts the store has, rounded up to a power of two of at most 65,536. Many
    /// small parts keep each lock and each growth of a table short; each takes 80 bytes, also
    /// while it is empty. By default, 32,768 for a million sessions, and fewer for fewer.
    #[must_use]
    pub const fn shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards);
        self
    }

    /// As many that each has few sessions, and not so many that most have none: whoever makes room
    /// would look into these in vain.
    fn default_shards(&self) -> usize {
        const SESSIONS: usize = 30;
        let least = Cost::OF_FORWARD.bytes;
        let sessions = self.max_sessions.min(self.max_bytes / least);
        (sessions / SESSIONS).clamp(64, 1 << 15)
    }

    /// Makes the store, empty.
    #[must_use]
    pub fn build(self) -> MemoryStore {
        /// A shard is chosen by 16 bits of the key.
        const SHARDS_MAX: usize = 1 << 16;
        let shards = self.shards.unwrap_or_else(|| self.default_shards());
        let shards = shards.clamp(1, SHARDS_MAX).next_power_of_two();
        MemoryStore {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            budget: Budget::new(Cost {
                sessions: self.max_sessions,
                bytes: self.max_bytes,
            }),
            sweeper: Sweeper::new(shards),
            evicted: Evicted::new(shards),
            principals: Principals::default(),
            generation: Generation::default(),
            when_full: self.when_full,
        }
    }
}
