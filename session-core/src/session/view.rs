//! A look at a session that is no access.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::attributes::decode;
use super::id::{Fingerprint, SessionHandle};
use super::record::Record;
use crate::clock::Timestamp;
use crate::engine::Engine;
use crate::error::SessionError;
use crate::exchange::Main;

/// A stored session as it is at one moment: for a page that shows the time left without
/// prolonging it. It cannot change anything.
pub struct SessionView<S = Main> {
    record: Record,
    fingerprint: Fingerprint,
    marker: PhantomData<fn() -> S>,
}

impl<S> Clone for SessionView<S> {
    fn clone(&self) -> Self {
        Self {
            record: self.record.clone(),
            fingerprint: self.fingerprint,
            marker: PhantomData,
        }
    }
}

impl<S> SessionView<S> {
    pub(crate) fn new(record: Record, engine: &Engine) -> Self {
        Self {
            fingerprint: engine.keyring.fingerprint(&record.key),
            record,
            marker: PhantomData,
        }
    }

    /// A name for the session that is safe to show and to log; it changes with the id.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// A name for the session that stays the same when its id changes; no credential.
    #[must_use]
    pub const fn handle(&self) -> SessionHandle {
        self.record.handle
    }

    /// When the session was created.
    #[must_use]
    pub const fn creation_time(&self) -> Timestamp {
        self.record.created_at
    }

    /// When the session was last used.
    #[must_use]
    pub const fn last_accessed_time(&self) -> Timestamp {
        self.record.accessed_at
    }

    /// When the session expires unless it is used before; `None` when it never does.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        Some(self.record.expires_at()).filter(|&at| at != Timestamp::NEVER)
    }

    /// How long the session may lie idle; `None` is for ever.
    #[must_use]
    pub fn max_inactive_interval(&self) -> Option<Duration> {
        self.record.max_inactive_interval.as_duration()
    }

    /// Who is logged in; `None` for an anonymous session.
    #[must_use]
    pub fn principal(&self) -> Option<Arc<str>> {
        let login = self.record.authentication.as_ref()?;
        Some(login.principal.clone())
    }

    /// The attribute called `name`; `None` when there is none.
    ///
    /// # Errors
    /// [`SessionError::Decode`] when the value is not a `T`.
    pub fn get_attribute<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, SessionError> {
        let attribute = self.record.attributes.get(name);
        decode(name, attribute.map(|attribute| &attribute.value))
    }

    /// The names of all attributes, in order.
    pub fn attribute_names(&self) -> impl Iterator<Item = &str> {
        self.record
            .attributes
            .iter()
            .map(|attribute| &*attribute.name)
    }

    /// The size in bytes of names, values and principal: what the byte limit counts.
    #[must_use]
    pub fn size(&self) -> usize {
        self.record.size()
    }
}

impl<S> fmt::Debug for SessionView<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionView")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}
