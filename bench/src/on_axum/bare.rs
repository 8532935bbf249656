//! No sessions: the handlers answer what the others answer, from constants. The message that
//! a chat handler appends is made here too.

use std::hint::black_box;

use axum::Router;
use axum::routing::{get, post};

use crate::scenario::{
    APPEND, Answer, COUNT, COUNTER_SEED, CREATE, DONE, LENGTH, Message, READ, SEED_COUNTER,
    SEED_HISTORY, UNTOUCHED, UPDATE, seed_history,
};

pub(super) fn router() -> Router {
    Router::new()
        .route(READ, get(read))
        .route(COUNT, post(count))
        .route(UNTOUCHED, get(untouched))
        .route(CREATE, post(done))
        .route(APPEND, post(append))
        .route(UPDATE, post(append))
        .route(SEED_COUNTER, post(done))
        .route(SEED_HISTORY, post(done))
        .route(LENGTH, get(length))
        .with_state(())
}

async fn read() -> Answer {
    Ok(black_box(COUNTER_SEED).to_string())
}

async fn count() -> Answer {
    Ok((black_box(COUNTER_SEED) + 1).to_string())
}

async fn untouched() -> &'static str {
    DONE
}

async fn append() -> Answer {
    black_box(Message::new());
    Ok(DONE.to_owned())
}

async fn length() -> Answer {
    Ok(seed_history().len().to_string())
}

async fn done() -> Answer {
    Ok(DONE.to_owned())
}
