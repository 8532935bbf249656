//! This workspace, as it comes.

use actix_web::App;
use actix_web::web::get;
use adapter_actix::{Rejection, Session, SessionMiddleware};
use session_core::{SecretKey, SessionManager};
use store_redis::RedisStore;

use super::site;
use crate::site::{COUNTER, Site, Trouble};

pub(super) async fn on_redis(url: String) -> Result<Box<dyn Site>, Trouble> {
    let sessions = SessionManager::builder()
        .secret_key(SecretKey::generate()?)
        .store(RedisStore::connect(&url).await?)
        .build()?;
    let app = App::new()
        .wrap(SessionMiddleware::new(sessions))
        .route("/untouched", get().to(async || "done"))
        .route("/read", get().to(read))
        .route("/write", get().to(write))
        .route("/create", get().to(create));
    Ok(site(app).await)
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
