//! The answer to a request that is refused: a status and `{"error": ".."}`.

use std::time::Duration;

use http::{HeaderValue, StatusCode, header};
use session_core::{EntropyError, SessionError};

use crate::accounts::{AccountError, HashError, whole_seconds};
use crate::answer::{self, Answer};
use crate::responder::UpstreamError;

/// Why a request is refused. What it prints is shown to the visitor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The body is not the JSON that was asked for.
    #[error("Send JSON of the form {{\"message\": \"..\"}}.")]
    NotAMessage(StatusCode),
    /// The message has no text.
    #[error("The message is empty.")]
    EmptyMessage,
    /// The message and a reply to it would not fit into the session.
    #[error("The conversation has reached its size limit. Start a new one to go on.")]
    ConversationFull,
    /// There is no reply that could be made anew.
    #[error("There is no reply to make anew.")]
    NoReply,
    /// The body is not the JSON of a login.
    #[error("Send JSON of the form {{\"name\": \"..\", \"password\": \"..\"}}.")]
    NotCredentials(StatusCode),
    /// There is no new account, or the visitor is not let in.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Only somebody who is logged in may ask for this.
    #[error("You are not logged in.")]
    NotLoggedIn,
    /// The visitor has no such session.
    #[error("There is no such session any more.")]
    NoSuchDevice,
    /// The request comes from a page of an origin that is not listed.
    #[error("Requests from this origin are not allowed.")]
    ForeignOrigin,
    /// The session cannot be used, or did not take the change.
    #[error("{}", .0.public_text())]
    Session(#[from] SessionError),
    /// No name for a reply could be drawn.
    #[error("The server cannot make replies at the moment.")]
    Entropy(#[from] EntropyError),
    /// The model did not begin to answer.
    #[error("The model does not answer at the moment. Your message is kept; try again.")]
    Upstream(#[from] UpstreamError),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotAMessage(status) | Self::NotCredentials(status) => *status,
            Self::EmptyMessage => StatusCode::BAD_REQUEST,
            Self::ConversationFull => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoReply => StatusCode::CONFLICT,
            Self::Account(error) => status_of(error),
            Self::NotLoggedIn => StatusCode::UNAUTHORIZED,
            Self::NoSuchDevice => StatusCode::NOT_FOUND,
            Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::Session(error) => {
                StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::Entropy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Upstream(_) => StatusCode::BAD_GATEWAY,
        }
    }

    /// How long to wait before another attempt, where that is known.
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Account(AccountError::TooManyAttempts(wait)) => Some(*wait),
            Self::Account(AccountError::Busy | AccountError::Away(_)) => {
                Some(Duration::from_secs(1))
            }
            _ => None,
        }
    }
}

fn status_of(error: &AccountError) -> StatusCode {
    match error {
        AccountError::Name(_) | AccountError::Password(_) => StatusCode::BAD_REQUEST,
        AccountError::Wrong => StatusCode::UNAUTHORIZED,
        AccountError::Taken => StatusCode::CONFLICT,
        AccountError::TooManyAttempts(_) => StatusCode::TOO_MANY_REQUESTS,
        AccountError::Busy
        | AccountError::Full
        | AccountError::Away(_)
        | AccountError::Hash(HashError::Entropy(_)) => StatusCode::SERVICE_UNAVAILABLE,
        AccountError::Broken(_) | AccountError::Hash(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let error = match &refusal {
            Refusal::Session(SessionError::TooLarge) => Refusal::ConversationFull.to_string(),
            other => other.to_string(),
        };
        let error = serde_json::json!({ "error": error });
        if let Refusal::Account(error @ (AccountError::Away(_) | AccountError::Broken(_))) =
            &refusal
        {
            error.log();
        }
        let mut answer = answer::json(refusal.status(), [], &error);
        if let Some(wait) = refusal.retry_after() {
            let seconds = HeaderValue::from(whole_seconds(wait));
            answer.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::SqlFault;

    #[test]
    fn whoever_is_to_try_again_is_told_when() {
        let wait = Duration::from_millis(1_500);
        for (error, status, seconds) in [
            (AccountError::TooManyAttempts(wait), 429, Some("2")),
            (AccountError::Busy, 503, Some("1")),
            (AccountError::Away(SqlFault::TimedOut), 503, Some("1")),
            (AccountError::Broken(SqlFault::Damaged), 500, None),
            (AccountError::Full, 503, None),
            (AccountError::Wrong, 401, None),
        ] {
            let answer = Answer::from(Refusal::from(error));
            assert_eq!(answer.status(), status);
            let told = answer.headers().get(header::RETRY_AFTER);
            assert_eq!(told.map(|it| it.to_str().unwrap()), seconds);
        }
    }
}
