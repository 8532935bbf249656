//! A session, as a handler sees it and as a store keeps it.

mod accessor;
pub(crate) mod attributes;
mod change;
mod csrf;
pub(crate) mod edits;
mod envelope;
pub(crate) mod handle;
mod id;
mod interval;
pub(crate) mod live;
mod principal;
mod record;
mod undecodable;
mod value;
pub(crate) mod view;

pub use accessor::{SessionAccess, SessionAccessor};
pub use attributes::SessionAttribute;
pub use change::{AttributeChange, ChangeSet, Edit, Expected, Limits, Login, Refusal, Reply};
pub use csrf::CsrfToken;
pub use envelope::EnvelopeError;
pub use handle::Session;
pub use id::{Fingerprint, ParseHandleError, PrincipalKey, SessionHandle, SessionId, StoreKey};
pub(crate) use id::{ID_LEN, NamespaceTag};
pub use interval::MaxInactiveInterval;
pub use principal::{AtLimit, LoginOptions, SessionLimit};
pub use record::{Attribute, Attributes, Authentication, Record, Revision};
pub use value::{Codec, Items, Value};
pub use view::SessionView;
