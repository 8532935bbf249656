//! One part of the store: a table of entries, and the order in which they may expire.

mod growth;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashTable;

pub(super) use self::growth::Room;
use super::budget::Cost;
use crate::clock::Timestamp;
use crate::session::{PrincipalKey, Record, StoreKey};
use crate::store::FORWARD_LIFETIME;

/// A part of the store.
///
/// `expected` has at least one node for each entry that can expire, at a deadline that it had
/// once and that is not later than the one it has. Touching a session changes nothing here: a node
/// that comes up too early goes back in at the later deadline. Only a deadline that moves earlier
/// needs another node. A node whose entry is gone is stale, and an entry may have several nodes
/// for a while: both are few, and are dropped when there are many of them.
#[derive(Default)]
pub(super) struct Shard {
    entries: HashTable<Box<Entry>>,
    expected: BinaryHeap<Reverse<Node>>,
    anonymous: usize,
    /// Of which generation all entries are.
    pub(super) generation: u64,
}

/// What is kept under one key: nothing that can be told from the session, for a byte here is a
/// megabyte in a large store.
pub(super) struct Entry {
    pub(super) slot: Slot,
}

#[derive(Clone)]
pub(super) enum Slot {
    Live(Record),
    Forward {
        from: StoreKey,
        to: StoreKey,
        since: Timestamp,
        /// True when somebody else's session went on under the new key.
        is_closed: bool,
    },
}

impl Entry {
    pub(super) fn live(record: Record) -> Self {
        Self {
            slot: Slot::Live(record),
        }
    }

    pub(super) fn forward(from: StoreKey, to: StoreKey, is_closed: bool, now: Timestamp) -> Self {
        Self {
            slot: Slot::Forward {
                from,
                to,
                since: now,
                is_closed,
            },
        }
    }

    /// The same session under another key.
    pub(super) fn renamed(mut self: Box<Self>, key: StoreKey) -> Box<Self> {
        if let Slot::Live(record) = &mut self.slot {
            record.key = key;
        }
        self
    }

    pub(super) const fn key(&self) -> &StoreKey {
        match &self.slot {
            Slot::Live(record) => &record.key,
            Slot::Forward { from, .. } => from,
        }
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

    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        matches!(self.slot, Slot::Live(_)) && !self.is_over(now)
    }

    pub(super) fn is_anonymous(&self) -> bool {
        matches!(&self.slot, Slot::Live(record) if record.authentication.is_none())
    }

    /// Whose session this is; `None` for an anonymous one.
    pub(super) fn principal(&self) -> Option<PrincipalKey> {
        match &self.slot {
            Slot::Live(record) => Some(record.authentication.as_ref()?.key),
            Slot::Forward { .. } => None,
        }
    }

    /// When this session was last used, and its key, if it is anonymous.
    fn anonymous_access(&self) -> Option<(Timestamp, StoreKey)> {
        match &self.slot {
            Slot::Live(record) if self.is_anonymous() => Some((record.accessed_at, record.key)),
            _ => None,
        }
    }

    /// What the budget gets back when the entry goes.
    pub(super) fn cost(&self) -> Cost {
        match &self.slot {
            Slot::Live(record) => Cost::of_session(record),
            Slot::Forward { .. } => Cost::OF_FORWARD,
        }
    }

    pub(super) fn into_record(self) -> Option<Record> {
        match self.slot {
            Slot::Live(record) => Some(record),
            Slot::Forward { .. } => None,
        }
    }
}

/// When an entry may have expired, in twelve bytes: the deadline in two halves, so that no space is
/// lost between it and the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    high: u32,
    low: u32,
    mark: Mark,
}

impl Node {
    const fn new(deadline: Timestamp, mark: Mark) -> Self {
        let [a, b, c, d, e, f, g, h] = deadline.as_millis().to_be_bytes();
        Self {
            high: u32::from_be_bytes([a, b, c, d]),
            low: u32::from_be_bytes([e, f, g, h]),
            mark,
        }
    }

    fn deadline(self) -> Timestamp {
        let millis = (u64::from(self.high) << 32) | u64::from(self.low);
        Timestamp::from_millis(millis)
    }
}

/// The bytes of a key that tables and nodes know it by. A key is a digest that no client can
/// choose; two entries of one shard that share these bytes are told apart by the whole key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mark(u32);

