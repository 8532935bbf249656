//! Sessions in memory.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a session holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    pub(crate) attributes: HashMap<String, String>,
    pub(crate) user: Option<String>,
}

/// All sessions by their ids, and what makes and signs ids.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    all: Mutex<HashMap<String, Session>>,
    secret: RandomState,
}

impl Sessions {
    pub(crate) fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An id of 32 hexadecimal digits.
    pub(crate) fn new_id() -> String {
        let half = || RandomState::new().hash_one("id");
        format!("{:016x}{:016x}", half(), half())
    }

    /// The id and what proves that it was given by this server.
    pub(crate) fn sign(&self, id: &str) -> String {
        format!("{id}.{:016x}", self.secret.hash_one(id))
    }

    /// The id of a token that was signed here.
    pub(crate) fn verify(&self, token: &str) -> Option<String> {
        let (id, _) = token.rsplit_once('.')?;
        (self.sign(id) == token).then(|| id.to_owned())
    }
}
