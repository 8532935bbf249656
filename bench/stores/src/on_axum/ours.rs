//! This workspace, as it comes.

use adapter_axum::{Rejection, Session, SessionLayer};
use axum::Router;
use axum::routing::get;
use session_core::store::SessionStore;
use session_core::{SecretKey, SessionManager};
use store_redis::RedisStore;
use store_sql::SqlStore;

use crate::site::{COUNTER, Trouble};

pub(super) async fn on_redis(url: String) -> Result<Router, Trouble> {
    router(RedisStore::connect(&url).await?)
}

pub(super) async fn on_sql(url: String) -> Result<Router, Trouble> {
    router(SqlStore::connect(&url).await?)
}

fn router(store: impl SessionStore) -> Result<Router, Trouble> {
    let sessions = SessionManager::builder()
        .secret_key(SecretKey::generate()?)
        .store(store)
        .build()?;
    Ok(Router::new()
        .route("/untouched", get(async || "done"))
        .route("/read", get(read))
        .route("/write", get(write))
        .route("/create", get(create))
        .layer(SessionLayer::new(sessions)))
}

async fn read(session: Session) -> Result<String, Rejection> {
    let counter: Option<u64> = session.get_attribute(COUNTER)?;
    Ok(counter.unwrap_or_default().to_string())
}

async fn write(session: Session) -> Result<String, Rejection> {
    let counter = session.update_attribute(COUNTER, |counter: &mut u64| *counter += 1)?;
    Ok(counter.to_string())
}

async fn create(session: Session) -> Result<&'static str, Rejection> {
    session.set_attribute(COUNTER, &1)?;
    Ok("done")
}
