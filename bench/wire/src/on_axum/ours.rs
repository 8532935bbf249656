//! adapter-axum on the memory store.

use std::error::Error;

use adapter_axum::{Rejection, Session, SessionLayer};
use axum::Router;
use axum::routing::{get, post};
use session_core::{MemoryStore, SecretKey, SessionManager};

use crate::servers::COUNTER;

pub(super) fn router() -> Result<Router, Box<dyn Error>> {
    let sessions = SessionManager::builder()
        .secret_key(SecretKey::generate()?)
        .store(MemoryStore::new())
        .build()?;
    Ok(Router::new()
        .route("/read", get(read))
        .route("/count", post(count))
        .layer(SessionLayer::new(sessions)))
}

async fn read(session: Session) -> Result<String, Rejection> {
    let counter: Option<u64> = session.get_attribute(COUNTER)?;
    Ok(counter.unwrap_or_default().to_string())
}

async fn count(session: Session) -> Result<String, Rejection> {
    let counter = session.update_attribute(COUNTER, |counter: &mut u64| *counter += 1)?;
    Ok(counter.to_string())
}
