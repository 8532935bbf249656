//! Tools for tests of stores, of adapters and of applications, behind the feature `testkit`.
//!
//! - [`store`]: the rules of [`SessionStore`](crate::store::SessionStore) as tests that any
//!   store can run.
//! - [`adapter`]: stories of visitors, as tests that any adapter can run over real HTTP.
//! - [`Recording`] remembers what a store was asked; [`Faulty`] lets chosen calls fail.
//! - [`Ledger`] keeps books of what listeners are told: created = destroyed + live.
//! - [`Site`] and [`Visitor`] drive the engine without HTTP, with a cookie jar.
//! - [`ManualClock`], [`ManualRuntime`] and [`SeededEntropy`] put time, tasks and chance into
//!   the hands of a test.
//!
//! - [`note_secret`] and [`note_tokens`] say what must not be in the output of a test run.
//!
//! Nothing here belongs in a program that serves visitors.

pub mod adapter;
pub mod store;

mod chance;
mod clock;
mod entropy;
mod faults;
mod ledger;
mod recording;
mod runtime;
#[cfg(feature = "tracing")]
mod told;
mod visitor;
mod witness;

pub use clock::ManualClock;
pub use entropy::SeededEntropy;
pub use faults::{Fault, Faulty};
/// Runs a future to its end on the calling thread, for tests that bring no runtime.
pub use futures_executor::block_on;
pub use ledger::{Ledger, LedgerError, LedgerHook};
pub use recording::Recording;
pub use runtime::ManualRuntime;
pub use visitor::{Headers, Request, Site, Visitor, test_key};
pub use witness::{note_secret, note_tokens};

pub use crate::store::Verb;
