//! Storing what a request changed. First decide, in pure code under the lock of the request;
//! then act, without any lock; then settle what the request sees from now on.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::engine::Engine;
use crate::entropy::EntropyError;
use crate::error::SessionError;
use crate::event::{DropReason, SessionEvent};
use crate::exchange::state::{Death, Ending, Phase, State};
use crate::session::edits::{Edits, TakenTwice};
use crate::session::live::{InFlight, Live};
use crate::session::{Attributes, ChangeSet, Record, Reply, SessionHandle, SessionId, StoreKey};
use crate::store::{Access, Applied, Created, Deleted};

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

/// Two clashes of 256 random bits mean a broken generator: stop and say so.
const ID_ATTEMPTS_MAX: usize = 2;

/// How many forwarding entries a write follows: as many rotations can hardly happen within one
/// request.
pub(crate) const HOPS_MAX: usize = 16;

/// For how long a commit tries again when other requests win the race for an attribute.
/// Somebody always wins, so this much time passes only under a storm of writers.
const CONFLICT_PATIENCE: Duration = Duration::from_secs(10);

/// Longest pause before another try on a store that is not in this process.
const BACK_OFF_MAX_MILLIS: u64 = 8;

/// What a commit has to do.
pub(crate) struct Batch {
    endings: Vec<Ending>,
    main: Main,
    /// The session of the request that `main` is about.
    incarnation: usize,
}

enum Main {
    Nothing,
    /// The changes can no longer be stored; what was ended is ended all the same.
    Refuse(SessionError),
    Create(Box<Record>, SessionId),
    Apply(Change),
    Rename(Change, SessionId),
}

struct Change {
    key: StoreKey,
    changes: ChangeSet,
    edits: Edits,
    /// True when it carries no change of the handler's: it may be lost without harm.
    only_touch: bool,
    taken_twice: TakenTwice,
}

/// What a commit did, to be settled under the lock.
pub(crate) struct Acted {
    incarnation: usize,
    /// True when a session was deleted.
    ended: bool,
    events: Vec<SessionEvent>,
    expired_cookie: bool,
    main: Result<Done, SessionError>,
    now: Timestamp,
}

enum Done {
    Nothing,
    /// There was nothing to store, and the session turned out to be gone.
    Vanished,
    Created(Box<Record>, SessionId),
    Applied {
        key: StoreKey,
        moved: bool,
        record: Option<Record>,
        new_id: Option<SessionId>,
        reissued: bool,
        only_touch: bool,
    },
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.endings.is_empty() && matches!(self.main, Main::Nothing)
    }
}

/// True when a commit before the response head would have something to do.
pub(crate) fn something_is_due(state: &State, engine: &Engine) -> bool {
    let due = state.live.as_ref().is_some_and(|live| {
        !live.pending.is_empty()
            || (live.stored && !live.gone && {
                let now = engine.now();
                access_is_due(live, engine, now) || reissue_is_due(live, engine, now)
            })
    });
    due || !state.endings.is_empty()
}

/// Decides what there is to store, and takes it out of `state`.
pub(crate) fn decide(
    state: &mut State,
    engine: &Engine,
    moment: Moment,
    readers: Readers,
    now: Timestamp,
) -> Batch {
    let phase = state.phase;
    if moment == Moment::Head {
        state.phase = Phase::HeadSent;
    }
    state.dirty_since = None;
    let main = match &mut state.live {
        None => Main::Nothing,
        Some(live) if !live.stored => decide_unstored(live, engine, phase, readers, now),
        Some(live) => decide_stored(live, engine, moment, readers, now),
    };
    Batch {
        endings: std::mem::take(&mut state.endings),
        main,
        incarnation: state.incarnation(),
    }
}

fn decide_unstored(
    live: &mut Live,
    engine: &Engine,
    phase: Phase,
    readers: Readers,
    now: Timestamp,
) -> Main {
    if live.pending.is_empty() {
        return Main::Nothing;
    }
    if phase != Phase::Open {
        live.pending = Default::default();
        return Main::Refuse(SessionError::ResponseCommitted);
    }
    create(live, engine, readers, now).unwrap_or_else(Main::Refuse)
}

