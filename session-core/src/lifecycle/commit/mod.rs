//! Storing what a request changed. First [`decide`], in pure code under the lock of the request;
//! then [`act`], without any lock; then [`settle`] what the request sees from now on.

mod act;
mod decide;
mod lane;
mod settle;

pub(crate) use act::{HOPS_MAX, act};
pub(crate) use decide::{access_is_due, decide, something_is_due};
pub(crate) use lane::Lanes;
pub(crate) use settle::settle;

use crate::clock::Timestamp;
use crate::error::SessionError;
use crate::event::SessionEvent;
use crate::exchange::state::Ending;
use crate::listener::{SessionNotice, Story, WriteUnderWay};
use crate::session::edits::{Edits, TakenTwice};
use crate::session::{ChangeSet, Record, SessionHandle, SessionId, StoreKey};

/// Why a commit happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The response head is about to leave.
    Head,
    /// After the head: during a long body, at its end, or when it was dropped.
    Late,
    /// The handler asked, and is told the outcome.
    Save,
}

/// Whether somebody may still read the session after a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// No handle is left. The snapshot is let go, so that an in-process store can change its
    /// record in place.
    Nobody,
    /// A handle may go on reading, and is to see what was committed.
    Some,
}

/// What `save` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SaveOutcome {
    /// The changes are stored.
    Stored,
    /// There was nothing to store.
    Unchanged,
}

/// What a commit has to do.
pub(crate) struct Batch {
    /// What is to be deleted; in the end, what could not be.
    pub(super) endings: Vec<Ending>,
    pub(super) main: Main,
    /// The session of the request that `main` is about.
    pub(super) incarnation: usize,
}

impl Batch {
    /// How many expired sessions the commit removes from an in-process store. They are in no cache,
    /// so a request that removes two waits twice. One that makes a session removes two all the same:
    /// some find nothing, or somebody else at it, and others have to make up for them.
    pub(crate) const fn sweeps(&self) -> usize {
        match self.main {
            Main::Create(..) => 2,
            Main::Nothing | Main::Refuse(_) | Main::Change(_) => 1,
        }
    }
}

pub(super) enum Main {
    Nothing,
    /// The changes can no longer be stored; what was ended is ended all the same.
    Refuse(SessionError),
    Create(Record, SessionId),
    Change(Change),
}

pub(super) struct Change {
    pub(super) key: StoreKey,
    pub(super) handle: SessionHandle,
    /// The id that the session gets by it.
    pub(super) new_id: Option<SessionId>,
    pub(super) changes: ChangeSet,
    pub(super) edits: Edits,
    /// True when it carries no change of the handler's: it may be lost without harm.
    pub(super) only_touch: bool,
    pub(super) taken_twice: TakenTwice,
}

/// What listeners are to be told of a commit.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) stories: Vec<Story<SessionNotice>>,
    /// To be dropped once the stories are handed over.
    pub(crate) under_way: Option<Box<WriteUnderWay>>,
}

/// What a commit did, to be settled under the lock.
pub(crate) struct Acted {
    /// True when a session was deleted.
    pub(super) ended: bool,
    pub(super) events: Vec<SessionEvent>,
    pub(super) told: Told,
    pub(super) expired_cookie: bool,
    pub(super) main: Result<Done, SessionError>,
    pub(super) now: Timestamp,
}

pub(super) enum Done {
    Nothing,
    /// There was nothing to store, and the session turned out to be gone.
    Vanished,
    /// What was decided is stored, under this id.
    Created(SessionId),
    Applied {
        key: StoreKey,
        moved: bool,
        record: Option<Record>,
        before: Option<Box<Record>>,
        new_id: Option<SessionId>,
        reissued: bool,
        only_touch: bool,
    },
}

impl Acted {
    /// Nothing yet.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            ended: false,
            events: Vec::new(),
            told: Told::default(),
            expired_cookie: false,
            main: Ok(Done::Nothing),
            now,
        }
    }

    pub(crate) fn take_told(&mut self) -> Told {
        std::mem::take(&mut self.told)
    }
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.endings.is_empty() && matches!(self.main, Main::Nothing)
    }
}