impl Mark {
    const fn of(key: &StoreKey) -> Self {
        let [a, b, c, d, ..] = *key.as_bytes();
        Self(u32::from_le_bytes([a, b, c, d]))
    }

    /// For a table, which looks at both ends of the number.
    fn hash(self) -> u64 {
        (u64::from(self.0) << 32) | u64::from(self.0)
    }
}

fn hash(key: &StoreKey) -> u64 {
    Mark::of(key).hash()
}

impl Shard {
    pub(super) fn get(&self, key: &StoreKey) -> Option<&Entry> {
        let entry = self.entries.find(hash(key), |entry| entry.key() == key);
        entry.map(|entry| &**entry)
    }

    pub(super) fn contains(&self, key: &StoreKey) -> bool {
        self.get(key).is_some()
    }

    fn get_mut(&mut self, key: &StoreKey) -> Option<&mut Entry> {
        let entry = self.entries.find_mut(hash(key), |entry| entry.key() == key);
        entry.map(|entry| &mut **entry)
    }

    /// Changes the entry under `key`: the one door, which keeps the count of anonymous sessions
    /// and the entry's nodes in step with it. Answers also the deadline if it is now earlier
    /// than it was.
    pub(super) fn edit<T>(
        &mut self,
        key: &StoreKey,
        change: impl FnOnce(&mut Entry) -> T,
    ) -> Option<(T, Option<Timestamp>)> {
        let entry = self.get_mut(key)?;
        let (was_anonymous, before) = (entry.is_anonymous(), entry.deadline());
        let answer = change(entry);
        let (is_anonymous, deadline) = (entry.is_anonymous(), entry.deadline());
        let is_earlier = deadline < before;
        self.anonymous = self.anonymous + usize::from(is_anonymous) - usize::from(was_anonymous);
        if is_earlier {
            self.add_node(deadline, Mark::of(key));
        }
        Some((answer, is_earlier.then_some(deadline)))
    }

    /// Adds an entry whose key is free, and answers its deadline.
    pub(super) fn insert(&mut self, entry: Box<Entry>) -> Timestamp {
        let (deadline, mark) = (entry.deadline(), Mark::of(entry.key()));
        self.anonymous += usize::from(entry.is_anonymous());
        self.fetch_before_growth();
        self.entries
            .insert_unique(mark.hash(), entry, |entry| hash(entry.key()));
        self.add_node(deadline, mark);
        deadline
    }

    /// Removes an entry. Its node stays behind and is stale. The entry stays in its box, so that
    /// the caller frees it when the lock is gone: allocators sometimes take long to free.
    pub(super) fn remove(&mut self, key: &StoreKey) -> Option<Box<Entry>> {
        let found = self
            .entries
            .find_entry(hash(key), |entry| entry.key() == key);
        let (entry, _) = found.ok()?.remove();
        self.anonymous -= usize::from(entry.is_anonymous());
        self.drop_stale_nodes();
        Some(entry)
    }

    fn add_node(&mut self, deadline: Timestamp, mark: Mark) {
        if deadline == Timestamp::NEVER {
            return;
        }
        self.reserve_node();
        self.expected.push(Reverse(Node::new(deadline, mark)));
        self.drop_stale_nodes();
    }

    pub(super) const fn anonymous(&self) -> usize {
        self.anonymous
    }

    /// When the next node comes up; [`Timestamp::NEVER`] when there is none.
    pub(super) fn next_expected(&self) -> Timestamp {
        self.expected
            .peek()
            .map_or(Timestamp::NEVER, |Reverse(node)| node.deadline())
    }

    /// Takes the next node that is due at `now`, and removes its entry if that is over.
    pub(super) fn step(&mut self, now: Timestamp) -> Step {
        let Some(&Reverse(node)) = self.expected.peek() else {
            return Step::Nothing;
        };
        if node.deadline() > now {
            return Step::Nothing;
        }
        self.expected.pop();
        let Some((key, later)) = self.entry_of(node) else {
            return Step::Kept;
        };
        if later > now {
            self.add_node(later, node.mark);
            return Step::Kept;
        }
        self.remove(&key).map_or(Step::Kept, Step::Removed)
    }

