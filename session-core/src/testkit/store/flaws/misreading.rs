//! What a flawed store makes of keys, names, times and change sets before it acts.

use std::sync::Arc;

use super::Flaw;
use super::flawed_store::FlawedStore;
use crate::clock::Timestamp;
use crate::session::{
    Attribute, AttributeChange, ChangeSet, Edit, Expected, Limits, Record, StoreKey, Value,
};
use crate::store::Verb;
use crate::testkit::store::reference::Entry;
use crate::testkit::store::samples::MINUTE;

impl FlawedStore {
    /// The key as the store keeps it.
    pub(super) fn cut(&self, key: &StoreKey) -> StoreKey {
        let mut bytes = *key.as_bytes();
        if self.has(Flaw::CutsKeys) {
            bytes[8..].fill(0);
        }
        StoreKey::from_bytes(bytes)
    }

    /// The name as the store keeps it.
    pub(super) fn misread_name(&self, name: &Arc<str>) -> Arc<str> {
        match self.flaw {
            Some(Flaw::FoldsCase) => name.to_lowercase().into(),
            Some(Flaw::TrimsNames) => name.trim_end_matches(' ').into(),
            _ => name.clone(),
        }
    }

    /// The time at which the store looks at the entry under `key`.
    pub(super) fn misread_time(&self, verb: Verb, key: &StoreKey, now: Timestamp) -> Timestamp {
        let table = self.table.lock();
        match (self.flaw, table.entries.get(key)) {
            (Some(Flaw::ExpiredIsAlive), Some(Entry::Session(record)))
                if record.is_expired(now) =>
            {
                record.accessed_at
            }
            (Some(Flaw::ExpiredIsRevivedByAWrite), Some(Entry::Session(record)))
                if verb == Verb::Apply =>
            {
                record.accessed_at.min(now)
            }
            (Some(Flaw::NewIdleLimitWaitsForAccess), Some(Entry::Session(record))) => {
                let deadline = self.old_deadlines.lock().get(key).copied();
                match deadline {
                    Some(deadline) if deadline <= now => Timestamp::NEVER,
                    Some(_) => record.accessed_at,
                    None => now,
                }
            }
            (Some(Flaw::IdleLimitIsInclusive), Some(Entry::Session(record)))
                if record.expires_at() == now =>
            {
                Timestamp::from_millis(now.as_millis() - 1)
            }
            (Some(Flaw::IdleLimitCountsFromCreation), Some(Entry::Session(record))) => {
                let idle = record.max_inactive_interval.as_duration();
                let deadline = idle.map(|idle| record.created_at.saturating_add(idle));
                if deadline.is_some_and(|deadline| deadline <= now) {
                    Timestamp::NEVER
                } else {
                    now
                }
            }
            (Some(Flaw::ForwardNeverEnds), Some(Entry::Forward { since, .. })) => *since,
            (Some(Flaw::ForwardEndsEarly), Some(Entry::Forward { .. })) => {
                now.saturating_add(MINUTE)
            }
            _ => now,
        }
    }

    /// The change set as the store understands it.
    pub(super) fn misread(&self, changes: &ChangeSet, record: Option<&Record>) -> ChangeSet {
        let mut changes = changes.clone();
        for change in &mut changes.attributes {
            change.name = self.misread_name(&change.name);
            let stored = record.and_then(|record| record.attributes.get(&change.name));
            self.misread_change(change, stored);
        }
        match self.flaw {
            Some(Flaw::ApplyForgetsInterval) => changes.max_inactive_interval = None,
            Some(Flaw::ApplyWritesWholeRecord) => changes.clear_attributes = true,
            Some(Flaw::ClearsNothing | Flaw::ClearsAfterChanges) => {
                changes.clear_attributes = false;
            }
            Some(Flaw::IgnoresLimits) => changes.limits = Limits::NONE,
            _ => {}
        }
        changes
    }

    fn misread_change(&self, change: &mut AttributeChange, stored: Option<&Attribute>) {
        if self.has(Flaw::IgnoresPreconditions) {
            change.expected = Expected::Anything;
        }
        let Edit::Append(items) = &change.edit else {
            return;
        };
        match self.flaw {
            Some(Flaw::AppendConflicts) => change.expected = Expected::Absent,
            Some(Flaw::AppendOverwrites) => change.edit = Edit::Put(items.to_list()),
            Some(Flaw::AppendTurnsTextIntoList)
                if stored.is_some_and(|stored| !stored.value.takes(items)) =>
            {
                change.edit = Edit::Put(items.to_list());
            }
            Some(Flaw::AppendPrepends) => {
                let mut list: Vec<u32> = items.to_list().decode().unwrap_or_default();
                let old: Option<Vec<u32>> = stored.and_then(|old| old.value.decode().ok());
                list.extend(old.unwrap_or_default());
                change.edit = Edit::Put(Value::encode(&list, 0).unwrap());
            }
            _ => {}
        }
    }
}
