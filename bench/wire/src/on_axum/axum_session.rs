//! axum_session without a database and with a signed cookie.

use std::error::Error;

use ::axum_session::{Key, SessionConfig, SessionLayer, SessionNullPool, SessionStore};
use axum::Router;
use axum::routing::{get, post};

use crate::servers::COUNTER;

type Session = ::axum_session::Session<SessionNullPool>;

pub(super) async fn router() -> Result<Router, Box<dyn Error>> {
    let config = SessionConfig::default().with_key(Key::generate());
    let store = SessionStore::<SessionNullPool>::new(None, config).await?;
    Ok(Router::new()
        .route("/read", get(read))
        .route("/count", post(count))
        .layer(SessionLayer::new(store)))
}

async fn read(session: Session) -> String {
    let counter: Option<u64> = session.get(COUNTER);
    counter.unwrap_or_default().to_string()
}

async fn count(session: Session) -> String {
    let counter: Option<u64> = session.get(COUNTER);
    let counter = counter.unwrap_or_default() + 1;
    session.set(COUNTER, counter);
    counter.to_string()
}
