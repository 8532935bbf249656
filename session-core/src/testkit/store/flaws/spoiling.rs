//! How a flawed store does a call, and what becomes of the outcome.

use super::Flaw;
use super::flawed_store::FlawedStore;
use crate::clock::Timestamp;
use crate::runtime::yield_once;
use crate::session::{Attribute, ChangeSet, Expected, Limits, Record, Revision, StoreKey};
use crate::store::{Applied, RemovalReason, Removed, Swept};
use crate::testkit::store::reference::{Entry, Table, apply_to};
use crate::testkit::store::samples::{MINUTE, fresh_handle};

impl FlawedStore {
    /// Applies to a session that was found, and spoils the outcome.
    fn apply_to(&self, record: &mut Record, changes: &ChangeSet, now: Timestamp) -> Applied {
        let asked = changes;
        let before = record.clone();
        if self.has(Flaw::ConflictOnAnyChange) && was_changed_since(record, changes) {
            return Applied::Conflict(before);
        }
        let changes = self.misread(changes, Some(record));
        let mut answer = apply_to(record, &changes, now);
        if !matches!(answer, Applied::Applied { .. }) {
            self.spoil_refusal(record, &changes, now);
            return answer;
        }
        match self.flaw {
            Some(Flaw::AccessGoesBackwards) => {
                record.accessed_at = changes.accessed_at.min(now);
            }
            Some(Flaw::AccessMovesAbsoluteDeadline) => {
                record.absolute_deadline = record.absolute_deadline.saturating_add(MINUTE);
            }
            Some(Flaw::ApplyRenumbersAttributes) => renumber(record),
            Some(Flaw::ClearsAfterChanges) if asked.clear_attributes => {
                record.attributes = std::iter::empty().collect();
            }
            Some(Flaw::LimitsForbidShrinking) if record.size() > changes.limits.max_bytes => {
                *record = before;
                return Applied::TooLarge;
            }
            Some(Flaw::LoginKeepsDeadline) => record.absolute_deadline = before.absolute_deadline,
            Some(Flaw::NewIdleLimitWaitsForAccess) if changes.max_inactive_interval.is_some() => {
                let deadline = before.max_inactive_interval.deadline(record.accessed_at);
                self.old_deadlines.lock().insert(record.key, deadline);
            }
            Some(Flaw::TouchRaisesRevision) if !changes.raises_revision() => {
                record.revision = record.revision.next();
            }
            Some(Flaw::TrustsAnyAccessTime) => {
                record.accessed_at = before.accessed_at.max(changes.accessed_at);
            }
            _ => {}
        }
        if let Applied::Applied {
            revision,
            record: answered,
            ..
        } = &mut answer
        {
            *revision = record.revision;
            *answered = match self.flaw {
                Some(Flaw::ReplyIsMissing) => None,
                Some(Flaw::ReplyIsOld) => answered.take().map(|_| before),
                _ => answered.take().map(|_| record.clone()),
            };
        }
        answer
    }

    fn spoil_refusal(&self, record: &mut Record, changes: &ChangeSet, now: Timestamp) {
        match self.flaw {
            Some(Flaw::RefusalCountsAsAccess) => record.record_access(now, now),
            Some(Flaw::ApplyKeepsBrokenHalf) => {
                for change in &changes.attributes {
                    let mut half = ChangeSet::touch(changes.accessed_at, changes.limits);
                    half.attributes.push(change.clone());
                    let _ = record.apply(&half, now);
                }
            }
            _ => {}
        }
    }

