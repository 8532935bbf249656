//! A session as the fields of a hash, and back. What the fields mean stands in
//! `scripts/shared.lua`.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use session_core::store::StoreError;
use session_core::{
    Attribute, Authentication, Codec, MaxInactiveInterval, PrincipalKey, Record, Revision,
    SessionHandle, StoreKey, Timestamp, Value,
};

use crate::error::Fault;

/// The version of the fields, which is their first byte.
const VERSION: u8 = 1;

/// The longest name of an attribute, in bytes.
const NAME_MAX: usize = 255;

/// The fields of a session, names and values in turn. The generation is left to the script.
pub(crate) fn fields(record: &Record) -> Vec<Vec<u8>> {
    let mut fields = vec![
        b"k".to_vec(),
        identity(record),
        b"m".to_vec(),
        state(record),
    ];
    if let Some(login) = &record.authentication {
        fields.extend([b"p".to_vec(), login_field(login)]);
    }
    for attribute in &record.attributes {
        let mut value = number(attribute.revision.get()).to_vec();
        value.extend(stored_value(&attribute.value));
        fields.extend([attribute_field(&attribute.name), value]);
    }
    fields
}

fn identity(record: &Record) -> Vec<u8> {
    let mut identity = vec![VERSION];
    identity.extend_from_slice(record.key.as_bytes());
    identity.extend_from_slice(record.handle.as_bytes());
    identity.extend_from_slice(&number(record.created_at.as_millis()));
    identity
}

fn state(record: &Record) -> Vec<u8> {
    let size = u64::try_from(record.attributes.size()).unwrap_or(u64::MAX);
    [
        0,
        record.accessed_at.as_millis(),
        record.issued_at.as_millis(),
        idle_millis(record.max_inactive_interval),
        record.absolute_deadline.as_millis(),
        record.revision.get(),
        size,
    ]
    .into_iter()
    .flat_map(number)
    .collect()
}

/// The idle limit in milliseconds, 0 for none.
pub(crate) fn idle_millis(interval: MaxInactiveInterval) -> u64 {
    match interval {
        MaxInactiveInterval::Never => 0,
        MaxInactiveInterval::AfterMillis(millis) => millis.get(),
    }
}

/// A login as a field.
pub(crate) fn login_field(login: &Authentication) -> Vec<u8> {
    let remembered = |duration: Duration| {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        millis.max(1)
    };
    let name = login.principal.as_bytes();
    let mut field = number(login.authenticated_at.as_millis()).to_vec();
    field.extend_from_slice(login.key.as_bytes());
    field.extend_from_slice(&number(login.remembered_for.map_or(0, remembered)));
    // A longer name is one that cannot be read back.
    let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
    field.extend_from_slice(&length.to_be_bytes());
    field.extend_from_slice(name);
    field.extend_from_slice(login.label.as_deref().unwrap_or_default().as_bytes());
    field
}

/// The name of the field of an attribute.
fn attribute_field(name: &str) -> Vec<u8> {
    let mut field = vec![b'a'];
    field.extend_from_slice(name.as_bytes());
    field
}

/// A value without its revision.
pub(crate) fn stored_value(value: &Value) -> Vec<u8> {
    let mut stored = vec![value.codec().as_byte()];
    stored.extend_from_slice(value.bytes());
    stored
}

const fn number(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// The session that these fields are, with as many attributes as were read.
pub(crate) fn record(fields: Vec<Vec<u8>>) -> Result<Record, Fault> {
    let (mut identity, mut state, mut login) = (None, None, None);
    let mut attributes = Vec::with_capacity(fields.len() / 2);
    let mut fields = fields.into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        match &name[..] {
            b"k" => identity = Some(value),
            b"m" => state = Some(value),
            b"p" => login = Some(value),
            [b'a', name @ ..] => attributes.push(attribute(name, &value)?),
            _ => {}
        }
    }
    let missing = || Fault::damaged("the record lacks a field");
    let (identity, state) = (identity.ok_or_else(missing)?, state.ok_or_else(missing)?);
    let mut input = Input(&identity);
    match input.array()? {
        [VERSION] => {}
        [0] => return Err(Fault::damaged("the record has a version that never was")),
        [version] => return Err(Fault::Record(StoreError::NewerFormat { version })),
    }
    let key = StoreKey::from_bytes(input.array()?);
    let handle = SessionHandle::from_bytes(input.array()?);
    let mut record = Record::new(key, handle, input.time()?);
    let mut input = Input(&state);
    let _generation = input.number()?;
    record.accessed_at = input.time()?;
    record.issued_at = input.time()?;
    record.max_inactive_interval = NonZeroU64::new(input.number()?)
        .map_or(MaxInactiveInterval::Never, MaxInactiveInterval::AfterMillis);
    record.absolute_deadline = input.time()?;
    record.revision = Revision::new(input.number()?);
    record.authentication = login.as_deref().map(authentication).transpose()?;
    // In order, so that each is added at the end.
    attributes.sort_unstable_by(|one: &Attribute, other| one.name.cmp(&other.name));
    record.attributes = attributes.into_iter().collect();
    Ok(record)
}

