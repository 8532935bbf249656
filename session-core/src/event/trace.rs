//! Events as events of `tracing`, with the target `session_core`.

use super::{DropReason, Rejection, SessionEvent};

/// Tells the subscriber. An event has the fields `event` and, where there are several,
/// `reason`; nothing of them tells one session from another.
pub(super) fn trace(event: SessionEvent) {
    let (kind, reason) = (event.kind(), event.reason());
    if needs_attention(event) {
        tracing::warn!(target: "session_core", event = kind, reason, "session {kind}");
    } else {
        tracing::debug!(target: "session_core", event = kind, reason, "session {kind}");
    }
}

/// True for what an operator should look at: lost writes, damaged stores, and tokens that only
/// an attacker sends. Expired cookies come with every visitor who returns.
const fn needs_attention(event: SessionEvent) -> bool {
    match event {
        SessionEvent::LateCommitFailed | SessionEvent::WritesDropped(DropReason::NoRuntime) => true,
        SessionEvent::Rejected(rejection) => match rejection {
            Rejection::Ambiguous
            | Rejection::BadSignature
            | Rejection::Foreign
            | Rejection::Malformed
            | Rejection::Unreadable => true,
            Rejection::Moved | Rejection::Unknown => false,
        },
        SessionEvent::Created
        | SessionEvent::Renamed
        | SessionEvent::Ended(_)
        | SessionEvent::Removed(_)
        | SessionEvent::WritesDropped(DropReason::Gone) => false,
    }
}
