//! From what a store answered to what listeners are told. Pure.

use std::sync::Arc;

use super::{AttributeValue, DestroyReason, SessionChange, SessionNotice};
use crate::engine::Engine;
use crate::session::{Attribute, Attributes, Record};

/// The notices of one commit, in order.
pub(crate) struct Notices<'e> {
    engine: &'e Arc<Engine>,
    list: Vec<SessionNotice>,
}

impl<'e> Notices<'e> {
    pub(crate) const fn new(engine: &'e Arc<Engine>) -> Self {
        Self {
            engine,
            list: Vec::new(),
        }
    }

    pub(crate) fn into_list(self) -> Vec<SessionNotice> {
        self.list
    }

    pub(crate) fn created(&mut self, record: &Record) {
        self.add(record, SessionChange::Created);
        self.compare(&Attributes::default(), record);
    }

    pub(crate) fn destroyed(&mut self, record: &Record, reason: DestroyReason) {
        self.add(record, SessionChange::Destroyed(reason));
        let mut empty = record.clone();
        empty.attributes = Attributes::default();
        self.compare(&record.attributes, &empty);
    }

    pub(crate) fn changed(&mut self, before: &Record, after: &Record) {
        if before.key != after.key {
            let old = self.engine.keyring.fingerprint(&before.key);
            self.add(after, SessionChange::IdChanged { old });
        }
        self.compare(&before.attributes, after);
    }

    /// What the attributes of `after` are that were `before`, in the order of their names.
    fn compare(&mut self, before: &Attributes, after: &Record) {
        let gone = before
            .iter()
            .filter(|old| after.attributes.get(&old.name).is_none());
        for old in gone {
            let change = SessionChange::AttributeRemoved {
                name: old.name.clone(),
                old: value(old),
            };
            self.add(after, change);
        }
        for new in &after.attributes {
            let name = new.name.clone();
            let change = match before.get(&name) {
                None => SessionChange::AttributeAdded {
                    name,
                    value: value(new),
                },
                Some(old) if old.revision != new.revision => SessionChange::AttributeReplaced {
                    name,
                    old: value(old),
                    value: value(new),
                },
                Some(_) => continue,
            };
            self.add(after, change);
        }
    }

    fn add(&mut self, record: &Record, change: SessionChange) {
        self.list.push(SessionNotice {
            change,
            record: record.clone(),
            engine: self.engine.clone(),
        });
    }
}

fn value(attribute: &Attribute) -> AttributeValue {
    AttributeValue {
        name: attribute.name.clone(),
        value: attribute.value.clone(),
    }
}
