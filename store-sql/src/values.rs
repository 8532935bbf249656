//! Records become values of statements.

use std::time::Duration;

use session_core::{Attribute, MaxInactiveInterval, Record, StoreKey, Timestamp};

use crate::dialect::Arg;
use crate::statements::INSERTED_COUNT;

/// The format of the rows that this version writes.
pub(crate) const FORMAT: i64 = 1;

/// A number of a record as databases keep it, which know no unsigned ones: the same 64 bits.
/// What is never is -1 there.
pub(crate) const fn signed(number: u64) -> i64 {
    number.cast_signed()
}

pub(crate) const fn unsigned(number: i64) -> u64 {
    number.cast_unsigned()
}

/// A deadline as it is compared and indexed: null when it is beyond what a database can count.
pub(crate) fn deadline(time: Timestamp) -> Option<i64> {
    i64::try_from(time.as_millis()).ok()
}

/// The steps in which deadlines are indexed.
const SWEEP_STEP: i64 = 60_000;

/// A deadline as it is indexed: rounded down, so that the index need not follow every change and a
/// sweep that looks there still finds all that is over.
pub(crate) fn sweep_from(deadline: Option<i64>) -> Option<i64> {
    deadline.map(|deadline| deadline - deadline.rem_euclid(SWEEP_STEP))
}

/// The present, as deadlines are compared with it.
pub(crate) fn present(now: Timestamp) -> i64 {
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) const fn millis(time: Timestamp) -> i64 {
    signed(time.as_millis())
}

pub(crate) fn idle_millis(interval: MaxInactiveInterval) -> i64 {
    match interval {
        MaxInactiveInterval::Never => 0,
        MaxInactiveInterval::AfterMillis(millis) => signed(millis.get()),
    }
}

/// The columns that describe a record's login.
struct LoginColumns<'a> {
    authenticated_at: Option<i64>,
    remembered_for: Option<i64>,
    key: Option<&'a [u8]>,
    principal: Option<&'a [u8]>,
    label: Option<&'a [u8]>,
}

impl<'a> LoginColumns<'a> {
    fn of(record: &'a Record) -> Self {
        let login = record.authentication.as_deref();
        // In whole milliseconds, at least one, as records keep it.
        let remembered = |duration: Duration| {
            signed(
                u64::try_from(duration.as_millis())
                    .unwrap_or(u64::MAX)
                    .max(1),
            )
        };
        Self {
            authenticated_at: login.map(|login| millis(login.authenticated_at)),
            remembered_for: login.and_then(|login| login.remembered_for.map(remembered)),
            key: login.map(|login| &login.key.as_bytes()[..]),
            principal: login.map(|login| login.principal.as_bytes()),
            label: login.and_then(|login| login.label.as_deref().map(str::as_bytes)),
        }
    }
}

/// The values of an insertion.
pub(crate) fn inserted(record: &Record) -> [Arg<'_>; INSERTED_COUNT] {
    let login = LoginColumns::of(record);
    let deadline = deadline(record.expires_at());
    [
        Arg::Number(deadline),
        Arg::Number(sweep_from(deadline)),
        Arg::number(signed(record.revision.get())),
        Arg::number(millis(record.created_at)),
        Arg::number(millis(record.accessed_at)),
        Arg::number(millis(record.issued_at)),
        Arg::number(idle_millis(record.max_inactive_interval)),
        Arg::number(millis(record.absolute_deadline)),
        Arg::Number(login.authenticated_at),
        Arg::Number(login.remembered_for),
        Arg::number(FORMAT),
        Arg::number(0),
        Arg::number(0),
        Arg::bytes(record.handle.as_bytes()),
        Arg::Bytes(login.key),
        Arg::Bytes(login.principal),
        Arg::Bytes(login.label),
        Arg::key(&record.key),
    ]
}

/// The values of an update.
pub(crate) fn updated(record: &Record) -> [Arg<'_>; 13] {
    let login = LoginColumns::of(record);
    let deadline = deadline(record.expires_at());
    [
        Arg::Number(deadline),
        Arg::Number(sweep_from(deadline)),
        Arg::number(signed(record.revision.get())),
        Arg::number(millis(record.accessed_at)),
        Arg::number(millis(record.issued_at)),
        Arg::number(idle_millis(record.max_inactive_interval)),
        Arg::number(millis(record.absolute_deadline)),
        Arg::Number(login.authenticated_at),
        Arg::Number(login.remembered_for),
        Arg::Bytes(login.key),
        Arg::Bytes(login.principal),
        Arg::Bytes(login.label),
        Arg::key(&record.key),
    ]
}

/// The values of an attribute.
pub(crate) fn attribute<'a>(key: &'a StoreKey, attribute: &'a Attribute) -> [Arg<'a>; 5] {
    [
        Arg::key(key),
        Arg::bytes(attribute.name.as_bytes()),
        Arg::number(signed(attribute.revision.get())),
        Arg::number(attribute.value.codec().as_byte().into()),
        Arg::bytes(attribute.value.bytes()),
    ]
}
