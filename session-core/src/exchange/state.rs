//! What one request knows of its session. Every change goes through here, under one lock.

use std::task::Waker;

use super::handle::IdSource;
use super::turn::Queue;
use crate::clock::Timestamp;
use crate::engine::Engine;
use crate::error::SessionError;
use crate::event::{EndReason, SessionEvent};
use crate::lifecycle::admit::Admission;
use crate::lifecycle::bind::{Bar, Bound, Found};
use crate::session::live::Live;
use crate::session::{MaxInactiveInterval, Record, SessionId, StoreKey};

/// The state of one request's session.
pub(crate) struct State {
    pub(crate) queue: Queue,
    pub(crate) phase: Phase,
    pub(crate) admission: Admission,
    /// How the client is told its token.
    pub(crate) source: IdSource,
    /// True when the request came over HTTPS.
    pub(crate) secure: bool,
    /// True when the claims were looked up, so that `live` and `bar` say what they led to.
    pub(crate) bound: bool,
    /// True when the handler looked at the session in any way.
    pub(crate) consulted: bool,
    /// Why this request may not start a session.
    pub(crate) bar: Option<Bar>,
    /// The session now; `None` when there is none or none was asked for.
    pub(crate) live: Option<Live>,
    /// The id by which the client named the live session that it had at the start.
    pub(crate) presented: Option<SessionId>,
    /// Sessions that this request ended and that are to be deleted.
    pub(crate) endings: Vec<Ending>,
    /// True when this request deleted the session that the client's cookie names.
    pub(crate) expire_cookie: bool,
    /// What remains of sessions that were ended: handles of them still answer this.
    past: Vec<Past>,
    /// True while a task of the runtime is to commit what is left. A runtime that shuts down
    /// drops its tasks; what they were to commit is then lost, and not handed off again.
    pub(crate) handed_off: bool,
    /// Why a handler could not have its session, where its framework cannot say so.
    pub(crate) noted_failure: Option<Box<SessionError>>,
    /// Since when there has been something to commit, once the response head has left.
    pub(crate) dirty_since: Option<Timestamp>,
    /// Who keeps the session alive once there is one, and is woken then.
    keeper: Option<Waker>,
}

/// How far the request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The response head has not left.
    Open,
    /// The response head has left: no id can be sent any more.
    HeadSent,
    /// Nothing is committed any more.
    Dead(Death),
}

impl Phase {
    /// Refuses what could not be committed any more.
    pub(crate) const fn check(self) -> Result<(), SessionError> {
        match self {
            Self::Open | Self::HeadSent => Ok(()),
            Self::Dead(Death::Skipped) => Err(SessionError::Skipped),
            Self::Dead(_) => Err(SessionError::Failed),
        }
    }
}

/// Why a request commits nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// The handler was dropped before it answered.
    Abandoned,
    /// A commit failed, and what it stored is unknown or the response says so already.
    CommitFailed,
    /// The response has left and nobody held the session any more.
    Finished,
    /// A thread panicked while it held the session.
    Poisoned,
    /// Session handling is switched off for this request.
    Skipped,
}

/// A session that this request ended.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    /// The session as this request knows it.
    pub(crate) record: Record,
    pub(crate) reason: EndReason,
    /// True when the client's cookie names it.
    pub(crate) presented: bool,
    /// True when the store has said that it is gone.
    gone: bool,
}

/// What an invalidated session still tells.
#[derive(Clone, Copy, Debug)]
struct Past {
    id: Option<SessionId>,
    max_inactive_interval: MaxInactiveInterval,
    reason: EndReason,
}

impl State {
    pub(crate) fn new(admission: Admission, source: IdSource, secure: bool, phase: Phase) -> Self {
        Self {
            queue: Queue::default(),
            phase,
            admission,
            source,
            secure,
            bound: false,
            consulted: false,
            bar: None,
            live: None,
            presented: None,
            endings: Vec::new(),
            expire_cookie: false,
            past: Vec::new(),
            handed_off: false,
            noted_failure: None,
            dirty_since: None,
            keeper: None,
        }
    }

