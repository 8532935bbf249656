//! The session cookie: what it may look like, how it is read, signed and written.
//!
//! Nothing here knows a request or a store. A name and attributes that a browser would not
//! keep are refused when the policy is made; after that no function here can fail, whatever
//! bytes a client sends.

mod attributes;
mod base64url;
mod csrf;
mod parse;
mod policy;
mod secret_key;
mod set_cookie;
mod signature;
#[cfg(test)]
mod user_agent;

pub(crate) use csrf::NONCE_LEN;
pub(crate) use parse::{LINE_BYTES_MAX, VALUES_MAX, cookie_values};
pub use policy::{CookieError, SameSite};
pub(crate) use policy::{CookieOptions, CookiePolicy};
pub use secret_key::{KeyError, SecretKey};
#[cfg(feature = "testkit")]
pub(crate) use signature::id_unverified;
pub(crate) use signature::{Keyring, TOKEN_LEN, TokenText, Verified};