/// The generation that the record of a session was made in; nothing when these fields are no
/// session that can be used: one that has moved, say.
pub(crate) fn generation_of(fields: &[Vec<u8>]) -> Option<u64> {
    let (mut generation, mut is_at_home) = (None, true);
    for pair in fields.chunks_exact(2) {
        match &pair[0][..] {
            b"m" => generation = pair[1].first_chunk().copied().map(u64::from_be_bytes),
            b"f" | b"t" => is_at_home = false,
            _ => {}
        }
    }
    generation.filter(|_| is_at_home)
}

fn attribute(name: &[u8], value: &[u8]) -> Result<Attribute, Fault> {
    let mut input = Input(value);
    let revision = Revision::new(input.number()?);
    let [codec] = input.array()?;
    let unknown = || Fault::damaged("the record holds a value in an unknown codec");
    let codec = Codec::from_byte(codec).ok_or_else(unknown)?;
    if name.is_empty() || name.len() > NAME_MAX {
        return Err(Fault::damaged(
            "the record holds a name that is empty or too long",
        ));
    }
    Ok(Attribute {
        name: text(name)?,
        revision,
        value: Value::new(codec, input.0.to_vec()),
    })
}

fn authentication(field: &[u8]) -> Result<Arc<Authentication>, Fault> {
    let mut input = Input(field);
    let authenticated_at = input.time()?;
    let key = PrincipalKey::from_bytes(input.array()?);
    let remembered_for = NonZeroU64::new(input.number()?);
    let length = usize::try_from(u32::from_be_bytes(input.array()?));
    let name = input.take(length.unwrap_or(usize::MAX))?;
    let mut login = Authentication::new(text(name)?, key, authenticated_at);
    login.remembered_for = remembered_for.map(|millis| Duration::from_millis(millis.get()));
    if !input.0.is_empty() {
        login.label = Some(text(input.0)?);
    }
    Ok(Arc::new(login))
}

fn text(bytes: &[u8]) -> Result<Arc<str>, Fault> {
    let text = str::from_utf8(bytes);
    let text = text.map_err(|_| Fault::damaged("the record holds a name that is not UTF-8"))?;
    Ok(Arc::from(text))
}

/// What is left to be read of a field.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let short = || Fault::damaged("a field of the record is cut short");
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn number(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_be_bytes)
    }

    fn time(&mut self) -> Result<Timestamp, Fault> {
        self.number().map(Timestamp::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A logged-in session with two attributes.
    fn sample() -> Record {
        let at = Timestamp::from_millis;
        let mut record = Record::new(
            StoreKey::from_bytes([0xaa; 32]),
            SessionHandle::from_bytes([0xbb; 16]),
            at(0x0102_0304_0506),
        );
        record.accessed_at = at(0x0102_0304_0507);
        record.issued_at = at(0x0102_0304_0508);
        record.max_inactive_interval = Duration::from_secs(1800).into();
        record.revision = Revision::new(9);
        let key = PrincipalKey::from_bytes([0xcc; 32]);
        let mut login = Authentication::new("ada", key, at(0x0102_0304_0509));
        login.label = Some("tab".into());
        login.remembered_for = Some(Duration::from_millis(0x0102_0304));
        record.authentication = Some(Arc::new(login));
        let attributes = [
            ("a", 4, &[0xa1, b'x'][..]),
            ("cart", 9, &[0x93, 1, 2, 3][..]),
        ];
        let attributes = attributes.map(|(name, revision, value)| Attribute {
            name: name.into(),
            revision: Revision::new(revision),
            value: Value::new(Codec::MessagePack, value.to_vec()),
        });
        record.attributes = attributes.into_iter().collect();
        record
    }

    fn unhex(text: &str) -> Vec<u8> {
        let digits = text.as_bytes().chunks_exact(2);
        let pairs = digits.map(|pair| str::from_utf8(pair).unwrap());
        pairs
            .map(|pair| u8::from_str_radix(pair, 16).unwrap())
            .collect()
    }

    /// What is on servers already is read by every later version, so that an upgrade logs
    /// nobody out.
    #[test]
    fn version_1_is_frozen() {
        let identity = ["01", &"aa".repeat(32), &"bb".repeat(16), "0000010203040506"];
        let state = [
            "0000000000000000", // generation, which the script writes
            "0000010203040507", // accessed
            "0000010203040508", // issued
            "00000000001b7740", // 1,800,000 ms idle
            "ffffffffffffffff", // no absolute limit
            "0000000000000009", // revision
            "000000000000000b", // bytes of names and values
        ];
        let login = [
            "0000010203040509",
            &"cc".repeat(32),
            "0000000001020304", // remembered for
            "00000003616461",   // ada
            "746162",           // tab
        ];
        let frozen: Vec<Vec<u8>> = [
            ("k", identity.concat()),
            ("m", state.concat()),
            ("p", login.concat()),
            ("aa", "0000000000000004".to_owned() + "01" + "a178"),
            ("acart", "0000000000000009".to_owned() + "01" + "93010203"),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.as_bytes().to_vec(), unhex(&value)])
        .collect();
        assert_eq!(fields(&sample()), frozen);
        assert_eq!(record(frozen).unwrap(), sample());
    }
}
