//! What a client is told when its session cannot be used: a status and a fixed text.

use std::cell::Cell;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ContentType, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use session_core::{ExchangeHandle, SessionError};

/// A request whose session cannot be used. Also the error type of handlers that use `?` on
/// session operations.
///
/// The response is opaque: a status that fits and a fixed sentence. The details stay in the
/// [`source`](std::error::Error::source) for the program's own log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// No [`SessionMiddleware`](crate::SessionMiddleware) is around the route, or the response
    /// was made already: a fault of the program.
    #[error("no session middleware is around this route")]
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

impl ResponseError for Rejection {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        let text = match self {
            Self::NoLayer => "The session could not be used.",
            Self::Session(error) => error.public_text(),
        };
        HttpResponse::build(self.status())
            .content_type(ContentType::plaintext())
            .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
            .body(text)
    }
}

/// Why an extractor has no session to give: a [`Rejection`] that cannot get lost.
///
/// actix-web lets a handler take any extractor as an `Option`, and drops the error then. For a
/// session that would turn an outage into "no session". So an error that is dropped before
/// anybody made a response or a [`Rejection`] of it is noted, and
/// [`SessionMiddleware`](crate::SessionMiddleware) answers with it in the place of the handler.
///
/// A handler that means to answer for itself takes `Result<Session, Rejection>`.
pub struct ExtractionError {
    rejection: Rejection,
    unanswered: Unanswered,
}

impl ExtractionError {
    pub(crate) fn no_layer() -> Self {
        Self {
            rejection: Rejection::NoLayer,
            unanswered: Unanswered::default(),
        }
    }

    pub(crate) fn of<S: 'static>(error: SessionError, handle: ExchangeHandle<S>) -> Self {
        let unanswered = match error.clone() {
            // Here "no session" is what an `Option` has to say.
            SessionError::Skipped => Unanswered::default(),
            failure => Unanswered::noting(move || handle.note_failure(failure)),
        };
        Self {
            rejection: error.into(),
            unanswered,
        }
    }

    /// Why there is no session.
    #[must_use]
    pub const fn rejection(&self) -> &Rejection {
        &self.rejection
    }
}

impl From<ExtractionError> for Rejection {
    fn from(error: ExtractionError) -> Self {
        error.unanswered.settle();
        error.rejection
    }
}

impl ResponseError for ExtractionError {
    fn status_code(&self) -> StatusCode {
        self.rejection.status()
    }

    fn error_response(&self) -> HttpResponse {
        self.unanswered.settle();
        self.rejection.error_response()
    }
}

impl std::error::Error for ExtractionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.rejection.source()
    }
}

impl fmt::Display for ExtractionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rejection.fmt(f)
    }
}

impl fmt::Debug for ExtractionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExtractionError")
            .field(&self.rejection)
            .finish()
    }
}

/// Notes a failure when it is dropped before it is settled.
#[derive(Default)]
struct Unanswered(Cell<Option<Box<dyn FnOnce()>>>);

impl Unanswered {
    fn noting(note: impl FnOnce() + 'static) -> Self {
        Self(Cell::new(Some(Box::new(note))))
    }

    /// Lets go of the exchange as well, which would otherwise live as long as the error.
    fn settle(&self) {
        self.0.take();
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(note) = self.0.take() {
            note();
        }
    }
}
