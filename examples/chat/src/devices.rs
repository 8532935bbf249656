//! "Your devices" over HTTP: where else somebody is logged in, and how to end that.

use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use session_core::{PrincipalSession, Session, SessionHandle, SessionManager};

use crate::answer::{Answer, Content, NO_STORE, answer, json};
use crate::refusal::Refusal;

/// The path under which a device is found by its handle.
pub(crate) const PATH: &str = "/api/account/devices/";

/// The answer to `GET /api/account/devices`.
#[derive(Debug, Serialize)]
struct Devices {
    devices: Vec<Device>,
}

/// A session of somebody, as they may see it.
#[derive(Debug, Serialize)]
struct Device {
    handle: String,
    label: Option<String>,
    /// Milliseconds since the Unix epoch.
    created_at: u64,
    /// Milliseconds since the Unix epoch.
    last_accessed_at: u64,
    /// True for the session that asks.
    current: bool,
}

/// The answer to `DELETE /api/account/devices`.
#[derive(Debug, Serialize)]
struct Ended {
    /// How many sessions.
    ended: usize,
}

/// `GET /api/account/devices`: the sessions of whoever is logged in, the oldest login first.
///
/// # Errors
/// [`Refusal::NotLoggedIn`], and [`Refusal::Session`] when the store cannot be asked.
pub async fn list(sessions: &SessionManager, session: Option<Session>) -> Result<Answer, Refusal> {
    let visitor = LoggedIn::by(session)?;
    let theirs = sessions.sessions_of(&visitor.principal).await?;
    let devices = theirs.iter().map(|one| visitor.told(one)).collect();
    Ok(json(StatusCode::OK, [NO_STORE], &Devices { devices }))
}

/// `DELETE /api/account/devices/{handle}`; `path` is that of the request. One's own current
/// session ends as by logging out.
///
/// # Errors
/// [`Refusal::NoSuchDevice`] for a handle that is none, or somebody else's, or of a session
/// that has ended; else as [`list`].
pub async fn end(
    sessions: &SessionManager,
    session: Option<Session>,
    path: &str,
) -> Result<Answer, Refusal> {
    let visitor = LoggedIn::by(session)?;
    let handle = path.strip_prefix(PATH).and_then(|rest| rest.parse().ok());
    let handle: SessionHandle = handle.ok_or(Refusal::NoSuchDevice)?;
    if handle == visitor.current {
        // By the session itself, so that its cookie goes with it.
        visitor.session.logout()?;
        visitor.session.save().await?;
    } else if !sessions.end_session(&visitor.principal, &handle).await? {
        // Only the visitor's own sessions are looked through: no other check is needed.
        return Err(Refusal::NoSuchDevice);
    }
    Ok(answer(StatusCode::NO_CONTENT, [], Content::EMPTY))
}

/// `DELETE /api/account/devices`: ends all sessions of the visitor but the one that asks.
///
/// # Errors
/// As [`list`].
pub async fn end_others(
    sessions: &SessionManager,
    session: Option<Session>,
) -> Result<Answer, Refusal> {
    let visitor = LoggedIn::by(session)?;
    let ended = sessions.end_other_sessions(&visitor.principal, &visitor.current);
    let ended = ended.await?;
    Ok(json(StatusCode::OK, [NO_STORE], &Ended { ended }))
}

/// Somebody who is logged in, and by which session.
struct LoggedIn {
    session: Session,
    principal: Arc<str>,
    current: SessionHandle,
}

impl LoggedIn {
    fn by(session: Option<Session>) -> Result<Self, Refusal> {
        let session = session.ok_or(Refusal::NotLoggedIn)?;
        let principal = session.principal()?.ok_or(Refusal::NotLoggedIn)?;
        // A session that came with the request is stored, and so it has a handle.
        let current = session.handle()?.ok_or(Refusal::NotLoggedIn)?;
        Ok(Self {
            session,
            principal,
            current,
        })
    }

    fn told(&self, one: &PrincipalSession) -> Device {
        Device {
            handle: one.handle().to_string(),
            label: one.label().map(str::to_owned),
            created_at: one.creation_time().as_millis(),
            last_accessed_at: one.last_accessed_time().as_millis(),
            current: one.handle() == self.current,
        }
    }
}
