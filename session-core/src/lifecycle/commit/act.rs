//! Talking to the store, without any lock: the one place that writes.

use std::sync::Arc;
use std::time::Duration;

use super::lane::{Lanes, Turn};
use super::{Acted, Batch, Change, Done, Main};
use crate::clock::Timestamp;
use crate::engine::Engine;
use crate::entropy::EntropyError;
use crate::error::SessionError;
use crate::event::{Rejection, SessionEvent};
use crate::exchange::state::Ending;
use crate::listener::{Notices, WriteUnderWay};
use crate::session::{Attributes, Record, Reply, SessionHandle, SessionId, StoreKey};
use crate::store::{Applied, Created, Deleted, StoreError};

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

/// Does what was decided, and notes in `acted` what was done. Both are large and stay where they
/// are.
pub(crate) async fn act(engine: &Arc<Engine>, batch: &mut Batch, acted: &mut Acted) {
    let now = acted.now;
    // One that fails stays, with those behind it.
    while let Some(ending) = batch.endings.first() {
        match end(engine, ending).await {
            Ok(Ended::Absent) => {}
            Ok(Ended::Removed { hops, record }) => {
                acted.ended = true;
                if !engine.listeners.is_empty() {
                    // One that could not be read is told as the request knew it.
                    let record = record.as_ref().unwrap_or(&ending.record);
                    let story = Notices::of_ended(engine, record, ending.reason.into());
                    acted.told.stories.push(story);
                }
                acted.note(engine, SessionEvent::Ended(ending.reason));
                acted.expired_cookie |= ending.presented && hops == 0;
            }
            Err(error) => {
                acted.main = Err(error);
                return;
            }
        }
        batch.endings.remove(0);
    }
    acted.main = match &mut batch.main {
        Main::Nothing => Ok(Done::Nothing),
        Main::Refuse(error) => Err(error.clone()),
        Main::Create(record, id) => {
            let under_way = &mut acted.told.under_way;
            let stored = store_new(engine, record, *id, under_way, now).await;
            stored.map(Done::Created)
        }
        Main::Change(touch) if touch.only_touch => Ok(touch_stored(engine, touch, now).await),
        Main::Change(change) => {
            acted.told.under_way = engine.write_begins(change.handle);
            change_stored(engine, change, now).await
        }
    };
    acted.note_done(engine, &batch.main);
}

impl Acted {
    /// Remembers what was done, for those who want to be told.
    fn note_done(&mut self, engine: &Arc<Engine>, main: &Main) {
        let is_listened_to = !engine.listeners.is_empty();
        if !is_listened_to && !engine.events.is_heard() {
            return;
        }
        let (story, event) = match (&self.main, main) {
            (Ok(Done::Created(_)), Main::Create(record, _)) => {
                let story = is_listened_to.then(|| Notices::of_new(engine, record));
                (story, Some(SessionEvent::Created))
            }
            (
                Ok(Done::Applied {
                    record,
                    before,
                    new_id,
                    ..
                }),
                _,
            ) => {
                let change = before.as_deref().zip(record.as_ref());
                let story = change.map(|(old, new)| Notices::of_changed(engine, old, new));
                (story, new_id.map(|_| SessionEvent::Renamed))
            }
            _ => (None, None),
        };
        self.told.stories.extend(story);
        if let Some(event) = event {
            self.note(engine, event);
        }
    }

    /// Remembers an event, if anybody wants to be told.
    fn note(&mut self, engine: &Engine, event: SessionEvent) {
        if engine.events.is_heard() {
            self.events.push(event);
        }
    }
}

enum Ended {
    Absent,
    Removed { hops: usize, record: Option<Record> },
}

async fn end(engine: &Engine, ending: &Ending) -> Result<Ended, SessionError> {
    let mut key = ending.record.key;
    for hops in 0..HOPS_MAX {
        match engine.delete(&key).await? {
            Deleted::Absent => return Ok(Ended::Absent),
            Deleted::Moved(to) => key = to,
            Deleted::Removed(record) => {
                if record.as_ref().is_some_and(|record| record.key != key) {
                    return Err(engine.refuse_foreign());
                }
                return Ok(Ended::Removed { hops, record });
            }
        }
    }
    Err(SessionError::Moved)
}

