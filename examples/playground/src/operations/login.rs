//! Logging in and out. Nobody is asked for a password here.

use serde::Deserialize;

use super::{Outcome, pause};
use crate::answer::Answer;
use crate::call::Call;

/// The body of `POST /login`.
#[derive(Debug, Deserialize)]
struct Credentials {
    principal: String,
    #[serde(default, rename = "label")]
    _label: Option<String>,
    #[serde(default, rename = "remember")]
    _remember: Option<bool>,
}

/// `POST /login`
pub(crate) async fn log_in(call: Call) -> Outcome {
    let delay = call.delay()?;
    let credentials: Credentials = call.object()?;
    let session = call.session().await?;
    pause(delay).await;
    session.login(&credentials.principal)?;
    session.save().await?;
    Ok(Answer::no_content())
}

/// `POST /logout`
pub(crate) async fn log_out(call: Call) -> Outcome {
    if let Some(session) = call.existing_session().await? {
        session.logout()?;
        session.save().await?;
    }
    Ok(Answer::no_content())
}
