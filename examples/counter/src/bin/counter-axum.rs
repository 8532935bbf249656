//! Counts the visits of a session.

use adapter_axum::{Rejection, Session, SessionLayer};
use axum::{Router, routing::get};
use session_core::{MemoryStore, SecretKey, SessionManager};
use tokio::signal::unix::{SignalKind as Kind, signal};

async fn count(session: Session) -> Result<String, Rejection> {
    let visits = session.update_attribute("visits", |visits: &mut u64| *visits += 1)?;
    Ok(format!("This is visit number {visits}.\n"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sessions = SessionManager::builder()
        .secret_key(SecretKey::generate()?) // in earnest: SecretKey::from_env("SESSION_SECRET")?
        .store(MemoryStore::new())
        .secure(false) // for development over plain HTTP; leave it out behind TLS
        .cookie_name("counter-sid")
        .build()?;
    let app = Router::new()
        .route("/", get(count))
        .layer(SessionLayer::new(sessions.clone()));

    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8081");
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let (mut interrupt, mut terminate) = (signal(Kind::interrupt())?, signal(Kind::terminate())?);
    let stop = async move {
        tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
    };
    axum::serve(listener, app)
        .with_graceful_shutdown(stop)
        .await?;
    sessions.drain().await;
    Ok(())
}
