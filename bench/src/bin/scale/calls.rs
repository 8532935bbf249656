//! Calls of the store, made as the engine makes them.

use session_core::store::{Access, Applied, Created, ImmediateStore, Loaded, StoreError, Swept};
use session_core::{
    Attribute, AttributeChange, Authentication, ChangeSet, Codec, Edit, Expected, Limits,
    MemoryStore, PrincipalKey, Record, Revision, SessionHandle, StoreKey, Timestamp, Value,
};
use std::sync::Arc;
use std::time::Duration;

use crate::chance::Chance;

/// Expired sessions that the engine has the store remove after a request that made a session, and
/// after any other.
pub(crate) const SWEEPS_NEW: usize = 2;
pub(crate) const SWEEPS: usize = 1;

/// A store with room for a flood of a million, however large the sessions.
pub(crate) fn roomy() -> MemoryStore {
    MemoryStore::builder()
        .max_sessions(4_000_000)
        .max_bytes(1 << 33)
        .build()
}

/// An anonymous session with a value of 100 bytes.
pub(crate) fn anonymous(key: StoreKey, now: Timestamp) -> Record {
    let [first, ..] = *key.as_bytes();
    let mut record = Record::new(key, SessionHandle::from_bytes([first; 16]), now);
    record.max_inactive_interval = Duration::from_secs(30 * 60).into();
    record.attributes = [Attribute {
        name: "text".into(),
        revision: Revision::new(1),
        value: text(),
    }]
    .into_iter()
    .collect();
    record
}

/// One of somebody who logged in.
pub(crate) fn logged_in(key: StoreKey, now: Timestamp) -> Record {
    let mut record = anonymous(key, now);
    let principal = PrincipalKey::from_bytes(*key.as_bytes());
    record.authentication = Some(Arc::new(Authentication::new("ada", principal, now)));
    record
}

/// What a request writes over the value.
pub(crate) fn change(now: Timestamp) -> ChangeSet {
    let mut changes = ChangeSet::touch(now, Limits::NONE);
    changes.attributes.push(AttributeChange {
        name: "text".into(),
        expected: Expected::Anything,
        edit: Edit::Put(text()),
    });
    changes
}

/// 100 bytes, encoded as a text.
fn text() -> Value {
    let mut bytes = vec![0xd9, 100];
    bytes.resize(102, b'a');
    Value::new(Codec::MessagePack, bytes)
}

/// The store as its engine sees it: the methods of two traits have the same names.
pub(crate) struct Door<'a>(pub(crate) &'a MemoryStore);

impl Door<'_> {
    fn immediate(&self) -> &dyn ImmediateStore {
        self.0
    }

    /// Makes a session.
    pub(crate) fn create(&self, record: &Record, now: Timestamp) -> Result<Created, StoreError> {
        self.immediate().create(record, None, now)
    }

    /// Loads one, as a request does that uses it.
    pub(crate) fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        let access = Access::Counted {
            unless_within: Duration::ZERO,
        };
        self.immediate().load(key, access, now)
    }

    /// The cheapest call: looks for a session that is not there.
    pub(crate) fn knock(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        self.immediate().load(key, Access::Peek, now)
    }

    /// Changes one.
    pub(crate) fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.immediate().apply(key, changes, now)
    }

    /// Removes some of those that have expired.
    pub(crate) fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        self.immediate().sweep(now, limit)
    }
}

/// A store with this many sessions, of which each expires at its own moment within `life` from
/// now.
pub(crate) fn fill(
    sessions: usize,
    life: Duration,
    now: Timestamp,
    chance: &mut Chance,
) -> Result<(MemoryStore, Vec<StoreKey>), StoreError> {
    let store = roomy();
    let mut keys = Vec::with_capacity(sessions);
    for number in 0..sessions {
        let key = chance.key();
        let mut record = anonymous(key, now);
        let part = (number + 1) as f64 / sessions as f64;
        record.absolute_deadline = now.saturating_add(life.mul_f64(part));
        Door(&store).create(&record, now)?;
        keys.push(key);
    }
    Ok((store, keys))
}
