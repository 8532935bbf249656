//! Signs session ids into tokens and turns tokens back into ids.
//!
//! A token is a version byte, the id and HMAC-SHA-256 over both, 65 bytes in base64url without
//! padding. One token has exactly one spelling. The keys of the signature are derived from the
//! operator's secret for one purpose, one version of the format and one cookie name, so that a
//! token of one cookie is worth nothing in another (compare CodeIgniter CVE-2022-46170).

use std::fmt;

use ring::{hkdf, hmac};

use super::base64url;
use super::secret_key::{KeyError, SecretKey};
use crate::event::Rejection;
use crate::session::{Fingerprint, ID_LEN, SessionId, StoreKey};

/// Length of a token in characters.
pub(crate) const TOKEN_LEN: usize = base64url::CHARS;

/// The most keys that can be listed. A forged token costs one HMAC for each; two are enough
/// for a rotation, and the others allow for rotations that overlap.
pub(crate) const KEYS_MAX: usize = 8;

/// The format of a token. It is under the signature and part of the derivation of the key.
pub(super) const VERSION: u8 = 1;

const SIGNED_LEN: usize = 1 + ID_LEN;

/// The keys of one cookie: the newest signs, all verify.
pub(crate) struct Keyring {
    current: hmac::Key,
    previous: Vec<hmac::Key>,
    fingerprints: hmac::Key,
    /// Against request forgery, the newest first.
    csrf: Vec<hmac::Key>,
}

/// What a token turned out to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) id: SessionId,
    /// False when an older key made the token, so that it should be made anew.
    pub(crate) by_current_key: bool,
}

/// The text of a token, the credential that a client holds. Prints redacted.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TokenText([u8; TOKEN_LEN]);

impl Keyring {
    /// The keys for the cookie called `cookie_name`, the newest first.
    ///
    /// # Errors
    /// [`KeyError::Missing`] without a key, [`KeyError::TooMany`] above [`KEYS_MAX`].
    pub(crate) fn new(keys: &[SecretKey], cookie_name: &str) -> Result<Self, KeyError> {
        let [current, previous @ ..] = keys else {
            return Err(KeyError::Missing);
        };
        if keys.len() > KEYS_MAX {
            return Err(KeyError::TooMany { count: keys.len() });
        }
        let token_key = |key| derive(key, Purpose::Token, cookie_name);
        Ok(Self {
            current: token_key(current),
            previous: previous.iter().map(token_key).collect(),
            fingerprints: derive(current, Purpose::Fingerprint, cookie_name),
            csrf: keys
                .iter()
                .map(|key| derive(key, Purpose::Csrf, cookie_name))
                .collect(),
        })
    }

    /// The token for `id`, made with the newest key.
    pub(crate) fn sign(&self, id: &SessionId) -> TokenText {
        let mut token = [0; base64url::BYTES];
        token[0] = VERSION;
        token[1..SIGNED_LEN].copy_from_slice(id.as_bytes());
        let tag = hmac::sign(&self.current, &token[..SIGNED_LEN]);
        token[SIGNED_LEN..].copy_from_slice(tag.as_ref());
        TokenText::of(&token)
    }

    /// The id that `text` is a token of. Total: any bytes lead to an answer.
    ///
    /// # Errors
    /// [`Rejection::Malformed`] for what is no token, found without an HMAC;
    /// [`Rejection::BadSignature`] for what none of the keys made.
    pub(crate) fn verify(&self, text: &[u8]) -> Result<Verified, Rejection> {
        let text = text.try_into().map_err(|_| Rejection::Malformed)?;
        let token = base64url::decode(text).ok_or(Rejection::Malformed)?;
        let [VERSION, id_and_tag @ ..] = &token else {
            return Err(Rejection::Malformed);
        };
        let mut id = [0; ID_LEN];
        id.copy_from_slice(&id_and_tag[..ID_LEN]);
        let (signed, tag) = token.split_at(SIGNED_LEN);
        let made_by = |key: &hmac::Key| hmac::verify(key, signed, tag).is_ok();
        let by_current_key = made_by(&self.current);
        if by_current_key || self.previous.iter().any(made_by) {
            Ok(Verified {
                id: SessionId::from_bytes(id),
                by_current_key,
            })
        } else {
            Err(Rejection::BadSignature)
        }
    }

    pub(super) fn csrf_keys(&self) -> &[hmac::Key] {
        &self.csrf
    }

    /// The name under which logs and pages may speak of the session stored under `key`.
    ///
    /// It changes with the newest key as it changes with the id.
    pub(crate) fn fingerprint(&self, key: &StoreKey) -> Fingerprint {
        let tag = hmac::sign(&self.fingerprints, key.as_bytes());
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&tag.as_ref()[..8]);
        Fingerprint::from_bytes(bytes)
    }
}

/// The id that `text` holds if it is a token, whoever signed it: for tests, which do not always
/// know the key.
#[cfg(feature = "testkit")]
pub(crate) fn id_unverified(text: &[u8]) -> Option<SessionId> {
    let token = base64url::decode(text.try_into().ok()?)?;
    let mut id = [0; ID_LEN];
    id.copy_from_slice(&token[1..SIGNED_LEN]);
    Some(SessionId::from_bytes(id))
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys)", 1 + self.previous.len())
    }
}

impl TokenText {
    pub(super) fn of(token: &[u8; base64url::BYTES]) -> Self {
        Self(base64url::encode(token))
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("base64url is ASCII")
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText(redacted)")
    }
}

/// What a derived key is for.
#[derive(Clone, Copy)]
enum Purpose {
    Token,
    Fingerprint,
    Csrf,
}

impl Purpose {
    /// Ends in a NUL, so that none is the beginning of another.
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Token => b"session token\0",
            Self::Fingerprint => b"session fingerprint\0",
            Self::Csrf => b"request forgery\0",
        }
    }
}

/// HKDF-SHA-256 (RFC 5869) of the secret, with what the key is for as the context.
fn derive(key: &SecretKey, purpose: Purpose, cookie_name: &str) -> hmac::Key {
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"session-core");
    let context = [purpose.label(), &[VERSION], cookie_name.as_bytes()];
    salt.extract(key.as_bytes())
        .expand(&context, hmac::HMAC_SHA256)
        .expect("HKDF-SHA-256 has up to 8,160 bytes to give and 32 are asked for")
        .into()
}

#[cfg(test)]
mod tests;
