//! Talking to the store, without any lock: the one place that writes.

use std::sync::Arc;
use std::time::Duration;

use super::{Acted, Batch, Change, Done, Main};
use crate::clock::Timestamp;
use crate::engine::Engine;
use crate::entropy::EntropyError;
use crate::error::SessionError;
use crate::event::SessionEvent;
use crate::exchange::state::Ending;
use crate::listener::Notices;
use crate::session::{Attributes, Record, SessionHandle, SessionId};
use crate::store::{Applied, Created, Deleted};

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

/// Does what was decided. Both are large, and stay where they are: `acted` says what was done.
pub(crate) async fn act(engine: &Arc<Engine>, batch: &mut Batch, acted: &mut Acted) {
    let now = acted.now;
    for ending in &batch.endings {
        match end(engine, ending).await {
            Ok(Ended::Absent) => {}
            Ok(Ended::Removed { hops, record }) => {
                acted.ended = true;
                if let Some(record) = record {
                    acted.notice(engine, |notices| {
                        notices.destroyed(&record, ending.reason.into());
                    });
                }
                acted.note(engine, SessionEvent::Ended(ending.reason));
                acted.expired_cookie |= ending.presented && hops == 0;
            }
            Err(error) => {
                acted.main = Err(error);
                return;
            }
        }
    }
    acted.main = match &mut batch.main {
        Main::Nothing => Ok(Done::Nothing),
        Main::Refuse(error) => Err(error.clone()),
        Main::Create(record, id) => {
            let stored = store_new(engine, record, *id, now).await;
            stored.map(Done::Created)
        }
        Main::Change(touch) if touch.only_touch => Ok(touch_stored(engine, touch, now).await),
        Main::Change(change) => change_stored(engine, change, now).await,
    };
    acted.note_done(engine, &batch.main);
}

impl Acted {
    /// Remembers what was done, for those who want to be told.
    fn note_done(&mut self, engine: &Arc<Engine>, main: &Main) {
        if engine.listeners.is_empty() && !engine.events.is_heard() {
            return;
        }
        let mut notices = Notices::new(engine);
        let event = match (&self.main, main) {
            (Ok(Done::Created(_)), Main::Create(record, _)) => {
                if !engine.listeners.is_empty() {
                    notices.created(record);
                }
                Some(SessionEvent::Created)
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
                if let (Some(before), Some(after)) = (before, record) {
                    notices.changed(before, after);
                }
                new_id.map(|_| SessionEvent::Renamed)
            }
            _ => None,
        };
        self.notices.extend(notices.into_list());
        if let Some(event) = event {
            self.note(engine, event);
        }
    }

    /// Remembers what listeners are to be told, if there are any.
    fn notice(&mut self, engine: &Arc<Engine>, tell: impl FnOnce(&mut Notices<'_>)) {
        if !engine.listeners.is_empty() {
            let mut notices = Notices::new(engine);
            tell(&mut notices);
            self.notices.extend(notices.into_list());
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
    let mut key = ending.key;
    for hops in 0..HOPS_MAX {
        match engine.delete(&key).await? {
            Deleted::Absent => return Ok(Ended::Absent),
            Deleted::Moved(to) => key = to,
            Deleted::Removed(record) => return Ok(Ended::Removed { hops, record }),
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
            Applied::Applied { record, before, .. } => {
                return Ok(Done::Applied {
                    key: new_id.map_or(key, |id| engine.store_key(&id)),
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
            Applied::Refused => return Err(SessionError::TooManySessions),
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
