//! Why a request gets an error, and what it is told: a status and `{"error": ".."}`.

use serde_json::json;
use session_core::SessionError;

use crate::answer::Answer;
use crate::arguments::BadArgument;

/// Why a request is refused. What it prints is shown to the visitor.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// An argument is missing or wrong.
    #[error("{0}")]
    BadArgument(#[from] BadArgument),
    /// There is no such attribute.
    #[error("There is no such attribute.")]
    NoAttribute,
    /// There is no session to work on.
    #[error("There is no session.")]
    NoSession,
    /// Nobody is logged in.
    #[error("You are not logged in.")]
    NotLoggedIn,
    /// The principal has no such session.
    #[error("There is no such session.")]
    NoSuchSession,
    /// The request is no handshake of a WebSocket, or of another version of the protocol.
    #[error("This address is for a WebSocket.")]
    NoHandshake,
    /// The request comes from a page of another origin.
    #[error("Requests from this origin are not allowed.")]
    ForeignOrigin,
    /// The administrator's page is for others.
    #[error("The administrator's page is for whoever is on this machine alone.")]
    NotAdmitted,
    /// The relay takes JSON alone.
    #[error("Send application/json.")]
    NotJson,
    /// The page that asks was open too long ago.
    #[error("This page is not open any more. Load it again.")]
    NoSuchPage,
    /// The page's WebSocket is closed.
    #[error("This socket is not open any more. Open another one.")]
    NoSuchSocket,
    /// There is no such route.
    #[error("There is no such page.")]
    NoSuchRoute,
    /// The route exists, and not with this method.
    #[error("This method does not go with this address.")]
    WrongMethod,
    /// The body alone is larger than a session may be.
    #[error("The body is too large.")]
    BodyTooLarge,
    /// The body broke off.
    #[error("The body could not be read.")]
    BrokenBody,
    /// No socket is opened any more.
    #[error("The server is stopping.")]
    Stopping,
    /// A fault of this program: no session middleware is around the route.
    #[error("The session could not be used.")]
    NoSessionLayer,
    /// The session cannot be used, or did not take the change.
    #[error("{}", text(.0))]
    Session(#[from] SessionError),
}

impl Refusal {
    fn status(&self) -> u16 {
        match self {
            Self::BadArgument(_) | Self::BrokenBody | Self::NoHandshake => 400,
            Self::NotLoggedIn => 401,
            Self::ForeignOrigin | Self::NotAdmitted => 403,
            Self::NoAttribute | Self::NoSuchRoute | Self::NoSuchSession => 404,
            Self::WrongMethod => 405,
            Self::NoSession => 409,
            Self::NoSuchPage | Self::NoSuchSocket => 410,
            Self::BodyTooLarge => 413,
            Self::NotJson => 415,
            Self::NoSessionLayer => 500,
            Self::Stopping => 503,
            // Attributes and principals come from the visitor here, and not from the program.
            Self::Session(
                SessionError::Decode { .. }
                | SessionError::Encode { .. }
                | SessionError::InvalidName
                | SessionError::NotAList { .. },
            ) => 400,
            Self::Session(error) => error.status(),
        }
    }

    pub(crate) fn answer(&self) -> Answer {
        let answer = Answer::json(self.status(), &json!({ "error": self.to_string() }));
        match self {
            // The version that would do (RFC 6455, 4.2.2).
            Self::NoHandshake => answer.header("sec-websocket-version", "13"),
            _ => answer,
        }
    }
}

fn text(error: &SessionError) -> &'static str {
    match error {
        SessionError::Decode { .. } => "The attribute is of another type.",
        SessionError::Encode { .. } => "The value cannot be stored.",
        SessionError::InvalidName => "A name has 1 to 255 bytes.",
        SessionError::NotAList { .. } => "The attribute is not an array.",
        SessionError::NoSession => "There is no session.",
        error => error.public_text(),
    }
}
