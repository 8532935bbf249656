//! Sessions for actix-web: a middleware and extractors.
//!
//! ```no_run
//! use actix_web::{App, HttpServer, web};
//! use adapter_actix::{Session, SessionMiddleware};
//! use session_core::{SecretKey, SessionManager};
//!
//! async fn count(session: Session) -> Result<String, adapter_actix::Rejection> {
//!     let visits = session.update_attribute("visits", |visits: &mut u64| *visits += 1)?;
//!     Ok(format!("visit {visits}"))
//! }
//!
//! #[actix_web::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let sessions = SessionManager::builder()
//!         .secret_key(SecretKey::generate()?)
//!         .build()?;
//!     // Made once, so that all workers share it.
//!     let middleware = SessionMiddleware::new(sessions.clone());
//!     HttpServer::new(move || {
//!         App::new()
//!             .wrap(middleware.clone())
//!             .route("/", web::get().to(count))
//!     })
//!     .bind(("127.0.0.1", 8080))?
//!     .run()
//!     .await?;
//!     sessions.drain().await;
//!     Ok(())
//! }
//! ```
//!
//! Extractors: [`Session`] makes a session when something is written to it,
//! [`ExistingSession`] never makes one, [`Peek`] looks without counting as an access, and
//! [`Attribute`] reads one typed attribute.
//!
//! # What actix-web does in its own way
//!
//! - `Option<Session>` is not what it is with other frameworks. actix-web implements it for
//!   every extractor: it calls the extractor and drops the error. A visitor without a session
//!   gets `Some` of a session that is made at its first write. [`ExistingSession`] is `None`
//!   for such a visitor. An outage is a 503 either way; see [`ExtractionError`].
//! - The `Err` of a handler is an answer with a status of its own, so it commits as every
//!   other response does. So does the `Err` of a middleware inside of this one; an outer
//!   middleware that turns such an error into a response must do so with
//!   [`actix_web::Error::error_response`], as actix-web itself does, or the cookie is lost.
//! - A request's session is to be extracted before the response is made: afterwards a kept
//!   [`HttpRequest`](actix_web::HttpRequest) has none. A kept [`Session`] goes on.
//! - A client that closes its connection is noticed when something is sent to it. Until then
//!   its handler runs on, and commits when it answers.
//! - A server can come back from `run` before its workers have dropped the connections that they
//!   cut, and [`drain`](session_core::SessionManager::drain) does not wait for what it does not
//!   know of yet. After a signal, and with
//!   [`shutdown_signal`](actix_web::HttpServer::shutdown_signal), actix-web gives them 300 ms
//!   for that. After a [`stop`](actix_web::dev::ServerHandle::stop) by hand it gives none, unless
//!   [`system_exit`](actix_web::HttpServer::system_exit) is set as well.

mod body;
mod extract;
mod future;
mod headers;
mod layer;
mod rejection;
mod runtime;

pub use body::SessionBody;
pub use extract::{Attribute, ExistingSession, Extraction, Peek, Session};
pub use future::ResponseFuture;
pub use layer::{SessionMiddleware, SessionService};
pub use rejection::{ExtractionError, Rejection};
pub use runtime::ActixRuntime;

/// The examples of the guide for those who come from actix-session are tests too.
#[cfg(doctest)]
#[doc = include_str!("../../docs/migrating/from-actix-session.md")]
struct Migrating;
