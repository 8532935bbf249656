//! `/me/sessions`: where else the visitor is logged in, and how to end that.

use std::sync::Arc;

use serde_json::{Value, json};
use session_core::{PrincipalSession, Session, SessionHandle};

use super::Outcome;
use crate::answer::Answer;
use crate::arguments;
use crate::call::Call;
use crate::refusal::Refusal;

/// `GET /me/sessions`
pub(crate) async fn list(call: Call) -> Outcome {
    let visitor = LoggedIn::of(&call).await?;
    let theirs = call.site.sessions.sessions_of(&visitor.principal).await?;
    let theirs: Vec<Value> = theirs.iter().map(|one| visitor.told(one)).collect();
    Ok(Answer::json(200, &theirs.into()))
}

/// `DELETE /me/sessions/{handle}`
pub(crate) async fn end(call: Call) -> Outcome {
    let visitor = LoggedIn::of(&call).await?;
    let handle = handle(&call).ok_or(Refusal::NoSuchSession)?;
    if handle == visitor.current {
        // By the session itself, so that its cookie goes with it.
        visitor.session.logout()?;
        visitor.session.save().await?;
        return Ok(Answer::no_content());
    }
    let sessions = &call.site.sessions;
    // Only the visitor's own sessions are searched, so that a handle needs no other check.
    match sessions.end_session(&visitor.principal, &handle).await? {
        true => Ok(Answer::no_content()),
        false => Err(Refusal::NoSuchSession),
    }
}

/// `DELETE /me/sessions`
pub(crate) async fn end_others(call: Call) -> Outcome {
    let visitor = LoggedIn::of(&call).await?;
    let sessions = &call.site.sessions;
    sessions
        .end_other_sessions(&visitor.principal, &visitor.current)
        .await?;
    Ok(Answer::no_content())
}

/// Somebody who is logged in, and by which session.
struct LoggedIn {
    session: Session,
    principal: Arc<str>,
    current: SessionHandle,
}

impl LoggedIn {
    async fn of(call: &Call) -> Result<Self, Refusal> {
        let session = call.existing_session().await?;
        let session = session.ok_or(Refusal::NotLoggedIn)?;
        let principal = session.principal()?.ok_or(Refusal::NotLoggedIn)?;
        // A session that came with the request is stored, so it has a handle.
        let current = session.handle()?.ok_or(Refusal::NoSession)?;
        Ok(Self {
            session,
            principal,
            current,
        })
    }

    /// One of the visitor's sessions; times in milliseconds since the epoch.
    fn told(&self, one: &PrincipalSession) -> Value {
        json!({
            "handle": one.handle().to_string(),
            "current": one.handle() == self.current,
            "creation_time": one.creation_time().as_millis(),
            "last_accessed_time": one.last_accessed_time().as_millis(),
            "label": one.label(),
        })
    }
}

/// The handle in `/me/sessions/{handle}`; `None` when it is none, and so names no session.
fn handle(call: &Call) -> Option<SessionHandle> {
    let segment = call.path.split('/').nth(3)?;
    arguments::name(segment).ok()?.parse().ok()
}
