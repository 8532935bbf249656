//! adapter-actix on the memory store.

use std::error::Error;
use std::net::SocketAddr;

use actix_web::web::{get, post};
use actix_web::{App, HttpServer};
use adapter_actix::{Rejection, Session, SessionMiddleware};
use session_core::{MemoryStore, SecretKey, SessionManager};

use crate::servers::COUNTER;

pub(super) async fn serve(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let sessions = SessionManager::builder()
        .secret_key(SecretKey::generate()?)
        .store(MemoryStore::new())
        .build()?;
    let middleware = SessionMiddleware::new(sessions);
    let server = HttpServer::new(move || {
        App::new()
            .wrap(middleware.clone())
            .route("/read", get().to(read))
            .route("/count", post().to(count))
    });
    Ok(server.workers(1).bind(address)?.run().await?)
}

async fn read(session: Session) -> Result<String, Rejection> {
    let counter: Option<u64> = session.get_attribute(COUNTER)?;
    Ok(counter.unwrap_or_default().to_string())
}

async fn count(session: Session) -> Result<String, Rejection> {
    let counter = session.update_attribute(COUNTER, |counter: &mut u64| *counter += 1)?;
    Ok(counter.to_string())
}
