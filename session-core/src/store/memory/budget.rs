//! How much the store holds, counted so that the limits are never exceeded.

use crate::session::{Attribute, ChangeSet, Edit, Record};
use crate::sync::atomic::{AtomicUsize, Ordering};

/// An amount of room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) sessions: usize,
    pub(super) bytes: usize,
}

/// What a session costs besides its names and values: its entry, its place in a table, its
/// node, its list of attributes. An estimate of what an allocator really uses.
const BYTES_PER_SESSION: usize = 320;

/// What an attribute costs besides its name and value.
const BYTES_PER_ATTRIBUTE: usize = 96;

/// What a login costs besides the names of the principal and the label: who logged in, and a
/// place in the list of that principal's sessions.
const BYTES_PER_LOGIN: usize = 240;

/// What an append adds besides its items: it makes a list, or widens one, with a header of
/// this length (MessagePack, array 32).
const LIST_HEADER_MAX: usize = 5;

impl Cost {
    pub(super) const NOTHING: Self = Self::bytes(0);

    /// A forwarding entry.
    pub(super) const OF_FORWARD: Self = Self::bytes(BYTES_PER_SESSION);

    pub(super) const fn bytes(bytes: usize) -> Self {
        Self { sessions: 0, bytes }
    }

    pub(super) fn of_session(record: &Record) -> Self {
        let attributes = record.attributes.len() * BYTES_PER_ATTRIBUTE;
        let login = record
            .authentication
            .as_ref()
            .map_or(0, |_| BYTES_PER_LOGIN);
        Self {
            sessions: 1,
            bytes: BYTES_PER_SESSION + attributes + login + record.size(),
        }
    }

    /// The most that `record` can grow by these changes.
    pub(super) fn of_growth(record: &Record, changes: &ChangeSet) -> Self {
        let attributes = changes.attributes.iter().map(|change| {
            let current = record.attributes.get(&change.name);
            let (before, is_new) = (current.map_or(0, Attribute::size), current.is_none());
            let added = match &change.edit {
                Edit::Remove => return 0,
                Edit::Put(value) => {
                    (change.name.len() + value.bytes().len()).saturating_sub(before)
                }
                Edit::Append(items) => {
                    let name = if is_new { change.name.len() } else { 0 };
                    name + LIST_HEADER_MAX + items.bytes().len()
                }
            };
            added + if is_new { BYTES_PER_ATTRIBUTE } else { 0 }
        });
        let login = changes.login.as_ref().map_or(0, |login| {
            let is_first = record.authentication.is_none();
            login.authentication.size() + if is_first { BYTES_PER_LOGIN } else { 0 }
        });
        Self::bytes(attributes.sum::<usize>() + login)
    }

    /// Both together.
    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            sessions: self.sessions + other.sessions,
            bytes: self.bytes + other.bytes,
        }
    }
}

/// Counters against their limits. Room is taken before it is used, in one step each, so two
/// that take the last room at once cannot both succeed.
pub(super) struct Budget {
    limit: Cost,
    sessions: AtomicUsize,
    bytes: AtomicUsize,
}

impl Budget {
    pub(super) const fn new(limit: Cost) -> Self {
        Self {
            limit,
            sessions: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    pub(super) fn used(&self) -> Cost {
        Cost {
            sessions: self.sessions.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    /// Takes room, or answers how much was asked for when there is not enough.
    pub(super) fn take(&self, cost: Cost) -> Result<(), Cost> {
        if !take(&self.sessions, cost.sessions, self.limit.sessions) {
            return Err(cost);
        }
        if !take(&self.bytes, cost.bytes, self.limit.bytes) {
            give_back(&self.sessions, cost.sessions);
            return Err(cost);
        }
        Ok(())
    }

    pub(super) fn give_back(&self, cost: Cost) {
        give_back(&self.sessions, cost.sessions);
        give_back(&self.bytes, cost.bytes);
    }

    /// Corrects what was charged, an upper bound, to what a session takes now that it has changed.
    /// What goes is given back by its size, so that has to be in the books whatever was charged.
    pub(super) fn settle(&self, charged: usize, taken: usize) {
        give_back(&self.bytes, charged.saturating_sub(taken));
        if taken > charged {
            self.bytes.fetch_add(taken - charged, Ordering::Relaxed);
        }
    }

    /// True when there is room for this much.
    pub(super) fn has_room(&self, cost: Cost) -> bool {
        let used = self.used();
        used.sessions.saturating_add(cost.sessions) <= self.limit.sessions
            && used.bytes.saturating_add(cost.bytes) <= self.limit.bytes
    }

    /// True when this much would not even fit into an empty store.
    pub(super) const fn never_fits(&self, cost: Cost) -> bool {
        cost.sessions > self.limit.sessions || cost.bytes > self.limit.bytes
    }
}

fn take(counter: &AtomicUsize, amount: usize, limit: usize) -> bool {
    let taken = |used: usize| used.checked_add(amount).filter(|&sum| sum <= limit);
    amount == 0
        || counter
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken)
            .is_ok()
}

fn give_back(counter: &AtomicUsize, amount: usize) {
    if amount > 0 {
        counter.fetch_sub(amount, Ordering::Relaxed);
    }
}

#[cfg(test)]
impl Budget {
    pub(super) fn is_exceeded(&self) -> bool {
        !self.has_room(Cost::NOTHING)
    }
}
