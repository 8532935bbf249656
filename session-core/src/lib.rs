//! Server-side HTTP sessions in the style of Java's Servlet `HttpSession`, without a web
//! framework.
//!
//! The browser gets one signed, random id in a cookie that JavaScript cannot read; everything
//! else stays on the server. This crate is the whole engine: ids, signatures, expiry, the
//! commit of changes, the store contract. It knows no web framework and no async runtime;
//! adapters for frameworks translate requests and responses and nothing else.
//!
//! # The way of one request
//!
//! 1. [`SessionManager::begin`] reads the cookie in place and makes an [`Exchange`]. Nothing is
//!    verified yet and no store is asked.
//! 2. The handler asks the [`ExchangeHandle`] for its [`Session`]. Now the signature is
//!    verified and the session is loaded; a forged cookie costs no store call.
//! 3. The handler reads its snapshot and makes changes. A new session exists only in this
//!    request so far.
//! 4. [`Exchange::commit`] sends the changes to the store, before the response head leaves, and
//!    answers the headers of the response as a [`Delivery`]. A request that changed nothing
//!    stores nothing and sends no cookie.
//! 5. [`Exchange::finish`] stores what was written while the body streamed, before its end is
//!    visible. A body that is dropped early is no exception.
//!
//! ```
//! use session_core::testkit::{Headers, Request, block_on};
//! use session_core::{SecretKey, SessionManager};
//!
//! # block_on(async {
//! let sessions: SessionManager = SessionManager::builder()
//!     .secret_key(SecretKey::generate()?)
//!     .build()?;
//!
//! let mut exchange = sessions.begin(&Request::default());
//! let session = exchange.handle().session().await?;
//! session.set_attribute("name", "Ada")?;
//!
//! let mut headers = Headers::default();
//! exchange.commit().await?.write_to(&mut headers);
//! assert!(headers.get("set-cookie")[0].starts_with("__Host-sid="));
//! exchange.finish().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # What it promises
//!
//! - **No lost update.** A request sends its changes, not the whole session. Updates carry the
//!   revision that they read and are made again when another request was faster.
//! - **Logout is final.** A change set is applied only to a session that exists and is live.
//! - **Writes during a streamed body are kept**, also when the client goes away.
//! - **Exactly one id is usable** at every step of a rotation.
//! - **An untouched request costs nothing**: no store call, no cookie, no id.

//!
//! # Features
//!
//! None is on by default.
//!
//! - `testkit`: tools for tests of stores, adapters and applications.
//! - `tracing`: every [`SessionEvent`] is an event of the `tracing` crate as well, with the
//!   target `session_core` and the fields `event` and `reason`: at the level of warnings where an
//!   operator should look at it, of debugging otherwise.
//! - `metrics`: what [`statistics`](SessionManagerBuilder::statistics) counts goes to the
//!   recorder of the `metrics` crate as well.

// docs.rs then says which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod store;
#[cfg(feature = "testkit")]
pub mod testkit;

mod assurance;
mod builder;
mod clock;
mod cookie;
mod engine;
mod entropy;
mod error;
mod event;
mod exchange;
mod facts;
mod handoff;
mod lifecycle;
mod listener;
mod manager;
mod principals;
mod runtime;
mod session;
mod statistics;
mod sync;
mod transport;

pub use assurance::AssuranceLevel;
pub use builder::{ConfigError, SessionManagerBuilder};
pub use clock::{Clock, SystemClock, Timestamp};
pub use cookie::{CookieError, KeyError, SameSite, SecretKey};
pub use engine::{FailedCommit, Touch};
pub use entropy::{Entropy, EntropyError, SystemEntropy};
pub use error::{BoxError, SessionError, SharedError};
pub use event::{DropReason, EndReason, Rejection, SessionEvent};
pub use exchange::{BodyExchange, BodyFrame, Exchange, ExchangeHandle, IdSource, Main, Opening};
pub use facts::{Facts, HeaderSink};
pub use lifecycle::admit::RequestedSessionId;
pub use lifecycle::commit::SaveOutcome;
pub use lifecycle::deliver::Delivery;
pub use listener::{
    AttributeHook, AttributeValue, DestroyReason, SessionChange, SessionListener, SessionNotice,
};
pub use manager::SessionManager;
pub use principals::PrincipalSession;
pub use runtime::{BoxFuture, Runtime};
pub use session::{
    AtLimit, Attribute, AttributeChange, Attributes, Authentication, ChangeSet, Codec, CsrfToken,
    Edit, EnvelopeError, Expected, Fingerprint, Items, Limits, Login, LoginOptions,
    MaxInactiveInterval, ParseHandleError, PrincipalKey, Record, Refusal, Reply, Revision, Session,
    SessionAccess, SessionAccessor, SessionAttribute, SessionHandle, SessionId, SessionLimit,
    SessionView, StoreKey, Value,
};
pub use statistics::{SessionStats, StoreCalls};
pub use store::memory::MemoryStore;
#[cfg(timed_locks)]
#[doc(hidden)]
pub use sync::timed::take_longest_hold;
pub use transport::TokenHeaderError;
