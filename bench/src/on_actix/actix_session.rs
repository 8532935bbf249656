//! actix-session with its cookie store and a signed cookie; everything else as it comes.

use std::error::Error;

use ::actix_session::config::CookieContentSecurity;
use ::actix_session::storage::CookieSessionStore;
use ::actix_session::{Session, SessionMiddleware};
use actix_web::App;
use actix_web::cookie::Key;
use actix_web::web::{get, post};

use super::site;
use crate::scenario::{COUNT, COUNTER, COUNTER_SEED, CREATE, DONE, READ, SEED_COUNTER, UNTOUCHED};
use crate::site::Site;

pub(super) async fn site() -> Result<Box<dyn Site>, Box<dyn Error>> {
    let sessions = SessionMiddleware::builder(CookieSessionStore::default(), Key::generate())
        .cookie_content_security(CookieContentSecurity::Signed)
        .build();
    let app = App::new()
        .wrap(sessions)
        .route(READ, get().to(read))
        .route(COUNT, post().to(count))
        .route(UNTOUCHED, get().to(untouched))
        .route(CREATE, post().to(create))
        .route(SEED_COUNTER, post().to(seed_counter));
    Ok(site::of(app).await)
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

async fn untouched() -> &'static str {
    DONE
}

async fn create(session: Session) -> actix_web::Result<String> {
    session.insert(COUNTER, 1)?;
    Ok(DONE.to_owned())
}

async fn seed_counter(session: Session) -> actix_web::Result<String> {
    session.insert(COUNTER, COUNTER_SEED)?;
    Ok(DONE.to_owned())
}
