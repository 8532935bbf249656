//! Rows become records: what is under a key, and what it is at a time.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use session_core::store::{FORWARD_LIFETIME, StoreError};
use session_core::{
    Attribute, Attributes, Authentication, Codec, MaxInactiveInterval, PrincipalKey, Record,
    Revision, SessionHandle, StoreKey, Timestamp, Value,
};

use crate::dialect::Fields;
use crate::error::{Column, Damage};
use crate::values::{FORMAT, deadline, unsigned};

/// The longest name of an attribute or a principal, and the longest label, in bytes.
const NAME_MAX: usize = 255;

/// The columns of a record, in the order of the statements.
mod column {
    pub(super) const FORMAT: usize = 0;
    pub(super) const GENERATION: usize = 1;
    pub(super) const ENDED: usize = 2;
    pub(super) const MOVED_TO: usize = 3;
    pub(super) const MOVED_AT: usize = 4;
    pub(super) const CLOSED: usize = 5;
    pub(super) const HANDLE: usize = 6;
    pub(super) const REVISION: usize = 7;
    pub(super) const CREATED_AT: usize = 8;
    pub(super) const ACCESSED_AT: usize = 9;
    pub(super) const ISSUED_AT: usize = 10;
    pub(super) const IDLE_LIMIT: usize = 11;
    pub(super) const ABSOLUTE_DEADLINE: usize = 12;
    pub(super) const PRINCIPAL_KEY: usize = 13;
    pub(super) const PRINCIPAL: usize = 14;
    pub(super) const AUTHENTICATED_AT: usize = 15;
    pub(super) const LABEL: usize = 16;
    pub(super) const REMEMBERED_FOR: usize = 17;
    pub(super) const STORE_KEY: usize = 18;
    pub(super) const CURRENT_GENERATION: usize = 19;
    pub(super) const NAME: usize = 20;
    pub(super) const ATTRIBUTE_REVISION: usize = 21;
    pub(super) const CODEC: usize = 22;
    pub(super) const VALUE: usize = 23;
    /// Only in answers of the function that applies changes.
    pub(super) const OUTCOME: usize = 24;
}

/// What is stored under one key.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) key: StoreKey,
    slot: Slot,
    end: End,
}

#[derive(Debug)]
enum Slot {
    Session(Record),
    Forward(Forward),
    Damaged(Damage),
    /// Written by a newer version, which knows what it means.
    Newer(u8),
}

/// A session that has another key now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forward {
    pub(crate) to: StoreKey,
    pub(crate) since: Timestamp,
    /// True when somebody else's session went on under the new key.
    pub(crate) is_closed: bool,
}

/// Whether a session was ended by something else than time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    None,
    /// By a later login of its principal.
    Replaced,
    /// With those of everybody.
    Generation,
}

/// What is under a key for whoever asks at a time.
#[derive(Debug)]
pub(crate) enum State {
    /// Nothing, or nothing any more.
    Gone,
    Forward(Forward),
    Live(Record),
}

impl Stored {
    /// What is there at `now`.
    ///
    /// # Errors
    /// When a session that may be live cannot be read.
    pub(crate) fn at(self, now: Timestamp) -> Result<State, StoreError> {
        if let Slot::Newer(version) = self.slot {
            return Err(StoreError::NewerFormat { version });
        }
        if self.end != End::None {
            return Ok(State::Gone);
        }
        match self.slot {
            Slot::Session(record) if record.is_expired(now) => Ok(State::Gone),
            Slot::Session(record) => Ok(State::Live(record)),
            Slot::Forward(forward) if forward.is_over(now) => Ok(State::Gone),
            Slot::Forward(forward) => Ok(State::Forward(forward)),
            Slot::Damaged(damage) => Err(damage.into()),
            Slot::Newer(version) => Err(StoreError::NewerFormat { version }),
        }
    }

    /// The record if it can be read, expired or not; `None` for a forwarding entry, too.
    pub(crate) fn into_record(self) -> Option<Record> {
        match self.slot {
            Slot::Session(record) => Some(record),
            Slot::Forward(_) | Slot::Damaged(_) | Slot::Newer(_) => None,
        }
    }

