//! Server-side HTTP sessions in the style of Java's Servlet `HttpSession`.

pub mod store;

mod clock;
mod entropy;
mod error;
mod event;
mod runtime;
mod session;

pub use clock::{Clock, SystemClock, Timestamp};
pub use entropy::{Entropy, EntropyError, SystemEntropy};
pub use error::{BoxError, SessionError};
pub use event::{DropReason, EndReason, Rejection, SessionEvent};
pub use runtime::{BoxFuture, Runtime};
pub use session::*;
