//! Records and change sets for the tests.

use std::time::Duration;

use session_core::{
    Attribute, AttributeChange, Attributes, Authentication, ChangeSet, Codec, Edit, Entropy,
    Expected, Items, Limits, PrincipalKey, Record, Reply, Revision, SessionHandle, StoreKey,
    SystemEntropy, Timestamp, Value,
};

/// The present of the tests: no sweep of theirs looks at a clock.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_900_000_000_000);

pub(crate) const IDLE_LIMIT: Duration = Duration::from_secs(30 * 60);

/// Who logs in where it does not matter who does.
pub(crate) const PRINCIPAL: &PrincipalKey = &PrincipalKey::from_bytes([1; 32]);

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemEntropy::new().fill(&mut bytes).expect("random bytes");
    bytes
}

/// A key that nobody else uses.
pub(crate) fn key() -> StoreKey {
    StoreKey::from_bytes(random())
}

/// A session that may lie idle for [`IDLE_LIMIT`] from [`NOW`] on.
pub(crate) fn record(key: StoreKey) -> Record {
    let mut record = Record::new(key, SessionHandle::from_bytes(random()), NOW);
    record.max_inactive_interval = IDLE_LIMIT.into();
    record.revision = Revision::new(1);
    record
}

/// Attributes that all have the value 1.
pub(crate) fn attributes(names: &[&str]) -> Attributes {
    let attribute = |name: &&str| Attribute {
        name: (*name).into(),
        revision: Revision::new(1),
        value: value(1),
    };
    names.iter().map(attribute).collect()
}

/// A login of the principal with the key of this byte.
pub(crate) fn login(principal: u8) -> Authentication {
    Authentication::new("ada", PrincipalKey::from_bytes([principal; 32]), NOW)
}

pub(crate) fn touch(now: Timestamp) -> ChangeSet {
    ChangeSet::touch(now, Limits::NONE)
}

/// A small number as MessagePack.
pub(crate) fn value(number: u8) -> Value {
    Value::new(Codec::MessagePack, vec![0xcc, number])
}

pub(crate) fn put(name: &str, number: u8) -> AttributeChange {
    AttributeChange {
        name: name.into(),
        expected: Expected::Anything,
        edit: Edit::Put(value(number)),
    }
}

/// Adds one small number to a list.
pub(crate) fn append(name: &str, number: u8) -> ChangeSet {
    assert!(number < 128);
    let mut changes = touch(NOW);
    changes.attributes.push(AttributeChange {
        name: name.into(),
        expected: Expected::Anything,
        edit: Edit::Append(Items::from_parts(1, vec![number])),
    });
    changes
}

/// Counts one up, if nobody else did since `record` was read.
pub(crate) fn increment(record: &Record, name: &str) -> ChangeSet {
    let current = record.attributes.get(name);
    let mut changes = touch(NOW);
    changes.reply = Reply::Record;
    changes.attributes.push(AttributeChange {
        name: name.into(),
        expected: current.map_or(Expected::Absent, |it| Expected::At(it.revision)),
        edit: Edit::Put(value(number(record, name) + 1)),
    });
    changes
}

/// The small number that an attribute holds; 0 when there is none.
pub(crate) fn number(record: &Record, name: &str) -> u8 {
    let attribute = record.attributes.get(name);
    attribute.map_or(0, |it| it.value.bytes()[1])
}

/// The small numbers of a list.
pub(crate) fn list(record: &Record, name: &str) -> Vec<u8> {
    let attribute = record.attributes.get(name);
    attribute.map_or(Vec::new(), |it| it.value.bytes()[5..].to_vec())
}
