//! actix-session with its cookie store and a signed cookie.

use std::error::Error;
use std::net::SocketAddr;

use ::actix_session::config::CookieContentSecurity;
use ::actix_session::storage::CookieSessionStore;
use ::actix_session::{Session, SessionMiddleware};
use actix_web::cookie::Key;
use actix_web::web::{get, post};
use actix_web::{App, HttpServer};

use crate::servers::COUNTER;

pub(super) async fn serve(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let key = Key::generate();
    let server = HttpServer::new(move || {
        let sessions = SessionMiddleware::builder(CookieSessionStore::default(), key.clone())
            .cookie_content_security(CookieContentSecurity::Signed)
            .build();
        App::new()
            .wrap(sessions)
            .route("/read", get().to(read))
            .route("/count", post().to(count))
    });
    Ok(server.workers(1).bind(address)?.run().await?)
}

async fn read(session: Session) -> actix_web::Result<String> {
    let counter: Option<u64> = session.get(COUNTER)?;
    Ok(counter.unwrap_or_default().to_string())
}

async fn count(session: Session) -> actix_web::Result<String> {
    let counter: Option<u64> = session.get(COUNTER)?;
    let counter = counter.unwrap_or_default() + 1;
    session.insert(COUNTER, counter)?;
    Ok(counter.to_string())
}
