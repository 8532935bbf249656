//! This workspace: adapter-axum on the memory store.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_axum::{Session, SessionLayer};
use axum::Router;
use axum::routing::{get, post};
use session_core::{
    Clock, Entropy, EntropyError, MemoryStore, SecretKey, SessionManager, SessionManagerBuilder,
    SystemClock, SystemEntropy, Timestamp,
};

use crate::chance::Chance;

use super::{
    Answer, COUNT, COUNTER, CREATE, DONE, HUNDRED_BYTES, READ, REMEMBER, TEXT, failed, number,
};

/// A clock that stands still until it is told the time.
#[derive(Clone)]
pub(crate) struct Calendar {
    now: Arc<AtomicU64>,
}

impl Default for Calendar {
    fn default() -> Self {
        Self {
            now: Arc::new(SystemClock.now().as_millis().into()),
        }
    }
}

impl Calendar {
    /// Tells it the time.
    pub(crate) fn set(&self, now: Timestamp) {
        self.now.store(now.as_millis(), Ordering::Relaxed);
    }
}

impl Clock for Calendar {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::Relaxed))
    }
}

/// Ids that are the same in every run. The operating system is asked for some as well, for that
/// takes its time.
struct Dice {
    system: SystemEntropy,
    chance: Mutex<Chance>,
}

impl Entropy for Dice {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        self.system.fill(buffer)?;
        let mut chance = self.chance.lock().map_err(|_| EntropyError)?;
        for some in buffer.chunks_mut(8) {
            some.copy_from_slice(&chance.next().to_le_bytes()[..some.len()]);
        }
        Ok(())
    }
}

pub(super) fn router() -> Result<Router, Box<dyn Error>> {
    serve(SessionManager::builder().secret_key(SecretKey::generate()?))
}

/// A site that is the same in every run: by the same requests, the same happens. A session lives
/// for `life`, whatever its visitor does.
pub(crate) fn repeatable(calendar: Calendar, life: Duration) -> Result<Router, Box<dyn Error>> {
    let dice = Dice {
        system: SystemEntropy::new(),
        chance: Mutex::new(Chance::new(7)),
    };
    let sessions = SessionManager::builder()
        .secret_key(SecretKey::new(Chance::new(8).key().as_bytes())?)
        .clock(calendar)
        .entropy(dice)
        .max_inactive_interval(Duration::ZERO)
        .absolute_timeout(life);
    serve(sessions)
}

fn serve(sessions: SessionManagerBuilder) -> Result<Router, Box<dyn Error>> {
    // The defaults would be full with the last of a million sessions, and then make room.
    let store = MemoryStore::builder()
        .max_sessions(2_000_000)
        .max_bytes(1 << 32);
    let sessions = sessions.store(store.build()).build()?;
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
