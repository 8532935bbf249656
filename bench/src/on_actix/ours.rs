//! This workspace: adapter-actix on the memory store; everything as it comes.

use std::error::Error;

use actix_web::App;
use actix_web::web::{get, post};
use adapter_actix::{Rejection, Session, SessionMiddleware};
use session_core::{MemoryStore, SecretKey, SessionManager};

use super::site;
use crate::scenario::{COUNT, COUNTER, COUNTER_SEED, CREATE, DONE, READ, SEED_COUNTER, UNTOUCHED};
use crate::site::Site;

pub(super) async fn site() -> Result<Box<dyn Site>, Box<dyn Error>> {
    let sessions = SessionManager::builder()
        .secret_key(SecretKey::generate()?)
        .store(MemoryStore::new())
        .build()?;
    let app = App::new()
        .wrap(SessionMiddleware::new(sessions))
        .route(READ, get().to(read))
        .route(COUNT, post().to(count))
        .route(UNTOUCHED, get().to(untouched))
        .route(CREATE, post().to(create))
        .route(SEED_COUNTER, post().to(seed_counter));
    Ok(site::of(app).await)
}

async fn read(session: Session) -> Result<String, Rejection> {
    let counter: Option<u64> = session.get_attribute(COUNTER)?;
    Ok(counter.unwrap_or_default().to_string())
}

async fn count(session: Session) -> Result<String, Rejection> {
    let counter = session.update_attribute(COUNTER, |counter: &mut u64| *counter += 1)?;
    Ok(counter.to_string())
}

async fn untouched() -> &'static str {
    DONE
}

async fn create(session: Session) -> Result<String, Rejection> {
    session.set_attribute(COUNTER, &1)?;
    Ok(DONE.to_owned())
}

async fn seed_counter(session: Session) -> Result<String, Rejection> {
    session.set_attribute(COUNTER, &COUNTER_SEED)?;
    Ok(DONE.to_owned())
}
