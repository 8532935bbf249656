//! Keys, records and change sets, and the verbs of a memory store as a thread calls them.

use std::time::Duration;

use session_core::store::{
    Access, Applied, Created, Deleted, ImmediateStore, Loaded, Removed, SessionStore,
};
use session_core::testkit::ManualClock;
use session_core::{
    AttributeChange, ChangeSet, Codec, Edit, Expected, Items, Limits, MemoryStore, Record, Reply,
    Revision, SessionHandle, StoreKey, Timestamp, Value,
};

pub(crate) const START: Timestamp = ManualClock::START;
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Neighbours are in different shards.
pub(crate) fn key(number: u8) -> StoreKey {
    let mut bytes = [number; 32];
    bytes[0] = number.wrapping_mul(37);
    StoreKey::from_bytes(bytes)
}

/// An anonymous session that may lie idle for half an hour.
pub(crate) fn record(number: u8, now: Timestamp) -> Record {
    let mut record = Record::new(key(number), SessionHandle::from_bytes([number; 16]), now);
    record.max_inactive_interval = (30 * MINUTE).into();
    record
}

pub(crate) fn touch() -> ChangeSet {
    ChangeSet::touch(START, Limits::NONE)
}

pub(crate) fn put(name: &str, length: usize) -> ChangeSet {
    edit(
        name,
        Expected::Anything,
        Edit::Put(Value::new(Codec::MessagePack, vec![0; length])),
    )
}

/// One item of one byte.
pub(crate) fn append(name: &str) -> ChangeSet {
    let items = Items::from_parts(1, vec![0]);
    edit(name, Expected::Anything, Edit::Append(items))
}

/// What `set_attribute` after a read of `revision` is.
pub(crate) fn update(name: &str, read: Option<Revision>, value: u8) -> ChangeSet {
    let expected = read.map_or(Expected::Absent, Expected::At);
    let value = Value::new(Codec::MessagePack, vec![value]);
    edit(name, expected, Edit::Put(value))
}

fn edit(name: &str, expected: Expected, edit: Edit) -> ChangeSet {
    let mut changes = touch();
    changes.reply = Reply::Record;
    changes.attributes.push(AttributeChange {
        name: name.into(),
        expected,
        edit,
    });
    changes
}

/// A store of two shards, so that threads meet.
pub(crate) fn small() -> MemoryStore {
    MemoryStore::builder().shards(2).build()
}

pub(crate) fn door(store: &MemoryStore) -> &dyn ImmediateStore {
    store
        .immediate()
        .expect("a store in memory answers at once")
}

pub(crate) fn create(store: &MemoryStore, record: &Record) -> Created {
    door(store).create(record, None, record.created_at).unwrap()
}

pub(crate) fn live(store: &MemoryStore, key: &StoreKey, now: Timestamp) -> Option<Record> {
    match door(store).load(key, Access::Peek, now).unwrap() {
        Loaded::Live { record, .. } => Some(record),
        _ => None,
    }
}

/// Applies `changes` to the session that was under `at`, wherever it went; answers where that
/// was, or `None` when it is gone.
pub(crate) fn follow(
    store: &MemoryStore,
    mut at: StoreKey,
    changes: &ChangeSet,
) -> Option<StoreKey> {
    loop {
        match door(store).apply(&at, changes, START).unwrap() {
            Applied::Moved(to) => at = to,
            Applied::Applied { .. } => return Some(at),
            Applied::Gone => return None,
            other => panic!("{other:?}"),
        }
    }
}

/// Ends the session that was under `at`, wherever it went.
pub(crate) fn end(store: &MemoryStore, mut at: StoreKey) -> Option<Record> {
    loop {
        match door(store).delete(&at).unwrap() {
            Deleted::Moved(to) => at = to,
            Deleted::Removed(record) => return record,
            _ => return None,
        }
    }
}

/// Sweeps until nothing is left to do.
pub(crate) fn sweep_all(store: &MemoryStore, now: Timestamp) -> Vec<Removed> {
    let mut removed = Vec::new();
    loop {
        let mut swept = door(store).sweep(now, 2).unwrap();
        removed.append(&mut swept.removed);
        if !swept.more {
            return removed;
        }
    }
}

/// Nothing is left, and the books say so. To be called when all sessions were ended or are over
/// a day after the start.
pub(crate) fn assert_even(store: &MemoryStore) {
    sweep_all(store, START.saturating_add(DAY));
    assert_eq!((store.len(), store.bytes()), (0, 0), "the books");
}
