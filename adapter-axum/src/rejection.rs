//! What a client is told when its session cannot be used: a status and a fixed text.

use axum_core::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use session_core::SessionError;

/// A request whose session cannot be used. Also the error type of handlers that use `?` on
/// session operations.
///
/// The response is opaque: a status that fits and a fixed sentence. The details stay in the
/// [`source`](std::error::Error::source) for the program's own log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// No [`SessionLayer`](crate::SessionLayer) is around the route: a fault of the program.
    #[error("no session layer is around this route")]
    NoLayer,
    /// The session itself says why.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl Rejection {
    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoLayer => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Session(error) => {
                StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let text = match &self {
            Self::NoLayer => "The session could not be used.",
            Self::Session(error) => error.public_text(),
        };
        let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        (self.status(), no_store, text).into_response()
    }
}
