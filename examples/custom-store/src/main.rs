//! Counts the visits of each browser on 127.0.0.1:8082, over restarts too: the sessions are in
//! a file.
//!
//! `SESSION_SECRET=... cargo run -p custom-store`

use adapter_axum::{Rejection, Session, SessionLayer};
use axum::{Router, routing::get};
use custom_store::RedbStore;
use session_core::{SecretKey, SessionManager};

async fn count(session: Session) -> Result<String, Rejection> {
    let visits = session.update_attribute("visits", |visits: &mut u64| *visits += 1)?;
    Ok(format!("This is visit number {visits}.\n"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sessions = SessionManager::builder()
        .secret_key(SecretKey::from_env("SESSION_SECRET")?)
        .store(RedbStore::open("sessions.redb")?)
        .secure(false) // plain HTTP, for development only
        .build()?;
    let app = Router::new()
        .route("/", get(count))
        .layer(SessionLayer::new(sessions.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8082").await?;
    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            // Without the signal the server goes on, and can still be killed.
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    sessions.drain().await;
    Ok(())
}
