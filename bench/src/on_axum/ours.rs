//! This workspace: adapter-axum on the memory store; everything as it comes.

use std::error::Error;

use adapter_axum::{Session, SessionLayer};
use axum::Router;
use axum::routing::{get, post};
use session_core::{MemoryStore, SecretKey, SessionManager};

use crate::scenario::{
    APPEND, Answer, COUNT, COUNTER, COUNTER_SEED, CREATE, DONE, HISTORY, LENGTH, Message, READ,
    SEED_COUNTER, SEED_HISTORY, UNTOUCHED, UPDATE, failed, seed_history,
};

pub(super) fn router() -> Result<Router, Box<dyn Error>> {
    let sessions = SessionManager::builder()
        .secret_key(SecretKey::generate()?)
        .store(MemoryStore::new())
        .build()?;
    Ok(Router::new()
        .route(READ, get(read))
        .route(COUNT, post(count))
        .route(UNTOUCHED, get(untouched))
        .route(CREATE, post(create))
        .route(APPEND, post(append))
        .route(UPDATE, post(update))
        .route(SEED_COUNTER, post(seed_counter))
        .route(SEED_HISTORY, post(seed_chat))
        .route(LENGTH, get(length))
        .layer(SessionLayer::new(sessions))
        .with_state(()))
}

async fn read(session: Session) -> Answer {
    let counter: Option<u64> = session.get_attribute(COUNTER).map_err(failed)?;
    Ok(counter.unwrap_or_default().to_string())
}

async fn count(session: Session) -> Answer {
    let counter = session
        .update_attribute(COUNTER, |counter: &mut u64| *counter += 1)
        .map_err(failed)?;
    Ok(counter.to_string())
}

async fn untouched() -> &'static str {
    DONE
}

async fn create(session: Session) -> Answer {
    session.set_attribute(COUNTER, &1).map_err(failed)?;
    Ok(DONE.to_owned())
}

async fn append(session: Session) -> Answer {
    session
        .append_attribute(HISTORY, &Message::new())
        .map_err(failed)?;
    Ok(DONE.to_owned())
}

async fn update(session: Session) -> Answer {
    // The closure may run again on a conflict, so it keeps the message.
    let message = Message::new();
    session
        .update_attribute(HISTORY, move |history: &mut Vec<Message>| {
            history.push(message.clone());
        })
        .map_err(failed)?;
    Ok(DONE.to_owned())
}

async fn seed_counter(session: Session) -> Answer {
    session
        .set_attribute(COUNTER, &COUNTER_SEED)
        .map_err(failed)?;
    Ok(DONE.to_owned())
}

async fn seed_chat(session: Session) -> Answer {
    session
        .set_attribute(HISTORY, &seed_history())
        .map_err(failed)?;
    Ok(DONE.to_owned())
}

async fn length(session: Session) -> Answer {
    let history: Option<Vec<Message>> = session.get_attribute(HISTORY).map_err(failed)?;
    Ok(history.unwrap_or_default().len().to_string())
}
