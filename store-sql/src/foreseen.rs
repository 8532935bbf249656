//! Changes that are decided before the database is asked.
//!
//! The record as it was [read last](crate::recent) decides what a change comes to. One statement
//! then writes it where the row is still the one that was read: the database compares that once it
//! has the row, so that what somebody else wrote meanwhile is never lost. If it is another row by
//! now, nothing is written, and the change is applied as if nothing had been foreseen.

use session_core::store::Applied;
use session_core::{Edit, Record, Revision, StoreKey};

use crate::batches;
use crate::change::{Change, Decision};
use crate::dialect::{Arg, Dialect};
use crate::engine::Engine;
use crate::error::Failure;
use crate::steps::Kind;
use crate::values;

/// The longest list that is sent as a whole for what is added to it. A longer one grows in the
/// database.
const LIST_MAX: usize = 1024;

/// Something that is written in one step, or not at all.
pub(crate) struct Step<'a> {
    pub(crate) kind: Kind,
    pub(crate) key: &'a StoreKey,
    pub(crate) values: Vec<Arg<'a>>,
}

/// A change, decided.
struct Foreseen {
    before: Record,
    after: Record,
}

/// Writes what a change comes to, if that can be foreseen and is still right.
pub(crate) async fn apply<D: Dialect>(
    engine: &Engine<D>,
    change: &Change<'_>,
) -> Result<Option<Applied>, Failure> {
    let Some(before) = engine.recent.take(change.key) else {
        return Ok(None);
    };
    let Some(foreseen) = foresee(change, before) else {
        return Ok(None);
    };
    if !batches::write(engine, foreseen.step(change)).await? {
        return Ok(None);
    }
    engine.recent.remember(&foreseen.after);
    Ok(Some(change.applied(foreseen.before, foreseen.after)))
}

fn foresee(change: &Change<'_>, before: Record) -> Option<Foreseen> {
    let changes = change.changes;
    // What a row differs by when its attributes differ is its revision. At the last one there is,
    // it does no more.
    let is_simple = change.new_key.is_none()
        && changes.login.is_none()
        && !changes.clear_attributes
        && changes.attributes.len() <= 1
        && before.revision < Revision::new(u64::MAX - 1);
    if !is_simple || before.is_expired(change.now) {
        return None;
    }
    match change.changed(before) {
        Decision::Write(records) => {
            let (before, after) = *records;
            let foreseen = Foreseen { before, after };
            foreseen.is_short(change).then_some(foreseen)
        }
        // A refusal is for the database to say.
        Decision::Answer(_) => None,
    }
}

impl Foreseen {
    fn is_short(&self, change: &Change<'_>) -> bool {
        change.changes.attributes.iter().all(|it| match &it.edit {
            Edit::Put(_) => true,
            Edit::Remove => false,
            Edit::Append(_) => self
                .after
                .attributes
                .get(&it.name)
                .is_some_and(|list| list.value.bytes().len() <= LIST_MAX),
        })
    }

    /// What writes it, if the row is still the one that was read.
    fn step(&self, change: &Change<'_>) -> Step<'_> {
        let (before, after) = (&self.before, &self.after);
        let deadline = values::deadline(after.expires_at());
        let sweep_from = values::sweep_from(deadline);
        let mut values = vec![
            Arg::number(values::signed(after.revision.get())),
            Arg::number(values::millis(after.accessed_at)),
            Arg::number(values::millis(after.issued_at)),
            Arg::number(values::idle_millis(after.max_inactive_interval)),
            Arg::Number(deadline),
        ];
        // What is indexed is left alone when it stays: not every database sees that by itself.
        let stays = values::sweep_from(values::deadline(before.expires_at())) == sweep_from;
        if !stays {
            values.push(Arg::Number(sweep_from));
        }
        values.extend([
            Arg::key(&before.key),
            Arg::number(values::signed(before.revision.get())),
            Arg::number(values::millis(before.accessed_at)),
            Arg::number(values::millis(before.issued_at)),
            Arg::bytes(before.handle.as_bytes()),
        ]);
        let name = change.changes.attributes.first().map(|it| &*it.name);
        let written = name.and_then(|name| after.attributes.get(name));
        if let Some(attribute) = written {
            values.extend(values::attribute(&after.key, attribute));
        }
        let kind = match (written, stays) {
            (None, true) => Kind::Touch,
            (None, false) => Kind::TouchAndIndex,
            (Some(_), true) => Kind::Put,
            (Some(_), false) => Kind::PutAndIndex,
        };
        Step {
            kind,
            key: &before.key,
            values,
        }
    }
}
