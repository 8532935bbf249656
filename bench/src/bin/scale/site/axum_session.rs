//! axum_session without a database and with a plain cookie; everything else as it comes.

use std::error::Error;

use ::axum_session::{SessionConfig, SessionLayer, SessionNullPool, SessionStore};
use axum::Router;
use axum::routing::{get, post};

use super::{Answer, COUNT, COUNTER, CREATE, DONE, HUNDRED_BYTES, READ, REMEMBER, TEXT, number};

type Session = ::axum_session::Session<SessionNullPool>;

pub(super) async fn router() -> Result<Router, Box<dyn Error>> {
    let store = SessionStore::<SessionNullPool>::new(None, SessionConfig::default()).await?;
    Ok(Router::new()
        .route(READ, get(read))
        .route(COUNT, post(count))
        .route(CREATE, post(create))
        .route(REMEMBER, post(remember))
        .layer(SessionLayer::new(store))
        .with_state(()))
}

async fn read(session: Session) -> Answer {
    Ok(number(session.get(COUNTER)))
}

async fn count(session: Session) -> Answer {
    let counter: Option<u64> = session.get(COUNTER);
    let counter = counter.unwrap_or_default() + 1;
    session.set(COUNTER, counter);
    Ok(counter.to_string())
}

async fn create(session: Session) -> Answer {
    session.set(COUNTER, 1);
    Ok(DONE.to_owned())
}

async fn remember(session: Session) -> Answer {
    session.set(TEXT, HUNDRED_BYTES);
    Ok(DONE.to_owned())
}
