//! axum_session without a database and with a signed cookie; everything else as it comes.

use std::error::Error;

use ::axum_session::{Key, SessionConfig, SessionLayer, SessionNullPool, SessionStore};
use axum::Router;
use axum::routing::{get, post};

use crate::scenario::{
    APPEND, Answer, COUNT, COUNTER, COUNTER_SEED, CREATE, DONE, HISTORY, LENGTH, Message, READ,
    SEED_COUNTER, SEED_HISTORY, UNTOUCHED, UPDATE, seed_history,
};

type Session = ::axum_session::Session<SessionNullPool>;

pub(super) async fn router() -> Result<Router, Box<dyn Error>> {
    let config = SessionConfig::default().with_key(Key::generate());
    let store = SessionStore::<SessionNullPool>::new(None, config).await?;
    Ok(Router::new()
        .route(READ, get(read))
        .route(COUNT, post(count))
        .route(UNTOUCHED, get(untouched))
        .route(CREATE, post(create))
        .route(APPEND, post(append))
        .route(UPDATE, post(append))
        .route(SEED_COUNTER, post(seed_counter))
        .route(SEED_HISTORY, post(seed_chat))
        .route(LENGTH, get(length))
        .layer(SessionLayer::new(store))
        .with_state(()))
}

async fn read(session: Session) -> Answer {
    let counter: Option<u64> = session.get(COUNTER);
    Ok(counter.unwrap_or_default().to_string())
}

async fn count(session: Session) -> Answer {
    let counter: Option<u64> = session.get(COUNTER);
    let counter = counter.unwrap_or_default() + 1;
    session.set(COUNTER, counter);
    Ok(counter.to_string())
}

async fn untouched() -> &'static str {
    DONE
}

async fn create(session: Session) -> Answer {
    session.set(COUNTER, 1);
    Ok(DONE.to_owned())
}

async fn append(session: Session) -> Answer {
    let history: Option<Vec<Message>> = session.get(HISTORY);
    let mut history = history.unwrap_or_default();
    history.push(Message::new());
    session.set(HISTORY, history);
    Ok(DONE.to_owned())
}

async fn seed_counter(session: Session) -> Answer {
    session.set(COUNTER, COUNTER_SEED);
    Ok(DONE.to_owned())
}

async fn seed_chat(session: Session) -> Answer {
    session.set(HISTORY, seed_history());
    Ok(DONE.to_owned())
}

async fn length(session: Session) -> Answer {
    let history: Option<Vec<Message>> = session.get(HISTORY);
    Ok(history.unwrap_or_default().len().to_string())
}