    pub(crate) fn forward(&self) -> Option<&Forward> {
        match &self.slot {
            Slot::Forward(forward) => Some(forward),
            Slot::Session(_) | Slot::Damaged(_) | Slot::Newer(_) => None,
        }
    }

    pub(crate) const fn newer_format(&self) -> Option<u8> {
        match self.slot {
            Slot::Newer(version) => Some(version),
            _ => None,
        }
    }

    pub(crate) const fn end(&self) -> End {
        self.end
    }

    /// The deadline that belongs beside it.
    pub(crate) fn deadline(&self) -> Option<i64> {
        match &self.slot {
            Slot::Session(record) => deadline(record.expires_at()),
            Slot::Forward(forward) => deadline(forward.expires_at()),
            Slot::Damaged(_) | Slot::Newer(_) => None,
        }
    }

    /// True when a sweep may remove it at `now`.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        match &self.slot {
            Slot::Newer(_) => false,
            _ if self.end != End::None => true,
            Slot::Session(record) => record.is_expired(now),
            Slot::Forward(forward) => forward.is_over(now),
            // The index found it by its deadline, which is all that can be known.
            Slot::Damaged(_) => true,
        }
    }
}

impl Forward {
    fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at() <= now
    }

    pub(crate) fn expires_at(&self) -> Timestamp {
        self.since.saturating_add(FORWARD_LIFETIME)
    }
}

/// Orders rows by their keys.
pub(crate) fn sort<R: Fields>(rows: &mut [R]) {
    let key = |row: &R| array::<32>(row, column::STORE_KEY).ok();
    rows.sort_by_key(key);
}

/// Reads rows that are ordered by key, one for each attribute of a session.
pub(crate) fn read<R: Fields>(rows: &[R]) -> Result<Vec<Stored>, StoreError> {
    let is_same = |a: &R, b: &R| {
        let keys = (a.bytes(column::STORE_KEY), b.bytes(column::STORE_KEY));
        matches!(keys, (Ok(a), Ok(b)) if a == b)
    };
    rows.chunk_by(is_same)
        .map(|rows| stored(rows).map_err(StoreError::from))
        .collect()
}

/// The number of the outcome in an answer of the function that applies changes.
pub(crate) fn outcome(row: &impl Fields) -> Result<i64, Damage> {
    row.count(column::OUTCOME)
}

/// Single fields of such an answer.
pub(crate) fn revision_of(row: &impl Fields) -> Result<Revision, Damage> {
    Ok(Revision::new(unsigned(row.count(column::REVISION)?)))
}

/// True when such an answer is no row of a session.
pub(crate) fn is_answer(row: &impl Fields) -> Result<bool, Damage> {
    Ok(row.bytes(column::STORE_KEY)?.is_none())
}

pub(crate) fn moved_to(row: &impl Fields) -> Result<StoreKey, Damage> {
    Ok(StoreKey::from_bytes(array(row, column::MOVED_TO)?))
}

pub(crate) fn name_of(row: &impl Fields) -> Result<Arc<str>, Damage> {
    name(row.some_bytes(column::NAME)?)
}

pub(crate) fn newer_format(row: &impl Fields) -> Result<u8, Damage> {
    let format = row.count(column::FORMAT)?;
    u8::try_from(format).map_err(|_| Damage::Format(format))
}

fn stored<R: Fields>(rows: &[R]) -> Result<Stored, Damage> {
    let Some(row) = rows.first() else {
        return Err(Damage::Column(Column(column::STORE_KEY)));
    };
    let key = StoreKey::from_bytes(array(row, column::STORE_KEY)?);
    let is_outdated = row.count(column::GENERATION)? < row.count(column::CURRENT_GENERATION)?;
    let end = match row.count(column::ENDED)? {
        0 if is_outdated => End::Generation,
        0 => End::None,
        _ => End::Replaced,
    };
    let format = row.count(column::FORMAT)?;
    let slot = if format > FORMAT {
        Slot::Newer(u8::try_from(format).unwrap_or(u8::MAX))
    } else {
        slot(key, rows, row, format).unwrap_or_else(Slot::Damaged)
    };
    Ok(Stored { key, slot, end })
}

