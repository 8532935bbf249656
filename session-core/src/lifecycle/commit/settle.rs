//! What the request sees once its changes are stored, or are not.

use super::{Acted, Batch, Done, Main, Moment, SaveOutcome};
use crate::clock::Timestamp;
use crate::error::SessionError;
use crate::event::{DropReason, SessionEvent};
use crate::exchange::state::{Death, State};
use crate::session::live::Live;

/// Makes the request see what was stored. Answers the events to tell once the lock is free.
/// What was decided and done is used up.
///
/// # Errors
/// Why the changes were not stored.
pub(crate) fn settle(
    state: &mut State,
    batch: &mut Batch,
    acted: &mut Acted,
    moment: Moment,
) -> (Vec<SessionEvent>, Result<SaveOutcome, SessionError>) {
    let mut events = std::mem::take(&mut acted.events);
    state.expire_cookie |= acted.expired_cookie;
    state.end_again(&mut batch.endings, acted.now);
    let is_past = batch.incarnation != state.incarnation();
    let outcome = match &mut acted.main {
        Ok(done) if is_past => {
            // It was invalidated while it was being stored for the first time.
            if let (Done::Created(_), Main::Create(record, _)) = (done, &batch.main) {
                state.end_stored(batch.incarnation, record.clone());
            }
            Ok(SaveOutcome::Stored)
        }
        Ok(done) => Ok(fold(state, &mut batch.main, done, acted.now, acted.ended)),
        Err(error) => {
            let live = state.live.as_mut().filter(|_| !is_past);
            if let Some(live) = live {
                lose_changes(live, error);
            }
            Err(fail(state, error.clone(), moment, &mut events))
        }
    };
    (events, outcome)
}

fn fold(
    state: &mut State,
    main: &mut Main,
    done: &mut Done,
    now: Timestamp,
    ended: bool,
) -> SaveOutcome {
    let nothing = if ended {
        SaveOutcome::Stored
    } else {
        SaveOutcome::Unchanged
    };
    let Some(live) = &mut state.live else {
        return nothing;
    };
    live.land();
    match done {
        Done::Nothing => nothing,
        Done::Vanished => {
            live.gone = true;
            nothing
        }
        Done::Created(id) => {
            if let Main::Create(record, _) = main {
                std::mem::swap(&mut live.record, record);
            }
            live.id = Some(*id);
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
            before: _,
        } => {
            live.moved |= *moved;
            match record.take() {
                Some(record) => live.record = record,
                None => live.record.record_access(now, now),
            }
            live.record.key = *key;
            if let Some(id) = *new_id {
                live.id = Some(id);
                live.announce = true;
            }
            if *reissued && !live.moved {
                live.announce = true;
                live.record.issued_at = now;
            }
            if *only_touch {
                SaveOutcome::Unchanged
            } else {
                SaveOutcome::Stored
            }
        }
    }
}

/// The session shows what is stored again. One that is gone stays so.
fn lose_changes(live: &mut Live, error: &SessionError) {
    live.land();
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
