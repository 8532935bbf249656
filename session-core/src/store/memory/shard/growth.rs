//! How a shard grows. For a new session, what is larger is made, and what was smaller is freed, while
//! the shard is not locked: an allocator sometimes takes a hundred times as long as all else that is
//! done there. Where a shard grows by something else, which is rare, it does so at once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use hashbrown::HashTable;

use super::{Entry, Mark, Node, Shard, hash};
use crate::clock::Timestamp;

/// How much more room a shard needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::memory) struct Need {
    /// In its table; zero where there is room.
    entries: usize,
    /// And for its nodes.
    nodes: usize,
}

/// Room for a shard to move to, and after that what it has moved out of.
pub(in crate::store::memory) struct Room {
    entries: HashTable<Box<Entry>>,
    expected: BinaryHeap<Reverse<Node>>,
}

impl Room {
    /// Asks the allocator.
    pub(in crate::store::memory) fn of(need: Need) -> Self {
        Self {
            entries: HashTable::with_capacity(need.entries),
            expected: BinaryHeap::with_capacity(need.nodes),
        }
    }
}

impl Shard {
    /// What has to grow before `entry` finds a place; `None` where nothing has.
    pub(in crate::store::memory) fn need_for(&self, entry: &Entry) -> Option<Need> {
        let may_expire = entry.deadline() != Timestamp::NEVER;
        let need = Need {
            entries: match self.is_table_full() {
                true => self.more_entries(),
                false => 0,
            },
            nodes: match may_expire && self.are_nodes_full() {
                true => self.more_nodes(),
                false => 0,
            },
        };
        (need.entries + need.nodes > 0).then_some(need)
    }

    /// Moves to where there is more room. Whatever was done meanwhile, nothing is lost: what is not
    /// larger than what the shard has is left alone.
    pub(in crate::store::memory) fn move_to(&mut self, room: &mut Room) {
        if self.is_table_full() && room.entries.capacity() > self.entries.len() {
            self.fetch_entries();
            for entry in self.entries.drain() {
                let mark = Mark::of(entry.key());
                room.entries
                    .insert_unique(mark.hash(), entry, |entry| hash(entry.key()));
            }
            std::mem::swap(&mut self.entries, &mut room.entries);
        }
        if self.are_nodes_full() && room.expected.capacity() > self.expected.len() {
            room.expected.extend(self.expected.drain());
            std::mem::swap(&mut self.expected, &mut room.expected);
        }
    }

    /// Room for one more node, where a shard has to make it while it is locked.
    pub(super) fn reserve_node(&mut self) {
        if self.are_nodes_full() {
            let more = self.more_nodes() - self.expected.len();
            self.expected.reserve_exact(more);
        }
    }

    /// A table that grows asks each entry for its key, one after the other. In a large store none of
    /// them is in a cache; asked for beforehand, they come together. A full table does not grow when
    /// the place of an entry that is gone is taken: then this was for nothing.
    pub(super) fn fetch_before_growth(&self) {
        if self.is_table_full() {
            self.fetch_entries();
        }
    }

    fn fetch_entries(&self) {
        let marks = self.entries().map(|entry| Mark::of(entry.key()).0);
        black_box(marks.fold(0, |all, mark| all ^ mark));
    }

    fn is_table_full(&self) -> bool {
        self.entries.len() == self.entries.capacity()
    }

    fn are_nodes_full(&self) -> bool {
        self.expected.len() == self.expected.capacity()
    }

    /// A table without gaps is doubled by this. One whose room was used up by gaps gets so much of it
    /// back that it is not used up again by the next few who come and go.
    fn more_entries(&self) -> usize {
        const PART: usize = 4;
        let entries = self.entries.len();
        entries + entries / PART + 1
    }

    /// Room is made for a part of what there is. Twice as much would be half empty, and there are
    /// thousands of shards.
    fn more_nodes(&self) -> usize {
        const PART: usize = 8;
        const FEW: usize = 4;
        let nodes = self.expected.len();
        nodes + (nodes / PART).max(FEW)
    }
}