fn decide_stored(
    live: &mut Live,
    engine: &Engine,
    moment: Moment,
    readers: Readers,
    now: Timestamp,
) -> Main {
    let only_touch = live.pending.is_empty();
    let new_id = live.pending.new_id;
    if live.gone || (live.moved && new_id.is_some()) {
        live.pending = Default::default();
        return match (only_touch, live.gone) {
            (true, _) => Main::Nothing,
            (false, true) => Main::Refuse(SessionError::Gone),
            // A rotation never follows a forward: the other one won.
            (false, false) => Main::Refuse(SessionError::Moved),
        };
    }
    let reissue = moment == Moment::Head && new_id.is_none() && reissue_is_due(live, engine, now);
    if only_touch && !reissue && (moment == Moment::Save || !access_is_due(live, engine, now)) {
        return Main::Nothing;
    }
    // A login moves the absolute deadline, which the life of the cookie depends on.
    let reply = match readers {
        Readers::Some if !only_touch => Reply::Record,
        _ if live.pending.login.is_some() => Reply::Record,
        _ => Reply::Revision,
    };
    let (mut changes, edits) = live.take_changes(now, engine.settings.limits, reply);
    if reissue || new_id.is_some() {
        changes.issued_at = Some(now);
    }
    match readers {
        Readers::Nobody => live.record.attributes = Default::default(),
        Readers::Some => live.in_flight = Some(Box::new(InFlight::of(&changes))),
    }
    let change = Change {
        key: live.record.key,
        changes,
        edits,
        only_touch,
        taken_twice: match moment {
            Moment::Save => TakenTwice::Refuse,
            Moment::Head | Moment::Late => TakenTwice::Ignore,
        },
    };
    match new_id {
        Some(id) => Main::Rename(change, id),
        None => Main::Apply(change),
    }
}

fn create(
    live: &mut Live,
    engine: &Engine,
    readers: Readers,
    now: Timestamp,
) -> Result<Main, SessionError> {
    let id = match live.pending.new_id.or(live.id) {
        Some(id) => id,
        None => engine.draw_id()?,
    };
    let (changes, _) = live.take_changes(now, engine.settings.limits, Reply::Revision);
    let mut record = live.record.clone();
    record.key = engine.store_key(&id);
    record.handle = SessionHandle::of_new_session(&record.key);
    record.issued_at = now;
    record.apply(&changes, now)?;
    live.creating = true;
    if readers == Readers::Some {
        live.in_flight = Some(Box::new(InFlight::of(&changes)));
    }
    Ok(Main::Create(Box::new(record), id))
}

/// True when the client should be sent its unchanged id again: its token was made with an
/// older key, or a tenth of the life of its persistent cookie has passed.
fn reissue_is_due(live: &Live, engine: &Engine, now: Timestamp) -> bool {
    if live.moved || live.announce {
        return false;
    }
    let rolling = engine
        .cookie
        .max_age()
        .is_some_and(|life| now.saturating_since(live.record.issued_at) >= life / 10);
    live.signed_by_older_key || rolling
}

pub(crate) fn access_is_due(live: &Live, engine: &Engine, now: Timestamp) -> bool {
    let access = Access::Counted {
        unless_within: engine.touch_interval(),
    };
    access.is_due(&live.record, now)
}

/// Does what was decided.
pub(crate) async fn act(engine: &Engine, batch: &mut Batch, now: Timestamp) -> Acted {
    let mut acted = Acted {
        incarnation: batch.incarnation,
        ended: false,
        events: Vec::new(),
        expired_cookie: false,
        main: Ok(Done::Nothing),
        now,
    };
    for ending in &batch.endings {
        match end(engine, ending).await {
            Ok(Ended::Absent) => {}
            Ok(Ended::Removed { hops }) => {
                acted.ended = true;
                acted.note(engine, SessionEvent::Ended(ending.reason));
                acted.expired_cookie |= ending.presented && hops == 0;
            }
            Err(error) => {
                acted.main = Err(error);
                return acted;
            }
        }
    }
    acted.main = match std::mem::replace(&mut batch.main, Main::Nothing) {
        Main::Nothing => Ok(Done::Nothing),
        Main::Refuse(error) => Err(error),
        Main::Create(mut record, id) => {
            let stored = store_new(engine, &mut record, id, now).await;
            stored.map(|id| Done::Created(record, id))
        }
        Main::Apply(mut change) => match &mut change {
            touch if touch.only_touch => Ok(touch_stored(engine, touch, now).await),
            change => change_stored(engine, change, None, now).await,
        },
        Main::Rename(mut change, id) => change_stored(engine, &mut change, Some(id), now).await,
    };
    match &acted.main {
        Ok(Done::Created(..)) => acted.note(engine, SessionEvent::Created),
        Ok(Done::Applied {
            new_id: Some(_), ..
        }) => acted.note(engine, SessionEvent::Renamed),
        _ => {}
    }
    acted
}

