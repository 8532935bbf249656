//! What is asked of a store, one call after the other.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use session_core::store::{Access, Applied, Created, Deleted, Loaded, SessionStore};
use session_core::{
    AttributeChange, ChangeSet, Codec, Edit, Expected, Limits, Login, StoreKey, Timestamp, Value,
};

use crate::Trouble;
use crate::shape::{ABSOLUTE, Shape, anonymous, key, login, next_key, small_number};

/// For how long the engine spares the record of an access to a remote store.
const SPARED: Duration = Duration::from_secs(60);

/// Sessions that the process has seen lately: few enough for it to remember them all.
pub(crate) const FAMILIAR: u64 = 512;

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A session of this shape is stored.
    Fill(Shape),
    /// A session is loaded that this process saw lately; the access need not be recorded.
    LoadSeen,
    /// A session is loaded that this process has not seen; the access need not be recorded.
    LoadUnseen,
    /// A session is loaded, and the access recorded.
    Touch,
    /// One attribute gets another value.
    Change,
    /// A session of somebody who came for the first time is stored.
    Create,
    /// Somebody logs in, and the session gets another id.
    Login,
    /// A session of somebody who is logged in gets another id.
    Rotate,
    /// A session of somebody who is logged in ends.
    Delete,
    /// What a site does all the time: of a hundred requests all load, twenty change an
    /// attribute, and five load a session whose access is to be recorded.
    Requests,
}

/// When all calls are made: by a clock that stands still, so that a run of any length is the same.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) now: Timestamp,
}

impl Times {
    pub(crate) fn now() -> Self {
        Self {
            now: SystemTime::now().into(),
        }
    }

    pub(crate) fn later(self, seconds: u64) -> Self {
        Self {
            now: self.now.saturating_add(Duration::from_secs(seconds)),
        }
    }
}

impl Step {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fill(_) => "fill",
            Self::LoadSeen => "load, seen lately by this process",
            Self::LoadUnseen => "load, not seen lately",
            Self::Touch => "load that records the access",
            Self::Change => "change of one attribute",
            Self::Create => "new anonymous session",
            Self::Login => "login with a new id",
            Self::Rotate => "new id while logged in",
            Self::Delete => "logout",
            Self::Requests => "mix of requests",
        }
    }

    pub(crate) async fn take(
        self,
        store: &dyn SessionStore,
        number: u64,
        times: Times,
    ) -> Result<(), Trouble> {
        let now = times.now;
        match self {
            Self::Fill(shape) => create(store, &shape.record(number, now), now).await,
            Self::LoadSeen => load(store, number % FAMILIAR, now).await,
            Self::LoadUnseen | Self::Touch => load(store, number, now).await,
            Self::Change => change(store, number, now).await,
            Self::Create => create(store, &anonymous(number, key(number), now), now).await,
            Self::Login => {
                let mut changes = changes(now);
                changes.login = Some(Login {
                    authentication: Arc::new(login(number, now)),
                    limit: None,
                    absolute_deadline: now.saturating_add(ABSOLUTE),
                });
                rename(store, &key(number), &next_key(number, 1), &changes, now).await
            }
            Self::Rotate => {
                let (old, new) = (next_key(number, 1), next_key(number, 2));
                rename(store, &old, &new, &changes(now), now).await
            }
            Self::Delete => match store.delete(&next_key(number, 2)).await? {
                Deleted::Removed(Some(_)) => Ok(()),
                other => Err(format!("a logout was answered {other:?}").into()),
            },
            Self::Requests => match number % 20 {
                7 => load(store, number, now).await,
                3 | 8 | 13 | 18 => {
                    load(store, number % FAMILIAR, now).await?;
                    change(store, number % FAMILIAR, now).await
                }
                _ => load(store, number % FAMILIAR, now).await,
            },
        }
    }
}

fn changes(now: Timestamp) -> ChangeSet {
    let limits = Limits {
        max_bytes: 1 << 20,
        max_attributes: 256,
    };
    ChangeSet::touch(now, limits)
}

async fn create(
    store: &dyn SessionStore,
    record: &session_core::Record,
    now: Timestamp,
) -> Result<(), Trouble> {
    match store.create(record, None, now).await? {
        Created::Created => Ok(()),
        other => Err(format!("a new session was answered {other:?}").into()),
    }
}

async fn load(store: &dyn SessionStore, number: u64, now: Timestamp) -> Result<(), Trouble> {
    let access = Access::Counted {
        unless_within: SPARED,
    };
    match store.load(&key(number), access, now).await? {
        Loaded::Live { .. } => Ok(()),
        other => Err(format!("load {number} was answered {other:?}").into()),
    }
}

async fn change(store: &dyn SessionStore, number: u64, now: Timestamp) -> Result<(), Trouble> {
    let mut changes = changes(now);
    changes.attributes.push(AttributeChange {
        name: "visits".into(),
        expected: Expected::Anything,
        edit: Edit::Put(Value::new(Codec::MessagePack, small_number(number + 1))),
    });
    match store.apply(&key(number), &changes, now).await? {
        Applied::Applied { .. } => Ok(()),
        other => Err(format!("a change was answered {other:?}").into()),
    }
}

async fn rename(
    store: &dyn SessionStore,
    old: &StoreKey,
    new: &StoreKey,
    changes: &ChangeSet,
    now: Timestamp,
) -> Result<(), Trouble> {
    match store.rename(old, new, changes, now).await? {
        Applied::Applied { .. } => Ok(()),
        other => Err(format!("a new id was answered {other:?}").into()),
    }
}
