//! What there is to store: pure, under the lock of the request.

use super::{Batch, Change, Main, Moment, Readers};
use crate::clock::Timestamp;
use crate::engine::Engine;
use crate::error::SessionError;
use crate::exchange::IdSource;
use crate::exchange::state::{Phase, State};
use crate::session::edits::TakenTwice;
use crate::session::live::{InFlight, Live};
use crate::session::{Reply, SessionHandle};

/// True when a commit before the response head would have something to do.
pub(crate) fn something_is_due(state: &State, engine: &Engine) -> bool {
    let touch_or_token = |live: &Live| {
        let now = engine.now();
        access_is_due(live, engine, now) || reissue_is_due(live, state.source, engine, now)
    };
    state.is_dirty() || state.stored().is_some_and(touch_or_token)
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
    Batch {
        main: match &mut state.live {
            None => Main::Nothing,
            Some(live) if !live.stored => decide_unstored(live, engine, phase, readers, now),
            // Nobody could be told the new id any more.
            Some(live) if phase != Phase::Open && live.pending.new_id.is_some() => {
                live.pending = Default::default();
                Main::Refuse(SessionError::ResponseCommitted)
            }
            Some(live) => decide_stored(live, state.source, engine, moment, readers, now),
        },
        endings: std::mem::take(&mut state.endings),
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
    source: IdSource,
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
    let reissue =
        moment == Moment::Head && new_id.is_none() && reissue_is_due(live, source, engine, now);
    if only_touch && !reissue && (moment == Moment::Save || !access_is_due(live, engine, now)) {
        return Main::Nothing;
    }
    // A login moves the absolute deadline, which the life of the cookie depends on.
    let reply = match readers {
        _ if !only_touch && !engine.listeners.is_empty() => Reply::Change,
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
    Main::Change(Change {
        key: live.record.key,
        handle: live.record.handle,
        new_id,
        changes,
        edits,
        only_touch,
        taken_twice: match moment {
            Moment::Save => TakenTwice::Refuse,
            Moment::Head | Moment::Late => TakenTwice::Ignore,
        },
    })
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
    live.id = Some(id);
    live.creating = true;
    if readers == Readers::Some {
        live.in_flight = Some(Box::new(InFlight::of(&changes)));
    }
    Ok(Main::Create(record, id))
}

/// True when the client should be sent its unchanged id again: its token was made with an
/// older key, or a tenth of the life of its persistent cookie has passed. How long a token in a
/// header is kept is its client's affair.
fn reissue_is_due(live: &Live, source: IdSource, engine: &Engine, now: Timestamp) -> bool {
    if live.moved || live.announce {
        return false;
    }
    let rolling = live
        .max_age(engine.max_age())
        .filter(|_| source == IdSource::Cookie)
        .is_some_and(|life| now.saturating_since(live.record.issued_at) >= life / 10);
    live.signed_by_older_key || rolling
}

pub(crate) fn access_is_due(live: &Live, engine: &Engine, now: Timestamp) -> bool {
    engine.access().is_due(&live.record, now)
}
