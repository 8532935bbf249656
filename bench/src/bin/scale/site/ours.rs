//! This workspace: adapter-axum on the memory store.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adapter_axum::{Session, SessionLayer};
use axum::Router;
use axum::routing::{get, post};
use session_core::{
    Clock, MemoryStore, SecretKey, SessionManager, SessionManagerBuilder, SystemClock, Timestamp,
};

use super::{
    Answer, COUNT, COUNTER, CREATE, DONE, HUNDRED_BYTES, READ, REMEMBER, TEXT, failed, number,
};

/// The clock on the wall, which can be behind for as long as sessions are made of which each is
/// to expire at another time.
#[derive(Clone, Default)]
pub(crate) struct Calendar {
    milliseconds_behind: Arc<AtomicU64>,
}

impl Calendar {
    /// Puts the clock behind by this much.
    pub(crate) fn set_behind(&self, time: Duration) {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.milliseconds_behind
            .store(milliseconds, Ordering::Relaxed);
    }
}

impl Clock for Calendar {
    fn now(&self) -> Timestamp {
        let behind = self.milliseconds_behind.load(Ordering::Relaxed);
        Timestamp::from_millis(SystemClock.now().as_millis().saturating_sub(behind))
    }
}

pub(super) fn router() -> Result<Router, Box<dyn Error>> {
    serve(SessionManager::builder())
}

/// A site on which a session lives for `life`, whatever its visitor does.
pub(crate) fn expiring(calendar: Calendar, life: Duration) -> Result<Router, Box<dyn Error>> {
    let sessions = SessionManager::builder()
        .clock(calendar)
        .max_inactive_interval(Duration::ZERO)
        .absolute_timeout(life);
    serve(sessions)
}

fn serve(sessions: SessionManagerBuilder) -> Result<Router, Box<dyn Error>> {
    // The defaults would be full with the last of a million sessions, and then make room.
    let store = MemoryStore::builder()
        .max_sessions(2_000_000)
        .max_bytes(1 << 32);
    let sessions = sessions
        .secret_key(SecretKey::generate()?)
        .store(store.build())
        .build()?;
    Ok(Router::new()
        .route(READ, get(read))
        .route(COUNT, post(count))
        .route(CREATE, post(create))
        .route(REMEMBER, post(remember))
        .layer(SessionLayer::new(sessions))
        .with_state(()))
}

async fn read(session: Session) -> Answer {
    Ok(number(session.get_attribute(COUNTER).map_err(failed)?))
}

async fn count(session: Session) -> Answer {
    let counter = session
        .update_attribute(COUNTER, |counter: &mut u64| *counter += 1)
        .map_err(failed)?;
    Ok(counter.to_string())
}

async fn create(session: Session) -> Answer {
    session.set_attribute(COUNTER, &1).map_err(failed)?;
    Ok(DONE.to_owned())
}

async fn remember(session: Session) -> Answer {
    session.set_attribute(TEXT, HUNDRED_BYTES).map_err(failed)?;
    Ok(DONE.to_owned())
}
