//! Sessions in a database that you have anyway: PostgreSQL, MariaDB or MySQL; or in one file, by
//! SQLite, for an application on one machine whose sessions outlive its restarts.
//!
//! ```no_run
//! use session_core::{SecretKey, SessionManager};
//! use store_sql::SqlStore;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let store = SqlStore::connect("postgres://app@db.example/shop").await?;
//! // or "mysql://app:password@db.example/shop", or "sqlite:sessions.db"
//! let sessions = SessionManager::builder()
//!     .secret_key(SecretKey::from_env("SESSION_SECRET")?)
//!     .store(store)
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! It keeps all rules of the [contract](session_core::store), those about
//! [principals](session_core::store::PrincipalIndex) included, also when several processes work on
//! one database: no update is lost, what has ended stays so, one id is usable at every
//! moment, and a limit of sessions holds when logins race. It needs Tokio.
//!
//! # What a request costs
//!
//! Reading a session is one statement and one round trip to the database, and one more at most
//! once a minute, to record the access. Storing what a request changed is one round trip on
//! PostgreSQL, where a function does it, and five on MariaDB and MySQL, where it takes a
//! transaction. A request that changed nothing writes nothing. A login takes eight. Calls that wait
//! at the same time share a statement or a transaction, each with an answer of its own.
//!
//! So that a write need not ask again what the request has read, the store remembers small sessions
//! for some seconds. Nothing is ever answered from there: the database compares first.
//!
//! # Tables
//!
//! [`connect`](SqlStore::connect) makes the tables when they are missing. Where the application may
//! not do that, an operator runs `migrations/postgres.sql`, `mysql.sql` or `sqlite.sql` of this
//! crate (or what [`SqlStore::schema`] answers, with another
//! [prefix](SqlStoreBuilder::table_prefix)), and the store is told
//! [`CreateTables::Never`]. The statements can be run again, and by several at once.
//!
//! A session is found by a digest of its id, never by the id. Times are milliseconds since 1970;
//! -1 is never. Attributes are MessagePack in rows of their own.
//!
//! # When the database is away
//!
//! A call ends with [`StoreError::Unavailable`](session_core::store::StoreError::Unavailable), at
//! once when connections are refused and after [`timeout`](SqlStoreBuilder::timeout) at the
//! latest; as soon as the database is back, so are the sessions. That holds for the start, too:
//! [`connect`](SqlStore::connect) fails for what no waiting mends and not for an outage, so that
//! an application starts and answers what needs no session. [`SqlStore::ping`] is for those who would
//! rather wait.
//!
//! A write whose reply was lost may have been applied or not, and is never sent again. What the
//! database refused because of a deadlock is undone, and done again.
//!
//! # What the guarantees take
//!
//! - **PostgreSQL** 12 or later. A write that was acknowledged survives a crash of the server with
//!   `fsync` and `synchronous_commit` on, which they are unless somebody switched them off, and a
//!   failover with synchronous replication. Connections must not be shared between transactions: a
//!   pooler in between runs in session mode.
//! - **MariaDB** 10.6 or later, **MySQL** 8.0 or later. A write survives a crash with
//!   `innodb_flush_log_at_trx_commit = 1`, the default. The binary log is to be of the format
//!   `ROW` or `MIXED`, and `max_allowed_packet` larger than the largest session. Tested with
//!   MariaDB.
//! - **SQLite**: the file lies on a disk of this machine, not on a network. A process that is killed
//!   loses nothing that was acknowledged, and several may share the file; a machine that loses its
//!   power may lose the last moments, and the file stays whole.
//!
//! Clocks decide when a session expires: those of the machines that run the application, which are to
//! agree within seconds.
//!
//! # Encrypted connections
//!
//! The driver brings no TLS unless it is asked to. An application that needs it adds the driver to
//! its own dependencies, `sqlx = { version = "0.9", default-features = false, features =
//! ["tls-rustls-ring-native-roots"] }`, and `?sslmode=verify-full` (`ssl-mode=VERIFY_IDENTITY` for
//! MySQL) to the URL. MySQL 8 without TLS wants the feature `mysql-rsa` for its passwords.

mod batches;
mod builder;
mod change;
mod dialect;
mod engine;
mod error;
mod foreseen;
mod loads;
mod pool;
mod principals;
mod recent;
mod row;
mod statements;
mod steps;
mod store;
mod sweep;
mod values;
mod verbs;
mod writes;

pub use builder::{CreateTables, SqlStoreBuilder};
pub use error::SqlError;
pub use store::SqlStore;
