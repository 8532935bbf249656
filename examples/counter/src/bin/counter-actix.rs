//! Counts the visits of a session.

use actix_web::{App, HttpServer, web};
use adapter_actix::{Rejection, Session, SessionMiddleware};
use session_core::{MemoryStore, SecretKey, SessionManager};

async fn count(session: Session) -> Result<String, Rejection> {
    let visits = session.update_attribute("visits", |visits: &mut u64| *visits += 1)?;
    Ok(format!("This is visit number {visits}.\n"))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sessions = SessionManager::builder()
        .secret_key(SecretKey::generate()?) // in earnest: SecretKey::from_env("SESSION_SECRET")?
        .store(MemoryStore::new())
        .secure(false) // for development over plain HTTP; leave it out behind TLS
        .cookie_name("counter-sid")
        .build()?;
    // Made once, and shared by the workers.
    let session = SessionMiddleware::new(sessions.clone());
    let app = move || {
        App::new()
            .wrap(session.clone())
            .route("/", web::get().to(count))
    };

    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8081");
    let server = HttpServer::new(app).bind(address)?;
    println!("listening on http://{}", server.addrs()[0]);
    server.run().await?; // stops at SIGINT and SIGTERM by itself
    sessions.drain().await;
    Ok(())
}
