//! The format of tokens, written down from its documentation: a version byte, the id, and
//! HMAC-SHA-256 over both, in base64url without padding and with one spelling.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use ring::{hkdf, hmac};
use session_core::{Rejection, SecretKey};

/// The characters of a token.
pub const TOKEN_LEN: usize = 87;

/// What a session id consists of.
pub type Id = [u8; 32];

/// Two keys that a site lists, the newest first, and one that it does not know.
const SECRETS: [&[u8]; 3] = [
    b"\x8f\x1b\x99\xd4JzQw0v7e\xfa2\x11nB\xc3\x05kR\x90hG\x7f\x18\xa6sT\xde\x0c\xb7",
    b"\x21\xd0\x3cp\xe4Xu\x95b\xaf\x02Lj\x8e\x13Z\xf6\x47\xc9yi\x5a\x0e\xb8Vd\xe1\x3b\x9c\x70\x2fq",
    b"q\x07\xa2\x5eM\xcb\x30gV\x9d\x14\xeaS\x68\xbf\x22\xd7N\x85\x3a\xf1\x0cw\xb4\x49\x9eK\xc6\x12\x7dR\xe8",
];

/// Who made a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// The key that the site signs with.
    Current,
    /// An older key that the site still accepts.
    Previous,
    /// A key that the site does not list.
    Stranger,
}

impl Signer {
    /// The operator's secret.
    pub fn secret(self) -> SecretKey {
        SecretKey::new(self.bytes()).expect("the keys are long and without a pattern")
    }

    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Current => SECRETS[0],
            Self::Previous => SECRETS[1],
            Self::Stranger => SECRETS[2],
        }
    }

    fn key(self, cookie_name: &str) -> hmac::Key {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"session-core");
        let context: [&[u8]; 3] = [b"session token\0", &[1], cookie_name.as_bytes()];
        let derived = salt.extract(self.bytes());
        let derived = derived.expand(&context, hmac::HMAC_SHA256);
        derived.expect("32 bytes are not too many").into()
    }
}

/// Makes and judges the tokens of one cookie.
#[derive(Debug)]
pub struct Issuer {
    current: hmac::Key,
    previous: hmac::Key,
    stranger: hmac::Key,
}

impl Issuer {
    /// For the cookie called `cookie_name`.
    pub fn of(cookie_name: &str) -> Self {
        Self {
            current: Signer::Current.key(cookie_name),
            previous: Signer::Previous.key(cookie_name),
            stranger: Signer::Stranger.key(cookie_name),
        }
    }

    /// The token for `id`.
    pub fn sign(&self, signer: Signer, id: &Id) -> String {
        self.sign_version(signer, 1, id)
    }

    /// The token for `id` in a format that need not exist.
    pub fn sign_version(&self, signer: Signer, version: u8, id: &Id) -> String {
        let key = match signer {
            Signer::Current => &self.current,
            Signer::Previous => &self.previous,
            Signer::Stranger => &self.stranger,
        };
        let mut token = vec![version];
        token.extend_from_slice(id);
        let tag = hmac::sign(key, &token);
        token.extend_from_slice(tag.as_ref());
        Base64UrlUnpadded::encode_string(&token)
    }

    /// The id in a token, and who signed it.
    ///
    /// # Errors
    /// Why it should be turned away.
    pub fn judge(&self, text: &[u8]) -> Result<(Id, Signer), Rejection> {
        let id = id_in(text).ok_or(Rejection::Malformed)?;
        [Signer::Current, Signer::Previous]
            .into_iter()
            .find(|&signer| self.sign(signer, &id).as_bytes() == text)
            .map(|signer| (id, signer))
            .ok_or(Rejection::BadSignature)
    }
}

/// The id in a text that looks like a token of this version.
pub fn id_in(text: &[u8]) -> Option<Id> {
    let text = std::str::from_utf8(text).ok()?;
    let token = Base64UrlUnpadded::decode_vec(text).ok()?;
    match &token[..] {
        [1, rest @ ..] if rest.len() == 64 => rest.first_chunk().copied(),
        _ => None,
    }
}