    /// A session that is used outside of a request: there is no response head to leave.
    pub(crate) fn without_head(found: Found) -> Self {
        Self {
            bound: true,
            live: Some(Live::loaded(found)),
            ..Self::new(Admission::Nothing, IdSource::Cookie, false, Phase::HeadSent)
        }
    }

    /// Takes over what binding found, unless another task of the request was faster. Answers
    /// the events to tell once the lock is free.
    pub(crate) fn accept(&mut self, bound: Bound) -> Vec<SessionEvent> {
        if self.bound {
            return Vec::new();
        }
        self.bound = true;
        self.bar = bound.bar;
        self.presented = bound.found.as_ref().and_then(|found| found.id);
        self.live = bound.found.map(Live::loaded);
        bound.events
    }

    /// Which of the request's sessions, one after the other, a new handle belongs to.
    pub(crate) fn incarnation(&self) -> usize {
        self.past.len()
    }

    /// True when there is a session in the sense of `getSession(false)`.
    pub(crate) fn exists(&self) -> bool {
        self.live.as_ref().is_some_and(Live::exists)
    }

    /// Makes sure that there is a session to write to, stored or not.
    pub(crate) fn get_or_create(&mut self, engine: &Engine) -> &mut Live {
        let settings = &engine.settings;
        self.live.get_or_insert_with(|| {
            Live::unstored(
                settings.max_inactive_interval,
                settings.absolute_timeout,
                engine.now(),
            )
        })
    }

    /// The session behind a handle of `incarnation`, for reading.
    pub(crate) fn look(&mut self, incarnation: usize) -> Result<&mut Live, SessionError> {
        if incarnation < self.incarnation() {
            return Err(SessionError::Invalidated);
        }
        // A handle of the present incarnation is only made after `get_or_create`.
        self.live.as_mut().ok_or(SessionError::Invalidated)
    }

    /// The session behind a handle of `incarnation`, for changing it: the one door.
    pub(crate) fn edit(&mut self, incarnation: usize) -> Result<&mut Live, SessionError> {
        let (phase, bar) = (self.phase, self.bar);
        let live = self.look(incarnation)?;
        phase.check()?;
        if phase == Phase::HeadSent && !live.stored && !live.creating {
            return Err(SessionError::ResponseCommitted);
        }
        if live.gone {
            return Err(SessionError::Gone);
        }
        match bar {
            Some(bar) if !live.stored => Err(bar.into()),
            _ => Ok(live),
        }
    }

    /// As [`edit`](Self::edit), for what the client must be told in the response head.
    pub(crate) fn edit_id(&mut self, incarnation: usize) -> Result<&mut Live, SessionError> {
        if self.phase == Phase::HeadSent {
            self.look(incarnation)?;
            return Err(SessionError::ResponseCommitted);
        }
        self.edit(incarnation)
    }

    /// Ends the session: what was to be changed is dropped, the record is to be deleted. A
    /// request that commits nothing more cannot end it either.
    pub(crate) fn end(
        &mut self,
        incarnation: usize,
        reason: EndReason,
    ) -> Result<(), SessionError> {
        self.look(incarnation)?;
        self.phase.check()?;
        if let Some(live) = self.live.take() {
            self.past.push(Past {
                id: live.id,
                max_inactive_interval: live.max_inactive_interval(),
                reason,
            });
            if live.stored {
                self.endings.push(Ending {
                    presented: !live.is_new && !live.moved,
                    record: live.record,
                    reason,
                    gone: live.gone,
                });
            }
        }
        Ok(())
    }

    /// The session of `incarnation`, which ended before its record was stored, is to be deleted
    /// all the same.
    pub(crate) fn end_stored(&mut self, incarnation: usize, record: Record) {
        let past = self.past.get(incarnation);
        self.endings.push(Ending {
            record,
            reason: past.map_or(EndReason::Invalidated, |past| past.reason),
            presented: false,
            gone: false,
        });
    }

    /// The id of the session of `incarnation`, if it has one yet; also after its end.
    pub(crate) fn id(&self, incarnation: usize) -> Option<SessionId> {
        match self.past.get(incarnation) {
            Some(past) => past.id,
            None => {
                let live = self.live.as_ref()?;
                live.pending.new_id.or(live.id)
            }
        }
    }

