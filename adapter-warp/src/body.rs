//! How warp's bodies carry a session, and how warp reports a rejection.

use adapter_tower::{BodyPolicy, BodySession, SessionBody};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;

/// How warp's report of a custom rejection begins that nobody handled.
const UNHANDLED: &[u8] = b"Unhandled rejection: ";

/// Wraps warp's own body, whose type has no public name, without a further allocation.
#[derive(Clone, Copy, Debug)]
pub enum WarpBody {}

impl<B, S> BodyPolicy<B, S> for WarpBody
where
    B: Body<Data = Bytes> + From<&'static str> + From<Bytes> + Unpin,
{
    type Body = SessionBody<B, S>;

    fn plain(body: B) -> Self::Body {
        SessionBody::plain(body)
    }

    fn watched(body: B, session: BodySession<B, S>) -> Self::Body {
        SessionBody::watched(body, session)
    }

    fn text(text: &'static str) -> Self::Body {
        SessionBody::plain(text.into())
    }

    /// A 500 that a `recover` answered is left alone: only the text tells it from warp's own.
    fn reports_rejection(response: &mut Response<B>) -> bool {
        response.status() == StatusCode::INTERNAL_SERVER_ERROR
            && starts_with(response.body_mut(), UNHANDLED)
    }
}

/// Looks at the beginning of a text that lies in memory. A stream, which must not be read here,
/// does not know its length.
fn starts_with<B>(body: &mut B, beginning: &[u8]) -> bool
where
    B: Body<Data = Bytes> + From<Bytes> + Unpin,
{
    let length = body.size_hint().exact();
    if length.is_none_or(|length| length < beginning.len() as u64) {
        return false;
    }
    let Some(Some(Ok(frame))) = body.frame().now_or_never() else {
        return false;
    };
    let Ok(text) = frame.into_data() else {
        return false;
    };
    let found = text.starts_with(beginning);
    *body = B::from(text);
    found
}
