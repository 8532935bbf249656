//! Sessions in Redis or Valkey, a single server or a cluster.

mod address;
mod builder;
mod census;
mod change;
mod connection;
mod error;
mod generation;
mod login;
mod moving;
mod names;
mod principals;
mod record;
mod script;
mod store;
mod sweep;

pub use builder::RedisStoreBuilder;
pub use error::ConnectError;
pub use store::RedisStore;
