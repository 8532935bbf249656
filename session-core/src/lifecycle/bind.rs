//! From what the client claims to the session it has: verify, load, compare.

use std::time::Duration;

use super::admit::{Admission, Claim};
use crate::clock::Timestamp;
use crate::cookie::Verified;
use crate::engine::Engine;
use crate::error::SessionError;
use crate::event::{Rejection, SessionEvent};
use crate::session::{Record, SessionId, StoreKey};
use crate::store::{Access, ImmediateStore, Loaded, StoreError};

/// For how long after a rotation a request under the old id may not start a new session: its
/// cookie would overwrite the fresh one that is on its way to the same browser.
const MOVED_GRACE: Duration = Duration::from_secs(30);

/// What became of a request's claims.
#[derive(Default)]
pub(crate) struct Bound {
    /// The one live session that the request names.
    pub(crate) found: Option<Found>,
    /// Why the request may not start a session.
    pub(crate) bar: Option<Bar>,
    /// What is to be told once no lock is held.
    pub(crate) events: Vec<SessionEvent>,
}

/// A live session, as the store had it.
pub(crate) struct Found {
    /// `None` where an accessor followed a rotation: the new id is the client's alone.
    pub(crate) id: Option<SessionId>,
    pub(crate) record: Record,
    pub(crate) last_accessed: Timestamp,
    pub(crate) signed_by_older_key: bool,
}

/// Why a request may not start a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bar {
    /// It carries two different live sessions.
    Ambiguous,
    /// Its session got another id moments ago.
    Moved,
}

impl From<Bar> for SessionError {
    fn from(bar: Bar) -> Self {
        match bar {
            Bar::Ambiguous => Self::Ambiguous,
            Bar::Moved => Self::Moved,
        }
    }
}

/// A verified id whose session is to be loaded.
struct Lookup {
    id: SessionId,
    key: StoreKey,
    signed_by_older_key: bool,
}

/// What a store's answer to a load means.
pub(crate) enum Judged {
    /// The live session, and the access before this one.
    Live(Record, Timestamp),
    /// There is no session to be had.
    Rejected(Rejection),
    /// The session got another key at this time.
    Moved { since: Timestamp },
}

/// Judges what the store answered to a load of `key`.
///
/// # Errors
/// When the record was written by a newer version, or the store failed.
#[inline] // So that the record is not moved once more.
pub(crate) fn judge(
    key: &StoreKey,
    loaded: Result<Loaded, StoreError>,
    now: Timestamp,
) -> Result<Judged, SessionError> {
    Ok(match loaded {
        Ok(Loaded::Live {
            record,
            last_accessed,
        }) => {
            // Tested against the deadline before this access moved it.
            let idle = record.max_inactive_interval.deadline(last_accessed);
            if record.key != *key {
                Judged::Rejected(Rejection::Foreign)
            } else if idle.min(record.absolute_deadline) <= now {
                Judged::Rejected(Rejection::Unknown)
            } else {
                Judged::Live(record, last_accessed)
            }
        }
        Ok(Loaded::Moved { since }) => Judged::Moved { since },
        Ok(Loaded::Absent) => Judged::Rejected(Rejection::Unknown),
        Err(StoreError::Unreadable(_)) => Judged::Rejected(Rejection::Unreadable),
        Err(error) => return Err(error.into()),
    })
}

impl Admission {
    /// While it is open which of several ids is used, no session is prolonged.
    fn access(&self, access: Access) -> Access {
        match self.claims() {
            [_, _, ..] => Access::Peek,
            _ => access,
        }
    }
}

impl Bound {
    /// Finds the session that `admission` names, in a store of this process. In place, since
    /// it is large and would be moved on every step of its way.
    ///
    /// Every claim is verified before any store call, so a forged one costs none. One live id is
    /// used whatever its position; two different ones are used by nobody.
    ///
    /// # Errors
    /// When the record was written by a newer version, or the store fails. A failure is never
    /// "no session".
    pub(crate) fn find_at_once(
        &mut self,
        engine: &Engine,
        store: &dyn ImmediateStore,
        admission: &Admission,
        access: Access,
        now: Timestamp,
    ) -> Result<(), SessionError> {
        self.reject_malformed(admission);
        for claim in admission.claims() {
            if let Some(lookup) = self.verify(engine, claim) {
                let loaded = store.load(&lookup.key, admission.access(access), now);
                self.learn(&lookup, loaded, now)?;
            }
        }
        self.settle();
        Ok(())
    }

    /// [`find_at_once`](Self::find_at_once) in a store that is awaited.
    ///
    /// # Errors
    /// As there; also when the store cannot be reached.
    pub(crate) async fn find(
        &mut self,
        engine: &Engine,
        admission: &Admission,
        access: Access,
        now: Timestamp,
    ) -> Result<(), SessionError> {
        self.reject_malformed(admission);
        for claim in admission.claims() {
            if let Some(lookup) = self.verify(engine, claim) {
                let access = admission.access(access);
                let loaded = engine.load(&lookup.key, access, now).await?;
                self.learn(&lookup, loaded, now)?;
            }
        }
        self.settle();
        Ok(())
    }

    fn reject_malformed(&mut self, admission: &Admission) {
        for _ in 0..admission.malformed() {
            self.reject(Rejection::Malformed);
        }
    }

    /// The session to load for `claim`; `None` when its signature is wrong, when its session
    /// was found already by a token from another key, or when two sessions were found.
    fn verify(&mut self, engine: &Engine, claim: &Claim) -> Option<Lookup> {
        if self.bar == Some(Bar::Ambiguous) {
            return None;
        }
        match engine.keyring.verify(claim.as_bytes()) {
            Ok(Verified { id, .. }) if self.has(&id) => None,
            Ok(Verified { id, by_current_key }) => Some(Lookup {
                key: engine.store_key(&id),
                signed_by_older_key: !by_current_key,
                id,
            }),
            Err(rejection) => {
                self.reject(rejection);
                None
            }
        }
    }

    fn learn(
        &mut self,
        lookup: &Lookup,
        loaded: Result<Loaded, StoreError>,
        now: Timestamp,
    ) -> Result<(), SessionError> {
        match judge(&lookup.key, loaded, now)? {
            Judged::Live(..) if self.found.is_some() => {
                self.found = None;
                self.bar = Some(Bar::Ambiguous);
                self.reject(Rejection::Ambiguous);
            }
            Judged::Live(record, last_accessed) => {
                self.found = Some(Found {
                    id: Some(lookup.id),
                    record,
                    last_accessed,
                    signed_by_older_key: lookup.signed_by_older_key,
                });
            }
            Judged::Rejected(rejection) => self.reject(rejection),
            Judged::Moved { since } => {
                if now.saturating_since(since) < MOVED_GRACE {
                    self.bar = Some(Bar::Moved);
                }
                self.reject(Rejection::Moved);
            }
        }
        Ok(())
    }

    /// A live session counts more than one that just moved.
    fn settle(&mut self) {
        if self.found.is_some() {
            self.bar = None;
        }
    }

    fn reject(&mut self, rejection: Rejection) {
        self.events.push(SessionEvent::Rejected(rejection));
    }

    fn has(&self, id: &SessionId) -> bool {
        self.found
            .as_ref()
            .is_some_and(|found| found.id == Some(*id))
    }
}
