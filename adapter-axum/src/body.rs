//! axum has one body type: a response without late writes keeps its body as it is.

use adapter_tower::{BodyPolicy, SessionBody};
use axum_core::body::Body;
use session_core::Exchange;

/// Keeps axum's own body type, and wraps only where the session may still change.
#[derive(Clone, Copy, Debug)]
pub enum AxumBody {}

impl<S: 'static> BodyPolicy<Body, S> for AxumBody {
    type Body = Body;

    fn plain(body: Body) -> Body {
        body
    }

    fn watched(body: Body, exchange: Exchange<S>, length: Option<u64>) -> Body {
        Body::new(SessionBody::watched(body, exchange, length))
    }

    fn text(text: &'static str) -> Body {
        Body::from(text)
    }
}
