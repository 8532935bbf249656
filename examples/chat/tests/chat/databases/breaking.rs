//! A store that goes away while a reply is being streamed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chat::app::Limits;
use chat::cors::Cors;
use chat::prompt::Message;
use chat::responder::Responder;
use reqwest::{StatusCode, header};
use session_core::store::SessionStore;
use session_core::{SecretKey, SessionManager};
use store_redis::RedisStore;
use store_sql::SqlStore;
use testbed::{Durability, Kind, Server};

use crate::on_axum::suite::accounts::registered;
use crate::on_axum::suite::site::{Site, Visitor};

/// How a store goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Its process is killed.
    Killed,
    /// It takes calls and answers none.
    Stopped,
}

async fn store(kind: Kind, url: &str) -> Arc<dyn SessionStore> {
    let patience = Duration::from_secs(2);
    match kind {
        Kind::Redis => {
            let builder = RedisStore::builder().timeout(patience);
            Arc::new(builder.connect(url).await.unwrap())
        }
        _ => {
            let builder = SqlStore::builder(url).timeout(patience);
            Arc::new(builder.connect().await.unwrap())
        }
    }
}

/// As soon as the store answers again, and no later than ten seconds after it could.
async fn history(visitor: &Visitor) -> Vec<Message> {
    let began = Instant::now();
    while visitor.get("/api/chat").await.status() != StatusCode::OK {
        assert!(began.elapsed() < Duration::from_secs(10), "it stays away");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    visitor.history().await
}

async fn what_was_said_survives(kind: Kind, way: Way) {
    let context = format!("{kind:?}, {way:?}");
    let mut server = Server::start_with(kind, Durability::Acknowledged).unwrap();
    let sessions = SessionManager::builder()
        .secret_key(SecretKey::generate().unwrap())
        .shared_store(store(kind, &server.url()).await)
        .secure(false)
        .build()
        .unwrap();
    let responder = Responder::embedded(Duration::from_millis(10));
    let site = Site::over(sessions, responder, Limits::default(), Cors::default()).await;
    let visitor = registered(&site, "ada").await;
    let before = visitor.talk("Before.").await;
    let cookie = visitor.cookie();

    let mut reply = visitor.say("Amid.").await;
    assert_eq!(reply.status(), StatusCode::OK, "{context}");
    let mut seen = reply.chunk().await.unwrap().unwrap().to_vec();
    match way {
        Way::Killed => server.kill().unwrap(),
        Way::Stopped => server.pause().unwrap(),
    }
    let saw_the_end = loop {
        match reply.chunk().await {
            Ok(Some(more)) => seen.extend(more),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };

    let began = Instant::now();
    let refused = visitor.get("/api/chat").await;
    assert_eq!(
        refused.status(),
        StatusCode::SERVICE_UNAVAILABLE,
        "{context}"
    );
    assert!(refused.headers().get(header::SET_COOKIE).is_none());
    assert!(began.elapsed() < Duration::from_secs(6), "{context}");
    assert_eq!(visitor.get("/").await.status(), StatusCode::OK, "{context}");
    assert_eq!(visitor.cookie(), cookie, "{context}");

    match way {
        Way::Killed => server.start_again().unwrap(),
        Way::Stopped => server.resume().unwrap(),
    }
    let after = history(&visitor).await;
    let stored = [
        Message::user("Before."),
        Message::assistant(before),
        Message::user("Amid."),
    ];
    assert_eq!(
        after[..3],
        stored,
        "{context}: the question was stored first"
    );
    let seen = String::from_utf8(seen).unwrap();
    if saw_the_end {
        assert_eq!(after[3], Message::assistant(&seen), "{context}");
    }
    if let Some(kept) = after.get(3) {
        let (short, long) = match kept.complete {
            true => (&seen, &kept.content),
            false => (&kept.content, &seen),
        };
        assert!(long.starts_with(short.as_str()), "{context}: {kept:?}");
    }
    let account = visitor.account().await;
    assert_eq!(account.as_deref(), Some("ada"), "{context}");
    let later = visitor.talk("After.").await;
    let history = visitor.history().await;
    assert_eq!(
        history.last(),
        Some(&Message::assistant(later)),
        "{context}"
    );
}

#[tokio::test]
async fn a_redis_that_is_killed_amid_a_reply_loses_nothing_that_was_acknowledged() {
    what_was_said_survives(Kind::Redis, Way::Killed).await;
}

#[tokio::test]
async fn a_redis_that_stops_amid_a_reply_loses_nothing_that_was_acknowledged() {
    what_was_said_survives(Kind::Redis, Way::Stopped).await;
}

#[tokio::test]
async fn a_postgresql_that_is_killed_amid_a_reply_loses_nothing_that_was_acknowledged() {
    what_was_said_survives(Kind::Postgres, Way::Killed).await;
}

#[tokio::test]
async fn a_postgresql_that_stops_amid_a_reply_loses_nothing_that_was_acknowledged() {
    what_was_said_survives(Kind::Postgres, Way::Stopped).await;
}

#[tokio::test]
async fn a_mariadb_that_is_killed_amid_a_reply_loses_nothing_that_was_acknowledged() {
    what_was_said_survives(Kind::MariaDb, Way::Killed).await;
}
