//! The session id, which is a secret, and the names derived from it, which are not.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use ring::digest;

/// Length of a session id in bytes: 256 random bits, twice what OWASP ASVS 7.2.3 asks for.
pub(crate) const ID_LEN: usize = 32;

/// A session id: 256 random bits.
///
/// It can be compared and nothing else: it prints redacted, it is not serializable, and the
/// token that a client holds is never shown. Use
/// [`Session::fingerprint`](crate::Session::fingerprint) where logs or a page need a name for
/// a session.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId([u8; ID_LEN]);

impl SessionId {
    pub(crate) const fn from_bytes(bytes: [u8; ID_LEN]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; ID_LEN] {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(redacted)")
    }
}

/// The name under which a store keeps a session: SHA-256 over the namespace and the id.
///
/// A store never sees an id, so a leaked store is not a set of live cookies (compare Rack
/// CVE-2019-16782). The digest also binds the namespace: two applications that share a store
/// never meet. Prints redacted, since the logs of a service are no place for digests either.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoreKey([u8; 32]);

impl StoreKey {
    /// A key from its 32 bytes, as a store reads them back.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the key.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key in 64 lower-case hexadecimal digits: safe in file names that fold case, in
    /// SQL, in Redis and in a URL.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey(redacted)")
    }
}

impl Hash for StoreKey {
    /// Hashes the first eight bytes: the key is a digest of random bits that no client can
    /// choose, so any eight bytes of it are as good as all.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        state.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    }
}

/// Which application a session belongs to (`HttpSession.getServletContext`, Servlet 7.3).
///
/// Sixteen bytes derived from the name, so that hashing an id together with it stays within
/// one block of SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NamespaceTag([u8; 16]);

impl NamespaceTag {
    pub(crate) fn of(namespace: &str) -> Self {
        let mut tag = [0; 16];
        let digest = digest::digest(&digest::SHA256, namespace.as_bytes());
        tag.copy_from_slice(&digest.as_ref()[..16]);
        Self(tag)
    }

    pub(crate) fn principal_key(self, principal: &str) -> PrincipalKey {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&self.0);
        context.update(b"principal");
        context.update(principal.as_bytes());
        let mut key = [0; 32];
        key.copy_from_slice(context.finish().as_ref());
        PrincipalKey(key)
    }

    pub(crate) fn store_key(self, id: &SessionId) -> StoreKey {
        let mut message = [0; 16 + ID_LEN];
        message[..16].copy_from_slice(&self.0);
        message[16..].copy_from_slice(&id.0);
        let mut key = [0; 32];
        key.copy_from_slice(digest::digest(&digest::SHA256, &message).as_ref());
        StoreKey(key)
    }
}

/// The name under which a store lists the sessions of a principal: SHA-256 over the namespace
/// and the principal's name, so that applications which share a store never list each other's
/// sessions, and an index has keys of one length. Prints redacted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PrincipalKey([u8; 32]);

impl PrincipalKey {
    /// A key from its 32 bytes, as a store reads them back.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the key.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key in 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }
}

impl fmt::Debug for PrincipalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrincipalKey(redacted)")
    }
}

impl Hash for PrincipalKey {
    /// Hashes the first eight bytes of the digest. A principal's name may be chosen by a
    /// client, but not so that digests collide in more bits than it can try.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        state.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    }
}

/// A name for a session that is safe to show and to log: eight bytes of a keyed digest.
///
/// It changes when the id changes, cannot be turned back into an id or a token, and is no
/// credential.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 8]);

impl Fingerprint {
    pub(crate) const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// A name for a stored session that outlives a change of its id: random, kept in the record,
/// and no credential. It is what a list of "your devices" refers to.
///
/// It prints as 32 lower-case hexadecimal digits, for a form or a URL, and is parsed back from
/// exactly those: one handle has one spelling.
///
/// ```
/// use session_core::SessionHandle;
///
/// let handle = SessionHandle::from_bytes([0x2a; 16]);
/// assert_eq!(handle.to_string().parse(), Ok(handle));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionHandle([u8; 16]);

impl SessionHandle {
    /// The handle of a session that is created under `key`: a digest of what nobody can guess,
    /// so it is as random as the id and tells nothing about it.
    pub(crate) fn of_new_session(key: &StoreKey) -> Self {
        let mut message = [0; 32 + 6];
        message[..32].copy_from_slice(&key.0);
        message[32..].copy_from_slice(b"handle");
        let digest = digest::digest(&digest::SHA256, &message);
        let mut handle = [0; 16];
        handle.copy_from_slice(&digest.as_ref()[..16]);
        Self(handle)
    }

    /// A handle from its 16 bytes, as a store reads them back.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes of the handle.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// The text is not a [`SessionHandle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session handle is 32 lower-case hexadecimal digits")]
pub struct ParseHandleError;

impl FromStr for SessionHandle {
    type Err = ParseHandleError;

    fn from_str(text: &str) -> Result<Self, ParseHandleError> {
        let digits = <&[u8; 32]>::try_from(text.as_bytes()).map_err(|_| ParseHandleError)?;
        let mut handle = [0; 16];
        for (byte, pair) in handle.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(handle))
    }
}

fn digit(digit: u8) -> Result<u8, ParseHandleError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(ParseHandleError),
    }
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionHandle({self})")
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_in_64_digits_in_the_order_of_its_bytes() {
        let bytes = std::array::from_fn(|index| [0x01, 0x9a, 0xf0][index % 3]);
        let digits = &"019af0".repeat(11)[..64];
        assert_eq!(StoreKey::from_bytes(bytes).to_hex(), digits);
        assert_eq!(PrincipalKey::from_bytes(bytes).to_hex(), digits);
    }

    /// Computed apart from this crate, with the hashes of Python's standard library. Under any other
    /// key a store has no session of before.
    #[test]
    fn the_frozen_keys_are_still_derived_so_that_an_upgrade_logs_nobody_out() {
        let id = SessionId::from_bytes(std::array::from_fn(|index| index as u8));
        let namespace = NamespaceTag::of("__Host-sid");
        assert_eq!(
            namespace.store_key(&id).to_hex(),
            "310f2f8aac5e60ac926571cb38d4552a7980d8c23fcdbd2fb6211dbd7acda794"
        );
        assert_eq!(
            namespace.principal_key("ada").to_hex(),
            "5b17c213e24bb71a5d362c7260920de2bb0b41850d80671562cabca5a7a3bf29"
        );
    }

    #[test]
    fn a_handle_is_parsed_from_what_it_prints_and_from_nothing_else() {
        let handle = SessionHandle::from_bytes(*b"\x00\x01\x09\x0a\x0f\x10\x9a\xa9\xf0\xffabcdef");
        let text = handle.to_string();
        assert_eq!(text.parse(), Ok(handle));
        for other in [
            "",
            &text[1..],
            &format!("{text}0"),
            &text.to_uppercase(),
            &text.replacen('0', "g", 1),
            &text.replacen('0', " ", 1),
            &text.replacen("00", "é", 1),
        ] {
            assert_eq!(
                other.parse::<SessionHandle>(),
                Err(ParseHandleError),
                "{other}"
            );
        }
    }

    #[test]
    fn a_key_in_text_is_64_lower_case_digits_whatever_its_bytes() {
        for byte in 0..=u8::MAX {
            let text = StoreKey::from_bytes([byte; 32]).to_hex();
            assert_eq!(text, format!("{byte:02x}").repeat(32));
        }
    }
}
