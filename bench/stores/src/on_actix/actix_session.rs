//! actix-session with a signed cookie and its Redis store.

use ::actix_session::config::{BrowserSession, CookieContentSecurity, TtlExtensionPolicy};
use ::actix_session::storage::RedisSessionStore;
use ::actix_session::{Session, SessionMiddleware};
use actix_web::App;
use actix_web::cookie::Key;
use actix_web::web::get;

use super::site;
use crate::site::{COUNTER, Site, Trouble};

/// As it comes: a session expires a day after its last change, whoever reads it.
pub(super) async fn on_redis(url: String) -> Result<Box<dyn Site>, Trouble> {
    open(url, TtlExtensionPolicy::OnStateChanges).await
}

/// Every visit keeps the session, as visits do in this workspace and in the Servlet API.
pub(super) async fn on_redis_with_visits(url: String) -> Result<Box<dyn Site>, Trouble> {
    open(url, TtlExtensionPolicy::OnEveryRequest).await
}

async fn open(url: String, policy: TtlExtensionPolicy) -> Result<Box<dyn Site>, Trouble> {
    let store = RedisSessionStore::new(url).await;
    let store = store.map_err(|error| error.to_string())?;
    let sessions = SessionMiddleware::builder(store, Key::generate())
        .cookie_content_security(CookieContentSecurity::Signed)
        .session_lifecycle(BrowserSession::default().state_ttl_extension_policy(policy))
        .build();
    let app = App::new()
        .wrap(sessions)
        .route("/untouched", get().to(async || "done"))
        .route("/read", get().to(read))
        .route("/write", get().to(write))
        .route("/create", get().to(create));
    Ok(site(app).await)
}

async fn read(session: Session) -> actix_web::Result<String> {
    let counter: Option<u64> = session.get(COUNTER)?;
    Ok(counter.unwrap_or_default().to_string())
}

async fn write(session: Session) -> actix_web::Result<String> {
    let counter: Option<u64> = session.get(COUNTER)?;
    let counter = counter.unwrap_or_default() + 1;
    session.insert(COUNTER, counter)?;
    Ok(counter.to_string())
}

async fn create(session: Session) -> actix_web::Result<&'static str> {
    session.insert(COUNTER, 1)?;
    Ok("done")
}
