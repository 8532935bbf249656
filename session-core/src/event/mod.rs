//! What the engine notices and a program may want to log or count.

mod sink;
#[cfg(feature = "tracing")]
mod trace;

pub(crate) use sink::EventSink;

use crate::store::RemovalReason;

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
    Removed(RemovalReason),
    /// A session got another id.
    Renamed,
    /// A presented id was not used.
    Rejected(Rejection),
    /// Writes of a request were dropped because its session was gone by then.
    WritesDropped(DropReason),
    /// A commit failed after the response head had left.
    LateCommitFailed,
}

impl SessionEvent {
    /// All of them, reason by reason.
    pub(crate) const ALL: [Self; 19] = [
        Self::Created,
        Self::Renamed,
        Self::Ended(EndReason::Invalidated),
        Self::Ended(EndReason::LoggedOut),
        Self::Ended(EndReason::Terminated),
        Self::Removed(RemovalReason::Evicted),
        Self::Removed(RemovalReason::Expired),
        Self::Removed(RemovalReason::Generation),
        Self::Removed(RemovalReason::Replaced),
        Self::Rejected(Rejection::Ambiguous),
        Self::Rejected(Rejection::BadSignature),
        Self::Rejected(Rejection::Foreign),
        Self::Rejected(Rejection::Malformed),
        Self::Rejected(Rejection::Moved),
        Self::Rejected(Rejection::Unknown),
        Self::Rejected(Rejection::Unreadable),
        Self::WritesDropped(DropReason::Gone),
        Self::WritesDropped(DropReason::NoRuntime),
        Self::LateCommitFailed,
    ];

    /// Where the event stands in [`ALL`](Self::ALL).
    pub(crate) const fn place(self) -> usize {
        match self {
            Self::Created => 0,
            Self::Renamed => 1,
            Self::Ended(EndReason::Invalidated) => 2,
            Self::Ended(EndReason::LoggedOut) => 3,
            Self::Ended(EndReason::Terminated) => 4,
            Self::Removed(RemovalReason::Evicted) => 5,
            Self::Removed(RemovalReason::Expired) => 6,
            Self::Removed(RemovalReason::Generation) => 7,
            Self::Removed(RemovalReason::Replaced) => 8,
            Self::Rejected(Rejection::Ambiguous) => 9,
            Self::Rejected(Rejection::BadSignature) => 10,
            Self::Rejected(Rejection::Foreign) => 11,
            Self::Rejected(Rejection::Malformed) => 12,
            Self::Rejected(Rejection::Moved) => 13,
            Self::Rejected(Rejection::Unknown) => 14,
            Self::Rejected(Rejection::Unreadable) => 15,
            Self::WritesDropped(DropReason::Gone) => 16,
            Self::WritesDropped(DropReason::NoRuntime) => 17,
            Self::LateCommitFailed => 18,
        }
    }

    /// What happened, without the reason: `created`, `renamed`, `ended`, `removed`,
    /// `rejected`, `writes_dropped` or `late_commit_failed`. For logs and labels.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Renamed => "renamed",
            Self::Ended(_) => "ended",
            Self::Removed(_) => "removed",
            Self::Rejected(_) => "rejected",
            Self::WritesDropped(_) => "writes_dropped",
            Self::LateCommitFailed => "late_commit_failed",
        }
    }

    /// The reason in snake case, such as `logged_out`; `None` where there is but one. For logs
    /// and labels.
    #[must_use]
    pub const fn reason(self) -> Option<&'static str> {
        Some(match self {
            Self::Created | Self::Renamed | Self::LateCommitFailed => return None,
            Self::Ended(EndReason::Invalidated) => "invalidated",
            Self::Ended(EndReason::LoggedOut) => "logged_out",
            Self::Ended(EndReason::Terminated) => "terminated",
            Self::Removed(RemovalReason::Evicted) => "evicted",
            Self::Removed(RemovalReason::Expired) => "expired",
            Self::Removed(RemovalReason::Generation) => "generation",
            Self::Removed(RemovalReason::Replaced) => "replaced",
            Self::Rejected(Rejection::Ambiguous) => "ambiguous",
            Self::Rejected(Rejection::BadSignature) => "bad_signature",
            Self::Rejected(Rejection::Foreign) => "foreign",
            Self::Rejected(Rejection::Malformed) => "malformed",
            Self::Rejected(Rejection::Moved) => "moved",
            Self::Rejected(Rejection::Unknown) => "unknown",
            Self::Rejected(Rejection::Unreadable) => "unreadable",
            Self::WritesDropped(DropReason::Gone) => "gone",
            Self::WritesDropped(DropReason::NoRuntime) => "no_runtime",
        })
    }
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
    /// The store answered with somebody else's record, to a load or to another call.
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_event_stands_at_its_place() {
        for (place, event) in SessionEvent::ALL.into_iter().enumerate() {
            assert_eq!(event.place(), place, "{event:?}");
        }
    }

    #[test]
    fn no_two_events_have_the_same_kind_and_reason() {
        let labels = SessionEvent::ALL.map(|event| (event.kind(), event.reason()));
        assert_eq!(BTreeSet::from(labels).len(), SessionEvent::ALL.len());
    }
}
