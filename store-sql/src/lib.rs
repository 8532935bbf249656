//! Sessions in PostgreSQL, MariaDB, MySQL or SQLite.

mod builder;
mod change;
mod dialect;
mod engine;
mod error;
mod pool;
mod principals;
mod row;
mod statements;
mod store;
mod sweep;
mod verbs;

pub use builder::{CreateTables, SqlStoreBuilder};
pub use error::SqlError;
pub use store::SqlStore;
