//! What the engine notices and a program may want to log or count.

use std::fmt;
use std::sync::Arc;

/// Something the engine noticed. Holds no id, token or key, so it can be logged as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// A session was created and stored.
    Created,
    /// A session was ended by a request, or through the manager.
    Ended(EndReason),
    /// A store removed a session by itself: it expired, made room, was one too many of its
    /// principal, or ended with everybody's.
    Removed(crate::store::RemovalReason),
    /// A session got another id.
    Renamed,
    /// A presented id was not used.
    Rejected(Rejection),
    /// Writes of a request were dropped because its session was gone by then.
    WritesDropped(DropReason),
    /// A commit failed after the response head had left.
    LateCommitFailed,
}

/// How a session was ended by the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// [`invalidate`](crate::Session::invalidate).
    Invalidated,
    /// [`logout`](crate::Session::logout).
    LoggedOut,
    /// [`end_session`](crate::SessionManager::end_session) and the like: by its principal from
    /// another session, or by an administrator (OWASP ASVS 7.4.5, 7.5.2).
    Terminated,
}

/// Why a presented id was not used. All of them look alike from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// Two different live sessions in one request.
    Ambiguous,
    /// The signature is wrong, or made with a key that is not listed.
    BadSignature,
    /// The store answered with somebody else's record.
    Foreign,
    /// Not a token at all.
    Malformed,
    /// The session got another id since.
    Moved,
    /// Signed, but the store has no live session under it.
    Unknown,
    /// The stored record is damaged.
    Unreadable,
}

/// Why late writes were dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DropReason {
    /// The session was ended, or expired, meanwhile.
    Gone,
    /// There was no runtime to hand the commit to.
    NoRuntime,
}

/// Receives [`SessionEvent`]s; see
/// [`SessionManagerBuilder::on_event`](crate::SessionManagerBuilder::on_event).
#[derive(Clone, Default)]
pub(crate) struct EventSink(Option<Arc<dyn Fn(SessionEvent) + Send + Sync>>);

impl EventSink {
    pub(crate) fn new(observer: impl Fn(SessionEvent) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(observer)))
    }

    pub(crate) const fn is_heard(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn send(&self, event: SessionEvent) {
        if let Some(observer) = &self.0 {
            observer(event);
        }
    }
}

impl fmt::Debug for EventSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventSink")
    }
}
