//! Proof that the check bites, on a store that keeps bytes.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_trait::async_trait;
use futures_executor::block_on;
use parking_lot::Mutex;

use super::check_unreadable;
use crate::clock::Timestamp;
use crate::session::{ChangeSet, Record, SessionLimit, StoreKey};
use crate::store::{
    Access, Applied, Census, Created, Deleted, ImmediateStore, Loaded, PrincipalIndex,
    SessionStore, StoreError, Swept,
};
use crate::testkit::store::reference::apply_to;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    CreateOverwrites,
    DamagedIsAbsent,
    DamagedIsAnOutage,
    DeleteDecodes,
    DeleteSaysNothing,
    DeleteStays,
    WritesStartAfresh,
}

/// A store of bytes, as far as the check goes: it sweeps nothing and forwards nothing.
#[derive(Default)]
struct ByteStore {
    flaw: Option<Flaw>,
    rows: Mutex<BTreeMap<StoreKey, Vec<u8>>>,
}

impl ByteStore {
    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn read(&self, key: &StoreKey) -> Result<Option<Record>, StoreError> {
        let rows = self.rows.lock();
        let Some(bytes) = rows.get(key) else {
            return Ok(None);
        };
        match Record::from_bytes(bytes) {
            Ok(record) => Ok(Some(record)),
            Err(_) if self.has(Flaw::DamagedIsAbsent) => Ok(None),
            Err(error) if self.has(Flaw::DamagedIsAnOutage) => {
                Err(StoreError::Unavailable(error.into()))
            }
            Err(error) => Err(StoreError::Unreadable(error.into())),
        }
    }

    fn read_to_write(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Record>, StoreError> {
        match self.read(key) {
            Err(_) if self.has(Flaw::WritesStartAfresh) => {
                let handle = crate::session::SessionHandle::from_bytes([1; 16]);
                Ok(Some(Record::new(*key, handle, now)))
            }
            read => read,
        }
    }

    fn write(&self, record: &Record) {
        self.rows.lock().insert(record.key, record.to_bytes());
    }
}

#[async_trait]
impl SessionStore for ByteStore {
    async fn create(
        &self,
        record: &Record,
        _: Option<SessionLimit>,
        _: Timestamp,
    ) -> Result<Created, StoreError> {
        let is_taken = self.rows.lock().contains_key(&record.key);
        if is_taken && !self.has(Flaw::CreateOverwrites) {
            return Ok(Created::Taken);
        }
        self.write(record);
        Ok(Created::Created)
    }

    async fn load(&self, key: &StoreKey, _: Access, _: Timestamp) -> Result<Loaded, StoreError> {
        Ok(match self.read(key)? {
            None => Loaded::Absent,
            Some(record) => Loaded::Live {
                last_accessed: record.accessed_at,
                record,
            },
        })
    }

    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let Some(mut record) = self.read_to_write(key, now)? else {
            return Ok(Applied::Gone);
        };
        let applied = apply_to(&mut record, changes, now);
        self.write(&record);
        Ok(applied)
    }

    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let Some(mut record) = self.read_to_write(old, now)? else {
            return Ok(Applied::Gone);
        };
        let applied = apply_to(&mut record, changes, now);
        self.rows.lock().remove(old);
        self.write(&record.renamed(*new));
        Ok(applied)
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        let record = match self.read(key) {
            Err(error) if self.has(Flaw::DeleteDecodes) => return Err(error),
            read => read.ok().flatten(),
        };
        if record.is_none() && self.has(Flaw::DeleteStays) {
            return Ok(Deleted::Removed(None));
        }
        match self.rows.lock().remove(key) {
            None => Ok(Deleted::Absent),
            Some(_) if record.is_none() && self.has(Flaw::DeleteSaysNothing) => Ok(Deleted::Absent),
            Some(_) => Ok(Deleted::Removed(record)),
        }
    }

    async fn sweep(&self, _: Timestamp, _: usize) -> Result<Swept, StoreError> {
        Ok(Swept::default())
    }

    async fn census(&self, _: Timestamp) -> Result<Census, StoreError> {
        Ok(Census::default())
    }

    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        None
    }

    fn principals(&self) -> Option<&dyn PrincipalIndex> {
        None
    }
}

fn survives(flaw: Option<Flaw>) -> bool {
    let store = Arc::new(ByteStore {
        flaw,
        ..ByteStore::default()
    });
    let damage = async |key: &StoreKey| {
        let replaced = store.rows.lock().insert(*key, b"no record".to_vec());
        assert!(replaced.is_some());
    };
    let check = || block_on(check_unreadable(store.clone(), damage));
    catch_unwind(AssertUnwindSafe(check)).is_ok()
}

#[test]
fn a_store_that_tells_damage_apart_survives_and_every_other_one_is_found_out() {
    assert!(survives(None));
    for flaw in [
        Flaw::CreateOverwrites,
        Flaw::DamagedIsAbsent,
        Flaw::DamagedIsAnOutage,
        Flaw::DeleteDecodes,
        Flaw::DeleteSaysNothing,
        Flaw::DeleteStays,
        Flaw::WritesStartAfresh,
    ] {
        assert!(!survives(Some(flaw)), "{flaw:?}");
    }
}
