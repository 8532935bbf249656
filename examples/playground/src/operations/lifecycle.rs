//! The session as a whole: what it tells of itself, its id, its end.

use serde_json::{Map, Value, json};
use session_core::{MaxInactiveInterval, SaveOutcome, Session, SessionError};

use super::{Outcome, pause};
use crate::answer::Answer;
use crate::call::Call;
use crate::refusal::Refusal;

/// `GET /session`
pub(crate) async fn show(call: Call) -> Outcome {
    let state = match call.existing_session().await? {
        Some(session) => state(&session)?,
        None => no_session(),
    };
    Ok(Answer::json(200, &state))
}

/// What is told where nothing exists.
pub(crate) fn no_session() -> Value {
    json!({
        "exists": false,
        "is_new": null,
        "fingerprint": null,
        "creation_time": null,
        "last_accessed_time": null,
        "max_inactive_interval": null,
        "principal": null,
        "attributes": {},
    })
}

/// Times in milliseconds since the epoch, the interval in seconds.
fn state(session: &Session) -> Result<Value, SessionError> {
    let mut attributes = Map::new();
    for name in session.attribute_names()? {
        if let Some(value) = session.get_attribute(&name)? {
            attributes.insert(name, value);
        }
    }
    Ok(json!({
        "exists": true,
        "is_new": session.is_new()?,
        "fingerprint": session.fingerprint().map(|fingerprint| fingerprint.to_string()),
        "creation_time": session.creation_time()?.as_millis(),
        "last_accessed_time": session.last_accessed_time()?.as_millis(),
        "max_inactive_interval": session.max_inactive_interval().map(|idle| idle.as_secs()),
        "principal": session.principal()?.as_deref(),
        "attributes": attributes,
    }))
}

/// `POST /invalidate`
pub(crate) async fn invalidate(call: Call) -> Outcome {
    let delay = call.delay()?;
    let session = present(&call).await?;
    pause(delay).await;
    session.invalidate()?;
    // Nothing to end any more: another request was faster.
    if session.save().await? == SaveOutcome::Unchanged {
        return Err(SessionError::Gone.into());
    }
    Ok(Answer::no_content())
}

/// `POST /change-id`
pub(crate) async fn change_id(call: Call) -> Outcome {
    let delay = call.delay()?;
    let session = present(&call).await?;
    pause(delay).await;
    session.change_session_id()?;
    session.save().await?;
    Ok(Answer::no_content())
}

/// `PUT /max-inactive-interval`
pub(crate) async fn set_max_inactive_interval(call: Call) -> Outcome {
    let seconds: Option<i64> = call.json()?;
    let interval = seconds.map_or(MaxInactiveInterval::Never, MaxInactiveInterval::from_secs);
    let session = present(&call).await?;
    session.set_max_inactive_interval(interval)?;
    session.save().await?;
    Ok(Answer::no_content())
}

async fn present(call: &Call) -> Result<Session, Refusal> {
    call.existing_session().await?.ok_or(Refusal::NoSession)
}