    pub(super) fn apply_in(
        &self,
        table: &mut Table,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Applied {
        match table.find(key, now) {
            None if self.has(Flaw::ApplyUpserts) => {
                let mut record = Record::new(*key, fresh_handle(), now);
                let answer = apply_to(&mut record, changes, now);
                table.entries.insert(*key, Entry::Session(record));
                answer
            }
            None if self.has(Flaw::RevivesDeleted) => match self.deleted.lock().remove(key) {
                None => Applied::Gone,
                Some(mut record) => {
                    let answer = apply_to(&mut record, changes, now);
                    table.entries.insert(*key, Entry::Session(record));
                    answer
                }
            },
            None => Applied::Gone,
            Some(Entry::Forward { .. }) if self.has(Flaw::ApplyIgnoresForwards) => Applied::Gone,
            Some(Entry::Forward { to, .. }) if self.has(Flaw::ApplyTellsNoMove) => {
                let to = *to;
                table.apply(&to, changes, now)
            }
            Some(Entry::Forward {
                is_closed: true, ..
            }) if !self.has(Flaw::TellsOfSomebodyElse) => Applied::Gone,
            Some(Entry::Forward { to, .. }) => Applied::Moved(*to),
            Some(Entry::Session(record)) => self.apply_to(record, changes, now),
        }
    }

    /// Reads, lets others have a turn, and writes back what it has read.
    pub(super) async fn apply_unlocked(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Applied {
        let found = self.table.lock().find(key, now).cloned();
        yield_once().await;
        let mut record = match found {
            None => return Applied::Gone,
            Some(Entry::Forward { to, .. }) => return Applied::Moved(to),
            Some(Entry::Session(record)) => record,
        };
        let answer = apply_to(&mut record, changes, now);
        let entry = Entry::Session(record);
        self.table.lock().entries.insert(*key, entry);
        answer
    }

    pub(super) async fn rename_unlocked(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Applied {
        let mut copy = self.table.lock().clone();
        let answer = copy.rename(old, new, changes, now);
        yield_once().await;
        for key in [old, new] {
            if let Some(entry) = copy.entries.remove(key) {
                self.table.lock().entries.insert(*key, entry);
            }
        }
        answer
    }

    pub(super) fn rename_in(
        &self,
        table: &mut Table,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Applied {
        let before = match table.find(old, now) {
            Some(Entry::Session(record)) => Some(record.clone()),
            Some(Entry::Forward { to, .. }) if self.has(Flaw::RenameFollowsForwards) => {
                let to = *to;
                return table.rename(&to, new, changes, now);
            }
            _ => None,
        };
        if self.has(Flaw::RenameOverwrites) && old != new {
            table.entries.remove(new);
        }
        let misread = if self.has(Flaw::RenameDropsChanges) {
            ChangeSet::touch(changes.accessed_at, changes.limits)
        } else {
            self.misread(changes, before.as_ref())
        };
        let mut answer = table.rename(old, new, &misread, now);
        if self.has(Flaw::RefusedRenameMoves) && !matches!(answer, Applied::Applied { .. }) {
            table.rename(old, new, &ChangeSet::touch(now, Limits::NONE), now);
        }
        let (
            Applied::Applied {
                revision,
                record: answered,
                ..
            },
            Some(Entry::Session(record)),
        ) = (&mut answer, table.entries.get_mut(new))
        else {
            return answer;
        };
        match self.flaw {
            Some(Flaw::ForgetsHandleOnRename) => record.handle = fresh_handle(),
            Some(Flaw::RenameRenumbers) => {
                record.revision = Revision::new(1);
                *revision = record.revision;
            }
            Some(Flaw::RenameKeepsOldKey) => {
                table
                    .entries
                    .extend(before.map(|record| (*old, Entry::Session(record))));
            }
            Some(Flaw::ReplyIsMissing) => *answered = None,
            _ => {}
        }
        answer
    }

    /// Lists what has expired, lets others have a turn, and removes what it has listed.
    pub(super) async fn sweep_unlocked(&self, now: Timestamp, limit: usize) -> Swept {
        let mut copy = self.table.lock().clone();
        let swept = copy.sweep(now, limit);
        yield_once().await;
        for removed in &swept.removed {
            self.table.lock().entries.remove(&removed.record.key);
        }
        swept
    }

    pub(super) fn sweep_in(&self, table: &mut Table, now: Timestamp, limit: usize) -> Swept {
        let mut swept = match self.flaw {
            Some(Flaw::SweepIgnoresLimit) => table.sweep(now, usize::MAX),
            Some(Flaw::SweepEatsLive) => table.sweep(now.saturating_add(2 * MINUTE), limit),
            _ => table.sweep(now, limit),
        };
        swept.more &= !self.has(Flaw::SweepStopsEarly);
        let (immortals, forwards) = (
            self.has(Flaw::SweepEatsImmortals),
            self.has(Flaw::SweepReportsForwards),
        );
        table.entries.retain(|key, entry| {
            let record = match entry {
                Entry::Forward { since, .. } if forwards => {
                    Record::new(*key, fresh_handle(), *since)
                }
                Entry::Session(record) if immortals && record.expires_at() == Timestamp::NEVER => {
                    record.clone()
                }
                _ => return true,
            };
            if swept.removed.len() < limit {
                swept.removed.push(Removed {
                    record,
                    reason: RemovalReason::Expired,
                });
            }
            false
        });
        swept
    }
}

/// True when an update in `changes` has read an older state of the session than this one.
fn was_changed_since(record: &Record, changes: &ChangeSet) -> bool {
    let expected = changes.attributes.iter().map(|change| change.expected);
    expected
        .into_iter()
        .any(|expected| matches!(expected, Expected::At(read) if read < record.revision))
}

/// Counts the revisions of each attribute by itself, beginning anew after a removal.
fn renumber(record: &mut Record) {
    record.attributes = record
        .attributes
        .iter()
        .map(|attribute| Attribute {
            revision: Revision::new(1),
            ..attribute.clone()
        })
        .collect();
}
