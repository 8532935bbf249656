//! Accounts in the databases there are, and what becomes of a chat whose database is away.

mod breaking;
mod on_mariadb;
mod on_postgres;
mod on_redis;
mod on_redis_cluster;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chat::accounts::{AccountError, AccountStore, Accounts, Cost, Password, SqlAccounts};
use chat::app::Limits;
use chat::cors::Cors;
use chat::prompt::{ChatPrompt, Message};
use chat::responder::Responder;
use reqwest::StatusCode;
use session_core::testkit::ManualClock;
use session_core::{SecretKey, SessionManager, SystemEntropy};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use testbed::{Durability, Kind, Server};
use tokio::runtime::Handle;

use crate::on_axum::suite::accounts::registered;
use crate::on_axum::suite::program::outlives_its_program;
use crate::on_axum::suite::site::{Folder, Site, error_of};

const ROOM: usize = 1 << 20;

/// A database of this test's own.
async fn database(kind: Kind) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("chat_{}_{number}", std::process::id());
    let shared = testbed::shared(kind).unwrap();
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(&shared).await.unwrap();
    let create = sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}")));
    create.execute(&mut connection).await.unwrap();
    let (server, _) = shared.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

/// Accounts as another process would have them: on connections of their own.
fn accounts(url: &str) -> Accounts {
    let cost = Cost {
        memory: 8,
        passes: 1,
    };
    let kept = AccountStore::Sql(SqlAccounts::new(url).unwrap());
    let (entropy, clock) = (Arc::new(SystemEntropy::new()), Arc::new(ManualClock::new()));
    Accounts::new(kept, cost, entropy, clock, Handle::current()).unwrap()
}

fn written(password: &str) -> Password {
    Password::from(password.to_owned())
}

/// A conversation of one question.
fn asked(id: u64, text: &str) -> ChatPrompt {
    let question = serde_json::json!([
        { "asked": { "id": id, "reply": id, "attempt": 0, "text": text } }
    ]);
    serde_json::from_value(question).unwrap()
}

/// What is promised of accounts, on the database at `url`.
async fn keeps_the_promises(url: &str) {
    let (one, other) = (accounts(url), accounts(url));
    // Also that of the tables, which both make at the same time.
    let (first, second) = tokio::join!(
        one.register("猫 Ada", written("password 1")),
        other.register("猫 ada", written("password 2")),
    );
    let (winner, loser) = match (&first, &second) {
        (Ok(_), Err(AccountError::Taken)) => ("password 1", "password 2"),
        (Err(AccountError::Taken), Ok(_)) => ("password 2", "password 1"),
        both => panic!("{both:?}"),
    };
    let name = other.verify("猫 ADA", written(winner)).await.unwrap();
    let refused = one.verify("猫 ada", written(loser)).await;
    assert!(matches!(refused, Err(AccountError::Wrong)));
    // What a database may take for the same letters is another name.
    for similar in ["猫 ada\u{301}", "猫 adä"] {
        let nobody = one.verify(similar, written(winner)).await;
        assert!(matches!(nobody, Err(AccountError::Wrong)));
    }

    let talks = (1..=16).map(|number| {
        let accounts = if number % 2 == 0 { &one } else { &other };
        accounts.unite(&name, asked(number, &format!("{number} 茶")), ROOM)
    });
    for united in futures_util::future::join_all(talks).await {
        united.unwrap();
    }
    let everything = one.unite(&name, ChatPrompt::default(), ROOM).await.unwrap();
    let messages = everything.messages();
    assert_eq!(messages.len(), 16);
    for number in 1..=16 {
        assert!(messages.contains(&Message::user(format!("{number} 茶"))));
    }

    other.forget(&name, ChatPrompt::default()).await.unwrap();
    let left = one.unite(&name, everything, ROOM).await.unwrap();
    assert_eq!(left.messages(), [], "a copy from before revives nothing");
}

#[tokio::test]
async fn accounts_in_an_sqlite_file_keep_their_promises() {
    let folder = Folder::create();
    keeps_the_promises(&folder.sqlite()).await;
}

#[tokio::test]
async fn accounts_in_postgresql_keep_their_promises() {
    keeps_the_promises(&database(Kind::Postgres).await).await;
}

#[tokio::test]
async fn accounts_in_mariadb_keep_their_promises() {
    keeps_the_promises(&database(Kind::MariaDb).await).await;
}

#[tokio::test]
async fn sessions_accounts_and_conversations_outlive_the_program_on_every_store() {
    for kind in [Kind::Postgres, Kind::MariaDb] {
        outlives_its_program(&["--store", &database(kind).await]).await;
    }
    for kind in [Kind::Redis, Kind::RedisCluster] {
        let (folder, url) = (Folder::create(), testbed::shared(kind).unwrap());
        outlives_its_program(&["--store", &url, "--accounts", &folder.sqlite()]).await;
    }
}

#[tokio::test]
async fn while_the_database_is_away_nobody_is_wrong_and_everybody_can_go_on_talking() {
    let durable = Durability::Acknowledged;
    let mut server = Server::start_with(Kind::Postgres, durable).unwrap();
    let sessions = SessionManager::builder()
        .secret_key(SecretKey::generate().unwrap())
        .secure(false)
        .build();
    let kept = AccountStore::Sql(SqlAccounts::new(&server.url()).unwrap());
    let responder = Responder::embedded(Duration::ZERO);
    let (limits, cors) = (Limits::default(), Cors::default());
    let site = Site::of(sessions.unwrap(), kept, responder, limits, cors).await;
    let visitor = registered(&site, "ada").await;
    visitor.talk("Before.").await;

    server.kill().unwrap();
    let elsewhere = site.visitor();
    // More often than passwords may be guessed at.
    for _ in 0..12 {
        let began = Instant::now();
        let response = elsewhere.log_in("ada").await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(error_of(response).await.contains("cannot be reached"));
        assert!(began.elapsed() < Duration::from_secs(10));
    }
    assert!(!elsewhere.has_cookie());
    assert_eq!(site.visitor().register("ben").await.status(), 503);
    visitor.talk("Meanwhile.").await;
    assert_eq!(visitor.history().await.len(), 4);
    assert_eq!(visitor.forget().await.status(), 503);
    assert_eq!(
        visitor.history().await.len(),
        4,
        "nothing is half forgotten"
    );

    server.start_again().unwrap();
    assert_eq!(elsewhere.log_in("ada").await.status(), 200);
    visitor.talk("After.").await;
    assert_eq!(elsewhere.history().await, visitor.history().await);
    assert_eq!(elsewhere.history().await.len(), 6);
}