impl Acted {
    /// Remembers an event, if anybody wants to be told.
    fn note(&mut self, engine: &Engine, event: SessionEvent) {
        if engine.events.is_heard() {
            self.events.push(event);
        }
    }
}

enum Ended {
    Absent,
    Removed { hops: usize },
}

async fn end(engine: &Engine, ending: &Ending) -> Result<Ended, SessionError> {
    let mut key = ending.key;
    for hops in 0..HOPS_MAX {
        match engine.delete(&key).await? {
            Deleted::Absent => return Ok(Ended::Absent),
            Deleted::Moved(to) => key = to,
            Deleted::Removed(_) => return Ok(Ended::Removed { hops }),
        }
    }
    Err(SessionError::Moved)
}

async fn store_new(
    engine: &Engine,
    record: &mut Record,
    mut id: SessionId,
    now: Timestamp,
) -> Result<SessionId, SessionError> {
    for _ in 0..ID_ATTEMPTS_MAX {
        match engine.create(record, now).await? {
            Created::Created => return Ok(id),
            Created::Full => return Err(SessionError::Full),
            Created::Taken => {
                id = engine.draw_id()?;
                record.key = engine.store_key(&id);
            }
        }
    }
    Err(EntropyError.into())
}

/// Records an access. A request that changed nothing does not fail because that was not
/// possible; it only learns whether the session is still there.
async fn touch_stored(engine: &Engine, change: &mut Change, now: Timestamp) -> Done {
    match change_stored(engine, change, None, now).await {
        Ok(done) => done,
        Err(SessionError::Gone) => Done::Vanished,
        Err(_) => Done::Nothing,
    }
}

/// Applies `change`, under a new id when there is one: follows the session where it moved,
/// and makes what depends on stored values again when another request was faster.
async fn change_stored(
    engine: &Engine,
    change: &mut Change,
    mut new_id: Option<SessionId>,
    started: Timestamp,
) -> Result<Done, SessionError> {
    let (mut hops, mut clashes, mut tries) = (0, 0, 0_u64);
    let mut key = change.key;
    let mut now = started;
    loop {
        let changes = &change.changes;
        let applied = match new_id {
            None => engine.apply(&key, changes, now).await?,
            Some(id) => {
                let new = engine.store_key(&id);
                engine.rename(&key, &new, changes, now).await?
            }
        };
        match applied {
            Applied::Applied { record, .. } => {
                return Ok(Done::Applied {
                    key: new_id.map_or(key, |id| engine.store_key(&id)),
                    moved: hops > 0,
                    record,
                    new_id,
                    reissued: changes.issued_at.is_some(),
                    only_touch: change.only_touch,
                });
            }
            Applied::Conflict(record) => {
                now = engine.now();
                if now.saturating_since(started) > CONFLICT_PATIENCE {
                    return Err(SessionError::Conflict);
                }
                // A login over another principal never sees that one's attributes.
                let stored = match change.changes.clear_attributes {
                    true => Attributes::default(),
                    false => record.attributes,
                };
                change
                    .edits
                    .replay(&mut change.changes.attributes, &stored, change.taken_twice)?;
                tries += 1;
                back_off(engine, tries).await?;
            }
            // A rotation never follows a forward.
            Applied::Moved(_) if new_id.is_some() => return Err(SessionError::Moved),
            Applied::Moved(to) if hops < HOPS_MAX => {
                // Its client has another cookie by now; this request can send it none.
                change.changes.issued_at = None;
                key = to;
                hops += 1;
            }
            Applied::Moved(_) => return Err(SessionError::Moved),
            Applied::Taken if clashes + 1 < ID_ATTEMPTS_MAX => {
                clashes += 1;
                new_id = Some(engine.draw_id()?);
            }
            Applied::Taken => return Err(EntropyError.into()),
            Applied::Full => return Err(SessionError::Full),
            Applied::Gone => return Err(SessionError::Gone),
            Applied::NotAList(name) => return Err(SessionError::NotAList { name }),
            Applied::TooLarge => return Err(SessionError::TooLarge),
        }
    }
}

