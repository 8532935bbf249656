//! Real database servers for tests, private to whoever starts them.
//!
//! Each server listens on a free port of 127.0.0.1, keeps its files in a temporary folder, and
//! stops when it is dropped, or when the process that started it dies in whatever way. Tests
//! that break a server on purpose start one of their own; all others share one of each kind:
//!
//! - under `scripts/test`, which runs them inside of the program `testbed`, those that it
//!   started;
//! - otherwise one that the first test of the process starts.
//!
//! ```no_run
//! let url = testbed::shared(testbed::Kind::Redis)?;       // for most tests
//! let mut own = testbed::Server::start(testbed::Kind::Redis)?; // to be killed
//! own.kill()?;
//! own.start_again()?;
//! # Ok::<(), testbed::Error>(())
//! ```
//!
//! [`secrets`] looks for tokens and keys in what a test run printed; [`Told`] keeps it.
//!
//! What a test needs and cannot have is an error that says what to install, never a test that
//! is silently left out.

mod cluster;
mod error;
mod folder;
mod keeper;
mod kind;
mod port;
mod programs;
pub mod secrets;
mod server;
mod shared;
mod store;
mod told;
mod wire;

pub use cluster::RedisCluster;
pub use error::Error;
pub use kind::{Durability, Kind};
pub use server::Server;
pub use shared::{Everything, shared};
pub use store::{Place, Store};
pub use told::Told;
pub use wire::Wire;
