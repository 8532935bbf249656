//! From what a store answered to what listeners are told. Pure.

use std::sync::Arc;

use super::order::{Point, Span, Story};
use super::{AttributeValue, DestroyReason, SessionChange, SessionNotice};
use crate::engine::Engine;
use crate::session::{Attributes, Record};

/// Makes notices.
pub(crate) struct Notices<'e> {
    engine: &'e Arc<Engine>,
    list: Vec<SessionNotice>,
}

impl<'e> Notices<'e> {
    const fn new(engine: &'e Arc<Engine>) -> Self {
        Self {
            engine,
            list: Vec::new(),
        }
    }

    /// What there is to tell of a session that was stored for the first time.
    pub(crate) fn of_new(engine: &'e Arc<Engine>, record: &Record) -> Story<SessionNotice> {
        let mut notices = Self::new(engine);
        notices.add(record, SessionChange::Created);
        notices.compare(&Attributes::default(), record);
        notices.story(record, Span::Beginning)
    }

    /// What there is to tell of a session that ended as `record`.
    pub(crate) fn of_ended(
        engine: &'e Arc<Engine>,
        record: &Record,
        reason: DestroyReason,
    ) -> Story<SessionNotice> {
        let mut notices = Self::new(engine);
        notices.add(record, SessionChange::Destroyed(reason));
        let mut empty = record.clone();
        empty.attributes = Attributes::default();
        notices.compare(&record.attributes, &empty);
        notices.story(record, Span::End)
    }

    /// What there is to tell of a session that was `before` and is `after`.
    pub(crate) fn of_changed(
        engine: &'e Arc<Engine>,
        before: &Record,
        after: &Record,
    ) -> Story<SessionNotice> {
        let mut notices = Self::new(engine);
        if before.key != after.key {
            let old = engine.keyring.fingerprint(&before.key);
            notices.add(after, SessionChange::IdChanged { old });
        }
        notices.compare(&before.attributes, after);
        let span = Span::Between(Point::of(before), Point::of(after));
        notices.story(after, span)
    }

    fn story(self, record: &Record, span: Span) -> Story<SessionNotice> {
        Story {
            handle: record.handle,
            span,
            notices: self.list,
        }
    }

    /// What the attributes of `after` are that were `before`, in the order of their names.
    fn compare(&mut self, before: &Attributes, after: &Record) {
        let gone = before
            .iter()
            .filter(|old| after.attributes.get(&old.name).is_none());
        for old in gone {
            let change = SessionChange::AttributeRemoved {
                name: old.name.clone(),
                old: AttributeValue::of(old),
            };
            self.add(after, change);
        }
        for new in &after.attributes {
            let name = new.name.clone();
            let change = match before.get(&name) {
                None => SessionChange::AttributeAdded {
                    name,
                    value: AttributeValue::of(new),
                },
                Some(old) if old.revision != new.revision => SessionChange::AttributeReplaced {
                    name,
                    old: AttributeValue::of(old),
                    value: AttributeValue::of(new),
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
