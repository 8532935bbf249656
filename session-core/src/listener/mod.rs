//! Listeners: code of the application that is told what became of sessions
//! (`HttpSessionListener`, `HttpSessionAttributeListener`, `HttpSessionIdListener`).

mod changes;
mod hook;
mod order;
mod queue;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::de::DeserializeOwned;

pub(crate) use changes::Notices;
pub use hook::AttributeHook;
pub(crate) use hook::Hooked;
pub(crate) use order::Story;
pub(crate) use queue::{Listeners, WriteUnderWay};

use crate::engine::Engine;
use crate::error::SessionError;
use crate::event::EndReason;
use crate::session::attributes::decode;
use crate::session::{Attribute, Fingerprint, Record, SessionAccessor, SessionView, Value};
use crate::store::RemovalReason;

/// Is told what became of sessions, after the store has accepted it, each thing once.
///
/// Notices are told beside requests, on the runtime, one after the other, and
/// [`drain`](crate::SessionManager::drain) waits for them. What a manager did to one session is
/// told in the order in which the store accepted it, in whichever order its answers arrive;
/// notices of different sessions, and those of other processes, are in no order. A listener that is slow delays other
/// notices and no request; after ten seconds it is dropped where it waits. One that panics
/// spoils nothing. Several listeners are called in the order in which they were added, and in
/// the opposite order when a session was destroyed.
///
/// What nobody in this process knows is not told: a process that dies takes along what it has
/// not told yet, and where the answer of a store is lost, what the store did is unknown.
///
/// ```
/// use async_trait::async_trait;
/// use session_core::{SessionChange, SessionListener, SessionNotice};
///
/// struct Audit;
///
/// #[async_trait]
/// impl SessionListener for Audit {
///     async fn notified(&self, notice: &SessionNotice) {
///         if let SessionChange::Destroyed(reason) = notice.change() {
///             println!("session {} ended: {reason:?}", notice.session().fingerprint());
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait SessionListener: Send + Sync + 'static {
    /// Something became of a session.
    async fn notified(&self, notice: &SessionNotice);
}

/// What became of a session.
#[derive(Clone)]
pub struct SessionNotice {
    change: SessionChange,
    record: Record,
    engine: Arc<Engine>,
}

/// What became of a session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SessionChange {
    /// It was stored for the first time (`sessionCreated`). Its attributes follow as added.
    Created,
    /// It ended (`sessionDestroyed`). Its attributes follow as removed.
    Destroyed(DestroyReason),
    /// It got another id (`sessionIdChanged`).
    IdChanged {
        /// What [`SessionView::fingerprint`] was before.
        old: Fingerprint,
    },
    /// It has an attribute that it did not have (`attributeAdded`).
    AttributeAdded {
        /// The name.
        name: Arc<str>,
        /// The value.
        value: AttributeValue,
    },
    /// An attribute has another value (`attributeReplaced`).
    AttributeReplaced {
        /// The name.
        name: Arc<str>,
        /// The value before.
        old: AttributeValue,
        /// The value now.
        value: AttributeValue,
    },
    /// An attribute is gone (`attributeRemoved`).
    AttributeRemoved {
        /// The name.
        name: Arc<str>,
        /// The value that it had.
        old: AttributeValue,
    },
}

/// Why a session was destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DestroyReason {
    /// [`invalidate`](crate::Session::invalidate).
    Invalidated,
    /// [`logout`](crate::Session::logout).
    LoggedOut,
    /// [`end_session`](crate::SessionManager::end_session) and the like: by its principal from
    /// another session, or by an administrator.
    Terminated,
    /// It lay idle too long, or reached its absolute limit.
    Expired,
    /// The store was full.
    Evicted,
    /// The sessions of everybody were ended.
    Generation,
    /// Its principal logged in elsewhere, and may have no more sessions.
    Replaced,
}

impl From<EndReason> for DestroyReason {
    fn from(reason: EndReason) -> Self {
        match reason {
            EndReason::Invalidated => Self::Invalidated,
            EndReason::LoggedOut => Self::LoggedOut,
            EndReason::Terminated => Self::Terminated,
        }
    }
}

impl From<RemovalReason> for DestroyReason {
    fn from(reason: RemovalReason) -> Self {
        match reason {
            RemovalReason::Evicted => Self::Evicted,
            RemovalReason::Expired => Self::Expired,
            RemovalReason::Generation => Self::Generation,
            RemovalReason::Replaced => Self::Replaced,
        }
    }
}

impl SessionNotice {
    /// What it was.
    #[must_use]
    pub const fn change(&self) -> &SessionChange {
        &self.change
    }

    /// The session as it was stored then, or as it was at its end.
    #[must_use]
    pub fn session(&self) -> SessionView {
        SessionView::new(self.record.clone(), &self.engine)
    }

    #[cfg(feature = "testkit")]
    pub(crate) const fn record(&self) -> &Record {
        &self.record
    }

    /// The session as it is now, to be used further. Of no use after its end. `S` is the
    /// marker of the manager that the listener was added to.
    #[must_use]
    pub fn accessor<S>(&self) -> SessionAccessor<S> {
        SessionAccessor::of_record(self.engine.clone(), &self.record)
    }
}

impl fmt::Debug for SessionNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionNotice")
            .field("change", &self.change)
            .finish_non_exhaustive()
    }
}

/// The value of an attribute, not decoded yet. Prints its size only.
#[derive(Clone, PartialEq, Eq)]
pub struct AttributeValue {
    name: Arc<str>,
    value: Value,
}

impl AttributeValue {
    pub(crate) fn of(attribute: &Attribute) -> Self {
        Self {
            name: attribute.name.clone(),
            value: attribute.value.clone(),
        }
    }

    /// The value as a `T`.
    ///
    /// # Errors
    /// [`SessionError::Decode`] when it is not a `T`.
    pub fn get<T: DeserializeOwned>(&self) -> Result<T, SessionError> {
        match decode(&self.name, Some(&self.value))? {
            Some(value) => Ok(value),
            None => Err(SessionError::NoSession),
        }
    }
}

impl fmt::Debug for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttributeValue({} bytes)", self.value.bytes().len())
    }
}
