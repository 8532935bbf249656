//! The session of one request: the snapshot it loaded and what it wants changed. Pure: no
//! lock, no store, no clock of its own.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::change::{AttributeChange, ChangeSet, Edit, Expected, Limits, Login, Reply};
use super::edits::{Edits, Replay, Seen, see_change};
use super::id::{SessionHandle, SessionId, StoreKey};
use super::interval::MaxInactiveInterval;
use super::record::{Attribute, Attributes, Authentication, Record, Revision};
use super::value::{Items, NotAList, Value};
use crate::clock::Timestamp;
use crate::error::SessionError;
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

    /// The attributes that changes lie over: the snapshot with what a commit under way makes
    /// of it, or none after a login over another principal.
    fn base(&self) -> Cow<'_, Attributes> {
        let cleared = self.pending.clear_attributes;
        base_of(&self.record, self.in_flight.as_deref(), cleared)
    }

    /// The changes, and what they lie over.
    fn edits_and_base(&mut self) -> (&mut Edits, Cow<'_, Attributes>) {
        let cleared = self.pending.clear_attributes;
        let base = base_of(&self.record, self.in_flight.as_deref(), cleared);
        (&mut self.pending.edits, base)
    }

    /// What the request sees of `name`: its own change, or the snapshot that has it.
    pub(crate) fn see(&self, name: &str) -> View {
        let base = self.base();
        match self.pending.edits.see(name, &base) {
            Seen::Own(value) => View::Own(value),
            Seen::Stored => View::Stored(base.into_owned()),
        }
    }

    /// As [`see`](Self::see), remembering which revision was read.
    pub(crate) fn see_strictly(&mut self, name: &str) -> View {
        let view = self.see(name);
        if let View::Stored(attributes) = &view {
            let read = Expected::revision_of(attributes.get(name));
            self.reads.retain(|(other, _)| &**other != name);
            self.reads.push((name.into(), read));
        }
        view
    }

    /// The names of all attributes, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let base = self.base();
        let mut names: Vec<String> = base.iter().map(|stored| stored.name.to_string()).collect();
        for change in self.pending.edits.changes() {
            let position = names.binary_search_by(|name| (**name).cmp(&*change.name));
            match (&change.edit, position) {
                (Edit::Remove, Ok(index)) => {
                    names.remove(index);
                }
                (Edit::Put(_) | Edit::Append(_), Err(index)) => {
                    names.insert(index, change.name.to_string());
                }
                _ => {}
            }
        }
        names
    }

    pub(crate) fn put(&mut self, name: &str, value: Value, limits: &Limits) -> Changed {
        let after = name.len() + value.bytes().len();
        self.room(name, limits, |_| after)?;
        if self.is_in_flight(name) {
            self.pending.edits.overwrite(name, Edit::Put(value));
            return Ok(());
        }
        let expected = self.expected(name);
        let (edits, base) = self.edits_and_base();
        edits.put(name, value, expected, &base);
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &str) {
        if self.is_in_flight(name) {
            return self.pending.edits.overwrite(name, Edit::Remove);
        }
        let expected = self.expected(name);
        let (edits, base) = self.edits_and_base();
        edits.remove(name, expected, &base);
    }

    /// Removes what was just read.
    pub(crate) fn take(&mut self, name: &str) {
        if self.sets_in_flight(name) {
            return self.remove(name);
        }
        let (edits, base) = self.edits_and_base();
        edits.take_once(name, &base);
    }

    pub(crate) fn append(&mut self, name: &str, items: Items, limits: &Limits) -> Changed {
        let more = items.bytes().len();
        self.room(name, limits, |before| before.max(name.len()) + more)?;
        let (edits, base) = self.edits_and_base();
        edits
            .append(name, items, &base)
            .map_err(|NotAList| SessionError::NotAList { name: name.into() })
    }

    pub(crate) fn update(
        &mut self,
        name: &str,
        outcome: Option<Value>,
        update: Replay,
        limits: &Limits,
    ) -> Changed {
        let after = outcome
            .as_ref()
            .map_or(0, |value| name.len() + value.bytes().len());
        self.room(name, limits, |_| after)?;
        let (edits, base) = self.edits_and_base();
        edits.update(name, outcome, update, &base);
        Ok(())
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

    /// True when a commit under way changes `name`: it may yet be refused, so that whatever is
    /// done to the attribute meanwhile must be committed as well.
    fn is_in_flight(&self, name: &str) -> bool {
        let in_flight = self.in_flight.as_ref();
        in_flight.is_some_and(|it| it.attributes.iter().any(|change| &*change.name == name))
    }

    fn sets_in_flight(&self, name: &str) -> bool {
        let sets = |change: &AttributeChange| {
            &*change.name == name && !matches!(change.edit, Edit::Append(_))
        };
        let in_flight = self.in_flight.as_ref();
        in_flight.is_some_and(|it| it.attributes.iter().any(sets))
    }

    /// The precondition of a plain set: none, unless strict reads are on and it was read.
    fn expected(&self, name: &str) -> Expected {
        let read = self.reads.iter().find(|(other, _)| &**other == name);
        read.map_or(Expected::Anything, |&(_, revision)| revision)
    }

    /// Refuses a change of `name` that alone makes the session too large; `after` tells the
    /// size of the attribute after the change from the size before it. The store checks again,
    /// with what other requests added meanwhile.
    fn room(&self, name: &str, limits: &Limits, after: impl Fn(usize) -> usize) -> Changed {
        let base = self.base();
        let changes = self.pending.edits.changes();
        let stored = base
            .iter()
            .filter(|stored| !changes.iter().any(|change| change.name == stored.name))
            .map(|stored| (&stored.name, stored.size()));
        let changed = changes
            .iter()
            .filter(|change| change.edit != Edit::Remove)
            .map(|change| (&change.name, change.size_over(base.get(&change.name))));
        let (mut others, mut count, mut before) = (0, 0, 0);
        for (other, size) in stored.chain(changed) {
            if **other == *name {
                before = size;
            } else {
                others += size;
                count += 1;
            }
        }
        let after = after(before);
        let too_large = after > before && others + after > limits.max_bytes;
        let too_many = before == 0 && after > 0 && count >= limits.max_attributes;
        if too_large || too_many {
            return Err(SessionError::TooLarge);
        }
        Ok(())
    }
}

/// Borrowed in the usual case: that no commit is under way and nobody else has logged in.
#[inline]
fn base_of<'r>(
    record: &'r Record,
    in_flight: Option<&InFlight>,
    cleared: bool,
) -> Cow<'r, Attributes> {
    match in_flight {
        _ if cleared => Cow::Owned(Attributes::default()),
        None => Cow::Borrowed(&record.attributes),
        Some(changes) => Cow::Owned(changes.over(&record.attributes)),
    }
}

/// The outcome of a change of the request's own session.
pub(crate) type Changed = Result<(), SessionError>;

/// A value as a request sees it, to be decoded outside any lock.
pub(crate) enum View {
    /// The snapshot, which has the value or not.
    Stored(Attributes),
    /// The request's own value, or none.
    Own(Option<Value>),
}

impl View {
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Stored(attributes) => attributes.get(name).map(|attribute| &attribute.value),
            Self::Own(value) => value.as_ref(),
        }
    }
}
