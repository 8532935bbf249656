//! The store: one table, one transaction for each verb.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use redb::{Database, ReadableDatabase, TableDefinition};
use session_core::store::{
    Access, Applied, Census, Created, Deleted, ImmediateStore, Loaded, PrincipalIndex,
    SessionStore, StoreError, Swept,
};
use session_core::{ChangeSet, Limits, Record, Reply, SessionLimit, StoreKey, Timestamp};

use crate::entry::Entry;
use crate::sessions::Sessions;

const SESSIONS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("sessions");

/// Sessions in a file. Every write that was acknowledged is on the disk.
///
/// redb lets one write through at a time, and waits for the disk each time: made for a site of
/// some hundred writes a second that wants no other server.
pub struct RedbStore {
    database: Arc<Database>,
}

impl RedbStore {
    /// Opens the file at `path`, or makes it.
    ///
    /// # Errors
    /// When it cannot be opened, is not of redb, or another process has it open.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, redb::Error> {
        let database = Database::create(path)?;
        let transaction = database.begin_write()?;
        transaction.open_table(SESSIONS)?;
        transaction.commit()?;
        Ok(Self {
            database: Arc::new(database),
        })
    }

    /// Runs `work` in a transaction of its own. Its caller may go away; the transaction is then
    /// still whole.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Sessions<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = self.database.clone();
        off_the_runtime(move || {
            let transaction = database.begin_write().map_err(unavailable)?;
            let mut sessions = Sessions(transaction.open_table(SESSIONS).map_err(unavailable)?);
            let answer = work(&mut sessions)?;
            drop(sessions);
            transaction.commit().map_err(unavailable)?;
            Ok(answer)
        })
        .await
    }
}

/// A transaction waits for the disk, which no task of the runtime may.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(unavailable)?
}

pub(crate) fn unavailable(
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Unavailable(error.into())
}

#[async_trait]
impl SessionStore for RedbStore {
    /// Knows no principals, so a manager with a limit of sessions does not build with it.
    async fn create(
        &self,
        record: &Record,
        _limit: Option<SessionLimit>,
        _now: Timestamp,
    ) -> Result<Created, StoreError> {
        let record = record.clone();
        self.write(move |sessions| {
            if sessions.get(&record.key)?.is_some() {
                return Ok(Created::Taken);
            }
            sessions.put(&record.key.clone(), &Entry::Live(record))?;
            Ok(Created::Created)
        })
        .await
    }

    /// Reads in a transaction that waits for nobody, and writes only an access that is due.
    async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        let (database, key) = (self.database.clone(), *key);
        let found = off_the_runtime(move || {
            let transaction = database.begin_read().map_err(unavailable)?;
            let table = transaction.open_table(SESSIONS).map_err(unavailable)?;
            let found = table.get(key.as_bytes()).map_err(unavailable)?;
            found
                .map(|bytes| Entry::from_bytes(bytes.value()))
                .transpose()
        });
        match found.await?.filter(|entry| !entry.is_over(now)) {
            None => Ok(Loaded::Absent),
            Some(Entry::Forward { since, .. }) => Ok(Loaded::Moved { since }),
            Some(Entry::Live(record)) if !access.is_due(&record, now) => Ok(Loaded::Live {
                last_accessed: record.accessed_at,
                record,
            }),
            // An access is recorded as the change that changes nothing.
            Some(Entry::Live(record)) => {
                let mut touch = ChangeSet::touch(now, Limits::NONE);
                touch.reply = Reply::Record;
                let last_accessed = record.accessed_at;
                Ok(match self.apply(&key, &touch, now).await? {
                    Applied::Applied {
                        record: Some(record),
                        ..
                    } => Loaded::Live {
                        record,
                        last_accessed,
                    },
                    // It ended or moved since it was read.
                    _ => self.load(&key, Access::Peek, now).await?,
                })
            }
        }
    }

    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let (key, changes) = (*key, changes.clone());
        self.write(move |sessions| sessions.apply(&key, &changes, now))
            .await
    }

    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let (old, new, changes) = (*old, *new, changes.clone());
        self.write(move |sessions| sessions.rename(&old, new, &changes, now))
            .await
    }

    /// Also deletes what it cannot read.
    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        let key = *key;
        self.write(move |sessions| {
            let record = match sessions.get(&key) {
                Ok(None) => return Ok(Deleted::Absent),
                Ok(Some(Entry::Forward {
                    is_closed: true, ..
                })) => return Ok(Deleted::Absent),
                Ok(Some(Entry::Forward { to, .. })) => return Ok(Deleted::Moved(to)),
                Ok(Some(Entry::Live(record))) => Some(record),
                Err(StoreError::Unreadable(_)) => None,
                Err(error) => return Err(error),
            };
            sessions.remove(&key)?;
            Ok(Deleted::Removed(record))
        })
        .await
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        self.write(move |sessions| sessions.sweep(now, limit)).await
    }

    async fn census(&self, now: Timestamp) -> Result<Census, StoreError> {
        self.write(move |sessions| {
            let mut census = Census::default();
            for (_, entry) in sessions.all()? {
                if let Entry::Live(record) = &entry
                    && !entry.is_over(now)
                {
                    census.count(now.saturating_since(record.created_at));
                }
            }
            Ok(census)
        })
        .await
    }

    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        None
    }

    fn principals(&self) -> Option<&dyn PrincipalIndex> {
        None
    }
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore").finish_non_exhaustive()
    }
}