fn slot<R: Fields>(key: StoreKey, rows: &[R], row: &R, format: i64) -> Result<Slot, Damage> {
    if format != FORMAT {
        return Err(Damage::Format(format));
    }
    if row.bytes(column::MOVED_TO)?.is_some() {
        return Ok(Slot::Forward(Forward {
            to: StoreKey::from_bytes(array(row, column::MOVED_TO)?),
            since: time(row, column::MOVED_AT)?,
            is_closed: row.count(column::CLOSED)? != 0,
        }));
    }
    let handle = SessionHandle::from_bytes(array(row, column::HANDLE)?);
    let mut record = Record::new(key, handle, time(row, column::CREATED_AT)?);
    record.accessed_at = time(row, column::ACCESSED_AT)?;
    record.issued_at = time(row, column::ISSUED_AT)?;
    record.max_inactive_interval = idle_limit(row.count(column::IDLE_LIMIT)?);
    record.absolute_deadline = time(row, column::ABSOLUTE_DEADLINE)?;
    record.revision = Revision::new(unsigned(row.count(column::REVISION)?));
    record.authentication = authentication(row)?.map(Arc::new);
    let has_attributes = row.bytes(column::NAME)?.is_some();
    if has_attributes {
        let attributes: Result<Attributes, Damage> = rows.iter().map(attribute).collect();
        record.attributes = attributes?;
    }
    Ok(Slot::Session(record))
}

fn authentication(row: &impl Fields) -> Result<Option<Authentication>, Damage> {
    let principal = row.bytes(column::PRINCIPAL)?;
    let has_key = row.bytes(column::PRINCIPAL_KEY)?.is_some();
    let Some(principal) = principal else {
        return match has_key {
            false => Ok(None),
            true => Err(Damage::Column(Column(column::PRINCIPAL))),
        };
    };
    let key = PrincipalKey::from_bytes(array(row, column::PRINCIPAL_KEY)?);
    let since = time(row, column::AUTHENTICATED_AT)?;
    let mut login = Authentication::new(name(principal)?, key, since);
    login.label = row.bytes(column::LABEL)?.map(name).transpose()?;
    let remembered_for = row.number(column::REMEMBERED_FOR)?;
    login.remembered_for = remembered_for.map(|millis| Duration::from_millis(unsigned(millis)));
    Ok(Some(login))
}

fn attribute(row: &impl Fields) -> Result<Attribute, Damage> {
    let codec = row.count(column::CODEC)?;
    let known = u8::try_from(codec).ok().and_then(Codec::from_byte);
    Ok(Attribute {
        name: name_of(row)?,
        revision: Revision::new(unsigned(row.count(column::ATTRIBUTE_REVISION)?)),
        value: Value::new(
            known.ok_or(Damage::Codec(codec))?,
            row.some_bytes(column::VALUE)?.to_vec(),
        ),
    })
}

fn name(bytes: &[u8]) -> Result<Arc<str>, Damage> {
    if bytes.is_empty() || bytes.len() > NAME_MAX {
        return Err(Damage::Name);
    }
    str::from_utf8(bytes)
        .map(Arc::from)
        .map_err(|_| Damage::Name)
}

fn time(row: &impl Fields, column: usize) -> Result<Timestamp, Damage> {
    Ok(Timestamp::from_millis(unsigned(row.count(column)?)))
}

fn array<const N: usize>(row: &impl Fields, column: usize) -> Result<[u8; N], Damage> {
    let bytes = row.some_bytes(column)?;
    <[u8; N]>::try_from(bytes).map_err(|_| Damage::Column(Column(column)))
}

fn idle_limit(millis: i64) -> MaxInactiveInterval {
    NonZeroU64::new(unsigned(millis))
        .map_or(MaxInactiveInterval::Never, MaxInactiveInterval::AfterMillis)
}

/// A key from a column of an answer.
pub(crate) fn key_at(row: &impl Fields, column: usize) -> Result<StoreKey, Damage> {
    array(row, column).map(StoreKey::from_bytes)
}

/// A time from a column of an answer.
pub(crate) fn time_at(row: &impl Fields, column: usize) -> Result<Timestamp, Damage> {
    time(row, column)
}

/// A handle from a column of an answer.
pub(crate) fn handle_at(row: &impl Fields, column: usize) -> Result<SessionHandle, Damage> {
    array(row, column).map(SessionHandle::from_bytes)
}
