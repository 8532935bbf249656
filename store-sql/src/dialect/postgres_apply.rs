//! Applying changes in PostgreSQL by the function that does it in one round trip: what travels
//! there, and what comes back.

use session_core::store::{Applied, StoreError};
use session_core::{ChangeSet, Edit, Expected, Reply, StoreKey, Timestamp};
use sqlx::Arguments;
use sqlx::postgres::{PgArguments, PgRow};

use crate::error::{Column, Damage};
use crate::row;
use crate::values;

/// The conditions of changes, as the function knows them.
mod condition {
    pub(super) const NONE: i16 = 0;
    pub(super) const ABSENT: i16 = 1;
    pub(super) const AT_REVISION: i16 = 2;
}

/// The edits of changes, as the function knows them.
mod edit {
    pub(super) const PUT: i16 = 0;
    pub(super) const REMOVE: i16 = 1;
    pub(super) const APPEND: i16 = 2;
}

/// The outcomes that the function answers.
mod outcome {
    pub(super) const APPLIED: i64 = 0;
    pub(super) const GONE: i64 = 1;
    pub(super) const MOVED: i64 = 2;
    pub(super) const CONFLICT: i64 = 3;
    pub(super) const NOT_A_LIST: i64 = 4;
    pub(super) const TOO_LARGE: i64 = 5;
    pub(super) const NEWER_FORMAT: i64 = 7;
    pub(super) const BEFORE: i64 = 8;
}

/// The changes of attributes, each part of them in a list of its own.
#[derive(Default)]
struct Columns<'a> {
    names: Vec<&'a [u8]>,
    conditions: Vec<i16>,
    revisions: Vec<i64>,
    edits: Vec<i16>,
    codecs: Vec<i16>,
    counts: Vec<i64>,
    values: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    fn of(changes: &'a ChangeSet) -> Self {
        let mut columns = Self::default();
        // What an append makes when there is no list yet.
        let list = session_core::Codec::MessagePack.as_byte().into();
        for change in &changes.attributes {
            let (condition, revision) = match change.expected {
                Expected::Anything => (condition::NONE, 0),
                Expected::Absent => (condition::ABSENT, 0),
                Expected::At(revision) => (condition::AT_REVISION, values::signed(revision.get())),
            };
            let (edit, codec, count, value): (_, _, _, &[u8]) = match &change.edit {
                Edit::Put(value) => (edit::PUT, value.codec().as_byte().into(), 0, value.bytes()),
                Edit::Remove => (edit::REMOVE, list, 0, &[]),
                Edit::Append(items) => (edit::APPEND, list, items.count().into(), items.bytes()),
            };
            columns.names.push(change.name.as_bytes());
            columns.conditions.push(condition);
            columns.revisions.push(revision);
            columns.edits.push(edit);
            columns.codecs.push(codec);
            columns.counts.push(count);
            columns.values.push(value);
        }
        columns
    }
}

/// What the function is called with.
pub(super) fn arguments(
    key: &StoreKey,
    changes: &ChangeSet,
    now: Timestamp,
) -> Result<PgArguments, sqlx::Error> {
    let limit = |limit: usize| i64::try_from(limit).unwrap_or(i64::MAX);
    let columns = Columns::of(changes);
    let mut arguments = PgArguments::default();
    let add = || {
        arguments.add(&key.as_bytes()[..])?;
        arguments.add(values::present(now))?;
        arguments.add(values::millis(changes.accessed_at))?;
        arguments.add(changes.clear_attributes)?;
        arguments.add(changes.max_inactive_interval.map(values::idle_millis))?;
        // No time at all is the earliest.
        arguments.add(changes.issued_at.map_or(0, values::millis))?;
        arguments.add(limit(changes.limits.max_bytes))?;
        arguments.add(limit(changes.limits.max_attributes))?;
        arguments.add(match changes.reply {
            Reply::Revision => 0_i16,
            Reply::Record => 1,
            Reply::Change => 2,
        })?;
        arguments.add(columns.names)?;
        arguments.add(columns.conditions)?;
        arguments.add(columns.revisions)?;
        arguments.add(columns.edits)?;
        arguments.add(columns.codecs)?;
        arguments.add(columns.counts)?;
        arguments.add(columns.values)
    };
    add().map_err(sqlx::Error::Encode)?;
    Ok(arguments)
}

/// What the function answered.
pub(super) fn answer(rows: &[PgRow]) -> Result<Applied, StoreError> {
    // The session as it was comes before the answer proper.
    let is_before = |row: &PgRow| matches!(row::outcome(row), Ok(outcome::BEFORE));
    let (before, rows) = rows.split_at(rows.partition_point(is_before));
    let Some(row) = rows.first() else {
        return Err(Damage::Column(Column(0)).into());
    };
    Ok(match row::outcome(row)? {
        outcome::APPLIED if before.is_empty() && row::is_answer(row)? => Applied::Applied {
            revision: row::revision_of(row)?,
            record: None,
            before: None,
        },
        outcome::APPLIED => {
            let record = record(rows)?;
            Applied::Applied {
                revision: record.revision,
                record: Some(record),
                before: match before {
                    [] => None,
                    rows => Some(Box::new(self::record(rows)?)),
                },
            }
        }
        outcome::GONE => Applied::Gone,
        outcome::MOVED => Applied::Moved(row::moved_to(row)?),
        outcome::CONFLICT => Applied::Conflict(record(rows)?),
        outcome::NOT_A_LIST => Applied::NotAList(row::name_of(row)?),
        outcome::TOO_LARGE => Applied::TooLarge,
        outcome::NEWER_FORMAT => {
            return Err(StoreError::NewerFormat {
                version: row::newer_format(row)?,
            });
        }
        _ => return Err(Damage::Column(Column(0)).into()),
    })
}

fn record(rows: &[PgRow]) -> Result<session_core::Record, StoreError> {
    let stored = row::read(rows)?.into_iter().next();
    // Whether it is live was decided where the changes were applied.
    let record = stored.and_then(row::Stored::into_record);
    record.ok_or(Damage::Column(Column(0)).into())
}
