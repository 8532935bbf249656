//! What a request sees of its attributes and does to them: its own changes, over those of a
//! commit under way, over the snapshot.

use std::borrow::Cow;

use super::super::change::{AttributeChange, Edit, Expected, Limits};
use super::super::edits::{Edits, Replay, Seen};
use super::super::record::{Attributes, Record};
use super::super::value::{Items, NotAList, Value};
use super::{InFlight, Live};
use crate::error::SessionError;

impl Live {
    /// The attributes that changes lie over: the snapshot with what a commit under way makes
    /// of it, or none after a login over another principal.
    fn base(&self) -> Cow<'_, Attributes> {
        let cleared = self.pending.clear_attributes;
        base_of(&self.record, self.in_flight.as_deref(), cleared)
    }

    /// The changes, and what they lie over.
    fn edits_and_base(&mut self) -> (&mut Edits, Cow<'_, Attributes>) {
        let cleared = self.pending.clear_attributes;
        let base = base_of(&self.record, self.in_flight.as_deref(), cleared);
        (&mut self.pending.edits, base)
    }

    /// What the request sees of `name`: its own change, or the snapshot that has it.
    pub(crate) fn see(&self, name: &str) -> View {
        let base = self.base();
        match self.pending.edits.see(name, &base) {
            Seen::Own(value) => View::Own(value),
            Seen::Stored => View::Stored(base.into_owned()),
        }
    }

    /// As [`see`](Self::see), remembering which revision was read.
    pub(crate) fn see_strictly(&mut self, name: &str) -> View {
        let view = self.see(name);
        if let View::Stored(attributes) = &view {
            let read = Expected::revision_of(attributes.get(name));
            self.reads.retain(|(other, _)| &**other != name);
            self.reads.push((name.into(), read));
        }
        view
    }

    /// The names of all attributes, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let base = self.base();
        let mut names: Vec<String> = base.iter().map(|stored| stored.name.to_string()).collect();
        for change in self.pending.edits.changes() {
            let position = names.binary_search_by(|name| (**name).cmp(&*change.name));
            match (&change.edit, position) {
                (Edit::Remove, Ok(index)) => {
                    names.remove(index);
                }
                (Edit::Put(_) | Edit::Append(_), Err(index)) => {
                    names.insert(index, change.name.to_string());
                }
                _ => {}
            }
        }
        names
    }

    pub(crate) fn put(&mut self, name: &str, value: Value, limits: &Limits) -> Changed {
        let after = name.len() + value.bytes().len();
        self.room(name, limits, |_| after)?;
        if self.is_in_flight(name) {
            self.pending.edits.overwrite(name, Edit::Put(value));
            return Ok(());
        }
        let expected = self.expected(name);
        let (edits, base) = self.edits_and_base();
        edits.put(name, value, expected, &base);
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &str) {
        if self.is_in_flight(name) {
            return self.pending.edits.overwrite(name, Edit::Remove);
        }
        let expected = self.expected(name);
        let (edits, base) = self.edits_and_base();
        edits.remove(name, expected, &base);
    }

    /// Removes what was just read.
    pub(crate) fn take(&mut self, name: &str) {
        if self.sets_in_flight(name) {
            return self.remove(name);
        }
        let (edits, base) = self.edits_and_base();
        edits.take_once(name, &base);
    }

    pub(crate) fn append(&mut self, name: &str, items: Items, limits: &Limits) -> Changed {
        let more = items.bytes().len();
        self.room(name, limits, |before| before.max(name.len()) + more)?;
        let (edits, base) = self.edits_and_base();
        edits
            .append(name, items, &base)
            .map_err(|NotAList| SessionError::NotAList { name: name.into() })
    }

    pub(crate) fn update(
        &mut self,
        name: &str,
        outcome: Option<Value>,
        update: Replay,
        limits: &Limits,
    ) -> Changed {
        let after = outcome
            .as_ref()
            .map_or(0, |value| name.len() + value.bytes().len());
        self.room(name, limits, |_| after)?;
        let (edits, base) = self.edits_and_base();
        edits.update(name, outcome, update, &base);
        Ok(())
    }

    /// True when a commit under way changes `name`: it may yet be refused, so that whatever is
    /// done to the attribute meanwhile must be committed as well.
    fn is_in_flight(&self, name: &str) -> bool {
        let in_flight = self.in_flight.as_ref();
        in_flight.is_some_and(|it| it.attributes.iter().any(|change| &*change.name == name))
    }

    fn sets_in_flight(&self, name: &str) -> bool {
        let sets = |change: &AttributeChange| {
            &*change.name == name && !matches!(change.edit, Edit::Append(_))
        };
        let in_flight = self.in_flight.as_ref();
        in_flight.is_some_and(|it| it.attributes.iter().any(sets))
    }

    /// The precondition of a plain set: none, unless strict reads are on and it was read.
    fn expected(&self, name: &str) -> Expected {
        let read = self.reads.iter().find(|(other, _)| &**other == name);
        read.map_or(Expected::Anything, |&(_, revision)| revision)
    }

    /// Refuses a change of `name` that alone makes the session too large; `after` tells the
    /// size of the attribute after the change from the size before it. The store checks again,
    /// with what other requests added meanwhile.
    fn room(&self, name: &str, limits: &Limits, after: impl Fn(usize) -> usize) -> Changed {
        let base = self.base();
        let changes = self.pending.edits.changes();
        let stored = base
            .iter()
            .filter(|stored| !changes.iter().any(|change| change.name == stored.name))
            .map(|stored| (&stored.name, stored.size()));
        let changed = changes
            .iter()
            .filter(|change| change.edit != Edit::Remove)
            .map(|change| (&change.name, change.size_over(base.get(&change.name))));
        let (mut others, mut count, mut before) = (0, 0, 0);
        for (other, size) in stored.chain(changed) {
            if **other == *name {
                before = size;
            } else {
                others += size;
                count += 1;
            }
        }
        let after = after(before);
        let too_large = after > before && others + after > limits.max_bytes;
        let too_many = before == 0 && after > 0 && count >= limits.max_attributes;
        if too_large || too_many {
            return Err(SessionError::TooLarge);
        }
        Ok(())
    }
}

/// Borrowed in the usual case: that no commit is under way and nobody else has logged in.
#[inline]
fn base_of<'r>(
    record: &'r Record,
    in_flight: Option<&InFlight>,
    cleared: bool,
) -> Cow<'r, Attributes> {
    match in_flight {
        _ if cleared => Cow::Owned(Attributes::default()),
        None => Cow::Borrowed(&record.attributes),
        Some(changes) => Cow::Owned(changes.over(&record.attributes)),
    }
}

/// The outcome of a change of the request's own session.
pub(crate) type Changed = Result<(), SessionError>;

/// A value as a request sees it, to be decoded outside any lock.
pub(crate) enum View {
    /// The snapshot, which has the value or not.
    Stored(Attributes),
    /// The request's own value, or none.
    Own(Option<Value>),
}

impl View {
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Stored(attributes) => attributes.get(name).map(|attribute| &attribute.value),
            Self::Own(value) => value.as_ref(),
        }
    }
}