async fn store_new(
    engine: &Arc<Engine>,
    record: &mut Record,
    mut id: SessionId,
    under_way: &mut Option<Box<WriteUnderWay>>,
    now: Timestamp,
) -> Result<SessionId, SessionError> {
    for _ in 0..ID_ATTEMPTS_MAX {
        *under_way = engine.write_begins(record.handle);
        match engine.create(record, now).await? {
            Created::Created => return Ok(id),
            Created::Full => return Err(SessionError::Full),
            Created::Refused => return Err(SessionError::TooManySessions),
            Created::Taken => {
                id = engine.draw_id()?;
                record.key = engine.store_key(&id);
                // The first one may be that of the session which has the key.
                record.handle = SessionHandle::of_new_session(&record.key);
            }
        }
    }
    Err(EntropyError.into())
}

/// Records an access. A request that changed nothing does not fail because that was not
/// possible; it only learns whether the session is still there.
async fn touch_stored(engine: &Engine, change: &mut Change, now: Timestamp) -> Done {
    match change_stored(engine, change, now).await {
        Ok(done) => done,
        Err(SessionError::Gone) => Done::Vanished,
        Err(_) => Done::Nothing,
    }
}

/// Applies `change`, under a new id when it has one: follows the session where it moved,
/// and makes what depends on stored values again when another request was faster.
async fn change_stored(
    engine: &Engine,
    change: &mut Change,
    started: Timestamp,
) -> Result<Done, SessionError> {
    let (mut hops, mut clashes, mut tries) = (0, 0, 0_u64);
    let (mut key, mut new_id) = (change.key, change.new_id);
    let mut now = started;
    let asked = change.changes.reply;
    let mut turn = Lanes::turn(engine, key, &change.changes).await;
    if let Some(stored) = turn.as_mut().and_then(Turn::take_stored) {
        change.replay(&stored)?;
    }
    loop {
        if turn.as_ref().is_some_and(Turn::is_awaited) && asked == Reply::Revision {
            change.changes.reply = Reply::Record;
        }
        let changes = &change.changes;
        let new = new_id.map_or(key, |id| engine.store_key(&id));
        let applied = match new_id {
            None => engine.apply(&key, changes, now).await,
            Some(_) => engine.rename(&key, &new, changes, now).await,
        };
        if let (Err(_), Some(turn)) = (&applied, &turn) {
            turn.dissolve();
        }
        let applied = applied?;
        if !is_about(&applied, [key, new]) {
            return Err(engine.refuse_foreign());
        }
        match applied {
            Applied::Applied { record, before, .. } => {
                if let (Some(turn), Some(record)) = (&mut turn, &record) {
                    turn.leave(record);
                }
                let record = record.filter(|_| asked != Reply::Revision);
                return Ok(Done::Applied {
                    key: new,
                    moved: hops > 0,
                    record,
                    before,
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
                change.replay(&stored)?;
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
            Applied::Refused => return Err(SessionError::TooManySessions),
            Applied::Gone => return Err(SessionError::Gone),
            Applied::NotAList(name) => return Err(SessionError::NotAList { name }),
            Applied::TooLarge => return Err(SessionError::TooLarge),
        }
    }
}

/// False when a store answered with the record of another session than the one under one of
/// `keys`. A connection on which answers are mixed up does so, whatever was asked.
fn is_about(applied: &Applied, keys: [StoreKey; 2]) -> bool {
    let is_own = |record: &Record| keys.contains(&record.key);
    match applied {
        Applied::Applied { record, before, .. } => {
            record.as_ref().is_none_or(is_own) && before.as_deref().is_none_or(is_own)
        }
        Applied::Conflict(record) => is_own(record),
        Applied::Full
        | Applied::Gone
        | Applied::Moved(_)
        | Applied::NotAList(_)
        | Applied::Refused
        | Applied::Taken
        | Applied::TooLarge => true,
    }
}

impl Engine {
    /// Tells that the store answered a write with the record of another session, and makes the
    /// error of it: to which write that answer belongs, and what became of this one, nobody knows.
    pub(crate) fn refuse_foreign(&self) -> SessionError {
        let event = SessionEvent::Rejected(Rejection::Foreign);
        self.events.send(event);
        let mixed_up = "the store answered with the record of another session";
        StoreError::Unavailable(mixed_up.into()).into()
    }
}

impl Change {
    /// Makes what depends on stored values again, on these.
    fn replay(&mut self, stored: &Attributes) -> Result<(), SessionError> {
        let changes = &mut self.changes.attributes;
        self.edits.replay(changes, stored, self.taken_twice)
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
