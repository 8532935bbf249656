//! What the memory store promises beyond the rules of every store: its limits, its order, and
//! that its books are right after whatever happened.

mod books;
mod eviction;
mod growth;
mod limits;
mod parallel;
mod principals;
mod snapshots;
mod sweeping;

use std::sync::Arc;
use std::time::Duration;

use super::budget::Cost;
use super::shard::Slot;
use super::{MemoryStore, MemoryStoreBuilder};
use crate::clock::Timestamp;
use crate::session::{
    AttributeChange, Authentication, ChangeSet, Codec, Edit, Expected, Items, Limits, Login,
    PrincipalKey, Record, SessionHandle, StoreKey, Value,
};
use crate::store::{Access, Applied, Created, ImmediateStore, Loaded, Removed};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// A number made to look like a digest (the finaliser of SplitMix64), so that keys spread.
fn key(number: u64) -> StoreKey {
    let mut bytes = [0; 32];
    for (chunk, part) in bytes.chunks_exact_mut(8).zip(0..) {
        let mut x = (number * 4 + part + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(x ^ (x >> 31)).to_le_bytes());
    }
    StoreKey::from_bytes(bytes)
}

/// An anonymous session that may lie idle for half an hour.
fn anonymous(number: u64, now: Timestamp) -> Record {
    let mut handle = [0; 16];
    handle[..8].copy_from_slice(&number.to_le_bytes());
    let mut record = Record::new(key(number), SessionHandle::from_bytes(handle), now);
    record.max_inactive_interval = (30 * MINUTE).into();
    record
}

fn logged_in(number: u64, now: Timestamp) -> Record {
    let mut record = anonymous(number, now);
    record.authentication = Some(authentication(now));
    record
}

fn authentication(now: Timestamp) -> Arc<Authentication> {
    let key = PrincipalKey::from_bytes([0xad; 32]);
    Arc::new(Authentication::new("ada", key, now))
}

fn touch(now: Timestamp) -> ChangeSet {
    ChangeSet::touch(now, Limits::NONE)
}

fn put(now: Timestamp, name: &str, length: usize) -> ChangeSet {
    edit(
        now,
        name,
        Edit::Put(Value::new(Codec::MessagePack, vec![0; length])),
    )
}

fn append(now: Timestamp, name: &str, length: usize) -> ChangeSet {
    edit(
        now,
        name,
        Edit::Append(Items::from_parts(1, vec![0; length])),
    )
}

fn edit(now: Timestamp, name: &str, edit: Edit) -> ChangeSet {
    let mut changes = touch(now);
    changes.attributes.push(AttributeChange {
        name: name.into(),
        expected: Expected::Anything,
        edit,
    });
    changes
}

fn login(now: Timestamp) -> ChangeSet {
    let mut changes = touch(now);
    changes.login = Some(Login {
        authentication: authentication(now),
        limit: None,
        absolute_deadline: now.saturating_add(12 * HOUR),
    });
    changes
}

/// The store as its own code sees it. These are methods of two traits with one name each.
fn door(store: &MemoryStore) -> &dyn ImmediateStore {
    store
}

fn create(store: &MemoryStore, record: &Record) -> Created {
    door(store).create(record, None, record.created_at).unwrap()
}

fn apply(store: &MemoryStore, number: u64, changes: &ChangeSet) -> Applied {
    door(store)
        .apply(&key(number), changes, changes.accessed_at)
        .unwrap()
}

fn rename(store: &MemoryStore, old: u64, new: u64, changes: &ChangeSet) -> Applied {
    let now = changes.accessed_at;
    door(store)
        .rename(&key(old), &key(new), changes, now)
        .unwrap()
}

fn is_live(store: &MemoryStore, number: u64, now: Timestamp) -> bool {
    let loaded = door(store).load(&key(number), Access::Peek, now).unwrap();
    matches!(loaded, Loaded::Live { .. })
}

/// Sweeps in steps of `limit` until nothing is left to do.
fn sweep_all(store: &MemoryStore, now: Timestamp, limit: usize) -> Vec<Removed> {
    let mut removed = Vec::new();
    loop {
        let mut swept = door(store).sweep(now, limit).unwrap();
        assert!(swept.removed.len() <= limit);
        removed.append(&mut swept.removed);
        if !swept.more {
            return removed;
        }
    }
}

/// What is in the store, counted anew.
fn recount(store: &MemoryStore) -> Cost {
    let mut cost = Cost::NOTHING;
    for shard in &store.shards {
        for entry in shard.lock().entries() {
            cost = cost.and(match &entry.slot {
                Slot::Live(record) => Cost::of_session(record),
                Slot::Forward { .. } => Cost::OF_FORWARD,
            });
        }
    }
    cost
}

/// The books agree with what is in the store, and the store is within its limits.
fn assert_sound(store: &MemoryStore) {
    assert_eq!(store.budget.used(), recount(store));
    assert!(!store.budget.is_exceeded(), "{store:?}");
    for (index, shard) in store.shards.iter().enumerate() {
        let group_due = store.group_due(index);
        let shard = shard.lock();
        shard.assert_sound();
        assert!(
            shard.anonymous() == 0 || store.evicted.may_be_anonymous(index),
            "never evicted"
        );
        assert!(store.next_due() <= shard.next_expected(), "swept too late");
        assert!(group_due <= shard.next_expected(), "passed too long");
    }
}

/// How many entries of any kind are over.
fn left_expired(store: &MemoryStore, now: Timestamp) -> usize {
    let count = |entries: &super::shard::Shard| {
        entries.entries().filter(|entry| entry.is_over(now)).count()
    };
    store.shards.iter().map(|shard| count(&shard.lock())).sum()
}

fn builder() -> MemoryStoreBuilder {
    MemoryStore::builder().shards(8)
}
