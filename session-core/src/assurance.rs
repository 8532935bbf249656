//! Time limits by how sure a site has to be who uses it.

use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How sure a site has to be that whoever uses a session is who logged in (the authentication
/// assurance levels of NIST SP 800-63B-4), as the time limits of its sessions.
///
/// | level | idle at most | in all, without another login |
/// |---|---|---|
/// | `Aal1` | 30 minutes; NIST names no limit, this is the one of Servlet containers | 30 days |
/// | `Aal2` | 1 hour | 24 hours |
/// | `Aal3` | 15 minutes | 12 hours |
///
/// A level asks for more than time limits, above all for how a visitor proves who they are;
/// that is up to the application. Only a [`login`](crate::Session::login) starts the limit in
/// all anew. A handler can still lengthen the idle limit of one session, and so does a login
/// that is [remembered](crate::LoginOptions::remember_for).
///
/// ```
/// use session_core::{AssuranceLevel, SecretKey, SessionManager};
///
/// let sessions: SessionManager = SessionManager::builder()
///     .secret_key(SecretKey::generate()?)
///     .assurance(AssuranceLevel::Aal2)
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssuranceLevel {
    /// Some confidence.
    Aal1,
    /// High confidence.
    Aal2,
    /// Very high confidence.
    Aal3,
}

impl AssuranceLevel {
    /// How long a session may lie idle.
    #[must_use]
    pub const fn max_inactive_interval(self) -> Duration {
        match self {
            Self::Aal1 => MINUTE.saturating_mul(30),
            Self::Aal2 => HOUR,
            Self::Aal3 => MINUTE.saturating_mul(15),
        }
    }

    /// How long a session may live without another login, whatever its activity.
    #[must_use]
    pub const fn absolute_timeout(self) -> Duration {
        match self {
            Self::Aal1 => DAY.saturating_mul(30),
            Self::Aal2 => DAY,
            Self::Aal3 => HOUR.saturating_mul(12),
        }
    }
}
