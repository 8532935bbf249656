//! Sessions for warp: filters, and a server whose requests have a session.
//!
//! ```no_run
//! use adapter_warp::{Session, SessionRejection};
//! use session_core::{SecretKey, SessionManager};
//! use warp::Filter;
//!
//! async fn count(session: Session) -> Result<String, SessionRejection> {
//!     let visits = session.update_attribute("visits", |visits: &mut u64| *visits += 1)?;
//!     Ok(format!("visit {visits}"))
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sessions = SessionManager::builder()
//!     .secret_key(SecretKey::generate()?)
//!     .build()?;
//! let routes = warp::path::end()
//!     .and(adapter_warp::session())
//!     .then(count);
//! adapter_warp::serve(routes, sessions).run(([127, 0, 0, 1], 8080)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Filters: [`session()`] makes a session when something is written to it,
//! [`optional_session()`] never makes one, [`peek()`] looks without counting as an access, and
//! [`attribute()`] reads one typed attribute. They belong behind the filters for path and
//! method: warp asks every filter in front of the one that rejects.
//!
//! # Where the session comes from
//!
//! A filter of warp can neither add to a request nor act behind the reply, so something around
//! the routes begins and commits. There are three ways:
//!
//! - [`serve`] is warp's own server with sessions, and with a bounded shutdown.
//! - [`SessionLayer`] goes around `warp::service(routes)`, for a server of your own.
//! - [`filter()`] makes one filter of routes and sessions, for `warp::test` and `warp::serve`.
//!
//! # When a session cannot be had
//!
//! A filter then rejects with [`SessionRejection`], so that `or` and `recover` may find another
//! answer. Where nobody does, the client gets a status that fits and a fixed sentence, not
//! warp's report of an unhandled rejection.

mod body;
mod extract;
mod filter;
mod rejection;
mod remote;
mod server;
mod tasks;

pub use body::WarpBody;
pub use extract::{
    attribute, optional_session, optional_session_of, peek, peek_of, session, session_of,
};
pub use filter::filter;
pub use rejection::SessionRejection;
pub use remote::remote;
pub use server::{HttpService, Server, Unbound, serve, serve_service};
pub use session_core::Session;

/// Gives every request of `warp::service(routes)` its session; see
/// [`adapter_tower::SessionLayer`].
pub type SessionLayer<S = session_core::Main> = adapter_tower::SessionLayer<S, WarpBody>;
