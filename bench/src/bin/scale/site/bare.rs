//! No sessions: constants where the others answer from a session.

use std::hint::black_box;

use axum::Router;
use axum::routing::{get, post};

use super::{Answer, COUNT, CREATE, DONE, READ, REMEMBER, number};

pub(super) fn router() -> Router {
    Router::new()
        .route(READ, get(read))
        .route(COUNT, post(count))
        .route(CREATE, post(done))
        .route(REMEMBER, post(done))
        .with_state(())
}

async fn read() -> Answer {
    Ok(number(Some(black_box(42))))
}

async fn count() -> Answer {
    Ok((black_box(42_u64) + 1).to_string())
}

async fn done() -> Answer {
    Ok(DONE.to_owned())
}
