//! One part of the store: a table of entries, and the order in which they may expire.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashTable;

use super::budget::Cost;
use crate::clock::Timestamp;
use crate::session::{Record, StoreKey};
use crate::store::FORWARD_LIFETIME;

/// A part of the store.
///
/// `expected` has one node for each entry that can expire, at the deadline that was known when
/// the node was made. Touching a session changes nothing here: a node that comes up too early
/// goes back in at the later deadline. Only a deadline that moves earlier needs another node;
/// the one it replaces is recognised as stale when it comes up.
#[derive(Default)]
pub(super) struct Shard {
    entries: HashTable<Box<Entry>>,
    expected: BinaryHeap<Reverse<(Timestamp, u64)>>,
    anonymous: usize,
}

/// What is kept under one key.
pub(super) struct Entry {
    key: StoreKey,
    pub(super) slot: Slot,
    /// The bytes that the budget was charged with.
    pub(super) bytes: usize,
    /// The deadline of this entry's node; [`Timestamp::NEVER`] when it has none.
    expected: Timestamp,
}

pub(super) enum Slot {
    Live(Record),
    Forward { to: StoreKey, since: Timestamp },
}

impl Entry {
    pub(super) fn live(record: Record, bytes: usize) -> Self {
        Self {
            key: record.key,
            slot: Slot::Live(record),
            bytes,
            expected: Timestamp::NEVER,
        }
    }

    pub(super) fn forward(from: StoreKey, to: StoreKey, now: Timestamp) -> Self {
        Self {
            key: from,
            slot: Slot::Forward { to, since: now },
            bytes: Cost::OF_FORWARD.bytes,
            expected: Timestamp::NEVER,
        }
    }

    /// The same session under another key.
    pub(super) fn renamed(mut self, key: StoreKey) -> Self {
        self.key = key;
        if let Slot::Live(record) = &mut self.slot {
            record.key = key;
        }
        self
    }

    pub(super) fn deadline(&self) -> Timestamp {
        match &self.slot {
            Slot::Live(record) => record.expires_at(),
            Slot::Forward { since, .. } => since.saturating_add(FORWARD_LIFETIME),
        }
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.deadline() <= now
    }

    /// The deadline, if it is earlier than this entry's node says.
    pub(super) fn earlier_deadline(&self) -> Option<Timestamp> {
        Some(self.deadline()).filter(|&deadline| deadline < self.expected)
    }

    pub(super) fn is_anonymous(&self) -> bool {
        matches!(&self.slot, Slot::Live(record) if record.authentication.is_none())
    }

    /// What the budget gets back when the entry goes.
    pub(super) fn cost(&self) -> Cost {
        Cost {
            sessions: usize::from(matches!(self.slot, Slot::Live(_))),
            bytes: self.bytes,
        }
    }

    pub(super) fn into_record(self) -> Option<Record> {
        match self.slot {
            Slot::Live(record) => Some(record),
            Slot::Forward { .. } => None,
        }
    }
}

/// The bytes of a key that tables and nodes know it by. A key is a digest that no client can
/// choose; two entries of one shard that share these bytes are told apart by the whole key.
fn hash(key: &StoreKey) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *key.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

impl Shard {
    pub(super) fn find(&mut self, key: &StoreKey) -> Option<&mut Entry> {
        let entry = self.entries.find_mut(hash(key), |entry| entry.key == *key);
        entry.map(|entry| &mut **entry)
    }

    /// Adds an entry whose key is free, and answers its deadline.
    pub(super) fn insert(&mut self, mut entry: Entry) -> Timestamp {
        let deadline = entry.deadline();
        entry.expected = Timestamp::NEVER;
        let key = entry.key;
        self.anonymous += usize::from(entry.is_anonymous());
        self.entries
            .insert_unique(hash(&key), Box::new(entry), |entry| hash(&entry.key));
        self.expect(&key, deadline);
        deadline
    }

    /// Removes an entry. Its node stays behind and is stale.
    pub(super) fn remove(&mut self, key: &StoreKey) -> Option<Entry> {
        let found = self
            .entries
            .find_entry(hash(key), |entry| entry.key == *key);
        let (entry, _) = found.ok()?.remove();
        self.anonymous -= usize::from(entry.is_anonymous());
        self.drop_stale_nodes();
        Some(*entry)
    }

