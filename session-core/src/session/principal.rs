//! Logging in: who, how the session is labelled and remembered, and how many sessions one
//! principal may have.

use std::sync::Arc;
use std::time::Duration;

use super::attributes::check_name;
use super::change::Login;
use super::record::Authentication;
use crate::clock::Timestamp;
use crate::engine::Engine;
use crate::error::SessionError;

/// How a visitor logs in; a plain name where there is no more to say.
///
/// ```
/// use std::time::Duration;
/// use session_core::LoginOptions;
/// # use session_core::testkit::{Site, block_on};
///
/// # block_on(async {
/// # let site = Site::new();
/// # let mut visitor = site.visitor();
/// visitor.visit(async |session| {
///     session.login(
///         LoginOptions::of("ada")
///             .label("Firefox on Linux")
///             .remember_for(Duration::from_secs(14 * 24 * 60 * 60)),
///     )
/// }).await?;
/// # Ok::<(), session_core::SessionError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct LoginOptions {
    pub(super) principal: Arc<str>,
    pub(super) label: Option<Arc<str>>,
    pub(super) remember_for: Option<Duration>,
}

impl LoginOptions {
    /// A login of `principal`: the stable name of an account, 1 to 255 bytes.
    #[must_use]
    pub fn of(principal: impl Into<Arc<str>>) -> Self {
        Self {
            principal: principal.into(),
            label: None,
            remember_for: None,
        }
    }

    /// What the principal may tell this session from the others by, such as "Firefox on
    /// Linux": 1 to 255 bytes. For display only; nothing is decided by it.
    #[must_use]
    pub fn label(mut self, label: impl Into<Arc<str>>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Remembers this login beyond the end of the browser ("remember me"): its cookie is kept
    /// for this long, and the session may lie idle for as long, where they were not to anyway.
    /// Other sessions are as they were. The absolute limit still holds, and so do the 400 days
    /// that browsers keep a cookie at most. Zero remembers nothing.
    ///
    /// The next login of the session decides anew. One that does not ask to be remembered makes
    /// the cookie end with the browser again, and the idle limit what new sessions have.
    ///
    /// To be offered as a choice, never as the default (OWASP ASVS 7.3.1): it outlives the idle
    /// limits of [`AssuranceLevel`](crate::AssuranceLevel).
    #[must_use]
    pub fn remember_for(mut self, duration: Duration) -> Self {
        self.remember_for = Some(duration).filter(|duration| !duration.is_zero());
        self
    }
}

impl Engine {
    /// The login as it travels to the store.
    pub(super) fn login_of(
        &self,
        options: &LoginOptions,
        now: Timestamp,
    ) -> Result<Login, SessionError> {
        check_name(&options.principal)?;
        if let Some(label) = &options.label {
            check_name(label)?;
        }
        let key = self.tag.principal_key(&options.principal);
        let mut authentication = Authentication::new(options.principal.clone(), key, now);
        authentication.label.clone_from(&options.label);
        authentication.remembered_for = options.remember_for;
        let absolute = self.settings.absolute_timeout;
        Ok(Login {
            authentication: Arc::new(authentication),
            limit: self.settings.session_limit,
            absolute_deadline: absolute.map_or(Timestamp::NEVER, |limit| now.saturating_add(limit)),
        })
    }
}

impl From<&str> for LoginOptions {
    fn from(principal: &str) -> Self {
        Self::of(principal)
    }
}

impl From<String> for LoginOptions {
    fn from(principal: String) -> Self {
        Self::of(principal)
    }
}

impl From<Arc<str>> for LoginOptions {
    fn from(principal: Arc<str>) -> Self {
        Self::of(principal)
    }
}

impl From<&String> for LoginOptions {
    fn from(principal: &String) -> Self {
        Self::of(principal.as_str())
    }
}

/// How many live sessions one principal may have at once (OWASP ASVS 7.1.2), and what
/// happens to a login that would make them one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimit {
    /// The most live sessions, at least one.
    pub max: usize,
    /// What happens at the limit.
    pub at_limit: AtLimit,
}

/// What happens to a login at the limit of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AtLimit {
    /// The sessions that logged in longest ago end.
    EndOldest,
    /// The login is refused.
    Refuse,
}
