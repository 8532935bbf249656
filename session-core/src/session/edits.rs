//! The attribute changes of a request that are not committed yet: pure, no lock, no store.

use std::sync::Arc;

use super::change::{AttributeChange, Edit, Expected};
use super::record::{Attribute, Attributes};
use super::value::{Items, NotAList, Value};
use crate::error::SessionError;

/// An update that can be run again on a newer value: from the name of the attribute and its
/// stored value to the new one, `None` for an absent attribute.
pub(crate) type Replay =
    Box<dyn FnMut(&str, Option<&Value>) -> Result<Option<Value>, SessionError> + Send>;

/// Changes of attributes in the form in which they travel to the store, and the steps by
/// which those that depend on the stored value can be made again when it has changed.
#[derive(Default)]
pub(crate) struct Edits {
    changes: Vec<AttributeChange>,
    steps: Vec<Step>,
}

struct Step {
    name: Arc<str>,
    kind: StepKind,
}

enum StepKind {
    Append(Items),
    Take,
    Update(Replay),
}

/// What happens to a take whose attribute was taken or changed by another request first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TakenTwice {
    /// Nobody is there to be told: what is stored now stays, since nobody has read it yet.
    Ignore,
    /// The later one is told that it was too late.
    Refuse,
}

/// What a request sees of one attribute.
#[derive(Debug)]
pub(crate) enum Seen {
    /// The stored value, if there is one.
    Stored,
    /// This value of the request's own, or none.
    Own(Option<Value>),
}

impl Edits {
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(crate) fn changes(&self) -> &[AttributeChange] {
        &self.changes
    }

    /// Moves the changes out, into a change set; the steps stay for a replay.
    pub(crate) fn take_changes(&mut self) -> Vec<AttributeChange> {
        std::mem::take(&mut self.changes)
    }

    /// What the request sees of `name` over `base`.
    pub(crate) fn see(&self, name: &str, base: &Attributes) -> Seen {
        self.find(name)
            .map_or(Seen::Stored, |change| Seen::Own(see_change(change, base)))
    }

    /// Sets `name` to `value`. Setting what is stored already is no change.
    pub(crate) fn put(&mut self, name: &str, value: Value, expected: Expected, base: &Attributes) {
        self.forget(name);
        if base.get(name).is_none_or(|stored| stored.value != value) {
            self.push(name, expected, Edit::Put(value), base);
        }
    }

    /// Sets or removes `name` whatever is stored: what is stored is not known yet.
    pub(crate) fn overwrite(&mut self, name: &str, edit: Edit) {
        self.forget(name);
        self.push(name, Expected::Anything, edit, &Attributes::default());
    }

    /// Removes `name`. Removing what is not stored is no change.
    pub(crate) fn remove(&mut self, name: &str, expected: Expected, base: &Attributes) {
        self.forget(name);
        if base.get(name).is_some() {
            self.push(name, expected, Edit::Remove, base);
        }
    }

    /// Removes `name`, whose value was just read, so that at most one request gets it and
    /// nothing is removed that was not read.
    pub(crate) fn take_once(&mut self, name: &str, base: &Attributes) {
        let stored = base.get(name);
        match self.position(name) {
            Some(index) => self.follow_up(index, Edit::Remove, StepKind::Take, base),
            None if stored.is_none() => {}
            None => {
                let name = self
                    .push(name, Expected::revision_of(stored), Edit::Remove, base)
                    .clone();
                let kind = StepKind::Take;
                self.steps.push(Step { name, kind });
            }
        }
    }

    /// Adds `items` to the end of the list `name`.
    pub(crate) fn append(
        &mut self,
        name: &str,
        items: Items,
        base: &Attributes,
    ) -> Result<(), NotAList> {
        let Some(index) = self.position(name) else {
            if base.get(name).is_some_and(|it| !it.value.takes(&items)) {
                return Err(NotAList);
            }
            self.push(name, Expected::Anything, Edit::Append(items), base);
            return Ok(());
        };
        let change = &mut self.changes[index];
        match &mut change.edit {
            Edit::Put(value) => value.append(&items)?,
            Edit::Append(pending) => pending.extend(&items),
            Edit::Remove => change.edit = Edit::Put(items.to_list()),
        }
        let name = change.name.clone();
        if self.has_steps(&name) {
            self.steps.push(Step {
                name,
                kind: StepKind::Append(items),
            });
        }
        Ok(())
    }

    /// Records the outcome of `update` on what the request saw; `update` is kept where the
    /// outcome depends on the stored value.
    pub(crate) fn update(
        &mut self,
        name: &str,
        outcome: Option<Value>,
        update: Replay,
        base: &Attributes,
    ) {
        let edit = outcome.map_or(Edit::Remove, Edit::Put);
        let Some(index) = self.position(name) else {
            if !changes_anything(&edit, base.get(name)) {
                return;
            }
            let expected = Expected::revision_of(base.get(name));
            let name = self.push(name, expected, edit, base).clone();
            self.steps.push(Step {
                name,
                kind: StepKind::Update(update),
            });
            return;
        };
        self.follow_up(index, edit, StepKind::Update(update), base);
    }

