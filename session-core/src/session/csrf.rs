//! Protection against request forgery, for forms.

use std::fmt;

use super::handle::Session;
use super::id::SessionHandle;
use super::live::Live;
use crate::cookie::{NONCE_LEN, TokenText};
use crate::engine::Engine;
use crate::error::SessionError;

/// A token against request forgery, to be put into a hidden field of a form. Different at each
/// rendering; all of one login of one session are good until the next login.
///
/// It is no secret to the visitor's own page, and one to all others: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct CsrfToken(TokenText);

impl CsrfToken {
    /// The token as text: 87 characters of base64url.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfToken(redacted)")
    }
}

impl<S> Session<S> {
    /// A token for a form that changes something, also for the form of a login. Where there is
    /// no session yet, this begins one.
    ///
    /// Routes that take nothing but JSON, with a cookie that is `SameSite=Lax`, need none.
    ///
    /// ```
    /// # use session_core::testkit::{Site, block_on};
    /// # block_on(async {
    /// # let site = Site::new();
    /// # let mut visitor = site.visitor();
    /// let form = visitor.visit(async |session| session.csrf_token()).await?;
    /// // The form comes back:
    /// visitor.visit(async |session| session.verify_csrf(form.as_str())).await?;
    /// // A forged one does not know the token:
    /// assert!(visitor.visit(async |session| session.verify_csrf("guess")).await.is_err());
    /// # Ok::<(), session_core::SessionError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`SessionError::Entropy`]; else as [`set_attribute`](Self::set_attribute).
    pub fn csrf_token(&self) -> Result<CsrfToken, SessionError> {
        let engine = &self.inner.engine;
        let mut nonce = [0; NONCE_LEN];
        engine.entropy.fill(&mut nonce)?;
        let id = engine.draw_id()?;
        let bound_to = self.change(|live| {
            live.ensure_id(|| Some(id));
            live.begin();
            Ok(bound_to(live, engine))
        })?;
        Ok(CsrfToken(engine.keyring.csrf_token(&bound_to, &nonce)))
    }

    /// Checks the token that came with a form, in constant time.
    ///
    /// # Errors
    /// [`SessionError::CsrfToken`] when it is none of this session, or of an earlier login;
    /// [`SessionError::Invalidated`] after [`invalidate`](Self::invalidate).
    pub fn verify_csrf(&self, token: impl AsRef<[u8]>) -> Result<(), SessionError> {
        let engine = &self.inner.engine;
        let bound_to = self.look(|live| live.exists().then(|| bound_to(live, engine)))?;
        match bound_to {
            Some(it) if engine.keyring.is_csrf_token(&it, token.as_ref()) => Ok(()),
            _ => Err(SessionError::CsrfToken),
        }
    }
}

/// What a token is bound to: the session, by what stays the same when its id changes, and the
/// login, by who logged in and when.
fn bound_to(live: &Live, engine: &Engine) -> Vec<u8> {
    let handle = match (live.stored, live.id) {
        (false, Some(id)) => SessionHandle::of_new_session(&engine.store_key(&id)),
        _ => live.record.handle,
    };
    let mut bound_to = handle.as_bytes().to_vec();
    if let Some(login) = live.authentication() {
        bound_to.extend(login.key.as_bytes());
        bound_to.extend(login.authenticated_at.as_millis().to_le_bytes());
    }
    bound_to
}
