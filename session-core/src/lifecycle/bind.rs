//! From what the client claims to the session it has: verify, load, compare.

use std::time::Duration;

use super::admit::Admission;
use crate::clock::Timestamp;
use crate::engine::Engine;
use crate::error::SessionError;
use crate::event::{Rejection, SessionEvent};
use crate::session::live::Live;
use crate::session::{Record, SessionId};
use crate::store::{Access, Loaded, StoreError};

/// For how long after a rotation a request under the old id may not start a new session: its
/// cookie would overwrite the fresh one that is on its way to the same browser.
const MOVED_GRACE: Duration = Duration::from_secs(30);

/// What became of a request's claims.
#[derive(Default)]
pub(crate) struct Bound {
    /// The one live session that the request names.
    pub(crate) live: Option<Box<Live>>,
    /// Why the request may not start a session.
    pub(crate) bar: Option<Bar>,
    /// What is to be told once no lock is held.
    pub(crate) events: Vec<SessionEvent>,
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

/// What one verified id led to.
enum Candidate {
    Live(Record, Timestamp),
    JustMoved,
    Rejected(Rejection),
}

/// Finds the session that `admission` names.
///
/// Every claim is verified before any store call, so a forged one costs none. One live id is
/// used whatever its position; two different ones are used by nobody.
///
/// # Errors
/// When the store cannot be reached, or the record was written by a newer version. An outage
/// is never "no session".
pub(crate) async fn bind(
    engine: &Engine,
    admission: &Admission,
    access: Access,
    now: Timestamp,
) -> Result<Bound, SessionError> {
    let mut bound = Bound::default();
    for _ in 0..admission.malformed() {
        bound.reject(Rejection::Malformed);
    }
    // While it is open which of several ids is used, no session is prolonged.
    let access = match admission.claims() {
        [_, _, ..] => Access::Peek,
        _ => access,
    };
    for claim in admission.claims() {
        let verified = match engine.keyring.verify(claim.as_bytes()) {
            Ok(verified) => verified,
            Err(rejection) => {
                bound.reject(rejection);
                continue;
            }
        };
        if bound.has(&verified.id) {
            continue;
        }
        match find(engine, &verified.id, access, now).await? {
            Candidate::Live(record, last_accessed) => {
                if bound.live.is_some() {
                    bound.bar = Some(Bar::Ambiguous);
                    bound.reject(Rejection::Ambiguous);
                    bound.live = None;
                    return Ok(bound);
                }
                let mut live = Live::loaded(verified.id, record, last_accessed);
                live.signed_by_older_key = !verified.by_current_key;
                bound.live = Some(Box::new(live));
            }
            Candidate::JustMoved => {
                bound.bar = Some(Bar::Moved);
                bound.reject(Rejection::Moved);
            }
            Candidate::Rejected(rejection) => bound.reject(rejection),
        }
    }
    if bound.live.is_some() {
        bound.bar = None;
    }
    Ok(bound)
}

impl Bound {
    fn reject(&mut self, rejection: Rejection) {
        self.events.push(SessionEvent::Rejected(rejection));
    }

    /// True when the session was found already: one id under two tokens, from two keys.
    fn has(&self, id: &SessionId) -> bool {
        self.live.as_ref().is_some_and(|live| live.id == Some(*id))
    }
}

async fn find(
    engine: &Engine,
    id: &SessionId,
    access: Access,
    now: Timestamp,
) -> Result<Candidate, SessionError> {
    let key = engine.store_key(id);
    let candidate = match engine.load(&key, access, now).await? {
        Ok(Loaded::Live { record, .. }) if record.key != key => {
            Candidate::Rejected(Rejection::Foreign)
        }
        Ok(Loaded::Live {
            record,
            last_accessed,
        }) => {
            // Tested against the deadline before this access moved it.
            let idle = record.max_inactive_interval.deadline(last_accessed);
            if idle.min(record.absolute_deadline) <= now {
                Candidate::Rejected(Rejection::Unknown)
            } else {
                Candidate::Live(record, last_accessed)
            }
        }
        Ok(Loaded::Moved { since }) if now.saturating_since(since) < MOVED_GRACE => {
            Candidate::JustMoved
        }
        Ok(Loaded::Moved { .. }) => Candidate::Rejected(Rejection::Moved),
        Ok(Loaded::Absent) => Candidate::Rejected(Rejection::Unknown),
        Err(StoreError::Unreadable(_)) => Candidate::Rejected(Rejection::Unreadable),
        Err(error) => return Err(error.into()),
    };
    Ok(candidate)
}
