//! Keys, values and change sets for the rules.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::entropy::{Entropy, SystemEntropy};
use crate::session::{
    AttributeChange, Authentication, ChangeSet, Edit, Expected, Items, Limits, Login, NamespaceTag,
    PrincipalKey, Record, Reply, SessionHandle, StoreKey, Value,
};

pub(super) const MILLISECOND: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long the sessions of most rules may lie idle.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(30 * 60);

/// A key that nobody else uses: rules share databases with each other and with other runs.
pub(super) fn fresh_key() -> StoreKey {
    StoreKey::from_bytes(random())
}

pub(super) fn fresh_handle() -> SessionHandle {
    SessionHandle::from_bytes(random())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Err(error) = SystemEntropy::new().fill(&mut bytes) {
        panic!("the rules need random keys: {error}");
    }
    bytes
}

/// A principal whom nobody else logs in.
pub(super) fn fresh_principal() -> PrincipalKey {
    PrincipalKey::from_bytes(random())
}

/// `principal`, who logged in at `now`.
pub(super) fn authenticated(principal: PrincipalKey, now: Timestamp) -> Arc<Authentication> {
    Arc::new(Authentication::new("ada", principal, now))
}

/// A change set with a login of `principal` at `now` that may last a day, without a limit of
/// sessions.
pub(super) fn logging_in(principal: PrincipalKey, now: Timestamp) -> ChangeSet {
    let mut changes = touch(now);
    changes.login = Some(Login {
        authentication: authenticated(principal, now),
        limit: None,
        absolute_deadline: now.saturating_add(DAY),
    });
    changes
}

/// `principal` as somebody who logged in at `now`.
pub(super) fn authentication(principal: &str, now: Timestamp) -> Arc<Authentication> {
    let key = NamespaceTag::of("rules").principal_key(principal);
    Arc::new(Authentication::new(principal, key, now))
}

/// A login of `principal` that may last a day, without a limit of sessions.
pub(super) fn login(principal: &str, now: Timestamp) -> Login {
    Login {
        authentication: authentication(principal, now),
        limit: None,
        absolute_deadline: now.saturating_add(DAY),
    }
}

pub(super) fn value<T: Serialize + ?Sized>(value: &T) -> Value {
    match Value::encode(value, 0) {
        Ok(value) => value,
        Err(error) => panic!("the sample cannot be encoded: {error}"),
    }
}

pub(super) fn items<T: Serialize>(list: &[T]) -> Items {
    let mut items = Items::default();
    for item in list {
        if let Err(error) = items.push(item) {
            panic!("the sample cannot be encoded: {error}");
        }
    }
    items
}

/// A text of this many bytes.
pub(super) fn text(length: usize) -> String {
    "x".repeat(length)
}

/// The number that the attribute `name` holds, or `None` when there is no such attribute.
pub(super) fn number(record: &Record, name: &str) -> Option<u32> {
    let attribute = record.attributes.get(name)?;
    match attribute.value.decode() {
        Ok(number) => Some(number),
        Err(error) => panic!("the attribute {name:?} no longer holds a number: {error}"),
    }
}

/// The list of numbers that the attribute `name` holds, empty when there is none.
pub(super) fn numbers(record: &Record, name: &str) -> Vec<u32> {
    let attribute = record.attributes.get(name);
    match attribute.map_or(Ok(Vec::new()), |attribute| attribute.value.decode()) {
        Ok(numbers) => numbers,
        Err(error) => panic!("the attribute {name:?} no longer holds a list: {error}"),
    }
}

pub(super) fn put<T: Serialize + ?Sized>(name: &str, content: &T) -> AttributeChange {
    put_if(name, Expected::Anything, content)
}

pub(super) fn put_if<T: Serialize + ?Sized>(
    name: &str,
    expected: Expected,
    content: &T,
) -> AttributeChange {
    change(name, expected, Edit::Put(value(content)))
}

pub(super) fn remove(name: &str) -> AttributeChange {
    change(name, Expected::Anything, Edit::Remove)
}

pub(super) fn append<T: Serialize>(name: &str, list: &[T]) -> AttributeChange {
    change(name, Expected::Anything, Edit::Append(items(list)))
}

pub(super) fn change(name: &str, expected: Expected, edit: Edit) -> AttributeChange {
    AttributeChange {
        name: Arc::from(name),
        expected,
        edit,
    }
}

/// The precondition that the attribute `name` is still what it is in `record`.
pub(super) fn unchanged(record: &Record, name: &str) -> Expected {
    record
        .attributes
        .get(name)
        .map_or(Expected::Absent, |attribute| {
            Expected::At(attribute.revision)
        })
}

/// A change set of an access at `accessed_at`, without limits.
pub(super) fn changes<const N: usize>(
    accessed_at: Timestamp,
    attributes: [AttributeChange; N],
) -> ChangeSet {
    let mut changes = touch(accessed_at);
    changes.attributes = attributes.into();
    changes
}

/// The same change set, answered with the record.
pub(super) fn and_answer(mut changes: ChangeSet) -> ChangeSet {
    changes.reply = Reply::Record;
    changes
}

/// Asks for the session before and after `changes`.
pub(super) fn and_compare(mut changes: ChangeSet) -> ChangeSet {
    changes.reply = Reply::Change;
    changes
}

pub(super) fn touch(accessed_at: Timestamp) -> ChangeSet {
    ChangeSet::touch(accessed_at, Limits::NONE)
}
