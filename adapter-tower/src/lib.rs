//! Sessions for any tower service over http 1.x: what the adapters for axum and warp share.
//!
//! [`SessionLayer`] begins an exchange for each request, puts its
//! [`ExchangeHandle`](session_core::ExchangeHandle) into the request's extensions, commits
//! before the response head leaves, and finishes before the end of the body is visible.

mod body;
mod future;
mod headers;
mod layer;
mod runtime;

pub use body::{BodyPolicy, BodySession, SessionBody, WrapBody};
pub use future::ResponseFuture;
pub use layer::{SessionLayer, SessionService};
pub use runtime::TokioRuntime;
