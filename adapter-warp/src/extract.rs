//! Filters that extract the session of a request.

use session_core::{
    ExchangeHandle, Main, Opening, Session, SessionAttribute, SessionError, SessionView,
};
use warp::{Filter, Rejection};

use crate::rejection::SessionRejection;

/// The session of a request (`getSession(true)`): the one the client has, or a new one that is
/// made when something is written to it. [`optional_session()`] never makes one.
///
/// Rejects with [`SessionRejection`].
pub fn session() -> impl Filter<Extract = (Session,), Error = Rejection> + Copy {
    session_of::<Main>()
}

/// As [`session()`], of the manager with this marker.
pub fn session_of<S: 'static>() -> impl Filter<Extract = (Session<S>,), Error = Rejection> + Copy {
    handle().and_then(|handle| open(handle, ExchangeHandle::<S>::session))
}

/// The client's session (`getSession(false)`); `None` when there is none. Never makes one.
///
/// Rejects with [`SessionRejection`].
pub fn optional_session() -> impl Filter<Extract = (Option<Session>,), Error = Rejection> + Copy {
    optional_session_of::<Main>()
}

/// As [`optional_session()`], of the manager with this marker.
pub fn optional_session_of<S: 'static>()
-> impl Filter<Extract = (Option<Session<S>>,), Error = Rejection> + Copy {
    handle().and_then(|handle| open(handle, ExchangeHandle::<S>::existing_session))
}

/// A look at the client's session that is no access: it prolongs nothing. `None` when there is
/// no session.
///
/// Rejects with [`SessionRejection`].
pub fn peek() -> impl Filter<Extract = (Option<SessionView>,), Error = Rejection> + Copy {
    peek_of::<Main>()
}

/// As [`peek()`], of the manager with this marker.
pub fn peek_of<S: 'static>()
-> impl Filter<Extract = (Option<SessionView<S>>,), Error = Rejection> + Copy {
    handle().and_then(async |handle: Option<ExchangeHandle<S>>| {
        let handle = handle.ok_or(SessionRejection::NoLayer)?;
        let peeked = handle.peek_session().await;
        peeked.map_err(|error| refuse(&handle, error))
    })
}

/// One typed attribute of the client's session; `None` when it is not set or there is no
/// session. For a session of another manager, [`session_of`] has
/// [`get`](session_core::Session::get).
///
/// Rejects with [`SessionRejection`], also when the stored value is of another type.
pub fn attribute<T>() -> impl Filter<Extract = (Option<T>,), Error = Rejection> + Copy
where
    T: SessionAttribute + Send,
{
    handle().and_then(async |handle: Option<ExchangeHandle>| {
        let handle = handle.ok_or(SessionRejection::NoLayer)?;
        let read = async {
            let session = handle.existing_session().await?;
            let value = session.map(|session| session.get::<T>()).transpose()?;
            Ok(value.flatten())
        };
        read.await.map_err(|error| refuse(&handle, error))
    })
}

/// What the layer put into the request's extensions; `None` without a layer.
fn handle<S: 'static>()
-> impl Filter<Extract = (Option<ExchangeHandle<S>>,), Error = std::convert::Infallible> + Copy {
    warp::ext::optional()
}

async fn open<S: 'static, T>(
    handle: Option<ExchangeHandle<S>>,
    open: fn(&ExchangeHandle<S>) -> Opening<T>,
) -> Result<T, Rejection> {
    let handle = handle.ok_or(SessionRejection::NoLayer)?;
    open(&handle).await.map_err(|error| refuse(&handle, error))
}

/// warp makes no response of a custom rejection but its report of a fault, so the layer is told
/// what to answer when nobody handles this one.
fn refuse<S: 'static>(handle: &ExchangeHandle<S>, error: SessionError) -> Rejection {
    handle.note_failure(error.clone());
    SessionRejection::Session(error).into()
}