    /// Makes a node for the entry at `deadline`, in place of the one it has.
    pub(super) fn expect(&mut self, key: &StoreKey, deadline: Timestamp) {
        let Some(entry) = self.find(key) else {
            return;
        };
        entry.expected = deadline;
        if deadline != Timestamp::NEVER {
            self.expected.push(Reverse((deadline, hash(key))));
            self.drop_stale_nodes();
        }
    }

    pub(super) fn count_anonymous(&mut self, before: bool, after: bool) {
        self.anonymous = self.anonymous + usize::from(after) - usize::from(before);
    }

    pub(super) const fn anonymous(&self) -> usize {
        self.anonymous
    }

    /// When the next node comes up; [`Timestamp::NEVER`] when there is none.
    pub(super) fn next_expected(&self) -> Timestamp {
        self.expected
            .peek()
            .map_or(Timestamp::NEVER, |Reverse((deadline, _))| *deadline)
    }

    /// Takes the next node that is due at `now`, and removes its entry if that is over.
    pub(super) fn step(&mut self, now: Timestamp) -> Step {
        let Some(&Reverse((deadline, hash))) = self.expected.peek() else {
            return Step::Nothing;
        };
        if deadline > now {
            return Step::Nothing;
        }
        self.expected.pop();
        let Some(key) = self.key_of_node(deadline, hash) else {
            return Step::Kept;
        };
        match self.find(&key) {
            Some(entry) if entry.is_over(now) => match self.remove(&key) {
                Some(entry) => Step::Removed(Box::new(entry)),
                None => Step::Kept,
            },
            Some(entry) => {
                let later = entry.deadline();
                self.expect(&key, later);
                Step::Kept
            }
            None => Step::Kept,
        }
    }

    /// The anonymous session that has been idle longest of those that a few nodes name: nodes
    /// come in the order of their deadlines, which is the order of the last accesses where
    /// all sessions have the same idle limit.
    pub(super) fn stalest_anonymous(&mut self) -> Option<(Timestamp, StoreKey)> {
        /// Enough to see past a few logged-in sessions and stale nodes.
        const NODES_MAX: usize = 16;
        let mut seen = Vec::new();
        let mut found: Option<(Timestamp, StoreKey)> = None;
        while found.is_none() && seen.len() < NODES_MAX {
            let Some(Reverse(node)) = self.expected.pop() else {
                break;
            };
            let Some(key) = self.key_of_node(node.0, node.1) else {
                continue;
            };
            seen.push(Reverse(node));
            found = self.anonymous_access(&key).map(|at| (at, key));
        }
        self.expected.extend(seen);
        // Sessions that never expire have no node.
        found.or_else(|| {
            let anonymous = self.entries.iter().filter_map(|entry| match &entry.slot {
                Slot::Live(record) if entry.is_anonymous() => Some((record.accessed_at, entry.key)),
                _ => None,
            });
            anonymous.min()
        })
    }

    /// When the anonymous session under `key` was last used.
    pub(super) fn anonymous_access(&mut self, key: &StoreKey) -> Option<Timestamp> {
        match &self.find(key)?.slot {
            Slot::Live(record) if record.authentication.is_none() => Some(record.accessed_at),
            _ => None,
        }
    }

    /// All entries, for a snapshot.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|entry| &**entry)
    }

    /// The key of the entry that this node is the current one of.
    fn key_of_node(&self, deadline: Timestamp, hash: u64) -> Option<StoreKey> {
        let is_current =
            |entry: &Box<Entry>| self::hash(&entry.key) == hash && entry.expected == deadline;
        self.entries.find(hash, is_current).map(|entry| entry.key)
    }

    /// Keeps stale nodes fewer than entries.
    fn drop_stale_nodes(&mut self) {
        const FEW: usize = 16;
        if self.expected.len() > 2 * self.entries.len() + FEW {
            let current = self
                .entries
                .iter()
                .filter(|it| it.expected != Timestamp::NEVER);
            self.expected = current
                .map(|entry| Reverse((entry.expected, hash(&entry.key))))
                .collect();
        }
    }
}

/// What one look at the next node did.
pub(super) enum Step {
    /// Nothing is due.
    Nothing,
    /// The node was stale, or its session was used since.
    Kept,
    /// The entry was over.
    Removed(Box<Entry>),
}

impl Entry {
    pub(super) const fn key(&self) -> &StoreKey {
        &self.key
    }
}
