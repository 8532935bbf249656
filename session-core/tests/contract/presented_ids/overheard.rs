//! A store that keeps a copy of every byte that it is given.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use session_core::store::{
    Access, Applied, Census, Created, Deleted, ImmediateStore, Loaded, PrincipalIndex,
    SessionStore, StoreError, Swept,
};
use session_core::testkit::Verb;
use session_core::{
    ChangeSet, Edit, MemoryStore, PrincipalKey, Record, SessionHandle, SessionLimit, StoreKey,
    Timestamp,
};

/// What was called, and all that it was given.
type Call = (Verb, Vec<u8>);

/// Clones share one store and one memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Overheard {
    store: Arc<MemoryStore>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Overheard {
    /// The calls so far, and all that they brought in one piece.
    pub(super) fn all(&self) -> (Vec<Verb>, Vec<u8>) {
        let calls = self.calls.lock().unwrap();
        let verbs = calls.iter().map(|(verb, _)| *verb).collect();
        (verbs, calls.iter().flat_map(|(_, it)| it.clone()).collect())
    }

    fn hear(&self, verb: Verb, parts: &[&[u8]]) {
        self.calls.lock().unwrap().push((verb, parts.concat()));
    }
}

/// The key of `record`, and all that a store keeps of it.
fn bytes_of_record(record: &Record) -> Vec<u8> {
    [record.key.as_bytes(), &record.to_bytes()[..]].concat()
}

/// Every name, value and key in `changes`; besides these there are times and limits.
fn bytes_of(changes: &ChangeSet) -> Vec<u8> {
    let mut bytes = Vec::new();
    for change in &changes.attributes {
        bytes.extend_from_slice(change.name.as_bytes());
        bytes.extend_from_slice(match &change.edit {
            Edit::Put(value) => value.bytes(),
            Edit::Remove => &[],
            Edit::Append(items) => items.bytes(),
        });
    }
    if let Some(login) = &changes.login {
        let login = &login.authentication;
        bytes.extend_from_slice(login.key.as_bytes());
        bytes.extend_from_slice(login.principal.as_bytes());
        bytes.extend_from_slice(format!("{:?}", login.label).as_bytes());
    }
    bytes
}

#[async_trait]
impl SessionStore for Overheard {
    async fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        self.hear(Verb::Create, &[&bytes_of_record(record)]);
        SessionStore::create(&*self.store, record, limit, now).await
    }

    async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        self.hear(Verb::Load, &[key.as_bytes()]);
        SessionStore::load(&*self.store, key, access, now).await
    }

    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.hear(Verb::Apply, &[key.as_bytes(), &bytes_of(changes)]);
        SessionStore::apply(&*self.store, key, changes, now).await
    }

    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let changed = bytes_of(changes);
        self.hear(Verb::Rename, &[old.as_bytes(), new.as_bytes(), &changed]);
        SessionStore::rename(&*self.store, old, new, changes, now).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        self.hear(Verb::Delete, &[key.as_bytes()]);
        SessionStore::delete(&*self.store, key).await
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        SessionStore::sweep(&*self.store, now, limit).await
    }

    async fn census(&self, now: Timestamp) -> Result<Census, StoreError> {
        self.store.census(now).await
    }

    /// None, so that there is one way to be given anything.
    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        None
    }

    fn principals(&self) -> Option<&dyn PrincipalIndex> {
        Some(self)
    }
}

#[async_trait]
impl PrincipalIndex for Overheard {
    async fn list(
        &self,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        self.hear(Verb::List, &[principal.as_bytes()]);
        self.store.list(principal, now).await
    }

    async fn end(
        &self,
        principal: &PrincipalKey,
        handle: &SessionHandle,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        self.hear(Verb::End, &[principal.as_bytes(), handle.as_bytes()]);
        self.store.end(principal, handle, now).await
    }

    async fn end_all(
        &self,
        principal: &PrincipalKey,
        spared: Option<&SessionHandle>,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        let spared_bytes: &[u8] = spared.map_or(&[], |it| it.as_bytes());
        self.hear(Verb::EndAll, &[principal.as_bytes(), spared_bytes]);
        self.store.end_all(principal, spared, now).await
    }

    async fn end_everybody(&self) -> Result<(), StoreError> {
        self.store.end_everybody().await
    }
}
