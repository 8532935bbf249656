//! The store as the engine of sessions sees it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use session_core::store::{
    Access, Applied, Census, Created, Deleted, ImmediateStore, Loaded, PrincipalIndex,
    SessionStore, StoreError, Swept,
};
use session_core::{
    ChangeSet, PrincipalKey, Record, SessionHandle, SessionLimit, StoreKey, Timestamp,
};

use crate::batches::Sizes;
use crate::builder::SqlStoreBuilder;
use crate::change::Change;
use crate::dialect::Dialect;
use crate::engine::Engine;
use crate::error::SqlError;
use crate::foreseen;
use crate::principals::{self, Ending, Which};
use crate::sweep::sweep;
use crate::verbs::{Creation, Deletion, census, load};

/// Sessions in PostgreSQL, MariaDB, MySQL or SQLite. Clones are the same store.
#[derive(Clone)]
pub struct SqlStore {
    backend: Arc<dyn Backend>,
}

/// What a store does on one kind of database.
#[async_trait]
pub(crate) trait Backend: SessionStore + PrincipalIndex {
    /// Finds the tables, or makes them if it may.
    async fn ready(&self) -> Result<(), SqlError>;

    /// Makes the tables.
    async fn migrate(&self) -> Result<(), SqlError>;

    /// The statements that make them.
    fn schema(&self) -> &str;
}

impl SqlStore {
    /// A store on the database at `url`: `postgres://USER:PASSWORD@HOST/DATABASE`,
    /// `mysql://USER:PASSWORD@HOST/DATABASE` or `sqlite:PATH`.
    ///
    /// Connects once, to make the tables where they are missing and to find out early what no
    /// waiting mends: a wrong password, a database that does not exist. A database that
    /// cannot be reached is no error here: the application starts, what needs sessions is
    /// answered with an error, and as soon as the database is there everything works. Use
    /// [`ping`](Self::ping) to wait for it.
    ///
    /// # Errors
    /// [`SqlError`], but not for a database that cannot be reached.
    pub async fn connect(url: impl Into<String>) -> Result<Self, SqlError> {
        Self::builder(url).connect().await
    }

    /// Starts a configuration; see [`connect`](Self::connect) about the URL.
    #[must_use]
    pub fn builder(url: impl Into<String>) -> SqlStoreBuilder {
        SqlStoreBuilder::new(url.into())
    }

    pub(crate) const fn over(backend: Arc<dyn Backend>) -> Self {
        Self { backend }
    }

    pub(crate) async fn ready(&self) -> Result<(), SqlError> {
        self.backend.ready().await
    }

    /// Asks whether the database can be used: it answers, and the tables are there.
    ///
    /// # Errors
    /// [`SqlError`], also when it cannot be reached.
    pub async fn ping(&self) -> Result<(), SqlError> {
        self.backend.ready().await
    }

    /// Makes the tables of this version. It can be called again, and by several processes at
    /// once; where everything is there it changes nothing.
    ///
    /// # Errors
    /// [`SqlError`], also when the database cannot be reached.
    pub async fn migrate(&self) -> Result<(), SqlError> {
        self.backend.migrate().await
    }

    /// The statements by which [`migrate`](Self::migrate) makes the tables, for operators who run
    /// them by themselves.
    #[must_use]
    pub fn schema(&self) -> &str {
        self.backend.schema()
    }
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl<D: Dialect> Backend for Engine<D> {
    async fn ready(&self) -> Result<(), SqlError> {
        self.within(self.check()).await
    }

    async fn migrate(&self) -> Result<(), SqlError> {
        self.within(Engine::migrate(self)).await
    }

    fn schema(&self) -> &str {
        &self.statements.schema
    }
}

#[async_trait]
impl<D: Dialect> SessionStore for Engine<D> {
    async fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        self.recent.take(&record.key);
        let creation = Creation { record, limit, now };
        self.call(creation.make(self)).await
    }

    async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        self.call(load(self, key, access, now)).await
    }

    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let change = Change {
            key,
            new_key: None,
            changes,
            now,
        };
        self.call(async {
            if D::BATCHES != Sizes::None
                && let Some(applied) = foreseen::apply(self, &change).await?
            {
                return Ok(applied);
            }
            if changes.login.is_none()
                && let Some(applied) = D::apply(self, key, changes, now).await
            {
                return applied;
            }
            self.transact(&change).await
        })
        .await
    }

    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.recent.take(old);
        let change = Change {
            key: old,
            new_key: Some(new),
            changes,
            now,
        };
        self.call(self.transact(&change)).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        self.recent.take(key);
        self.call(self.transact(&Deletion { key })).await
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        self.recent.age();
        self.call(sweep(self, now, limit)).await
    }

    async fn census(&self, now: Timestamp) -> Result<Census, StoreError> {
        self.call(census(self, now)).await
    }

    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        None
    }

    fn principals(&self) -> Option<&dyn PrincipalIndex> {
        Some(self)
    }
}

#[async_trait]
impl<D: Dialect> PrincipalIndex for Engine<D> {
    async fn list(
        &self,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        self.call(principals::list(self, principal, now)).await
    }

    async fn end(
        &self,
        principal: &PrincipalKey,
        handle: &SessionHandle,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        let ending = Ending {
            principal,
            which: Which::One(handle),
            now,
        };
        let ended = self.call(self.transact(&ending)).await?;
        Ok(ended.into_iter().next())
    }

    async fn end_all(
        &self,
        principal: &PrincipalKey,
        spared: Option<&SessionHandle>,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        let ending = Ending {
            principal,
            which: Which::AllBut(spared),
            now,
        };
        self.call(self.transact(&ending)).await
    }

    async fn end_everybody(&self) -> Result<(), StoreError> {
        let raise = self.write(&self.statements.end_everybody, &[]);
        self.call(raise).await.map(drop)
    }
}

#[async_trait]
impl SessionStore for SqlStore {
    async fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        self.backend.create(record, limit, now).await
    }

    async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        self.backend.load(key, access, now).await
    }

    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.backend.apply(key, changes, now).await
    }

    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.backend.rename(old, new, changes, now).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        self.backend.delete(key).await
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        self.backend.sweep(now, limit).await
    }

    async fn census(&self, now: Timestamp) -> Result<Census, StoreError> {
        self.backend.census(now).await
    }

    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        None
    }

    fn principals(&self) -> Option<&dyn PrincipalIndex> {
        self.backend.principals()
    }
}
