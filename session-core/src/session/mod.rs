//! A session, as a handler sees it and as a store keeps it.

mod change;
mod id;
mod interval;
mod record;
mod value;

pub use change::{AttributeChange, ChangeSet, Edit, Expected, Limits, Login, Refusal, Reply};
pub use id::{Fingerprint, SessionHandle, SessionId, StoreKey};
pub(crate) use id::{ID_LEN, NamespaceTag};
pub use interval::MaxInactiveInterval;
pub use record::{Attribute, Attributes, Authentication, Record, Revision};
pub use value::{Codec, Items, Value};
