//! Logging in and out. Nobody is asked for a password here.

use std::time::Duration;

use serde::Deserialize;
use session_core::LoginOptions;

use super::{Outcome, pause};
use crate::answer::Answer;
use crate::call::Call;

/// The body of `POST /login`.
#[derive(Debug, Deserialize)]
struct Credentials {
    principal: String,
    label: Option<String>,
    remember: Option<bool>,
}

/// How long a login is remembered that asks for it, beyond the end of the browser. Two weeks
/// suit a site where little is at stake (OWASP ASVS 7.3.1 wants it to be the visitor's choice).
const REMEMBERED_FOR: Duration = Duration::from_secs(14 * 24 * 60 * 60);

impl From<Credentials> for LoginOptions {
    fn from(credentials: Credentials) -> Self {
        let mut options = Self::of(credentials.principal);
        if let Some(label) = credentials.label {
            options = options.label(label);
        }
        if credentials.remember == Some(true) {
            options = options.remember_for(REMEMBERED_FOR);
        }
        options
    }
}

/// `POST /login`
pub(crate) async fn log_in(call: Call) -> Outcome {
    let delay = call.delay()?;
    let credentials: Credentials = call.object()?;
    let session = call.session().await?;
    pause(delay).await;
    session.login(credentials)?;
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
