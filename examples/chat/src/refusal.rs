//! The answer to a request that is refused: a status and `{"error": ".."}`.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use session_core::{EntropyError, SessionError};

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
            Self::NotAMessage(status) => *status,
            Self::EmptyMessage => StatusCode::BAD_REQUEST,
            Self::ConversationFull => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoReply => StatusCode::CONFLICT,
            Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::Session(error) => {
                StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::Entropy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Upstream(_) => StatusCode::BAD_GATEWAY,
        }
    }
}

impl From<JsonRejection> for Refusal {
    /// 415 for another media type, 413 for a body that alone is over the limit, 400 for
    /// whatever else is not a message.
    fn from(rejection: JsonRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::ConversationFull,
            status @ StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::NotAMessage(status),
            _ => Self::NotAMessage(StatusCode::BAD_REQUEST),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let error = match &self {
            Self::Session(SessionError::TooLarge) => Self::ConversationFull.to_string(),
            other => other.to_string(),
        };
        (self.status(), Json(json!({ "error": error }))).into_response()
    }
}
