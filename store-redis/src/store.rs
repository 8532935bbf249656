//! The verbs of the store.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use async_trait::async_trait;
use session_core::store::{
    Access, Applied, Census, Created, Deleted, ImmediateStore, Loaded, PrincipalIndex,
    SessionStore, StoreError, Swept,
};
use session_core::{ChangeSet, Record, SessionLimit, StoreKey, Timestamp};

use crate::builder::RedisStoreBuilder;
use crate::change::{self, Changed, Way, applied_of};
use crate::connection::{Connection, Deadline};
use crate::error::{ConnectError, Fault};
use crate::names::Names;
use crate::recent::Recent;
use crate::record::{fields, record};
use crate::script::{Answer, CREATE, Call, DELETE, number};

/// Sessions in a Redis or Valkey server, or in a cluster of them.
///
/// See the [crate documentation](crate) for what it guarantees. Clones are one store.
#[derive(Clone)]
pub struct RedisStore(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) connection: Connection,
    pub(crate) names: Names,
    /// The group that the next sweep begins with.
    pub(crate) next_swept: AtomicUsize,
    pub(crate) recent: Recent,
}

/// How often a verb is tried again whose session is on its way between two groups. Each time
/// somebody brought it one step further.
pub(crate) const ARRIVALS_MAX: usize = 8;

impl RedisStore {
    /// A store at `url`, with the defaults of the [builder](Self::builder): `redis://HOST:PORT`
    /// for one server, `redis-cluster://HOST:PORT,HOST:PORT` for a cluster, of which any nodes
    /// are named.
    ///
    /// A server that cannot be reached is no error here: the store answers that it is not
    /// available until the server comes, so that an application starts whatever starts first.
    ///
    /// # Errors
    /// [`ConnectError`] when the URL is wrong, and when the server is reached and refuses.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::builder().connect(url).await
    }

    /// Starts a configuration.
    pub fn builder() -> RedisStoreBuilder {
        RedisStoreBuilder::new()
    }

    pub(crate) fn names(&self) -> &Names {
        &self.0.names
    }

    pub(crate) fn deadline(&self) -> Deadline {
        self.0.connection.deadline()
    }

    pub(crate) async fn call(&self, call: &Call, deadline: Deadline) -> Result<Answer, Fault> {
        self.0.connection.call(call, deadline).await
    }

    /// Calls a script that may run twice.
    pub(crate) async fn ask(&self, call: &Call, deadline: Deadline) -> Result<Answer, Fault> {
        self.0.connection.ask(call, deadline).await
    }

    /// Stores a record if its key is free, before the time `not_after` of the server's clock.
    pub(crate) async fn insert(
        &self,
        record: &Record,
        not_after: Option<u64>,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Created, Fault> {
        let names = self.names();
        let group = names.group_of(&record.key);
        let call = Call::of(&CREATE, group)
            .key(names.session(&record.key))
            .key(names.generation(group))
            .key(names.index(group))
            .arg(number(now.as_millis()))
            .arg(number(record.expires_at().as_millis()))
            .arg(*record.key.as_bytes())
            .arg(not_after.map_or(String::new(), |time| time.to_string()))
            .args(fields(record));
        let answer = self.call(&call, deadline).await?;
        match answer.letter {
            b'O' => Ok(Created::Created),
            b'X' => Ok(Created::Taken),
            _ => answer.unexpected(),
        }
    }

    /// Applies a change set to the session under `key`. A session that is on its way there
    /// arrives first.
    pub(crate) async fn change(
        &self,
        key: &StoreKey,
        way: Way<'_>,
        changes: &ChangeSet,
        not_after: Option<u64>,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Changed, Fault> {
        let call = change::call(self.names(), key, way, changes, not_after, now);
        for _ in 0..ARRIVALS_MAX {
            let answer = self.call(&call, deadline).await?;
            match change::changed(answer, way, changes.reply)? {
                Changed::Staged(from) => {
                    if !self.bring(&from, key, now, deadline).await? {
                        return Ok(Changed::Refused(Applied::Gone));
                    }
                }
                changed => return Ok(changed),
            }
        }
        Err(never_arrives())
    }

    async fn delete_session(&self, key: &StoreKey) -> Result<Deleted, Fault> {
        let (names, deadline) = (self.names(), self.deadline());
        let group = names.group_of(key);
        let call = Call::of(&DELETE, group)
            .key(names.session(key))
            .key(names.generation(group))
            .key(names.index(group))
            .arg(*key.as_bytes());
        for _ in 0..ARRIVALS_MAX {
            let mut answer = self.call(&call, deadline).await?;
            match answer.letter {
                b'O' => {
                    let removed = answer.list().and_then(|fields| record(fields).ok());
                    if let Some(record) = &removed {
                        self.strike_off(record, deadline).await;
                    }
                    return Ok(Deleted::Removed(removed));
                }
                b'A' => return Ok(Deleted::Absent),
                b'F' => return Ok(Deleted::Moved(StoreKey::from_bytes(answer.array()?))),
                b'S' => {
                    let from = StoreKey::from_bytes(answer.array()?);
                    // A session that arrives now lives by its own time from now on.
                    if !self.bring(&from, key, Timestamp::EPOCH, deadline).await? {
                        return Ok(Deleted::Absent);
                    }
                }
                _ => return answer.unexpected(),
            }
        }
        Err(never_arrives())
    }
}

pub(crate) fn never_arrives() -> Fault {
    Fault::Refused("a session is on its way between two nodes and does not arrive".into())
}

#[async_trait]
impl SessionStore for RedisStore {
    async fn create(
        &self,
        record: &Record,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Created, StoreError> {
        let created = match &record.authentication {
            None => self.insert(record, None, now, self.deadline()).await,
            Some(login) => self.create_logged_in(record, login, limit, now).await,
        };
        match created {
            Err(Fault::Full) => Ok(Created::Full),
            created => Ok(created?),
        }
    }

    async fn load(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        Ok(self.load_session(key, access, now).await?)
    }

    async fn apply(
        &self,
        key: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let applied = match &changes.login {
            Some(login) => self.log_in(login, key, None, changes, now).await,
            None => {
                let deadline = self.deadline();
                self.change(key, Way::Stay, changes, None, now, deadline)
                    .await
                    .and_then(settled)
            }
        };
        applied.or_else(applied_of)
    }

    async fn rename(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let applied = match &changes.login {
            Some(login) => self.log_in(login, old, Some(new), changes, now).await,
            None => self.move_session(old, new, changes, now).await,
        };
        applied.or_else(applied_of)
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        Ok(self.delete_session(key).await?)
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept, StoreError> {
        Ok(self.sweep_groups(now, limit).await?)
    }

    async fn census(&self, now: Timestamp) -> Result<Census, StoreError> {
        Ok(self.count_sessions(now).await?)
    }

    fn answers_within(&self) -> Option<Duration> {
        Some(self.0.connection.longest())
    }

    fn immediate(&self) -> Option<&dyn ImmediateStore> {
        None
    }

    fn principals(&self) -> Option<&dyn PrincipalIndex> {
        Some(self)
    }
}

/// The answer of a change that stays at its key and needs nobody else.
fn settled(changed: Changed) -> Result<Applied, Fault> {
    match changed {
        Changed::Done(done) => Ok(done.applied),
        Changed::Refused(applied) => Ok(applied),
        Changed::Staged(_) | Changed::Of(_) => Err(never_arrives()),
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("connection", &self.0.connection)
            .field("names", &self.0.names)
            .finish_non_exhaustive()
    }
}
