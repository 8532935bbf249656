//! tower-sessions with its own memory store and a signed cookie; everything else as it comes.

use ::tower_sessions::cookie::Key;
use ::tower_sessions::{MemoryStore, Session, SessionManagerLayer};
use axum::Router;
use axum::routing::{get, post};

use super::{
    Answer, COUNT, COUNTER, CREATE, DONE, HUNDRED_BYTES, READ, REMEMBER, TEXT, failed, number,
};

pub(super) fn router() -> Router {
    Router::new()
        .route(READ, get(read))
        .route(COUNT, post(count))
        .route(CREATE, post(create))
        .route(REMEMBER, post(remember))
        .layer(SessionManagerLayer::new(MemoryStore::default()).with_signed(Key::generate()))
        .with_state(())
}

async fn read(session: Session) -> Answer {
    Ok(number(session.get(COUNTER).await.map_err(failed)?))
}

async fn count(session: Session) -> Answer {
    let counter: Option<u64> = session.get(COUNTER).await.map_err(failed)?;
    let counter = counter.unwrap_or_default() + 1;
    session.insert(COUNTER, counter).await.map_err(failed)?;
    Ok(counter.to_string())
}

async fn create(session: Session) -> Answer {
    session.insert(COUNTER, 1).await.map_err(failed)?;
    Ok(DONE.to_owned())
}

async fn remember(session: Session) -> Answer {
    session.insert(TEXT, HUNDRED_BYTES).await.map_err(failed)?;
    Ok(DONE.to_owned())
}
