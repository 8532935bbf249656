//! What was told of one session. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Answers;
use crate::listener::{AttributeValue, SessionChange, SessionNotice};
use crate::session::{Attributes, Fingerprint, StoreKey};

/// What was told of one session.
pub(super) struct Account {
    pub(super) key: StoreKey,
    fingerprint: Fingerprint,
    life: Life,
    /// True when something may have been done that nobody knows of: then only what is told
    /// twice or after the end is a mistake.
    in_doubt: bool,
    attributes: BTreeMap<Arc<str>, AttributeValue>,
    /// Values that hooks were told to be bound.
    bound: BTreeMap<Arc<str>, Vec<AttributeValue>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Live,
    /// Its end was told; its attributes follow as removed.
    Ended,
}

impl Account {
    pub(super) fn open(notice: &SessionNotice, answers: Answers) -> Self {
        Self {
            key: notice.record().key,
            fingerprint: notice.session().fingerprint(),
            life: Life::Live,
            in_doubt: answers == Answers::NotAll,
            attributes: BTreeMap::new(),
            bound: BTreeMap::new(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.life == Life::Live
    }

    /// Enters what is told of a session that was created before.
    pub(super) fn enter(&mut self, notice: &SessionNotice) -> Result<(), String> {
        match notice.change() {
            SessionChange::AttributeRemoved { name, old } => self.remove(name, old),
            _ if self.life == Life::Ended => Err("it ended before".into()),
            SessionChange::Destroyed(_) => {
                self.life = Life::Ended;
                self.place(notice)?;
                self.compare(&notice.record().attributes)
            }
            SessionChange::IdChanged { old } => self.rename(notice, *old),
            SessionChange::AttributeAdded { name, value } => {
                self.place(notice)?;
                let before = self.attributes.insert(name.clone(), value.clone());
                self.expect(before.is_none(), || {
                    format!("it has an attribute {name:?} already")
                })
            }
            SessionChange::AttributeReplaced { name, old, value } => {
                self.place(notice)?;
                let before = self.attributes.insert(name.clone(), value.clone());
                self.expect(before.as_ref() == Some(old), || {
                    format!("the old value of {name:?} was never its value")
                })
            }
            SessionChange::Created => Err("it was created before".into()),
        }
    }

    fn remove(&mut self, name: &Arc<str>, old: &AttributeValue) -> Result<(), String> {
        let before = self.attributes.remove(name);
        self.expect(before.as_ref() == Some(old), || {
            format!("it has no attribute {name:?} with that value")
        })
    }

    fn rename(&mut self, notice: &SessionNotice, old: Fingerprint) -> Result<(), String> {
        let before = std::mem::replace(&mut self.fingerprint, notice.session().fingerprint());
        self.key = notice.record().key;
        self.expect(before == old, || "its id was another one".into())?;
        self.expect(before != self.fingerprint, || "its id is the same".into())
    }

    /// A session is told of under the id that it was last told to have.
    fn place(&mut self, notice: &SessionNotice) -> Result<(), String> {
        let before = std::mem::replace(&mut self.key, notice.record().key);
        self.expect(before == self.key, || {
            "it got another id, which was never told".into()
        })
    }

    fn expect(&self, is_right: bool, mistake: impl FnOnce() -> String) -> Result<(), String> {
        if is_right || self.in_doubt {
            Ok(())
        } else {
            Err(mistake())
        }
    }

    /// Compares what was told of attributes with what there is.
    pub(super) fn compare(&self, attributes: &Attributes) -> Result<(), String> {
        let stored: BTreeMap<_, _> = attributes
            .iter()
            .map(|attribute| (attribute.name.clone(), AttributeValue::of(attribute)))
            .collect();
        self.expect(stored == self.attributes, || {
            let (stored, told) = (stored.keys(), self.attributes.keys());
            format!("its attributes are {stored:?}, by what was told {told:?}, or other values")
        })
    }

    pub(super) fn bind(&mut self, name: &str, value: &AttributeValue) -> Result<(), String> {
        let bound = self.bound.entry(name.into()).or_default();
        bound.push(value.clone());
        let is_one_too_many = bound.len() > 2;
        self.expect(!is_one_too_many, || {
            format!("three values of {name:?} are bound at once")
        })
    }

    pub(super) fn unbind(&mut self, name: &str, value: &AttributeValue) -> Result<(), String> {
        let bound = self.bound.get_mut(name);
        let position = bound
            .as_ref()
            .and_then(|bound| bound.iter().position(|it| it == value));
        if let (Some(bound), Some(position)) = (bound, position) {
            bound.remove(position);
        }
        self.expect(position.is_some(), || {
            format!("a value of {name:?} was unbound that was not bound")
        })
    }

    /// What hooks hold must be what the session has.
    pub(super) fn check_bound(&self, name: &Arc<str>) -> Result<(), String> {
        let bound = self.bound.get(name).map_or(&[][..], Vec::as_slice);
        let has: Vec<_> = self.attributes.get(name).cloned().into_iter().collect();
        self.expect(bound == has, || {
            let (bound, has) = (bound.len(), has.len());
            format!("hooks hold {bound} values of {name:?}, the session {has}, or others")
        })
    }

    /// After the end of a session each of its attributes has been told as removed.
    pub(super) fn check_closed(&self) -> Result<(), String> {
        let left = self.attributes.keys();
        self.expect(self.is_open() || self.attributes.is_empty(), || {
            format!("it ended, and {left:?} was never told as removed")
        })
    }
}
