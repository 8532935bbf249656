//! The session as the Servlet API sees it, for the page's panel.

use std::time::Duration;

use http::StatusCode;
use serde::Serialize;
use session_core::{Clock, SessionAttribute, SessionError, SessionView, SystemClock, Timestamp};

use crate::answer::{Answer, NO_STORE, json};
use crate::app::{Chat, Limits};
use crate::prompt::ChatPrompt;
use crate::refusal::Refusal;

/// The answer to `GET /api/session`.
#[derive(Clone, Debug, Serialize)]
struct Panel {
    session: Option<Facts>,
}

/// What a page may know of a session. The token is not part of it.
#[derive(Clone, Debug, Serialize)]
struct Facts {
    fingerprint: String,
    /// Milliseconds since the Unix epoch.
    created_at: u64,
    /// Milliseconds since the Unix epoch.
    last_accessed_at: u64,
    /// Milliseconds until the session ends unless it is used before; absent when it never does.
    ends_in: Option<u64>,
    /// Milliseconds the session may lie idle; absent for ever.
    max_inactive_interval: Option<u64>,
    /// Bytes that the session occupies.
    size: usize,
    /// Bytes that the session may occupy.
    size_limit: usize,
    /// True when another message would be refused for want of room.
    full: bool,
}

/// `GET /api/session`: a look that is no access, so watching the time left does not prolong it.
///
/// # Errors
/// [`Refusal::Session`] when the session cannot be read.
pub fn panel(chat: &Chat, view: Option<&SessionView>) -> Result<Answer, Refusal> {
    let facts = view.map(|view| facts(view, SystemClock.now(), chat.limits));
    let panel = Panel {
        session: facts.transpose()?,
    };
    Ok(json(StatusCode::OK, [NO_STORE], &panel))
}

fn facts(view: &SessionView, now: Timestamp, limits: Limits) -> Result<Facts, SessionError> {
    let prompt: ChatPrompt = view.get_attribute(ChatPrompt::NAME)?.unwrap_or_default();
    Ok(Facts {
        fingerprint: view.fingerprint().to_string(),
        created_at: view.creation_time().as_millis(),
        last_accessed_at: view.last_accessed_time().as_millis(),
        ends_in: view.expires_at().map(|at| millis(at.saturating_since(now))),
        max_inactive_interval: view.max_inactive_interval().map(millis),
        size: view.size(),
        size_limit: limits.session,
        full: !limits.admit(&prompt, 1),
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
