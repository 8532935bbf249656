//! Sessions for poem: what an adapter for a framework of your own takes.
//!
//! The chapter `docs/writing-an-adapter.md` explains it step by step.

mod adapter;
mod server;
mod translate;

pub use adapter::{ExistingSession, Session, with_sessions};
pub use server::serve;
pub use translate::Rejection;

/// The examples of the chapter are tests too.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/writing-an-adapter.md")]
struct Chapter;