    /// The anonymous session that has been idle longest, but not the one under `spared`.
    ///
    /// Nodes come in the order of their deadlines, which is the order of the last accesses
    /// where all sessions have the same idle limit. Where the first few nodes tell nothing,
    /// the whole shard is looked through.
    pub(super) fn stalest_anonymous(&mut self, spared: &StoreKey) -> Option<(Timestamp, StoreKey)> {
        /// Enough to see past a few sessions that are logged in or were used since.
        const NODES_MAX: usize = 16;
        let mut passed = Vec::new();
        let mut found = None;
        for _ in 0..NODES_MAX {
            let Some(key) = self.next_to_expire() else {
                break;
            };
            found = self.anonymous_access(&key).filter(|_| key != *spared);
            if found.is_some() {
                break;
            }
            passed.extend(self.expected.pop());
        }
        self.expected.extend(passed);
        found.or_else(|| {
            let others = self.entries.iter().filter(|entry| entry.key() != spared);
            others.filter_map(|entry| entry.anonymous_access()).min()
        })
    }

    /// When the session under `key` was last used, if it is anonymous.
    pub(super) fn anonymous_access(&self, key: &StoreKey) -> Option<(Timestamp, StoreKey)> {
        self.get(key)?.anonymous_access()
    }

    /// The key of the first node, after stale nodes before it are gone and those of sessions
    /// that were used since are back at their later deadlines: at most one step for each node.
    fn next_to_expire(&mut self) -> Option<StoreKey> {
        loop {
            let &Reverse(node) = self.expected.peek()?;
            let found = self.entry_of(node);
            match found {
                Some((key, later)) if later <= node.deadline() => return Some(key),
                _ => self.expected.pop(),
            };
            if let Some((_, later)) = found {
                self.add_node(later, node.mark);
            }
        }
    }

    /// All entries, for removing them.
    pub(super) fn into_entries(self) -> hashbrown::hash_table::IntoIter<Box<Entry>> {
        self.entries.into_iter()
    }

    /// All entries, for a snapshot or a census.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|entry| &**entry)
    }

    /// The key and the deadline of the entry that a node is of. Where several share the bytes that
    /// a node knows, it is the one that expires first: each has brought a node of its own, so none
    /// is forgotten.
    fn entry_of(&self, node: Node) -> Option<(StoreKey, Timestamp)> {
        let sharing = self.entries.iter_hash(node.mark.hash());
        let of_node = sharing.filter(|entry| Mark::of(entry.key()) == node.mark);
        of_node
            .map(|entry| (*entry.key(), entry.deadline()))
            .min_by_key(|(_, deadline)| *deadline)
    }

    /// Keeps nodes that nobody needs fewer than entries.
    fn drop_stale_nodes(&mut self) {
        const FEW: usize = 16;
        if self.expected.len() > 2 * self.entries.len() + FEW {
            let expiring = self.entries.iter().filter_map(|entry| {
                let deadline = entry.deadline();
                let node = Node::new(deadline, Mark::of(entry.key()));
                (deadline != Timestamp::NEVER).then_some(Reverse(node))
            });
            self.expected = expiring.collect();
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

#[cfg(test)]
impl Shard {
    /// How many nodes there are, and for how many there is room.
    pub(super) fn nodes_and_room(&self) -> (usize, usize) {
        (self.expected.len(), self.expected.capacity())
    }

    /// For how many entries there is room, and for how many nodes.
    pub(super) fn room(&self) -> (usize, usize) {
        (self.entries.capacity(), self.expected.capacity())
    }

    /// Everything that must hold between two operations.
    pub(super) fn assert_sound(&self) {
        let anonymous = self.entries().filter(|entry| entry.is_anonymous()).count();
        assert_eq!(self.anonymous, anonymous, "anonymous sessions");
        assert!(
            self.expected.len() <= 2 * self.entries.len() + 16,
            "{} nodes for {} entries",
            self.expected.len(),
            self.entries.len()
        );
        for entry in self.entries() {
            let (mark, deadline) = (Mark::of(entry.key()), entry.deadline());
            let mut nodes = self.expected.iter().filter(|node| node.0.mark == mark);
            assert!(
                deadline == Timestamp::NEVER || nodes.any(|node| node.0.deadline() <= deadline),
                "a node that is missing or late"
            );
        }
    }
}
