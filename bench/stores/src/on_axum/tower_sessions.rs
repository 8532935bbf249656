//! tower-sessions with a signed cookie, on the stores that its documentation names.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tower_sessions::cookie::Key;
use tower_sessions::cookie::time::Duration;
use tower_sessions::service::SignedCookie;
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike, Config, Pool};
use tower_sessions_sqlx_store::sqlx::postgres::PgPoolOptions;
use tower_sessions_sqlx_store::sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use tower_sessions_sqlx_store::{PostgresStore, SqliteStore};

use crate::site::{COUNTER, Trouble};

/// Connections of a pool: what the documentation of the Redis store has.
const CONNECTIONS: usize = 6;

/// Whether a visit that only reads keeps a session from expiring.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Visits {
    /// As it comes: 30 minutes after the last change a session expires, whoever reads it.
    DoNotCount,
    /// As sessions of this workspace do, and those of the Servlet API.
    Count,
}

pub(super) async fn on_redis(url: String, visits: Visits) -> Result<Router, Trouble> {
    let pool = Pool::new(Config::from_url(&url)?, None, None, None, CONNECTIONS)?;
    pool.connect();
    pool.wait_for_connect().await?;
    Ok(router(RedisStore::new(pool), visits))
}

pub(super) async fn on_postgres(url: String, visits: Visits) -> Result<Router, Trouble> {
    let pool = PgPoolOptions::new().connect(&url).await?;
    let store = PostgresStore::new(pool);
    store.migrate().await?;
    Ok(router(store, visits))
}

pub(super) async fn on_sqlite(url: String, visits: Visits) -> Result<Router, Trouble> {
    // A file of its own, beside the one of ours.
    let options = format!("{url}.tower-sessions").parse::<SqliteConnectOptions>()?;
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal);
    let pool = SqlitePoolOptions::new().connect_with(options).await?;
    let store = SqliteStore::new(pool);
    store.migrate().await?;
    Ok(router(store, visits))
}

fn router(store: impl SessionStore + Clone, visits: Visits) -> Router {
    let sessions: SessionManagerLayer<_, SignedCookie> = SessionManagerLayer::new(store)
        .with_expiry(Expiry::OnInactivity(Duration::minutes(30)))
        .with_always_save(visits == Visits::Count)
        .with_signed(Key::generate());
    Router::new()
        .route("/untouched", get(async || "done"))
        .route("/read", get(read))
        .route("/write", get(write))
        .route("/create", get(create))
        .layer(sessions)
}

async fn read(session: Session) -> Result<String, (StatusCode, String)> {
    let counter: Option<u64> = session.get(COUNTER).await.map_err(failed)?;
    Ok(counter.unwrap_or_default().to_string())
}

async fn write(session: Session) -> Result<String, (StatusCode, String)> {
    let counter: Option<u64> = session.get(COUNTER).await.map_err(failed)?;
    let counter = counter.unwrap_or_default() + 1;
    session.insert(COUNTER, counter).await.map_err(failed)?;
    Ok(counter.to_string())
}

async fn create(session: Session) -> Result<&'static str, (StatusCode, String)> {
    session.insert(COUNTER, 1).await.map_err(failed)?;
    Ok("done")
}

fn failed(error: impl std::fmt::Display) -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}