    /// The idle limit of the session of `incarnation`; also after its end.
    pub(crate) fn max_inactive_interval(&self, incarnation: usize) -> MaxInactiveInterval {
        match (self.past.get(incarnation), &self.live) {
            (Some(past), _) => past.max_inactive_interval,
            (None, Some(live)) => live.max_inactive_interval(),
            (None, None) => MaxInactiveInterval::Never,
        }
    }

    /// The session, if the store has one that is not known gone.
    pub(crate) fn stored(&self) -> Option<&Live> {
        self.live.as_ref().filter(|live| live.stored && !live.gone)
    }

    /// The session under `key`, unless it has ended or given way to another one meanwhile.
    fn stored_under(&mut self, key: StoreKey) -> Option<&mut Live> {
        let live = self.live.as_mut()?;
        (live.stored && live.record.key == key).then_some(live)
    }

    fn endings_under(&mut self, key: StoreKey) -> impl Iterator<Item = &mut Ending> {
        let endings = self.endings.iter_mut();
        endings.filter(move |ending| ending.record.key == key)
    }

    /// What is to be deleted and may still be there.
    pub(crate) fn endings_to_find(&self) -> impl Iterator<Item = &Record> {
        let endings = self.endings.iter().filter(|ending| !ending.gone);
        endings.map(|ending| &ending.record)
    }

    /// What a commit could not delete is still to be deleted, unless nothing is committed any more.
    pub(crate) fn end_again(&mut self, endings: &mut Vec<Ending>, now: Timestamp) {
        if endings.is_empty() || matches!(self.phase, Phase::Dead(_)) {
            return;
        }
        self.endings.splice(..0, endings.drain(..));
        if self.phase == Phase::HeadSent {
            self.dirty_since.get_or_insert(now);
        }
    }

    /// True when the store may have a session that this request uses or is to end.
    pub(crate) fn has_something_to_touch(&self) -> bool {
        self.stored().is_some() || self.endings_to_find().next().is_some()
    }

    /// `waker` is to be woken once there is something to touch. Answers whom that replaces, to be
    /// dropped once the lock is free.
    pub(crate) fn await_session(&mut self, waker: &Waker) -> Option<Waker> {
        match &self.keeper {
            Some(keeper) if keeper.will_wake(waker) => None,
            _ => self.keeper.replace(waker.clone()),
        }
    }

    /// Who waits for something to touch, if there is something now: to be woken once the lock is
    /// free.
    pub(crate) fn take_keeper(&mut self) -> Option<Waker> {
        if self.keeper.is_none() || !self.has_something_to_touch() {
            return None;
        }
        self.keeper.take()
    }

    /// Nobody keeps the session alive any more. To be dropped once the lock is free.
    pub(crate) fn forget_keeper(&mut self) -> Option<Waker> {
        self.keeper.take()
    }

    /// Another request renamed the session under `old` to `new`.
    pub(crate) fn follow(&mut self, old: StoreKey, new: StoreKey) {
        if let Some(live) = self.stored_under(old) {
            live.record.key = new;
            live.moved = true;
        }
        for ending in self.endings_under(old) {
            ending.record.key = new;
            ending.presented = false;
        }
    }

    /// Another request ended the session under `key`.
    pub(crate) fn lose(&mut self, key: StoreKey) {
        if let Some(live) = self.stored_under(key) {
            live.gone = true;
        }
        for ending in self.endings_under(key) {
            ending.gone = true;
        }
    }

    /// An access to the session under `key` was recorded.
    pub(crate) fn accessed(&mut self, key: StoreKey, now: Timestamp) {
        if let Some(live) = self.stored_under(key) {
            live.record.record_access(now, now);
        }
    }

    /// True when a commit would have something to store.
    pub(crate) fn is_dirty(&self) -> bool {
        let pending = self
            .live
            .as_ref()
            .is_some_and(|live| !live.pending.is_empty());
        pending || !self.endings.is_empty()
    }

    /// Drops everything uncommitted, for good.
    pub(crate) fn die(&mut self, death: Death) {
        if !matches!(self.phase, Phase::Dead(_)) {
            self.phase = Phase::Dead(death);
        }
        self.endings.clear();
        if let Some(live) = &mut self.live {
            live.pending = Default::default();
        }
    }
}