/// Waits a little, by chance, so that writers in several processes do not keep step. A store
/// in this process needs none: its winner is done already.
async fn back_off(engine: &Engine, tries: u64) -> Result<(), SessionError> {
    if engine.is_immediate() {
        return Ok(());
    }
    let Some(runtime) = engine.runtime.get().map(Arc::clone) else {
        return Ok(());
    };
    let mut chance = [0; 1];
    engine.entropy.fill(&mut chance)?;
    let longest = tries.min(BACK_OFF_MAX_MILLIS);
    let micros = longest * 1_000 * u64::from(chance[0]) / 255;
    runtime.sleep(Duration::from_micros(micros)).await;
    Ok(())
}

/// Makes the request see what was stored. Answers the events to tell once the lock is free.
///
/// # Errors
/// Why the changes were not stored.
pub(crate) fn settle(
    state: &mut State,
    acted: Acted,
    moment: Moment,
) -> (Vec<SessionEvent>, Result<SaveOutcome, SessionError>) {
    let Acted {
        incarnation,
        ended,
        mut events,
        expired_cookie,
        main,
        now,
    } = acted;
    state.expire_cookie |= expired_cookie;
    let outcome = match main {
        Ok(done) if incarnation != state.incarnation() => {
            // It was invalidated while it was being stored for the first time.
            if let Done::Created(record, _) = done {
                state.end_stored(record.key);
            }
            Ok(SaveOutcome::Stored)
        }
        Ok(done) => Ok(fold(state, done, now, ended)),
        Err(error) => {
            let same = incarnation == state.incarnation();
            let live = state.live.as_mut().filter(|_| same);
            if let Some(live) = live {
                lose_changes(live, &error);
            }
            Err(fail(state, error, moment, &mut events))
        }
    };
    (events, outcome)
}

fn fold(state: &mut State, done: Done, now: Timestamp, ended: bool) -> SaveOutcome {
    let nothing = if ended {
        SaveOutcome::Stored
    } else {
        SaveOutcome::Unchanged
    };
    let Some(live) = &mut state.live else {
        return nothing;
    };
    live.in_flight = None;
    live.creating = false;
    live.version += 1;
    match done {
        Done::Nothing => nothing,
        Done::Vanished => {
            live.gone = true;
            nothing
        }
        Done::Created(record, id) => {
            live.record = *record;
            live.id = Some(id);
            live.stored = true;
            live.announce = true;
            SaveOutcome::Stored
        }
        Done::Applied {
            key,
            moved,
            record,
            new_id,
            reissued,
            only_touch,
        } => {
            live.moved |= moved;
            match record {
                Some(record) => live.record = record,
                None => live.record.record_access(now, now),
            }
            live.record.key = key;
            if let Some(id) = new_id {
                live.id = Some(id);
                live.announce = true;
            }
            if reissued && !live.moved {
                live.announce = true;
                live.record.issued_at = now;
            }
            if only_touch {
                SaveOutcome::Unchanged
            } else {
                SaveOutcome::Stored
            }
        }
    }
}

/// The session shows what is stored again. One that is gone stays so.
fn lose_changes(live: &mut Live, error: &SessionError) {
    live.in_flight = None;
    live.creating = false;
    live.version += 1;
    if matches!(error, SessionError::Gone) {
        live.gone = true;
        live.pending = Default::default();
    }
}

fn fail(
    state: &mut State,
    error: SessionError,
    moment: Moment,
    events: &mut Vec<SessionEvent>,
) -> SessionError {
    let outcome_unknown = matches!(
        error,
        SessionError::TimedOut(_) | SessionError::Unavailable(_)
    );
    match (&error, moment) {
        (SessionError::Gone, _) => {
            events.push(SessionEvent::WritesDropped(DropReason::Gone));
        }
        (_, Moment::Save) if !outcome_unknown => {}
        (_, Moment::Save | Moment::Head) => state.die(Death::CommitFailed),
        (_, Moment::Late) => {
            events.push(SessionEvent::LateCommitFailed);
            state.die(Death::CommitFailed);
        }
    }
    error
}
