//! Records and change sets out of bytes, such as the engine makes them: names of 1 to 255
//! bytes, times in whole milliseconds.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use session_core::{
    Attribute, AttributeChange, Authentication, ChangeSet, Codec, Edit, Expected, Items, Limits,
    Login, MaxInactiveInterval, PrincipalKey, Record, Revision, SessionHandle, StoreKey, Timestamp,
    Value,
};

/// The longest name, in bytes.
const NAME_MAX: usize = 255;

/// A record.
///
/// # Errors
/// When the bytes are too few.
pub fn record(input: &mut Unstructured<'_>) -> Result<Record> {
    let key = StoreKey::from_bytes([input.arbitrary()?; 32]);
    let handle = SessionHandle::from_bytes([input.arbitrary()?; 16]);
    let mut record = Record::new(key, handle, time(input)?);
    record.accessed_at = time(input)?;
    record.issued_at = time(input)?;
    record.max_inactive_interval = interval(input)?;
    record.absolute_deadline = time(input)?;
    record.revision = Revision::new(number(input)?);
    if input.arbitrary()? {
        record.authentication = Some(authentication(input)?);
    }
    let mut attributes = Vec::new();
    while input.arbitrary()? && attributes.len() < 40 {
        attributes.push(Attribute {
            name: name(input)?,
            revision: Revision::new(number(input)?),
            value: value(input)?,
        });
    }
    record.attributes = attributes.into_iter().collect();
    Ok(record)
}

/// Changes of one request: at most one for each name.
///
/// # Errors
/// When the bytes are too few.
pub fn changes(input: &mut Unstructured<'_>) -> Result<ChangeSet> {
    let limits = Limits {
        max_bytes: input.int_in_range(1..=600)?,
        max_attributes: input.int_in_range(1..=6)?,
    };
    let mut changes = ChangeSet::touch(time(input)?, limits);
    changes.clear_attributes = input.arbitrary()?;
    if input.arbitrary()? {
        changes.max_inactive_interval = Some(interval(input)?);
    }
    if input.arbitrary()? {
        changes.login = Some(Login {
            authentication: authentication(input)?,
            limit: None,
            absolute_deadline: time(input)?,
        });
    }
    if input.arbitrary()? {
        changes.issued_at = Some(time(input)?);
    }
    while input.arbitrary()? && changes.attributes.len() < 8 {
        let change = AttributeChange {
            name: name(input)?,
            expected: match input.int_in_range(0..=2)? {
                0 => Expected::Anything,
                1 => Expected::Absent,
                _ => Expected::At(Revision::new(number(input)?)),
            },
            edit: match input.int_in_range(0..=2)? {
                0 => Edit::Put(value(input)?),
                1 => Edit::Remove,
                _ => Edit::Append(items(input)?),
            },
        };
        if changes
            .attributes
            .iter()
            .all(|other| other.name != change.name)
        {
            changes.attributes.push(change);
        }
    }
    Ok(changes)
}

/// A time, mostly one of some that meet again.
///
/// # Errors
/// When the bytes are too few.
pub fn time(input: &mut Unstructured<'_>) -> Result<Timestamp> {
    number(input).map(Timestamp::from_millis)
}

fn number(input: &mut Unstructured<'_>) -> Result<u64> {
    Ok(match input.int_in_range(0..=9)? {
        0 => input.arbitrary()?,
        1 => u64::MAX - u64::from(input.arbitrary::<u8>()?),
        2 => u64::from(input.arbitrary::<u32>()?),
        few => few,
    })
}

fn interval(input: &mut Unstructured<'_>) -> Result<MaxInactiveInterval> {
    let millis = NonZeroU64::new(number(input)?);
    Ok(millis.map_or(MaxInactiveInterval::Never, MaxInactiveInterval::AfterMillis))
}

fn authentication(input: &mut Unstructured<'_>) -> Result<Arc<Authentication>> {
    let key = PrincipalKey::from_bytes([input.arbitrary()?; 32]);
    let mut login = Authentication::new(name(input)?, key, time(input)?);
    if input.arbitrary()? {
        login.label = Some(name(input)?);
    }
    let remembered = NonZeroU64::new(number(input)?);
    login.remembered_for = remembered.map(|millis| Duration::from_millis(millis.get()));
    Ok(Arc::new(login))
}

/// Mostly one of a few, so that changes meet what is there.
fn name(input: &mut Unstructured<'_>) -> Result<Arc<str>> {
    let few = ["a", "b", "c", "list", "\u{e4}"];
    if input.ratio(7, 8)? {
        return input.choose(&few).map(|&name| name.into());
    }
    let mut name: &str = input.arbitrary()?;
    while name.len() > NAME_MAX {
        let mut letters = name.chars();
        letters.next_back();
        name = letters.as_str();
    }
    Ok(if name.is_empty() { "a" } else { name }.into())
}

fn value(input: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match input.int_in_range(0..=3)? {
        0 => items(input)?.to_list(),
        // Lists with the headers that a codec writes.
        1 => {
            let count = input.int_in_range(0..=15_u8)?;
            let mut bytes = vec![0x90 | count];
            bytes.extend(std::iter::repeat_n(0x01, count.into()));
            Value::new(Codec::MessagePack, bytes)
        }
        2 => {
            let count = u16::from(input.arbitrary::<u8>()?);
            let mut bytes = vec![0xdc];
            bytes.extend_from_slice(&count.to_be_bytes());
            bytes.extend(std::iter::repeat_n(0x01, count.into()));
            Value::new(Codec::MessagePack, bytes)
        }
        _ => Value::new(Codec::MessagePack, bytes(input)?),
    })
}

/// Items of one byte each, so that they can be counted.
fn items(input: &mut Unstructured<'_>) -> Result<Items> {
    let count = input.int_in_range(0..=20_u8)?;
    let item = input.int_in_range(0..=0x7f_u8)?;
    Ok(Items::from_parts(count.into(), vec![item; count.into()]))
}

fn bytes(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let length = input.int_in_range(0..=300_usize)?;
    Ok(input.bytes(length.min(input.len()))?.to_vec())
}
