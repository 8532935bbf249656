//! Temporary, to be replaced by store/memory/ (the memory-store helper deletes this file).
use super::*;
/// x
#[derive(Debug, Default)]
pub struct MemoryStore(parking_lot::Mutex<std::collections::BTreeMap<StoreKey, E>>);
#[derive(Debug)]
enum E {
    L(Record),
    F(StoreKey, Timestamp),
}
impl MemoryStore {
    /// x
    pub fn new() -> Self {
        Self::default()
    }
}
impl ImmediateStore for MemoryStore {
    fn create(&self, r: &Record, _n: Timestamp) -> Result<Created, StoreError> {
        let mut m = self.0.lock();
        if m.contains_key(&r.key) {
            return Ok(Created::Taken);
        }
        m.insert(r.key, E::L(r.clone()));
        Ok(Created::Created)
    }
    fn load(&self, k: &StoreKey, a: Access, n: Timestamp) -> Result<Loaded, StoreError> {
        let mut m = self.0.lock();
        Ok(match m.get_mut(k) {
            None => Loaded::Absent,
            Some(E::F(_, s)) => Loaded::Moved { since: *s },
            Some(E::L(r)) if r.is_expired(n) => Loaded::Absent,
            Some(E::L(r)) => {
                let last_accessed = r.accessed_at;
                if a.is_due(r, n) {
                    r.record_access(n, n)
                }
                Loaded::Live {
                    record: r.clone(),
                    last_accessed,
                }
            }
        })
    }
    fn apply(&self, k: &StoreKey, c: &ChangeSet, n: Timestamp) -> Result<Applied, StoreError> {
        let mut m = self.0.lock();
        Ok(match m.get_mut(k) {
            None => Applied::Gone,
            Some(E::F(t, _)) => Applied::Moved(*t),
            Some(E::L(r)) if r.is_expired(n) => Applied::Gone,
            Some(E::L(r)) => match r.apply(c, n) {
                Ok(()) => Applied::Applied {
                    revision: r.revision,
                    record: (c.reply == crate::Reply::Record).then(|| r.clone()),
                },
                Err(crate::Refusal::Conflict) => Applied::Conflict(r.clone()),
                Err(crate::Refusal::TooLarge) => Applied::TooLarge,
                Err(crate::Refusal::NotAList(n)) => Applied::NotAList(n),
            },
        })
    }
    fn rename(
        &self,
        o: &StoreKey,
        w: &StoreKey,
        c: &ChangeSet,
        n: Timestamp,
    ) -> Result<Applied, StoreError> {
        let a = ImmediateStore::apply(self, o, c, n)?;
        if matches!(a, Applied::Applied { .. }) {
            let mut m = self.0.lock();
            if let Some(E::L(mut r)) = m.remove(o) {
                r.key = *w;
                m.insert(*w, E::L(r));
                m.insert(*o, E::F(*w, n));
            }
        }
        Ok(a)
    }
    fn delete(&self, k: &StoreKey) -> Result<Deleted, StoreError> {
        let mut m = self.0.lock();
        Ok(match m.get(k) {
            None => Deleted::Absent,
            Some(E::F(t, _)) => Deleted::Moved(*t),
            Some(E::L(_)) => {
                m.remove(k);
                Deleted::Removed(None)
            }
        })
    }
    fn sweep(&self, _n: Timestamp, _l: usize) -> Result<Swept, StoreError> {
        Ok(Swept::default())
    }
}
#[async_trait]
impl SessionStore for MemoryStore {
    async fn create(&self, r: &Record, n: Timestamp) -> Result<Created, StoreError> {
        ImmediateStore::create(self, r, n)
    }
    async fn load(&self, k: &StoreKey, a: Access, n: Timestamp) -> Result<Loaded, StoreError> {
        ImmediateStore::load(self, k, a, n)
    }
    async fn apply(
        &self,
        k: &StoreKey,
        c: &ChangeSet,
        n: Timestamp,
    ) -> Result<Applied, StoreError> {
        ImmediateStore::apply(self, k, c, n)
    }
    async fn rename(
        &self,
        o: &StoreKey,
        w: &StoreKey,
        c: &ChangeSet,
        n: Timestamp,
    ) -> Result<Applied, StoreError> {
        ImmediateStore::rename(self, o, w, c, n)
    }
    async fn delete(&self, k: &StoreKey) -> Result<Deleted, StoreError> {
        ImmediateStore::delete(self, k)
    }
    async fn sweep(&self, n: Timestamp, l: usize) -> Result<Swept, StoreError> {
        ImmediateStore::sweep(self, n, l)
    }
    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        Some(self)
    }
}
