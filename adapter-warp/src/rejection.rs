//! What a client is told when its session cannot be used: a status and a fixed text.

use http::StatusCode;
use session_core::SessionError;
use warp::reject::Reject;
use warp::reply::{Reply, Response};

/// A request whose session cannot be used. What the filters of this crate reject with, and the
/// error type of handlers that use `?` on session operations.
///
/// Such a handler goes into [`then`](warp::Filter::then): the error is then its reply, opaque,
/// with a status that fits and a fixed sentence. The details stay in the
/// [`source`](std::error::Error::source) for the program's own log.
///
/// A rejection of a handler in [`and_then`](warp::Filter::and_then) is for warp to answer, or
/// for a `recover`, which finds this type in it:
///
/// ```
/// use adapter_warp::{Session, SessionRejection};
/// use warp::{Filter, Rejection, Reply};
///
/// async fn recover(rejection: Rejection) -> Result<impl Reply, Rejection> {
///     rejection.find::<SessionRejection>().cloned().ok_or(rejection)
/// }
///
/// async fn save(session: Session) -> Result<String, Rejection> {
///     session.save().await.map_err(SessionRejection::from)?;
///     Ok("saved".to_owned())
/// }
///
/// let routes = warp::path("save")
///     .and(adapter_warp::session())
///     .and_then(save)
///     .recover(recover);
/// # drop(routes);
/// ```
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SessionRejection {
    /// Nothing around the routes gives requests a session: neither [`serve`](crate::serve), nor
    /// [`filter`](crate::filter()), nor [`SessionLayer`](crate::SessionLayer). A fault of the
    /// program.
    #[error("no session layer is around this route")]
    NoLayer,
    /// The session itself says why.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl SessionRejection {
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

    const fn public_text(&self) -> &'static str {
        match self {
            Self::NoLayer => "The session could not be used.",
            Self::Session(error) => error.public_text(),
        }
    }
}

impl Reject for SessionRejection {}

impl Reply for SessionRejection {
    fn into_response(self) -> Response {
        let reply = warp::reply::with_status(self.public_text(), self.status());
        warp::reply::with_header(reply, "cache-control", "no-store").into_response()
    }
}

/// As opaque as the response: warp sends the client this text when a handler rejects and nobody
/// handles it.
impl std::fmt::Debug for SessionRejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SessionRejection")
            .field(&self.public_text())
            .finish()
    }
}
