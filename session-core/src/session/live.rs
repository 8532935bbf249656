//! The session of one request: the snapshot it loaded and what it wants changed. Pure: no
//! lock, no store, no clock of its own.

pub(super) mod attributes;

use std::sync::Arc;
use std::time::Duration;

use super::change::{AttributeChange, ChangeSet, Expected, Limits, Login, Reply};
use super::edits::{Edits, see_change};
use super::id::{SessionHandle, SessionId, StoreKey};
use super::interval::MaxInactiveInterval;
use super::record::{Attribute, Attributes, Authentication, Record, Revision};
use crate::clock::Timestamp;
use crate::lifecycle::bind::Found;

/// The session of one request.
pub(crate) struct Live {
    /// The id the client holds, or will be sent; `None` until it is needed.
    pub(crate) id: Option<SessionId>,
    /// The snapshot. For a session that is not stored: an empty record under no key yet.
    pub(crate) record: Record,
    /// True when the store has the session.
    pub(crate) stored: bool,
    /// True while a commit under way stores the session for the first time.
    pub(crate) creating: bool,
    /// The access before this one.
    pub(crate) last_accessed: Timestamp,
    /// True when the client does not know the session yet.
    pub(crate) is_new: bool,
    /// True when a change set found the session under another key than the client's.
    pub(crate) moved: bool,
    /// True when the id must be sent to the client with this response.
    pub(crate) announce: bool,
    /// True when the client's token was made with an older key.
    pub(crate) signed_by_older_key: bool,
    /// True when another request ended the session meanwhile.
    pub(crate) gone: bool,
    pub(crate) pending: Pending,
    /// Rises with every change, so that an update notices that another task of the request
    /// changed something while it ran outside the lock.
    pub(crate) version: u64,
    /// What a commit that is under way is storing; seen by this request already.
    pub(crate) in_flight: Option<Box<InFlight>>,
    /// What was read at which revision, where strict reads are on.
    reads: Vec<(Arc<str>, Expected)>,
}

/// The changes of a commit that is under way.
pub(crate) struct InFlight {
    clear_attributes: bool,
    attributes: Vec<AttributeChange>,
    max_inactive_interval: Option<MaxInactiveInterval>,
    login: Option<Login>,
}

impl InFlight {
    pub(crate) fn of(changes: &ChangeSet) -> Self {
        Self {
            clear_attributes: changes.clear_attributes,
            attributes: changes.attributes.clone(),
            max_inactive_interval: changes.max_inactive_interval,
            login: changes.login.clone(),
        }
    }

    /// The attributes as they will be. What changes has no revision yet: it gets one that no
    /// stored attribute has, so that an update over it is made again once it is stored.
    fn over(&self, stored: &Attributes) -> Attributes {
        const NOT_YET: Revision = Revision::new(u64::MAX);
        let untouched = stored.iter().filter(|attribute| {
            let changes = self.attributes.iter().any(|it| it.name == attribute.name);
            !self.clear_attributes && !changes
        });
        let changed = self.attributes.iter().filter_map(|change| {
            Some(Attribute {
                name: change.name.clone(),
                revision: NOT_YET,
                value: see_change(change, stored)?,
            })
        });
        untouched.cloned().chain(changed).collect()
    }
}

/// What a request wants changed and has not committed.
#[derive(Default)]
pub(crate) struct Pending {
    pub(crate) edits: Edits,
    pub(crate) clear_attributes: bool,
    pub(crate) max_inactive_interval: Option<MaxInactiveInterval>,
    pub(crate) login: Option<Box<Login>>,
    pub(crate) new_id: Option<SessionId>,
    /// True when the session is to be stored although nothing is in it.
    begin: bool,
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.edits.is_empty()
            && !self.clear_attributes
            && self.max_inactive_interval.is_none()
            && self.login.is_none()
            && self.new_id.is_none()
            && !self.begin
    }
}

impl Live {
    /// A session that exists only in this request until something is written to it.
    pub(crate) fn unstored(
        max_inactive_interval: MaxInactiveInterval,
        absolute_timeout: Option<Duration>,
        now: Timestamp,
    ) -> Self {
        let nobody = StoreKey::from_bytes([0; 32]);
        let mut record = Record::new(nobody, SessionHandle::from_bytes([0; 16]), now);
        record.max_inactive_interval = max_inactive_interval;
        record.absolute_deadline =
            absolute_timeout.map_or(Timestamp::NEVER, |limit| now.saturating_add(limit));
        Self::over(None, record, now)
    }

    /// The session that a store had under the id of the client.
    pub(crate) fn loaded(found: Found) -> Self {
        Self {
            is_new: false,
            stored: true,
            signed_by_older_key: found.signed_by_older_key,
            ..Self::over(found.id, found.record, found.last_accessed)
        }
    }

    /// One that is not stored yet.
    fn over(id: Option<SessionId>, record: Record, last_accessed: Timestamp) -> Self {
        Self {
            is_new: true,
            stored: false,
            creating: false,
            id,
            last_accessed,
            record,
            moved: false,
            announce: false,
            signed_by_older_key: false,
            gone: false,
            pending: Pending::default(),
            version: 0,
            in_flight: None,
            reads: Vec::new(),
        }
    }

