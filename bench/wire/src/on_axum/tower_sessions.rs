//! tower-sessions with its own memory store and a signed cookie.

use ::tower_sessions::cookie::Key;
use ::tower_sessions::{MemoryStore, Session, SessionManagerLayer};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};

use crate::servers::COUNTER;

type Answer = Result<String, StatusCode>;

pub(super) fn router() -> Router {
    Router::new()
        .route("/read", get(read))
        .route("/count", post(count))
        .layer(SessionManagerLayer::new(MemoryStore::default()).with_signed(Key::generate()))
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

fn failed(_: ::tower_sessions::session::Error) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}
