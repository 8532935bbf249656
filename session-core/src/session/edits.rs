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
mod tests {
    use super::*;
    use crate::session::Revision;

    fn value(number: u32) -> Value {
        Value::encode(&number, 0).unwrap()
    }

    fn base(numbers: &[(&str, u32, u64)]) -> Attributes {
        numbers
            .iter()
            .map(|&(name, number, revision)| Attribute {
                name: name.into(),
                revision: Revision::new(revision),
                value: value(number),
            })
            .collect()
    }

    fn add_one() -> Replay {
        Box::new(|_, before| {
            let before: u32 = before.map_or(Ok(0), Value::decode).unwrap();
            Ok(Some(value(before + 1)))
        })
    }

    fn items(number: u32) -> Items {
        let mut items = Items::default();
        items.push(&number).unwrap();
        items
    }

    #[test]
    fn setting_what_is_stored_is_no_change() {
        let base = base(&[("a", 1, 1)]);
        let mut edits = Edits::default();
        edits.put("a", value(2), Expected::Anything, &base);
        assert!(!edits.is_empty());
        edits.put("a", value(1), Expected::Anything, &base);
        assert!(edits.is_empty());
    }

    #[test]
    fn removing_what_is_not_there_is_no_change() {
        let base = base(&[]);
        let mut edits = Edits::default();
        edits.put("a", value(2), Expected::Anything, &base);
        edits.remove("a", Expected::Anything, &base);
        assert!(edits.is_empty());
    }

    #[test]
    fn an_update_is_made_again_on_the_newer_value() {
        let old = base(&[("n", 1, 1)]);
        let newer = base(&[("n", 41, 7)]);
        let mut edits = Edits::default();
        edits.update("n", Some(value(2)), add_one(), &old);
        let mut changes = edits.take_changes();
        assert_eq!(changes[0].expected, Expected::At(Revision::new(1)));
        edits
            .replay(&mut changes, &newer, TakenTwice::Ignore)
            .unwrap();
        assert_eq!(changes[0].expected, Expected::At(Revision::new(7)));
        assert_eq!(changes[0].edit, Edit::Put(value(42)));
    }

    #[test]
    fn an_append_followed_by_an_update_is_made_again_in_that_order() {
        let count = |_: &str, before: Option<&Value>| {
            let list: Vec<u32> = before.map_or(Ok(Vec::new()), Value::decode).unwrap();
            Ok(Some(Value::encode(&[list.len()], 0).unwrap()))
        };
        let empty = base(&[]);
        let mut edits = Edits::default();
        edits.append("l", items(5), &empty).unwrap();
        edits.update(
            "l",
            Some(Value::encode(&[1], 0).unwrap()),
            Box::new(count),
            &empty,
        );
        let mut changes = edits.take_changes();
        let newer = [Attribute {
            name: "l".into(),
            revision: Revision::new(3),
            value: Value::encode(&[1, 2], 0).unwrap(),
        }]
        .into_iter()
        .collect();
        edits
            .replay(&mut changes, &newer, TakenTwice::Ignore)
            .unwrap();
        assert_eq!(changes[0].edit, Edit::Put(Value::encode(&[3], 0).unwrap()));
    }

    #[test]
    fn an_update_after_a_set_needs_no_replay_and_no_precondition() {
        let base = base(&[("n", 1, 1)]);
        let mut edits = Edits::default();
        edits.put("n", value(10), Expected::Anything, &base);
        edits.update("n", Some(value(11)), add_one(), &base);
        let changes = edits.take_changes();
        assert_eq!(changes[0].expected, Expected::Anything);
        assert_eq!(changes[0].edit, Edit::Put(value(11)));
    }

    #[test]
    fn a_strict_set_over_a_changed_value_is_a_conflict() {
        let old = base(&[("n", 1, 1)]);
        let mut edits = Edits::default();
        edits.put("n", value(2), Expected::At(Revision::new(1)), &old);
        let mut changes = edits.take_changes();
        let newer = base(&[("n", 5, 2)]);
        assert!(matches!(
            edits.replay(&mut changes, &newer, TakenTwice::Ignore),
            Err(SessionError::Conflict)
        ));
    }

    #[test]
    fn appends_travel_as_items_and_are_seen_over_the_base() {
        let base: Attributes = [Attribute {
            name: "l".into(),
            revision: Revision::new(1),
            value: Value::encode(&[1, 2], 0).unwrap(),
        }]
        .into_iter()
        .collect();
        let mut edits = Edits::default();
        edits.append("l", items(3), &base).unwrap();
        edits.append("l", items(4), &base).unwrap();
        let Seen::Own(Some(seen)) = edits.see("l", &base) else {
            panic!("the append is not seen");
        };
        assert_eq!(seen.decode::<Vec<u32>>().unwrap(), [1, 2, 3, 4]);
        assert!(matches!(&edits.changes()[0].edit, Edit::Append(items) if items.count() == 2));
    }

    #[test]
    fn appending_to_no_list_changes_nothing() {
        let base = base(&[("n", 1, 1)]);
        let mut edits = Edits::default();
        assert_eq!(edits.append("n", items(3), &base), Err(NotAList));
        assert!(edits.is_empty());
    }

    #[test]
    fn taking_what_is_not_stored_is_no_change() {
        let mut edits = Edits::default();
        edits.take_once("n", &base(&[("m", 1, 1)]));
        assert!(edits.is_empty());
    }
}
