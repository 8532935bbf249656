//! A counter on poem: `custom-adapter [PORT]`, on 127.0.0.1, at port 8082 unless told otherwise.

use std::error::Error;

use custom_adapter::{Rejection, Session, serve, with_sessions};
use poem::{Route, get, handler};
use session_core::{MemoryStore, SecretKey, SessionManager};
use tokio::signal::unix::{SignalKind as Kind, signal};

#[handler]
fn count(Session(session): Session) -> Result<String, Rejection> {
    let visits = session.update_attribute("visits", |visits: &mut u64| *visits += 1)?;
    Ok(format!("This is visit number {visits}.\n"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args()
        .nth(1)
        .map_or(Ok(8082), |port| port.parse::<u16>())?;
    let sessions = SessionManager::builder()
        .secret_key(SecretKey::generate()?) // in earnest: SecretKey::from_env("SESSION_SECRET")?
        .store(MemoryStore::new())
        .secure(false) // for development over plain HTTP; leave it out behind TLS
        .cookie_name("counter-sid")
        .build()?;
    let app = with_sessions(Route::new().at("/", get(count)), sessions.clone());

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let (mut interrupt, mut terminate) = (signal(Kind::interrupt())?, signal(Kind::terminate())?);
    let stop = async move {
        tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
    };
    serve(listener, app, stop).await?;
    sessions.drain().await;
    Ok(())
}
