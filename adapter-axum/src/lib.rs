//! Sessions for axum: a layer and extractors.
//!
//! ```
//! use adapter_axum::{Session, SessionLayer};
//! use axum::{Router, routing::get};
//! use session_core::{SecretKey, SessionManager};
//!
//! async fn count(session: Session) -> Result<String, adapter_axum::Rejection> {
//!     let visits = session.update_attribute("visits", |visits: &mut u64| *visits += 1)?;
//!     Ok(format!("visit {visits}"))
//! }
//!
//! let sessions = SessionManager::builder()
//!     .secret_key(SecretKey::generate()?)
//!     .build()?;
//! let app: Router = Router::new()
//!     .route("/", get(count))
//!     .layer(SessionLayer::new(sessions));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Extractors: [`Session`] makes a session when something is written to it, `Option<Session>`
//! never makes one, [`Peek`] looks without counting as an access, and [`Attribute`] reads one
//! typed attribute.

mod body;
mod extract;
mod rejection;

pub use body::AxumBody;
pub use extract::{Attribute, Peek, Session};
pub use rejection::Rejection;

/// Gives every request of a router its session; see [`adapter_tower::SessionLayer`].
pub type SessionLayer<S = session_core::Main> = adapter_tower::SessionLayer<S, AxumBody>;

/// The README's examples are tests too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// And so are those of the page for operators, ..
#[cfg(doctest)]
#[doc = include_str!("../../docs/operations.md")]
struct Operations;

/// .. and of the guides for those who come from elsewhere.
#[cfg(doctest)]
#[doc = include_str!("../../docs/migrating/from-axum-session.md")]
#[doc = include_str!("../../docs/migrating/from-fastsession.md")]
#[doc = include_str!("../../docs/migrating/from-servlet.md")]
#[doc = include_str!("../../docs/migrating/from-tower-sessions.md")]
struct Migrating;
