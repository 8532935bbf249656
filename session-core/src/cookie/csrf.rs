//! Tokens against request forgery (OWASP Cross-Site Request Forgery Prevention): a nonce and
//! its HMAC with the session that the token is for. Nothing of it is stored.

use ring::hmac;

use super::base64url;
use super::signature::{Keyring, TokenText, VERSION};

/// Bytes of a nonce, drawn for each token, so that no two look alike in compressed pages
/// (BREACH).
pub(crate) const NONCE_LEN: usize = 32;

/// Where the nonce ends.
const NONCE_END: usize = 1 + NONCE_LEN;

impl Keyring {
    /// A token for `session`, which stands for one login of one session.
    pub(crate) fn csrf_token(&self, session: &[u8], nonce: &[u8; NONCE_LEN]) -> TokenText {
        let mut token = [0; base64url::BYTES];
        token[0] = VERSION;
        token[1..NONCE_END].copy_from_slice(nonce);
        let [current, ..] = self.csrf_keys() else {
            return TokenText::of(&token);
        };
        token[NONCE_END..].copy_from_slice(hmac::sign(current, &signed(session, nonce)).as_ref());
        TokenText::of(&token)
    }

    /// True when `text` is a token for `session`. Takes the same time for all that have the
    /// form of a token.
    pub(crate) fn is_csrf_token(&self, session: &[u8], text: &[u8]) -> bool {
        let token = text.try_into().ok().and_then(base64url::decode);
        let Some([VERSION, rest @ ..]) = &token else {
            return false;
        };
        let (nonce, tag) = rest.split_at(NONCE_LEN);
        let signed = signed(session, nonce);
        let mut keys = self.csrf_keys().iter();
        keys.any(|key| hmac::verify(key, &signed, tag).is_ok())
    }
}

fn signed(session: &[u8], nonce: &[u8]) -> Vec<u8> {
    [nonce, session].concat()
}