    /// True when there is a session in the sense of `getSession(false)`: it is stored, or
    /// this request has written something that will be.
    pub(crate) fn exists(&self) -> bool {
        self.stored || self.creating || !self.pending.is_empty()
    }

    pub(crate) fn max_inactive_interval(&self) -> MaxInactiveInterval {
        self.pending
            .max_inactive_interval
            .unwrap_or_else(|| self.committed_interval())
    }

    /// Sets the idle limit; setting what it is already is no change.
    pub(crate) fn set_max_inactive_interval(&mut self, interval: MaxInactiveInterval) {
        self.pending.max_inactive_interval =
            (self.committed_interval() != interval).then_some(interval);
    }

    /// Sets the idle limit where it is shorter.
    fn lengthen_max_inactive_interval(&mut self, interval: MaxInactiveInterval) {
        let end_of = |interval: MaxInactiveInterval| interval.deadline(Timestamp::EPOCH);
        if end_of(interval) > end_of(self.max_inactive_interval()) {
            self.set_max_inactive_interval(interval);
        }
    }

    /// How long the client is to keep the token; `None` for as long as it is open.
    pub(crate) fn max_age(&self, of_all: Option<Duration>) -> Option<Duration> {
        let login = self.authentication();
        login.and_then(|login| login.remembered_for).max(of_all)
    }

    fn committed_interval(&self) -> MaxInactiveInterval {
        self.in_flight
            .as_ref()
            .and_then(|changes| changes.max_inactive_interval)
            .unwrap_or(self.record.max_inactive_interval)
    }

    fn login(&self) -> Option<&Login> {
        let in_flight = self.in_flight.as_ref();
        self.pending
            .login
            .as_deref()
            .or_else(|| in_flight.and_then(|changes| changes.login.as_ref()))
    }

    pub(crate) fn authentication(&self) -> Option<&Arc<Authentication>> {
        self.login()
            .map(|login| &login.authentication)
            .or(self.record.authentication.as_ref())
    }

    pub(crate) fn expires_at(&self) -> Timestamp {
        let absolute = self.login().map_or(self.record.absolute_deadline, |login| {
            login.absolute_deadline
        });
        self.max_inactive_interval()
            .deadline(self.record.accessed_at)
            .min(absolute)
    }

    /// Binds the principal; the id must be changed as well, which is the caller's part. `usual`
    /// is the idle limit of a session that is not remembered.
    pub(crate) fn log_in(&mut self, login: Login, usual: MaxInactiveInterval) {
        let now = &login.authentication;
        let before = self.authentication();
        let is_other = before.is_some_and(|before| before.key != now.key);
        let was_remembered = before.and_then(|before| before.remembered_for);
        let is_remembered = now.remembered_for;
        if is_other {
            self.pending.edits = Edits::default();
            self.pending.clear_attributes = true;
        }
        if was_remembered.is_some_and(|idle| self.max_inactive_interval() == idle.into()) {
            self.set_max_inactive_interval(usual);
        }
        if let Some(idle) = is_remembered {
            self.lengthen_max_inactive_interval(idle.into());
        }
        self.pending.login = Some(Box::new(login));
    }

    /// Gives a session that is not stored yet the id that it will have.
    pub(crate) fn ensure_id(&mut self, draw: impl FnOnce() -> Option<SessionId>) {
        if self.id.is_none() && !self.stored {
            self.id = draw();
        }
    }

    /// Has a session stored that is not, also without any attribute.
    pub(crate) fn begin(&mut self) {
        if !self.exists() {
            self.pending.begin = true;
        }
    }

    /// Gives the session the id `id`: at the next commit where the store has it, or is about to
    /// have it, else now.
    pub(crate) fn assign(&mut self, id: SessionId) {
        if self.stored || self.creating {
            self.pending.new_id = Some(id);
        } else {
            self.id = Some(id);
        }
    }

    /// The pending changes as a change set, and the steps to make them again.
    #[inline]
    pub(crate) fn take_changes(
        &mut self,
        now: Timestamp,
        limits: Limits,
        reply: Reply,
    ) -> (ChangeSet, Edits) {
        let pending = std::mem::take(&mut self.pending);
        let mut edits = pending.edits;
        let mut changes = ChangeSet::touch(now, limits);
        changes.attributes = edits.take_changes();
        // What this request has written it need not have read.
        let written = &changes.attributes;
        self.reads
            .retain(|(name, _)| !written.iter().any(|change| change.name == *name));
        changes.clear_attributes = pending.clear_attributes;
        changes.max_inactive_interval = pending.max_inactive_interval;
        changes.login = pending.login.map(|login| *login);
        changes.reply = reply;
        (changes, edits)
    }

    /// The commit that was under way has ended, one way or the other.
    pub(crate) fn land(&mut self) {
        self.in_flight = None;
        self.creating = false;
        self.version += 1;
    }
}
