//! What can go wrong, named by what the caller can do about it.

use std::sync::Arc;
use std::time::Duration;

use crate::entropy::EntropyError;
use crate::session::Refusal;
use crate::store::StoreError;

/// The error of somebody else's code, kept as the source of one of ours.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// [`BoxError`] for errors that are cloned.
pub type SharedError = Arc<dyn std::error::Error + Send + Sync + 'static>;

/// Why an operation on a session was refused, or why its changes were not stored.
///
/// [`status`](Self::status) and [`public_text`](Self::public_text) are what an adapter answers
/// with; the details are for the program's own log. No variant holds an id, a token or a key,
/// nor does one repeat what is stored in an attribute.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The request carried the ids of two different live sessions, so none is used and none
    /// can be created (cookie tossing).
    #[error("the request carries two different live session ids")]
    Ambiguous,
    /// Another request changed an attribute that this one relied on, and trying again did not
    /// help within the time allowed, or strict reads forbid trying.
    #[error("another request changed the same attribute")]
    Conflict,
    /// The token of a form is not one of this session: the request may be forged.
    #[error("the token against request forgery is not one of this session")]
    CsrfToken,
    /// The stored value of the attribute is not of the type asked for.
    #[error("the attribute {name:?} is not of the type asked for")]
    Decode {
        /// The attribute.
        name: Arc<str>,
        /// What the decoder says, without the value.
        #[source]
        source: SharedError,
    },
    /// The value cannot be stored. The session is unchanged.
    #[error("the value for the attribute {name:?} cannot be stored")]
    Encode {
        /// The attribute.
        name: Arc<str>,
        /// What the encoder says, without what the type says in words of its own.
        #[source]
        source: SharedError,
    },
    /// The source of random bytes failed, so no id could be made.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// This request's changes can no longer be stored: an earlier commit failed, the handler
    /// was dropped, or a thread panicked while it held the session.
    #[error("the request failed earlier; its session commits no more")]
    Failed,
    /// The store has no room.
    #[error("the session store is full")]
    Full,
    /// The session was ended by another request, or expired, after this one loaded it. What
    /// this request wrote is dropped; nothing is created anew.
    #[error("the session ended while this request used it")]
    Gone,
    /// [`invalidate`](crate::Session::invalidate) or [`logout`](crate::Session::logout) was
    /// called on this session in this request (`IllegalStateException` in the Servlet API).
    #[error("the session was invalidated")]
    Invalidated,
    /// The runtime ended while the changes were being stored. It is unknown whether they were.
    #[error("the runtime ended while the session was being stored")]
    Interrupted,
    /// Names of attributes and principals are 1 to 255 bytes long.
    #[error("a name must be 1 to 255 bytes long")]
    InvalidName,
    /// The session has another id since moments ago: another request rotated it or logged in.
    /// This request may neither change it nor start a new one.
    #[error("the session got another id meanwhile")]
    Moved,
    /// The stored session was written by a newer version of this library.
    #[error("the stored session has a format newer than this program")]
    NewerFormat,
    /// The store does not know which principal has which sessions.
    #[error("the session store knows no principals")]
    NoPrincipals,
    /// There is no session to work on.
    #[error("there is no session")]
    NoSession,
    /// An item was appended to an attribute that is not a list. The session is unchanged.
    #[error("the attribute {name:?} is not a list")]
    NotAList {
        /// The attribute.
        name: Arc<str>,
    },
    /// Creating a session, logging in and changing the id need a response head that has not
    /// left yet (`IllegalStateException` in the Servlet API).
    #[error("the response head has left; the session id can no longer be sent")]
    ResponseCommitted,
    /// Session handling is switched off for this request.
    #[error("session handling is switched off for this request")]
    Skipped,
    /// The session would exceed its limits. Nothing was stored.
    #[error("the session would become larger than allowed")]
    TooLarge,
    /// The principal has as many live sessions as one may have. Nothing was stored.
    #[error("the principal has as many sessions as allowed")]
    TooManySessions,
    /// The store cannot be reached or did not answer in time.
    #[error("the session store is not available")]
    Unavailable(#[source] Arc<StoreError>),
    /// The store did not answer within its deadline.
    #[error("the session store did not answer within {0:?}")]
    TimedOut(Duration),
}

impl SessionError {
    /// The HTTP status that fits.
    ///
    /// 400 for two live ids, 403 for a form that is not ours, 409 where another request was faster, 413 for too large, 503
    /// where trying again later helps, 500 for a fault of the program.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Ambiguous => 400,
            Self::CsrfToken => 403,
            Self::Conflict
            | Self::Gone
            | Self::Invalidated
            | Self::Moved
            | Self::NoSession
            | Self::TooManySessions => 409,
            Self::TooLarge => 413,
            Self::Entropy(_)
            | Self::Full
            | Self::Interrupted
            | Self::NewerFormat
            | Self::TimedOut(_)
            | Self::Unavailable(_) => 503,
            Self::Decode { .. }
            | Self::Encode { .. }
            | Self::Failed
            | Self::InvalidName
            | Self::NoPrincipals
            | Self::NotAList { .. }
            | Self::ResponseCommitted
            | Self::Skipped => 500,
        }
    }

    /// A fixed sentence for the client that tells nothing about the inside.
    #[must_use]
    pub const fn public_text(&self) -> &'static str {
        match self.status() {
            400 => "The request carries two sessions.",
            403 => "The request does not come from a page of this site.",
            409 => "The session changed or ended meanwhile.",
            413 => "The session is too large.",
            503 => "The session is not available at the moment.",
            _ => "The session could not be used.",
        }
    }
}

impl From<Refusal> for SessionError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Conflict => Self::Conflict,
            Refusal::NotAList(name) => Self::NotAList { name },
            Refusal::TooLarge => Self::TooLarge,
        }
    }
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NewerFormat { .. } => Self::NewerFormat,
            error => Self::Unavailable(Arc::new(error)),
        }
    }
}