    /// Makes the changes that depend on stored values again, on the values in `base`, and
    /// writes the outcome into `changes`, which came from [`take_changes`](Self::take_changes).
    ///
    /// # Errors
    /// What an update reports; [`SessionError::Conflict`] when a broken precondition belongs
    /// to a change that cannot be made again.
    pub(crate) fn replay(
        &mut self,
        changes: &mut [AttributeChange],
        base: &Attributes,
        taken_twice: TakenTwice,
    ) -> Result<(), SessionError> {
        for change in changes {
            let stored = base.get(&change.name);
            let current = Expected::revision_of(stored);
            if change.expected == Expected::Anything || change.expected == current {
                continue;
            }
            if !self.has_steps(&change.name) {
                return Err(SessionError::Conflict);
            }
            let mut value = stored.map(|attribute| attribute.value.clone());
            for step in self
                .steps
                .iter_mut()
                .filter(|step| step.name == change.name)
            {
                value = step.run(value, taken_twice)?;
            }
            change.expected = current;
            change.edit = value.map_or(Edit::Remove, Edit::Put);
        }
        Ok(())
    }

    /// Lets `edit` follow on the change at `index`, and remembers `kind` where the outcome
    /// depends on the stored value: an append does, and so does what has steps already.
    fn follow_up(&mut self, index: usize, edit: Edit, kind: StepKind, base: &Attributes) {
        let change = &mut self.changes[index];
        let name = change.name.clone();
        if let Edit::Append(items) = std::mem::replace(&mut change.edit, edit) {
            change.expected = Expected::revision_of(base.get(&name));
            self.steps.push(Step {
                name: name.clone(),
                kind: StepKind::Append(items),
            });
        }
        if self.has_steps(&name) {
            self.steps.push(Step { name, kind });
        }
    }

    fn find(&self, name: &str) -> Option<&AttributeChange> {
        self.changes.iter().find(|change| &*change.name == name)
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.changes.iter().position(|change| &*change.name == name)
    }

    fn has_steps(&self, name: &Arc<str>) -> bool {
        self.steps.iter().any(|step| step.name == *name)
    }

    fn forget(&mut self, name: &str) {
        self.changes.retain(|change| &*change.name != name);
        self.steps.retain(|step| &*step.name != name);
    }

    /// Adds a change and answers its name, shared with the stored attribute where there is one.
    fn push(&mut self, name: &str, expected: Expected, edit: Edit, base: &Attributes) -> &Arc<str> {
        let name = base
            .get(name)
            .map_or_else(|| Arc::from(name), |stored| stored.name.clone());
        let index = self.changes.len();
        self.changes.push(AttributeChange {
            name,
            expected,
            edit,
        });
        &self.changes[index].name
    }
}

impl Step {
    fn run(
        &mut self,
        value: Option<Value>,
        taken_twice: TakenTwice,
    ) -> Result<Option<Value>, SessionError> {
        match &mut self.kind {
            StepKind::Take => match taken_twice {
                TakenTwice::Ignore => Ok(value),
                TakenTwice::Refuse => Err(SessionError::Conflict),
            },
            StepKind::Update(update) => update(&self.name, value.as_ref()),
            StepKind::Append(items) => match value {
                None => Ok(Some(items.to_list())),
                Some(mut list) => match list.append(items) {
                    Ok(()) => Ok(Some(list)),
                    Err(NotAList) => Err(SessionError::NotAList {
                        name: self.name.clone(),
                    }),
                },
            },
        }
    }
}

impl Expected {
    /// The precondition that an attribute is still what it is now.
    pub(crate) fn revision_of(attribute: Option<&Attribute>) -> Self {
        attribute.map_or(Self::Absent, |attribute| Self::At(attribute.revision))
    }
}

/// What a request sees of an attribute through one of its own changes; `None` when it removed
/// the attribute.
pub(crate) fn see_change(change: &AttributeChange, base: &Attributes) -> Option<Value> {
    match &change.edit {
        Edit::Put(value) => Some(value.clone()),
        Edit::Remove => None,
        Edit::Append(items) => Some(match base.get(&change.name) {
            None => items.to_list(),
            Some(stored) => {
                let mut list = stored.value.clone();
                // The append was checked against this base when it was made.
                let _ = list.append(items);
                list
            }
        }),
    }
}

fn changes_anything(edit: &Edit, stored: Option<&Attribute>) -> bool {
    match edit {
        Edit::Put(value) => stored.is_none_or(|stored| stored.value != *value),
        Edit::Remove => stored.is_some(),
        Edit::Append(_) => true,
    }
}

#[cfg(test)]
mod tests;
